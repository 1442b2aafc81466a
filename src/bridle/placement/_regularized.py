"""`Regularized`: a Keras model with penalties, which trains, saves, loads and clones like any Keras model."""

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
    UNTREATED,
    Perturbations,
    Treatment,
    all_layers,
    data_and_added,
    full_precision,
    keep_state_on_error,
    labels_treated,
    perturbing,
    sum_losses,
    takes_training,
)
from bridle.placement._bound_terms import BoundTerms, bind_terms, copy_anchors, scale_by_strength
from bridle.placement._callbacks import StrengthSchedule
from bridle.placement._files import Wrapper
from bridle.placement._labels import SeededDraw, check_labels, mixes_labels, treat_labels
from bridle.placement._noise import noisy_call
from bridle.placement._terms import by_target, is_active, read_terms
from bridle.placement._updates import attached_strengths, change_updates
from bridle.regularizers import Schedule


@dataclass
class LastCall:
    """The record of the last call of a regularized model, for the loss of the same batch."""

    readings: Any = None
    weights: Mapping[int, Any] = field(default_factory=dict)
    """The weights before the call, by the identity of the variable."""
    training: bool = False
    added: int = 0
    """The number of losses that the call added."""
    data: Any = None
    model_losses: Any = None
    """The sum of the losses that the model itself adds."""
    parts: dict[str, Any] = field(default_factory=dict)
    """The penalty at each site."""
    treatment: Treatment = UNTREATED
    """The treatment of the labels of the batch."""

    def weight(self, variable: keras.Variable) -> Any:
        """Return the value of a variable before the call."""
        return self.weights[id(variable)]


class State(keras.Layer):
    """Variables of a regularized model that are neither weights nor in files of weights."""

    @property
    def weights(self) -> list[keras.Variable]:
        return []

    def variable(self, name: str, value: Any) -> keras.Variable:
        """Create a variable that is not trained."""
        value = ops.convert_to_numpy(value)
        return self.add_weight(
            name=name, shape=value.shape, initializer=lambda shape, dtype: ops.convert_to_tensor(value, dtype),
            dtype="float32", trainable=False, autocast=False,
        )  # fmt: skip


