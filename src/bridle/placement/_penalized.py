"""A model with penalties at any of its places: it trains, saves, loads and clones as any Keras model does."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from bridle._errors import KindError
from bridle._keras import (
    check_exact,
    data_and_added,
    full_precision,
    total_of,
    trained_with,
    watching,
)
from bridle.penalties import Penalty, Schedule
from bridle.placement._callbacks import StrengthSchedule
from bridle.placement._charges import Charges, charges, present_anchors, weighted
from bridle.placement._proximal import Proximal, held_by
from bridle.placement._terms import read_terms


@dataclass
class Seen:
    """What the last call of a penalized model saw, for the loss of the same batch."""

    readings: Any = None
    weights: Mapping[int, Any] = field(default_factory=dict)
    """The weights before the call, by the identity of the variable."""
    training: bool = False
    added: int = 0
    """How many losses the call has added."""
    data: Any = None
    own: Any = None
    """What the model adds by itself."""
    parts: dict[str, Any] = field(default_factory=dict)
    """What each place is charged."""

    def weight(self, variable: keras.Variable) -> Any:
        """The value of a variable before the call."""
        return self.weights[id(variable)]


@keras.saving.register_keras_serializable("bridle")
class Penalized(keras.Model):
    """A Keras model and its penalties `{where: what(how much)}`; made by `bridle.penalize`.

    The loss is that of the model plus, for every term and place, `strength * R(tensor)`. Activations are charged
    where they arise, padded steps and samples of weight zero are not counted, and frozen weights are charged as any.
    `layers`, `get_layer`, `inputs`, `outputs` and the weights are those of the model inside (`inner`).
    """

    def __init__(self, inner: keras.Model, terms: Mapping[str, Penalty], **kwargs: Any) -> None:
        super().__init__(name=kwargs.pop("name", inner.name), dtype=inner.dtype_policy, autocast=False, **kwargs)
        if not inner.built:
            raise KindError(f"Expected a built model, got {inner.name!r} without weights. Call it once on a batch.")
        self.inner = inner
        bound = read_terms(inner, terms)
        self._terms = {term.target: term.penalty for term in bound}
        active = [term for term in bound if any(term.penalty.peaks)]
        peaks = [peak for term in active for peak in term.penalty.peaks]
        self._strengths = self._state("strengths", np.array(peaks, "float32"))
        held = {key: self._state("anchor", anchor) for key, anchor in present_anchors(active).items()}
        self._charges = charges(active, held)
        self._seen = Seen()
        self.built = True
        self.at_epoch(0)

    def _state(self, name: str, value: Any) -> keras.Variable:
        value = ops.convert_to_numpy(value)
        return self.add_weight(
            name=name, shape=value.shape, initializer=lambda shape, dtype: ops.convert_to_tensor(value, dtype),
            dtype="float32", trainable=False, autocast=False,
        )  # fmt: skip

    @property
    def terms(self) -> dict[str, Penalty]:
        """The penalties by their targets."""
        return dict(self._terms)

    @property
    def charges(self) -> Charges:
        """The terms of strength above zero, bound to the places of the model."""
        return self._charges

    @property
    def strengths(self) -> dict[str, float]:
        """The present strength of every term, by target and kind."""
        values = ops.convert_to_numpy(self._strengths.value)
        return dict(zip(self._charges.slots, map(float, values), strict=True))

    @property
    def charged_places(self) -> tuple[str, ...]:
        """The names of the places that are charged, each once."""
        return tuple(dict.fromkeys(place.name for term in self._charges.terms for place in term.places))

    @property
    def seen(self) -> "Seen":
        """What the last call saw and charged."""
        return self._seen

    def keep_anchors(self, other: "Penalized") -> None:
        """Pull toward the same weights as another penalized model, where that has anchors of the same name."""
        given = {place.name: other.charges.anchors.get(place.key) for place in other.charges.watched}
        for place in self._charges.watched:
            if place.key in self._charges.anchors and given.get(place.name) is not None:
                self._charges.anchors[place.key].assign(ops.copy(given[place.name].value))

    def at_epoch(self, epoch: int, schedules: Mapping[str, Schedule] | None = None) -> None:
        """Set scheduled strengths to those of an epoch. Nothing is compiled again.

        Args:
            epoch: counted from 0.
            schedules: other courses than those of the penalties, by target.

        """
        values: list[float] = []
        for term in self._charges.terms:
            for peak, course in zip(term.penalty.peaks, term.schedules, strict=True):
                own = (schedules or {}).get(term.target, course)
                values.append(peak if own is None else own.peak * float(own.factor(epoch)))
        self._strengths.assign(np.array(values, "float32"))
        if self.compiled and self._charges.exact_variables:
            held_by(self.optimizer, self._strengths).assign(ops.copy(self._strengths.value))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        options = {"training": training} if trained_with(self.inner) else {}
        with full_precision():  # before the call, which moves statistics and normalizes weights
            weights = {id(each): ops.convert_to_tensor(each.value) for each in self._charges.variables}
        with watching(self._charges.taps) as readings:
            outputs = self.inner(inputs, **options)
        self._seen = Seen(readings, weights, bool(training))
        parts = self._parts(None)
        for value in parts.values():
            self.add_loss(value)
        self._seen.parts, self._seen.added = parts, len(parts)
        return outputs

    def _parts(self, counted: Any) -> dict[str, Any]:
        """What each place is charged for the last call."""
        found: dict[str, Any] = {}
        with full_precision():
            number = 0
            for term in self._charges.terms:
                own = [self._strengths.value[number + index] for index in range(len(term.slots))]
                number += len(term.slots)
                if not (term.penalty.at_evaluation or self._seen.training):
                    continue
                for place in term.places:
                    rows = self._charges.at_place(term, place, self._seen.weight, self._seen.readings, counted)
                    for row in rows:
                        value = sum(weighted(amount, each) for amount, each in zip(own, row, strict=True))
                        name = f"penalty/{place.name}"
                        found[name] = found[name] + value if name in found else value
        return found

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        data, added = data_and_added(self, y, y_pred, sample_weight)
        ours, own = added[: self._seen.added], added[self._seen.added :]
        counted = _counted(sample_weight)
        if counted is not None and ours:
            self._seen.parts = self._parts(counted)
            ours = list(self._seen.parts.values())
        self._seen.data, self._seen.own, self._seen.readings = total_of(data), total_of(own), None
        return total_of([*data, *ours, *own])

    def penalties(self, x: Any, sample_weight: Any = None, training: bool = True) -> dict[str, Any]:
        """What each place is charged for a batch: `{"penalty/hidden/kernel": value}`; zero strengths are left out."""
        self(x, training=training)
        return self._parts(_counted(sample_weight))

    def compile(self, *args: Any, **kwargs: Any) -> None:
        super().compile(*args, **kwargs)
        exact = self._charges.exact_variables
        if exact:
            check_exact(self.optimizer)
            amounts = held_by(self.optimizer, self._strengths)
            for variable in exact:
                variable.constraint = Proximal(self._charges, self.optimizer, variable, amounts)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(keras.Model.fit).bind(self, *args, **kwargs)
        if any(course is not None for course in self._charges.schedules):
            own, present = StrengthSchedule(), given.arguments.get("callbacks")
            if any(isinstance(each, StrengthSchedule) for each in keras.tree.flatten(present or [])):
                return super().fit(*given.args[1:], **given.kwargs)
            if isinstance(present, keras.callbacks.CallbackList):
                present.append(own)
            else:
                given.arguments["callbacks"] = [own, *keras.tree.flatten(present or [])]
        return super().fit(*given.args[1:], **given.kwargs)

    @property
    def layers(self) -> list[keras.Layer]:
        return self.inner.layers

    @property
    def weights(self) -> list[keras.Variable]:
        return self.inner.weights

    @property
    def inputs(self) -> Any:
        """The symbolic inputs of the model inside."""
        return self.inner.inputs

    @property
    def outputs(self) -> Any:
        """The symbolic outputs of the model inside."""
        return self.inner.outputs

    @property
    def input_shape(self) -> Any:
        """The shape of the input, with None for the batch."""
        return self.inner.input_shape

    @property
    def output_shape(self) -> Any:
        """The shape of the output, with None for the batch."""
        return self.inner.output_shape

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "inner": keras.saving.serialize_keras_object(self.inner),
            "terms": {target: keras.saving.serialize_keras_object(what) for target, what in self._terms.items()},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Penalized":
        read = keras.saving.deserialize_keras_object
        inner = read(config["inner"], custom_objects=custom_objects)
        terms = {target: read(what, custom_objects=custom_objects) for target, what in config["terms"].items()}
        return cls(inner, terms, name=config["name"])


def _counted(sample_weight: Any) -> Any:
    """1 for samples that count, of shape (batch,); None where all do."""
    weights = [weight for weight in keras.tree.flatten(sample_weight) if weight is not None]
    if not weights:
        return None
    present = [ops.reshape(ops.cast(weight > 0, "float32"), (ops.shape(weight)[0], -1)) for weight in weights]
    return ops.max(ops.concatenate(present, axis=1), axis=1)
