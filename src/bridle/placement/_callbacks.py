"""Callbacks of `fit`: schedules of strengths, a log of penalties, a log of zeros and norms."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from bridle._errors import InputError, KindError, nearest_names
from bridle._keras import (
    Splitter,
    adds_losses,
    all_layers,
    batch_size_of,
    forget_functions,
    regularized_weights,
    split_losses,
    watching,
    with_compute_loss,
)
from bridle.placement._bound_terms import describe
from bridle.placement._files import Wrapper, unwrapped
from bridle.placement._sites import find_sites
from bridle.placement._targets import match_target
from bridle.regularizers import Schedule
from bridle.sources._read import rows_alone

OTHER = "penalty/other"
"""The log name of the losses of layers and activity regularizers of the model itself."""


class StrengthSchedule(keras.callbacks.Callback):
    """Callback that sets the scheduled strengths of a regularized model at the beginning of each epoch.

    `fit` of a regularized model adds this callback itself. Pass it to `fit` of a model that contains a regularized one.
    Pass schedules here to vary a strength that `bridle.regularize` got as a number. Nothing is compiled again.

    Args:
        schedules: dictionary `{target: bridle.schedule.…}`, with the targets of `bridle.regularize`. Default None.

    Errors: `KindError` for a value that is not a schedule, and at the start of `fit` if the model has no penalties of
    bridle; `InputError` for a target without a penalty, or with strength 0.

    >>> import bridle
    >>> from bridle.callbacks import StrengthSchedule
    >>> callback = StrengthSchedule({"*/kernel": bridle.schedule.linear(0, 1e-3, 100)})

    """

    def __init__(self, schedules: Mapping[str, Schedule] | None = None) -> None:
        super().__init__()
        self.schedules = dict(schedules or {})
        for target, schedule in self.schedules.items():
            if not isinstance(schedule, Schedule) or not isinstance(schedule.peak, float):
                raise KindError(
                    f"Expected a schedule of numbers for {target!r}, got {schedule!r}. See bridle.schedule."
                )

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self.penalized = [layer for layer in all_layers(model) if hasattr(type(layer), "at_epoch")]
        if not self.penalized:
            raise KindError(f"Expected a model of bridle.regularize for {type(self).__name__}, got {model.name!r}.")
        strong = {term.target for layer in self.penalized for term in layer._bridle_bound_terms.terms}
        for target in self.schedules:
            if target not in strong:
                raise InputError(
                    f"Expected a target that is penalized with a strength above 0, got {target!r}. "
                    f"{nearest_names(target, list(strong))}"
                )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for layer in self.penalized:
            layer.at_epoch(epoch, self.schedules)

    def on_train_end(self, logs: Any = None) -> None:
        for layer in self.penalized:
            layer.left_alone()
        if self.model not in self.penalized:
            forget_functions(self.model)  # a compiled step would not check the schedules


class PenaltyLog(keras.callbacks.Callback):
    """Callback that logs the data loss and every penalty, for training and validation, of any Keras model.

    `loss` stays the sum. The log also has `data_loss`; `penalty/hidden/kernel` and so on for every site of
    `bridle.regularize` and every weight with a Keras regularizer; and `penalty/other` for activity regularizers and
    losses that layers add. Each value is averaged over the samples of the epoch, like the loss. Values of validation
    rows begin with `val_`.

    >>> import bridle, keras
    >>> from bridle.callbacks import PenaltyLog
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, name="out")])
    >>> model.compile("sgd", "mse")
    >>> x = keras.ops.ones((4, 1))
    >>> logs = bridle.regularize(model, {"out/kernel": "l2(0.1)"}).fit(x, x, verbose=0, callbacks=[PenaltyLog()])
    >>> sorted(logs.history)
    ['data_loss', 'loss', 'penalty/out/kernel']

    """

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        split, names = _splitter(model)
        self.metrics = {name: keras.metrics.Mean(name=name) for name in ("data_loss", *names)}

        def record(parts: Mapping[str, Any], x: Any) -> None:
            for name, value in parts.items():
                self.metrics[name].update_state(value, sample_weight=batch_size_of(x))

        self._undo = with_compute_loss(model, split, record, list(self.metrics.values()))
        forget_functions(model)

    def on_train_end(self, logs: Any = None) -> None:
        self._undo()
        forget_functions(self.model)


def _splitter(model: keras.Model) -> tuple[Splitter, list[str]]:
    """Return a function that splits a model's loss, and the names of its penalties."""
    if isinstance(model, Wrapper):
        charged = dict.fromkeys(site.name for term, *_ in model._bridle_bound_terms.penalties for site in term.sites)
        has_others = adds_losses(unwrapped(model))
        return _of_penalized, [*(f"penalty/{name}" for name in charged), *([OTHER] if has_others else [])]
    weights = regularized_weights(model)
    by_variable = {id(site.variable): site.name for site in find_sites(model) if site.variable is not None}
    names = [f"penalty/{by_variable.get(id(weight), weight.path)}" for weight in weights]

    def split(model: keras.Model, *batch: Any) -> tuple[Any, dict[str, Any]]:
        total, data, added = split_losses(model, *batch)
        start = len(added) - len(weights)
        parts = {"data_loss": data, **dict(zip(names, added[start:], strict=True))}
        if adds_losses(model):
            parts[OTHER] = sum(added[:start], start=ops.zeros(()))
        return total, parts

    return split, [*names, *([OTHER] if adds_losses(model) else [])]


