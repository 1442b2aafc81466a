"""Settings of a compiled model that regularize: weight decay, averages of weights, smoothed labels."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras.optimizers import Optimizer

from bridle._errors import short_repr
from bridle._keras._audit import as_number
from bridle._keras._internals import (
    compile_arguments,
    decay_exclusions,
    decay_rate,
    is_from_keras,
    loss_arguments,
    optimizer_of,
    variable_key,
)
from bridle._keras._updates import inner_optimizer

L2_ARGUMENTS = ("l1_regularization_strength", "l2_regularization_strength", "l2_shrinkage_regularization_strength")
"""Arguments of Ftrl, whose update has penalties of its own."""


@dataclass(frozen=True)
class Decay:
    """The weight decay of one optimizer of a compiled model."""

    text: str
    decayed: tuple[keras.Variable, ...]
    shares: tuple[float, ...]
    """The share of each decayed weight that the next update takes away; NaN if it cannot be computed."""
    excluded: tuple[keras.Variable, ...]
    patterns: tuple[str, ...]
    """The texts given as `exclude_from_weight_decay(var_names=…)`."""
    strangers: int
    """The number of variables given as `exclude_from_weight_decay(var_list=…)` that the model does not train."""
    outside: bool
    """True if exclusions were given to the optimizer that scales the loss, which does not pass them on."""
    taken_over: int = 0
    """The number of weights that decay otherwise instead."""

    @property
    def fails(self) -> bool:
        """True if updates end with an error: on PyTorch, one call decays all weights, and takes no empty list."""
        return keras.backend.backend() == "torch" and not self.decayed and not self.taken_over

    def matched(self, pattern: str, variables: list[keras.Variable]) -> list[keras.Variable]:
        """Return the variables in whose short names Keras finds a pattern."""
        with contextlib.suppress(re.error):
            return [variable for variable in variables if re.search(pattern, variable.name)]
        return []


@dataclass(frozen=True)
class Average:
    """The moving average of the weights that one optimizer of a compiled model keeps."""

    text: str
    momentum: float
    overwrites_every: int | None
    """The number of updates after which the average replaces the weights; None at the end of `fit` only."""
    constrained: tuple[keras.Variable, ...]
    """Weights with a constraint, which the average does not obey."""


@dataclass(frozen=True)
class Smoothing:
    """The smoothed labels of one compiled loss."""

    output: str
    """The name of the output; empty if there is one."""
    text: str
    epsilon: float
    """What the loss computes with."""
    declared: float
    """What the loss says, and is saved with."""
    binary: bool
    """True if every label is smoothed by itself."""


def decays_of(model: keras.Model) -> list[Decay]:
    """Return the weight decay of each optimizer of a model; none if it is not compiled or does not decay."""
    return [decay for optimizer, variables in _optimizers(model) if (decay := _decay(model, optimizer, variables))]


def averages_of(model: keras.Model) -> list[Average]:
    """Return the averages that the optimizers of a compiled model keep of its weights."""
    return [_average(optimizer, variables) for optimizer, variables in _optimizers(model) if optimizer.use_ema]


def optimizer_penalties(model: keras.Model) -> list[str]:
    """Return the optimizers whose update has penalties of its own, as text."""
    texts = []
    for optimizer, _ in _optimizers(model):
        strengths = {name: _text(getattr(optimizer, name, None)) for name in L2_ARGUMENTS}
        arguments = ", ".join(f"{name}={text}" for name, text in strengths.items() if text not in ("", "0"))
        if arguments:
            texts.append(f"{type(optimizer).__name__}({arguments})")
    return texts


def smoothings_of(model: keras.Model) -> list[Smoothing]:
    """Return the smoothed labels of each compiled loss of a model."""
    if not model.compiled:
        return []
    losses = list(_losses(model))
    smoothed = [_smoothing(output if len(losses) > 1 else "", loss) for output, loss in losses]
    return [smoothing for smoothing in smoothed if smoothing.epsilon or smoothing.declared]


def decays_at_one_rate(optimizer: Any) -> bool:
    """Return True for an optimizer of Keras whose `weight_decay` is that of all weights that it updates."""
    optimizer = inner_optimizer(optimizer)
    several = isinstance(optimizer, keras.optimizers.Muon | keras.optimizers.MultiOptimizer)
    return is_from_keras(type(optimizer)) and not several


def declared_loss(model: keras.Model) -> Any:
    """Return the loss that `compile` got: a name, a function, an object, or a structure of them."""
    return compile_arguments(model)["loss"]


def _optimizers(model: keras.Model) -> Iterator[tuple[Optimizer, list[keras.Variable]]]:
    """Yield every optimizer that updates weights of a compiled model, with these weights."""
    if not model.compiled or not isinstance(model.optimizer, Optimizer):
        return
    outer = inner_optimizer(model.optimizer)
    groups: dict[int, tuple[Optimizer, list[keras.Variable]]] = {}
    for variable in model.trainable_variables:
        optimizer = optimizer_of(outer, variable)
        groups.setdefault(id(optimizer), (optimizer, []))[1].append(variable)
    yield from groups.values()


def _decay(model: keras.Model, optimizer: Any, variables: list[keras.Variable]) -> Decay | None:
    rates = {name: _text(getattr(optimizer, name, None)) for name in ("weight_decay", "adam_weight_decay")}
    arguments = ", ".join(f"{name}={rate}" for name, rate in rates.items() if rate not in ("", "0"))
    if not arguments:
        return None
    keys, pattern = decay_exclusions(optimizer)
    named = [v for v in variables if pattern is not None and pattern.search(v.name)]
    excluded = [v for v in variables if variable_key(optimizer, v) in keys or any(v is variable for variable in named)]
    decayed = [v for v in variables if not any(v is variable for variable in excluded)]
    members = {variable_key(optimizer, variable) for variable in model.variables}
    outer = model.optimizer
    outside = outer is not optimizer and inner_optimizer(outer) is optimizer and any(decay_exclusions(outer))
    return Decay(
        f"{type(optimizer).__name__}({arguments})",
        tuple(decayed),
        _shares(optimizer, decayed),
        tuple(excluded),
        tuple(pattern.pattern.split("|")) if pattern is not None else (),
        len(set(keys) - members),
        outside,
    )


def _shares(optimizer: Any, variables: list[keras.Variable]) -> tuple[float, ...]:
    """Return `learning_rate * weight_decay` for each variable: what one update takes away; NaN where it is unknown."""
    return tuple(_share(optimizer, variable) for variable in variables)


def _share(optimizer: Any, variable: keras.Variable) -> float:
    try:
        return float(decay_rate(optimizer, variable)) * as_number(optimizer.learning_rate)
    except (TypeError, ValueError, OverflowError):  # a rate from a file may be anything
        return float("nan")


def _average(optimizer: Any, variables: list[keras.Variable]) -> Average:
    every = optimizer.ema_overwrite_frequency
    text = f"ema_momentum={optimizer.ema_momentum:g}" + (f", ema_overwrite_frequency={every}" if every else "")
    constrained = tuple(variable for variable in variables if variable.constraint is not None)
    return Average(f"{type(optimizer).__name__}({text})", float(optimizer.ema_momentum), every or None, constrained)


def _losses(model: keras.Model) -> Iterator[tuple[str, Any]]:
    """Yield the name of an output and its loss, an object or a function."""
    declared = declared_loss(model)
    if isinstance(declared, Mapping):
        yield from ((str(name), loss) for name, loss in declared.items() if loss is not None)
    else:
        names = list(getattr(model, "output_names", None) or [])
        for index, loss in enumerate(keras.tree.flatten(declared)):
            if loss is not None:
                yield names[index] if index < len(names) else str(index), loss


def _smoothing(output: str, loss: Any) -> Smoothing:
    arguments = loss_arguments(loss)
    epsilon = _number(arguments.get("label_smoothing"))
    declared = _number(getattr(loss, "label_smoothing", epsilon))
    function: Any = arguments.get("fn", loss)
    name = getattr(function, "__name__", type(loss).__name__)
    kind = type(loss).__name__ if isinstance(loss, keras.losses.Loss) else name
    return Smoothing(
        output, f"{kind}(label_smoothing={declared or epsilon:g})", epsilon, declared, "binary" in kind.lower()
    )


def _number(value: Any) -> float:
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        return float(value)
    return 0.0


def _text(rate: Any) -> str:
    """Return a rate as text, empty if there is none; a rate from a file may be anything."""
    try:
        return f"{float(rate):g}" if rate else ""
    except (TypeError, ValueError, OverflowError):
        return short_repr(rate)
