"""Weight decay at rates of bridle in place of that of an optimizer, by Keras's own method."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
from keras import ops
from keras.optimizers import Optimizer

from bridle._keras._internals import (
    decay_method,
    decay_rate_replaced,
    decays,
    inner_optimizers,
    set_decay_method,
)
from bridle._keras._structure import Part
from bridle._keras._updates import inner_optimizer

Method = Callable[[list[keras.Variable]], None]


class Decayed(NamedTuple):
    """Weight, or a part of one, that decays at a rate of bridle."""

    variable: keras.Variable
    part: Part | None
    rate: Any
    """A number or a tensor, which may be traced. Where it is 0, the optimizer decays the weight by its own rate."""


def updating_optimizers(optimizer: Optimizer) -> tuple[Optimizer, ...]:
    """Return the optimizers that move the weights: those inside a `MultiOptimizer`, otherwise one."""
    inner = inner_optimizer(optimizer)
    return inner_optimizers(inner) or (inner,)


@contextlib.contextmanager
def decaying(optimizer: Optimizer, decayed: Sequence[Decayed]) -> Iterator[None]:
    """Let an optimizer decay some weights at rates of bridle inside the block."""
    optimizers = updating_optimizers(optimizer) if decayed else ()
    before = [set_decay_method(one, _with_rates(one, lambda: decayed)) for one in optimizers]
    try:
        yield
    finally:
        for one, method in zip(optimizers, before, strict=True):
            set_decay_method(one, method)


def attach_decay(optimizer: Optimizer, decayed: Callable[[], Sequence[Decayed]]) -> None:
    """Let an optimizer decay some weights at rates of bridle from now on; `decayed` is called at each update."""
    for one in updating_optimizers(optimizer):
        set_decay_method(one, None)
        set_decay_method(one, _with_rates(one, decayed))


def _with_rates(optimizer: Optimizer, decayed: Callable[[], Sequence[Decayed]]) -> Method:
    """Return a method that decays weights at rates of bridle where these are above 0, and otherwise as Keras does."""
    by_keras = decay_method(optimizer)

    def by_own_rate(variables: list[keras.Variable]) -> None:
        used = [variable for variable in variables if decays(optimizer, variable)]
        if used:  # PyTorch multiplies no empty list
            by_keras(used)

    def decay(variables: list[keras.Variable]) -> None:
        items = decayed()
        indices = {id(item.variable) for item in items}
        by_own_rate([variable for variable in variables if id(variable) not in indices])
        for variable in (variable for variable in variables if id(variable) in indices):
            before = ops.copy(variable.value)
            by_own_rate([variable])
            value = ops.copy(variable.value)
            for item in (item for item in items if item.variable is variable):
                variable.assign(before)
                with decay_rate_replaced(optimizer, item.rate):
                    by_keras([variable])
                value = _combine(item, ops.copy(variable.value), value)
            variable.assign(value)

    return decay


def _combine(item: Decayed, decayed: Any, value: Any) -> Any:
    """Return a weight, decayed at the rate of an item in its part; as it is where the rate is 0."""
    if item.part is None:
        return ops.where(item.rate > 0, decayed, value)
    return item.part.into(value, ops.where(item.rate > 0, item.part.of(decayed), item.part.of(value)))
