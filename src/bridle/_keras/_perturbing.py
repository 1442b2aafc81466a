"""Perturb activations, inputs and weights while a model is called, without changing the model."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import keras

from bridle._errors import InputError
from bridle._keras._internals import flatten_layers, replaced
from bridle._keras._structure import has_states, scores_attention
from bridle._keras._taps import Reading, Tap, mask_of, watching

Change = Callable[[Any, Any, int], Any]
"""(value, mask, number of the call) → value with noise."""


@dataclass(frozen=True)
class Perturbation:
    """Change of one quantity of a layer, `output` or `preactivation`, at each call."""

    tap: Tap
    change: Change


@dataclass(frozen=True)
class PerturbedWeight:
    """Tensor in place of a weight of a layer, for the time of a call."""

    layer: keras.Layer
    variable: keras.Variable
    value: Any


@dataclass(frozen=True)
class Perturbations:
    """Noise of one call of a model."""

    activations: tuple[Perturbation, ...] = ()
    weights: tuple[PerturbedWeight, ...] = ()


@contextlib.contextmanager
def perturbing(noise: Perturbations, taps: Sequence[Tap]) -> Iterator[dict[int, list[Reading]]]:
    """Perturb and watch the calls inside the block; taps watch values before noise, or after it if they say so.

    Yields the readings of `watching`. The layers are restored at the end, also after an error.
    """
    before, after = ([tap for tap in taps if tap.after_noise is late] for late in (False, True))
    inner = [change for change in noise.activations if change.tap.quantity == "preactivation"]
    outer = [change for change in noise.activations if change.tap.quantity != "preactivation"]
    with contextlib.ExitStack() as stack:
        for weight in noise.weights:
            for holder, name in holders(weight.layer, weight.variable):
                stack.enter_context(replaced(holder, name, _as_read(holder, weight.value)))
        for perturbation in inner:  # the function entered last is called first
            stack.enter_context(_on_activation(perturbation))
        readings = stack.enter_context(watching(before))
        for perturbation in outer:
            stack.enter_context(_on_output(perturbation))
        late = stack.enter_context(watching(after))
        lists = {tap: readings[index] for index, tap in enumerate(before)}
        lists |= {tap: late[index] for index, tap in enumerate(after)}
        yield {index: lists[tap] for index, tap in enumerate(taps)}


def holders(layer: keras.Layer, variable: keras.Variable) -> list[tuple[keras.Layer, str]]:
    """Return the attributes of a layer, or of the layers inside, that hold a variable.

    Errors: `InputError` if there is none, because the layer keeps its weights in a list.
    """
    found = [
        (inner, name) for inner in flatten_layers(layer) for name, value in vars(inner).items() if value is variable
    ]
    if not found:
        raise InputError(
            f"Expected a weight that is an attribute of its layer for noise, got {variable.path!r} of "
            f"{type(layer).__name__}. Store it in an attribute of the layer."
        )
    return found


def _as_read(layer: keras.Layer, value: Any) -> Any:
    """Return a value in the type in which the layer reads its variables."""
    casts = layer.autocast and layer.compute_dtype != layer.variable_dtype
    return keras.ops.cast(value, layer.compute_dtype) if casts else value


def _on_output(perturbation: Perturbation) -> contextlib.AbstractContextManager[None]:
    layer, change, calls = perturbation.tap.layer, perturbation.change, count()
    call = layer.call

    def perturbed(*args: Any, **kwargs: Any) -> Any:
        outputs = call(*args, **kwargs)
        flat = keras.tree.flatten(outputs)
        used = 1 if has_states(layer) or scores_attention(layer) else len(flat)
        changed = [change(value, mask_of(layer, args, kwargs, value), next(calls)) for value in flat[:used]]
        return keras.tree.pack_sequence_as(outputs, [*changed, *flat[used:]])

    return replaced(layer, "call", perturbed)


@contextlib.contextmanager
def _on_activation(perturbation: Perturbation) -> Iterator[None]:
    layer, change, calls = perturbation.tap.layer, perturbation.change, count()
    activation, call = layer.activation, layer.call
    arguments: list[tuple[Any, Any]] = [((), {})]

    def entered(*args: Any, **kwargs: Any) -> Any:
        arguments[0] = (args, kwargs)
        return call(*args, **kwargs)

    def perturbed(value: Any, *args: Any, **kwargs: Any) -> Any:
        return activation(change(value, mask_of(layer, *arguments[0], value), next(calls)), *args, **kwargs)

    with replaced(layer, "call", entered), replaced(layer, "activation", perturbed):
        yield