@keras.saving.register_keras_serializable("bridle", name="Penalized")  # the name in saved models
class Regularized(Wrapper):
    """Keras model with penalties `{target: penalty}`. `bridle.regularize` returns it.

    The loss is that of the model plus `strength * R(tensor)` for every term and site, also for frozen weights. Padded
    steps and samples of weight zero do not count. Strengths are configuration: loading weights does not change them.
    Everything else is that of the model: `layers`, `input`, `output`, weights and their files, `export`, attributes.
    """

    def __init__(self, inner: keras.Model, terms: Mapping[str, object], epoch: int = 0, **kwargs: Any) -> None:
        super().__init__(inner, **kwargs)
        bound = read_terms(inner, terms)
        self._bridle_terms = by_target((term.target, term.regularizer) for term in bound)
        active = [term for term in bound if is_active(term.regularizer)]
        peaks = [peak for term in active for peak in term.regularizer.base_strengths]
        self._bridle_state = State(name="bridle", dtype="float32")
        self._bridle_state.strengths = self._bridle_state.variable("strengths", np.array(peaks, "float32"))
        anchors = copy_anchors(active)
        variables = {key: self._bridle_state.variable("anchor", anchor) for key, anchor in anchors.items()}
        self._bridle_bound_terms = bind_terms(active, variables)
        change_updates(self._bridle_bound_terms, self.name)
        if mixes_labels(self._bridle_bound_terms):
            self._bridle_state.label_seeds = keras.random.SeedGenerator()
        if self._bridle_bound_terms.noises:
            self._bridle_state.seeds = keras.random.SeedGenerator()
        self._bridle_state.built = True
        self._bridle_last_call = LastCall()
        self._bridle_row_weights: tuple[Any] | None = None
        self._bridle_driven = self._bridle_measured = False
        self.built = True
        self._set(epoch, {})

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} name={self.name}, built={self.built}>"

    @property
    def terms(self) -> dict[str, Any]:
        """The regularizer at each target; a list where there are several."""
        return dict(self._bridle_terms)

    @property
    def strengths(self) -> dict[str, float]:
        """The current strength of every term, by target and kind."""
        values = ops.convert_to_numpy(self._strengths.value)
        return dict(zip(self._bridle_bound_terms.slots, map(float, values), strict=True))

    @property
    def _strengths(self) -> keras.Variable:
        return self._bridle_state.strengths

    @property
    def epoch(self) -> int:
        """The epoch of the current strengths, from 0."""
        return self._bridle_epoch

    def keep_anchors_of(self, source: "Regularized") -> None:
        """Take the anchors of another regularized model, by the names of their sites."""
        anchors = {
            site.name: source._bridle_bound_terms.anchors.get(site.key)
            for site in source._bridle_bound_terms.diagnosed_sites
        }
        for site in self._bridle_bound_terms.diagnosed_sites:
            anchor = anchors.get(site.name)
            if site.key in self._bridle_bound_terms.anchors and anchor is not None:
                self._bridle_bound_terms.anchors[site.key].assign(ops.copy(anchor.value))

    def at_epoch(self, epoch: int, schedules: Mapping[str, Schedule] | None = None) -> None:
        """Set scheduled strengths to those of an epoch, without compiling again.

        `fit` calls this method. In a custom training loop, call it at the beginning of each epoch; if the loop uses
        `stateless_call`, read `non_trainable_variables` again afterwards. To train a model that contains this one, use
        `fit(callbacks=[bridle.callbacks.StrengthSchedule()])`.

        Args:
            epoch: int, from 0.
            schedules: dictionary `{target: bridle.schedule.…}` that replaces schedules of the penalties. Default None.

        """
        self._bridle_driven = True
        self._set(epoch, schedules or {})

    def left_alone(self) -> None:
        """Mark the end of the training for which `at_epoch` was called."""
        self._bridle_driven = False

    def _set(self, epoch: int, schedules: Mapping[str, Schedule]) -> None:
        self._bridle_epoch, self._bridle_overrides = int(epoch), dict(schedules)
        self._strengths.assign(self._strengths_at(self._bridle_epoch, schedules))
        attached = attached_strengths(self.optimizer) if self.compiled and self.optimizer is not None else None
        if attached is not None:
            attached.assign(ops.copy(self._strengths.value))

    def _strengths_at(self, epoch: int, schedules: Mapping[str, Schedule]) -> np.ndarray:
        """Return the strength of every slot at an epoch, from the configuration."""
        values: list[Any] = []
        for term in self._bridle_bound_terms.terms:
            for peak, schedule in zip(term.regularizer.base_strengths, term.schedules, strict=True):
                current = schedules.get(term.target, schedule)
                values.append(peak if current is None else current.fixed_peak * float(current.factor(epoch)))
        return np.array(values, "float32")

    def _check_driven(self) -> None:
        """Raise `InputError` if nothing updates scheduled strengths during training."""
        scheduled = [term for term in self._bridle_bound_terms.terms if any(term.schedules)]
        if not scheduled or self._bridle_driven or self._bridle_measured:
            return
        keep_state_on_error()
        raise InputError(
            f"Expected training that updates the schedule of {scheduled[0].target!r} in {self.name!r}, got a call with "
            "training=True outside of its fit(). In a custom training loop, call at_epoch(epoch) of the penalized "
            "model at the beginning of each epoch. To train a model that contains it, use "
            "fit(…, callbacks=[bridle.callbacks.StrengthSchedule()])."
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        treatment = UNTREATED
        if training:
            self._check_driven()
            inputs, treatment = self._treated(inputs)
        options = {"training": training} if takes_training(self._bridle_wrapped) else {}
        with full_precision():  # before the call, which moves statistics and normalizes weights
            weights = {id(v): ops.convert_to_tensor(v.value) for v in self._bridle_bound_terms.variables}
        rates = self._bridle_bound_terms.with_rates(self._strengths.value)
        inputs, noise = self._noisy(inputs) if training else (inputs, Perturbations())
        with rates, perturbing(noise, self._bridle_bound_terms.taps) as readings:
            outputs = self._bridle_wrapped(inputs, **options)
        self._bridle_last_call = LastCall(readings, weights, bool(training), treatment=treatment)
        parts = self._parts(None)
        for value in parts.values():
            self.add_loss(value)
        self._bridle_last_call.parts, self._bridle_last_call.added = parts, len(parts)
        return outputs

    def _treated(self, inputs: Any) -> tuple[Any, Treatment]:
        """Return the rows of a training batch, mixed where its labels are, and the treatment of the labels."""
        terms = self._bridle_bound_terms
        if not terms.labels or self._bridle_measured:
            return inputs, UNTREATED
        if self._bridle_row_weights is None:
            keep_state_on_error()
            raise InputError(
                f"Expected fit or train_on_batch of {self.name!r} for {terms.labels[0].regularizer!r}, got another "
                "call with training=True. In a custom training loop, treat the labels in its loss. For a model that "
                "contains this one, regularize the outer model: bridle.regularize(outer, {…})."
            )
        draw = None
        if mixes_labels(terms):
            check_labels(self, terms.terms, inputs, self._bridle_wrapped)
            draw = SeededDraw(self._bridle_state.label_seeds)
        (weight,) = self._bridle_row_weights
        return treat_labels(terms, self._strengths.value, (inputs, _counted(weight)), draw)

    def train_step(self, *args: Any) -> Any:
        self._bridle_row_weights = (keras.utils.unpack_x_y_sample_weight(args[-1])[2],)
        try:
            return super().train_step(*args)
        finally:
            self._bridle_row_weights = None

    def _noisy(self, inputs: Any) -> tuple[Any, Perturbations]:
        """Return the inputs of a training step with noise, and the noise of activations and weights."""
        terms, state = self._bridle_bound_terms, self._bridle_state
        if not terms.noises:
            return inputs, Perturbations()
        return noisy_call(terms, self._bridle_wrapped, inputs, self._strengths.value, SeededDraw(state.seeds))

    def _parts(self, counted: Any) -> dict[str, Any]:
        """Return the penalty at each site for the last call."""
        parts: dict[str, Any] = {}
        with full_precision():
            for slotted in self._bridle_bound_terms.penalties:
                strengths = slotted.of(self._strengths.value)
                if not (slotted.regularizer.at_evaluation or self._bridle_last_call.training):
                    continue
                for site in slotted.term.sites:
                    rows = self._bridle_bound_terms.values_at(
                        slotted.regularizer,
                        site,
                        self._bridle_last_call.weight,
                        self._bridle_last_call.readings,
                        counted,
                    )
                    for row in rows:
                        value = sum(scale_by_strength(*pair) for pair in zip(strengths, row, strict=True))
                        name = f"penalty/{site.name}"
                        parts[name] = parts[name] + value if name in parts else value
        return parts

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        with labels_treated(self, self._bridle_last_call.treatment if training else UNTREATED, y, y_pred):
            data, added = data_and_added(self, y, y_pred, sample_weight)
        ours, others = added[: self._bridle_last_call.added], added[self._bridle_last_call.added :]
        counted = _counted(sample_weight)
        if counted is not None and ours:
            self._bridle_last_call.parts = self._parts(counted)
            ours = list(self._bridle_last_call.parts.values())
        self._bridle_last_call.data, self._bridle_last_call.model_losses, self._bridle_last_call.readings = (
            sum_losses(data),
            sum_losses(others),
            None,
        )
        return sum_losses([*data, *ours, *others])

    def penalties(self, x: Any, sample_weight: Any = None, training: bool = True) -> dict[str, Any]:
        """Return the penalty at each site of a batch, `{"penalty/hidden/kernel": value}`, without zero strengths."""
        with measuring(self):
            self(x, training=training)
        return self._parts(_counted(sample_weight))

    def compile(self, *args: Any, **kwargs: Any) -> None:
        super().compile(*args, **kwargs)
        check_labels(self, self._bridle_bound_terms.terms, inner=self._bridle_wrapped)
        change_updates(self._bridle_bound_terms, self.name, self.optimizer, self._strengths)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        bound = inspect.signature(keras.Model.fit).bind(self, *args, **kwargs)
        self._set(self._bridle_epoch, {})  # resets schedules of a callback of another fit
        if any(schedule is not None for schedule in self._bridle_bound_terms.schedules):
            added, present = StrengthSchedule(), bound.arguments.get("callbacks")
            if present is not None and isinstance(present, keras.callbacks.CallbackList):
                if not any(isinstance(callback, StrengthSchedule) for callback in present.callbacks):
                    present.append(added)
            elif not any(isinstance(item, StrengthSchedule) for item in keras.tree.flatten(present or [])):
                bound.arguments["callbacks"] = [added, *keras.tree.flatten(present or [])]
        try:
            return super().fit(*bound.args[1:], **bound.kwargs)
        finally:
            self.left_alone()

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        self._check_driven()  # a compiled step would not check
        return super().train_on_batch(*args, **kwargs)

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        super().set_state_tree(state_tree)
        self._set(self._bridle_epoch, self._bridle_overrides)

    def get_config(self) -> dict[str, Any]:
        write = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "inner": write(self._bridle_wrapped),
            "terms": {target: keras.tree.map_structure(write, what) for target, what in self._bridle_terms.items()},
            "epoch": self._bridle_epoch,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Regularized":
        read = keras.saving.deserialize_keras_object
        inner = read(config["inner"], custom_objects=custom_objects)
        terms = {target: read(what, custom_objects=custom_objects) for target, what in config["terms"].items()}
        model = cls(inner, terms, config.get("epoch", 0), name=config["name"])
        model.is_of_old_file = "epoch" not in config
        return model

    def anchors_held(self) -> list[keras.Variable]:
        """Return the anchors in the order in which a file of the model stores them."""
        return list(self._bridle_bound_terms.anchors.values())

    def load_state_of_old_file(self, values: list[Any]) -> None:
        """Set the strengths and anchors from a file in which an earlier version wrote them among the weights."""
        last = max(
            (schedule.epochs[-1] for schedule in self._bridle_bound_terms.schedules if schedule is not None),
            default=0,
        )
        epochs = range(min(last, LONGEST_OLD) + 1)
        same = (epoch for epoch in epochs if np.allclose(self._strengths_at(epoch, {}), values[0], rtol=1e-5))
        self._set(next(same, 0), {})
        for anchor, value in zip(self.anchors_held(), values[1:], strict=True):
            anchor.assign(value)


LONGEST_OLD = 10_000
"""The largest epoch of a schedule that is compared with the strengths of an old file."""


# In a file of weights Keras calls a layer of another model by the `__name__` of its class, whatever name is registered:
# files of version 0.1 hold "penalized". The `__qualname__` stays, and messages of this package use it.
Regularized.__name__ = "Penalized"


def bound_terms(model: Regularized) -> BoundTerms:
    """Return the terms of strength above zero, bound to the sites of the model."""
    return model._bridle_bound_terms


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
    before = [layer._bridle_measured for layer in penalized]
    for layer in penalized:
        layer._bridle_measured = True
    try:
        yield
    finally:
        for layer, value in zip(penalized, before, strict=True):
            layer._bridle_measured = value


def _counted(sample_weight: Any) -> Any:
    """Return 1 for samples that count, of shape (batch,); None if all do."""
    weights = [weight for weight in keras.tree.flatten(sample_weight) if weight is not None]
    if not weights:
        return None
    present = [ops.reshape(ops.cast(weight > 0, "float32"), (ops.shape(weight)[0], -1)) for weight in weights]
    return ops.max(ops.concatenate(present, axis=1), axis=1)