def _of_penalized(model: Any, x: Any, y: Any, prediction: Any, weight: Any, training: bool) -> tuple[Any, Any]:
    total = type(model).compute_loss(model, x, y, prediction, weight, training)
    call = model._bridle_last_call
    parts = {"data_loss": call.data, **call.parts}
    return total, {**parts, OTHER: call.model_losses} if adds_losses(unwrapped(model)) else parts


class Monitor(keras.callbacks.Callback):
    """Callback that logs zeros and magnitudes of tensors after each epoch, such as `zeros/hidden/kernel`.

    `zeros` is the fraction of entries that are exactly 0. `size` is the mean magnitude. `norm`, for weights, is the
    square root of the sum of squares. `dead`, for activations, is the fraction of units that are 0 on every row.
    Activations are computed for the rows `x`, in inference mode.

    Args:
        targets: str or sequence of str, the targets. Default `"*/kernel"`, every kernel.
        x: input rows, required for activations, as in `bridle.sources.read`. Default None.

    Errors: `TargetError` for a target that matches nothing; `InputError` for an activation without rows.

    """

    def __init__(self, targets: str | Sequence[str] = "*/kernel", x: Any = None) -> None:
        super().__init__()
        self.targets = (targets,) if isinstance(targets, str) else tuple(targets)
        self.x = rows_alone(x)

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self.sites = [site for target in self.targets for site in match_target(model, target)]
        others = [site.name for site in self.sites if not (site.is_weight or site.is_activation)]
        if others:
            raise InputError(f"Expected weights or activations to measure, got {others[0]!r}, which is no tensor.")
        blind = [site.name for site in self.sites if not site.is_weight]
        if blind and self.x is None:
            raise InputError(
                f"Expected rows to measure the activation {blind[0]!r} on, got none. Give Monitor(targets, x=rows)."
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for name, value in self.measure().items():
            (logs if logs is not None else {})[name] = value

    def measure(self) -> dict[str, float]:
        """Return the current values by name."""
        taps = list(dict.fromkeys(site.tap for site in self.sites if not site.is_weight))
        with watching(taps) as readings:
            if taps:
                self.model(self.x, training=False)
        statistics = describe(self.sites, taps, lambda variable: variable.value, readings)
        return {name: float(ops.convert_to_numpy(value)) for name, value in statistics.items()}
