"""A model with penalties at any of its places: it trains, saves, loads and clones as any Keras model does."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from bridle._errors import InputError
from bridle._keras import (
    all_layers,
    check_exact,
    data_and_added,
    full_precision,
    keep_state_on_error,
    sum_losses,
    takes_training,
    watching,
)
from bridle.placement._callbacks import StrengthSchedule
from bridle.placement._files import Wrapper
from bridle.placement._penalty_terms import PenaltyTerms, bind_terms, copy_anchors, scale_by_strength
from bridle.placement._proximal import Proximal, held_by, hold
from bridle.placement._terms import read_terms
from bridle.regularizers import Penalty, Schedule


@dataclass
class LastCall:
    """The record of the last call of a regularized model, for the loss of the same batch."""

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


class State(keras.Layer):
    """The variables of a penalized model beside those of the model: no weights, and in no file of weights."""

    @property
    def weights(self) -> list[keras.Variable]:
        return []

    def variable(self, name: str, value: Any) -> keras.Variable:
        """Make a variable that no optimizer trains."""
        value = ops.convert_to_numpy(value)
        return self.add_weight(
            name=name, shape=value.shape, initializer=lambda shape, dtype: ops.convert_to_tensor(value, dtype),
            dtype="float32", trainable=False, autocast=False,
        )  # fmt: skip


@keras.saving.register_keras_serializable("bridle", name="Penalized")  # the name in saved models
class Regularized(Wrapper):
    """A Keras model and its penalties `{target: penalty}`; made by `bridle.regularize`.

    The loss is that of the model plus, for every term and place, `strength * R(tensor)`. Activations are charged
    where they arise, padded steps and samples of weight zero are not counted, and frozen weights are charged as any.
    Strengths are configuration: no weights and no file of weights change them. Everything else – `layers`, `input`,
    `output`, weights and their files, `export`, attributes of a subclass – is that of the model.
    """

    def __init__(self, inner: keras.Model, terms: Mapping[str, Penalty], epoch: int = 0, **kwargs: Any) -> None:
        super().__init__(inner, **kwargs)
        bound = read_terms(inner, terms)
        self._bridle_terms = {term.target: term.penalty for term in bound}
        active = [term for term in bound if any(term.penalty.base_strengths)]
        peaks = [peak for term in active for peak in term.penalty.base_strengths]
        self._bridle_state = State(name="bridle", dtype="float32")
        self._bridle_state.strengths = self._bridle_state.variable("strengths", np.array(peaks, "float32"))
        anchors = copy_anchors(active)
        held = {key: self._bridle_state.variable("anchor", anchor) for key, anchor in anchors.items()}
        self._bridle_state.built = True
        self._bridle_penalty_terms = bind_terms(active, held)
        for variable in self._bridle_penalty_terms.exact_variables:
            variable.constraint = Proximal(self._bridle_penalty_terms, variable, self.name)
        self._bridle_last_call = LastCall()
        self._bridle_driven = self._bridle_measured = False
        self.built = True
        self._set(epoch, {})

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} name={self.name}, built={self.built}>"

    @property
    def terms(self) -> dict[str, Penalty]:
        """The penalties by their targets."""
        return dict(self._bridle_terms)

    @property
    def strengths(self) -> dict[str, float]:
        """The present strength of every term, by target and kind."""
        values = ops.convert_to_numpy(self._strengths.value)
        return dict(zip(self._bridle_penalty_terms.slots, map(float, values), strict=True))

    @property
    def _strengths(self) -> keras.Variable:
        return self._bridle_state.strengths

    @property
    def epoch(self) -> int:
        """The epoch whose strengths are charged, from 0."""
        return self._bridle_epoch

    def keep_anchors_of(self, source: "Regularized") -> None:
        """Pull toward the same weights as another penalized model, where that has anchors of the same name."""
        given = {
            place.name: source._bridle_penalty_terms.anchors.get(place.key)
            for place in source._bridle_penalty_terms.diagnosed_sites
        }
        for place in self._bridle_penalty_terms.diagnosed_sites:
            anchor = given.get(place.name)
            if place.key in self._bridle_penalty_terms.anchors and anchor is not None:
                self._bridle_penalty_terms.anchors[place.key].assign(ops.copy(anchor.value))

    def at_epoch(self, epoch: int, schedules: Mapping[str, Schedule] | None = None) -> None:
        """Set scheduled strengths to those of an epoch. Nothing is compiled again.

        `fit` does so by itself. Call it at the beginning of each epoch in a loop of your own; where that loop passes
        variables on (`stateless_call`), read `non_trainable_variables` again after it. In a model that contains this
        one, `fit(callbacks=[bridle.callbacks.StrengthSchedule()])` calls it.

        Args:
            epoch: counted from 0.
            schedules: other courses than those of the penalties, by target.

        """
        self._bridle_driven = True
        self._set(epoch, schedules or {})

    def left_alone(self) -> None:
        """End the training that `at_epoch` was called for."""
        self._bridle_driven = False

    def _set(self, epoch: int, courses: Mapping[str, Schedule]) -> None:
        self._bridle_epoch, self._bridle_overrides = int(epoch), dict(courses)
        self._strengths.assign(self._amounts(self._bridle_epoch, courses))
        held = held_by(self.optimizer) if self.compiled and self.optimizer is not None else None
        if held is not None:
            held.assign(ops.copy(self._strengths.value))

    def _amounts(self, epoch: int, courses: Mapping[str, Schedule]) -> np.ndarray:
        """The strength of every slot at an epoch, from the configuration."""
        values: list[float] = []
        for term in self._bridle_penalty_terms.terms:
            for peak, course in zip(term.penalty.base_strengths, term.schedules, strict=True):
                own = courses.get(term.target, course)
                values.append(peak if own is None else own.fixed_peak * float(own.factor(epoch)))
        return np.array(values, "float32")

    def _check_driven(self) -> None:
        """Refuse to train where nobody moves scheduled strengths, which would stay at those of one epoch for ever."""
        scheduled = [term for term in self._bridle_penalty_terms.terms if any(term.schedules)]
        if not scheduled or self._bridle_driven or self._bridle_measured:
            return
        keep_state_on_error()
        raise InputError(
            f"Expected a training that moves the schedule of {scheduled[0].target!r} in {self.name!r}, got a call with "
            "training=True outside of its own fit(). In a loop of your own, call at_epoch(epoch) of the penalized "
            "model at the beginning of each epoch; in a model that contains it, train with "
            "fit(…, callbacks=[bridle.callbacks.StrengthSchedule()])."
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if training:
            self._check_driven()
        options = {"training": training} if takes_training(self._bridle_wrapped) else {}
        with full_precision():  # before the call, which moves statistics and normalizes weights
            weights = {id(each): ops.convert_to_tensor(each.value) for each in self._bridle_penalty_terms.variables}
        with watching(self._bridle_penalty_terms.taps) as readings:
            outputs = self._bridle_wrapped(inputs, **options)
        self._bridle_last_call = LastCall(readings, weights, bool(training))
        parts = self._parts(None)
        for value in parts.values():
            self.add_loss(value)
        self._bridle_last_call.parts, self._bridle_last_call.added = parts, len(parts)
        return outputs

    def _parts(self, counted: Any) -> dict[str, Any]:
        """Return the penalty at each site for the last call."""
        found: dict[str, Any] = {}
        with full_precision():
            number = 0
            for term in self._bridle_penalty_terms.terms:
                own = [self._strengths.value[number + index] for index in range(len(term.slots))]
                number += len(term.slots)
                if not (term.penalty.at_evaluation or self._bridle_last_call.training):
                    continue
                for place in term.sites:
                    rows = self._bridle_penalty_terms.values_at(
                        term, place, self._bridle_last_call.weight, self._bridle_last_call.readings, counted
                    )
                    for row in rows:
                        value = sum(scale_by_strength(amount, each) for amount, each in zip(own, row, strict=True))
                        name = f"penalty/{place.name}"
                        found[name] = found[name] + value if name in found else value
        return found

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        data, added = data_and_added(self, y, y_pred, sample_weight)
        ours, own = added[: self._bridle_last_call.added], added[self._bridle_last_call.added :]
        counted = _counted(sample_weight)
        if counted is not None and ours:
            self._bridle_last_call.parts = self._parts(counted)
            ours = list(self._bridle_last_call.parts.values())
        self._bridle_last_call.data, self._bridle_last_call.own, self._bridle_last_call.readings = (
            sum_losses(data),
            sum_losses(own),
            None,
        )
        return sum_losses([*data, *ours, *own])

    def penalties(self, x: Any, sample_weight: Any = None, training: bool = True) -> dict[str, Any]:
        """Return the penalty at each site of a batch, `{"penalty/hidden/kernel": value}`, without zero strengths."""
        with measuring(self):
            self(x, training=training)
        return self._parts(_counted(sample_weight))

    def compile(self, *args: Any, **kwargs: Any) -> None:
        super().compile(*args, **kwargs)
        exact = self._bridle_penalty_terms.exact_variables
        if exact:
            check_exact(self.optimizer)
            hold(self.optimizer, self._strengths)
            for variable in exact:
                variable.constraint = Proximal(self._bridle_penalty_terms, variable, self.name, self.optimizer)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(keras.Model.fit).bind(self, *args, **kwargs)
        self._set(self._bridle_epoch, {})  # whatever a callback of another fit has set
        if any(course is not None for course in self._bridle_penalty_terms.schedules):
            own, present = StrengthSchedule(), given.arguments.get("callbacks")
            if present is not None and isinstance(present, keras.callbacks.CallbackList):
                if not any(isinstance(each, StrengthSchedule) for each in present.callbacks):
                    present.append(own)
            elif not any(isinstance(each, StrengthSchedule) for each in keras.tree.flatten(present or [])):
                given.arguments["callbacks"] = [own, *keras.tree.flatten(present or [])]
        try:
            return super().fit(*given.args[1:], **given.kwargs)
        finally:
            self.left_alone()

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        self._check_driven()  # a step that is compiled already would not ask
        return super().train_on_batch(*args, **kwargs)

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        super().set_state_tree(state_tree)
        self._set(self._bridle_epoch, self._bridle_overrides)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "inner": keras.saving.serialize_keras_object(self._bridle_wrapped),
            "terms": {target: keras.saving.serialize_keras_object(what) for target, what in self._bridle_terms.items()},
            "epoch": self._bridle_epoch,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Regularized":
        read = keras.saving.deserialize_keras_object
        inner = read(config["inner"], custom_objects=custom_objects)
        terms = {target: read(what, custom_objects=custom_objects) for target, what in config["terms"].items()}
        found = cls(inner, terms, config.get("epoch", 0), name=config["name"])
        found.is_of_old_file = "epoch" not in config
        return found

    def anchors_held(self) -> list[keras.Variable]:
        """The weights that some terms pull toward, as a file of the model holds them."""
        return list(self._bridle_penalty_terms.anchors.values())

    def load_state_of_old_file(self, values: list[Any]) -> None:
        """Take over the strengths and anchors that earlier versions wrote among the weights."""
        last = max(
            (course.epochs[-1] for course in self._bridle_penalty_terms.schedules if course is not None), default=0
        )
        epochs = range(min(last, LONGEST_OLD) + 1)
        same = (epoch for epoch in epochs if np.allclose(self._amounts(epoch, {}), values[0], rtol=1e-5))
        self._set(next(same, 0), {})
        for anchor, value in zip(self.anchors_held(), values[1:], strict=True):
            anchor.assign(value)


LONGEST_OLD = 10_000
"""Epochs of a schedule among which that of an old file is looked for."""


# In a file of weights Keras calls a layer of another model by the `__name__` of its class, whatever name is registered:
# files of version 0.1 hold "penalized". The `__qualname__` stays, and messages of this package use it.
Regularized.__name__ = "Penalized"


def penalty_terms(model: Regularized) -> PenaltyTerms:
    """Return the terms of strength above zero, bound to the sites of the model."""
    return model._bridle_penalty_terms


def last_call(model: Regularized) -> LastCall:
    """Return what the last call of the model recorded for the loss of the same batch."""
    return model._bridle_last_call


def schedule_overrides(model: Regularized) -> dict[str, Schedule]:
    """Return the schedules by target that `at_epoch` received in place of those of the penalties."""
    return dict(model._bridle_overrides)


@contextmanager
def measuring(model: keras.Model) -> Iterator[None]:
    """Call a model with `training=True` inside the block without training it."""
    penalized = [layer for layer in all_layers(model) if isinstance(layer, Regularized)]
    before = [each._bridle_measured for each in penalized]
    for each in penalized:
        each._bridle_measured = True
    try:
        yield
    finally:
        for each, value in zip(penalized, before, strict=True):
            each._bridle_measured = value


def _counted(sample_weight: Any) -> Any:
    """1 for samples that count, of shape (batch,); None where all do."""
    weights = [weight for weight in keras.tree.flatten(sample_weight) if weight is not None]
    if not weights:
        return None
    present = [ops.reshape(ops.cast(weight > 0, "float32"), (ops.shape(weight)[0], -1)) for weight in weights]
    return ops.max(ops.concatenate(present, axis=1), axis=1)
