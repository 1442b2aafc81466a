"""Watch activations while a model is called, without changing the model."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import keras
from keras import ops

from bridle._errors import InputError
from bridle._keras._internals import get_mask, replaced
from bridle._keras._structure import has_states, scores_attention

Record = Callable[["Reading"], None]


@dataclass(frozen=True)
class Tap:
    """A place to watch: a quantity of one layer.

    `output`, `preactivation`, `hidden_state`, `cell_state` or `attention_scores`.
    """

    layer: keras.Layer
    quantity: str
    around: keras.Layer | None = None
    """The `TimeDistributed` that calls the layer once for each time step."""
    after_noise: bool = False
    """True to watch an output with its noise, False without."""


@dataclass(frozen=True)
class Reading:
    """One activation of shape (batch, …) and the mask of its leading axes, or None."""

    value: Any
    mask: Any


@contextlib.contextmanager
def watching(taps: Sequence[Tap]) -> Iterator[dict[int, list[Reading]]]:
    """Collect the readings of each tap (by its position) for the calls made inside the block.

    A layer that is called several times gives one reading per call. The layers' functions are restored
    at the end, also after an error.
    """
    readings: dict[int, list[Reading]] = {index: [] for index in range(len(taps))}
    states: dict[keras.Layer, dict[int, Record]] = {}
    with contextlib.ExitStack() as stack:
        for index, tap in enumerate(taps):
            record = readings[index].append
            if tap.around is not None:
                record = stack.enter_context(_over_time(tap.around, record))
            if tap.quantity in STATES:
                states.setdefault(tap.layer, {})[STATES[tap.quantity]] = record
            else:
                stack.enter_context(QUANTITIES[tap.quantity](tap.layer, record))
        for layer, records in states.items():
            stack.enter_context(_on_states(layer, records))
        yield readings


def _on_output(layer: keras.Layer, record: Record) -> contextlib.AbstractContextManager[None]:
    call = layer.call

    def watched(*args: Any, **kwargs: Any) -> Any:
        outputs = call(*args, **kwargs)
        flat = keras.tree.flatten(outputs)
        for value in flat[:1] if has_states(layer) or scores_attention(layer) else flat:
            record(Reading(value, mask_of(layer, args, kwargs, value)))
        return outputs

    return replaced(layer, "call", watched)


@contextlib.contextmanager
def _on_activation(layer: keras.Layer, record: Record) -> Iterator[None]:
    activation, call = layer.activation, layer.call
    arguments: list[tuple[Any, Any]] = [((), {})]

    def entered(*args: Any, **kwargs: Any) -> Any:
        arguments[0] = (args, kwargs)
        return call(*args, **kwargs)

    def watched(value: Any, *args: Any, **kwargs: Any) -> Any:
        record(Reading(value, mask_of(layer, *arguments[0], value)))
        return activation(value, *args, **kwargs)

    with replaced(layer, "call", entered), replaced(layer, "activation", watched):
        yield


@contextlib.contextmanager
def _on_scores(layer: keras.Layer, record: Record) -> Iterator[None]:
    call = layer.call

    def watched(*args: Any, **kwargs: Any) -> Any:
        with_scores = kwargs.pop("return_attention_scores", False)
        outputs, scores = call(*args, return_attention_scores=True, **kwargs)
        by_query = ops.transpose(scores, (0, 2, 1, 3)) if len(scores.shape) == 4 else scores
        record(Reading(by_query, mask_of(layer, args, kwargs, by_query)))
        return (outputs, scores) if with_scores else outputs

    with replaced(layer, "call", watched):
        yield


@contextlib.contextmanager
def _on_states(layer: keras.Layer, records: Mapping[int, Record]) -> Iterator[None]:
    """Watch states of a recurrent layer over all time steps, by their indices.

    What happens inside the loop over time cannot be read outside it. So for the time of the loop the cell gives its
    states beside its own output, in one tensor, side by side on the last axis; that tensor also goes from step to
    step as the first state, where Keras looks for what to give again at a padded step.
    """

    def looped(sequences: Any, initial_state: Any, mask: Any, **kwargs: Any) -> Any:
        step, start = layer.cell.call, keras.tree.flatten(initial_state)

        def stepped(inputs: Any, states: Any, **kwargs: Any) -> Any:
            output, new = step(inputs, list(states)[1:], **kwargs)
            new = keras.tree.flatten(new)
            beside = ops.concatenate([output, *new], axis=-1)
            return beside, [beside, *new]

        first = ops.concatenate([start[0], *start], axis=-1)
        mask = None if mask is None else keras.tree.flatten(mask)[0]
        with replaced(layer.cell, "call", stepped), replaced(layer, "return_sequences", True):
            last, outputs, states = keras.layers.RNN.inner_loop(layer, sequences, [first, *start], mask, **kwargs)
        ends = list(accumulate([start[0].shape[-1], *(state.shape[-1] for state in start)]))
        for index, record in records.items():
            record(Reading(outputs[..., ends[index] : ends[index + 1]], _in_order(layer, mask)))
        return last[..., : ends[0]], outputs[..., : ends[0]], list(states)[1:]

    with replaced(layer, "inner_loop", looped):
        yield


@contextlib.contextmanager
def _over_time(wrapper: keras.Layer, record: Record) -> Iterator[Record]:
    """Gather the readings of each time step, and pass them on as one, with time as the second axis."""
    call, steps = wrapper.call, []

    def watched(*args: Any, **kwargs: Any) -> Any:
        steps.clear()
        outputs = call(*args, **kwargs)
        length = args[0].shape[1]
        if length is None:
            raise InputError(
                f"Expected a fixed number of time steps in {wrapper.name!r} to see inside it, got any number. "
                "Give the length in keras.Input, or penalize its output."
            )
        if steps:
            calls = len(steps) // length
            for index in range(calls):
                value = ops.stack([reading.value for reading in steps[index::calls]], axis=1)
                record(Reading(value, mask_of(wrapper, args, kwargs, value)))
        return outputs

    with replaced(wrapper, "call", watched):
        yield steps.append


QUANTITIES: dict[str, Callable[[keras.Layer, Record], contextlib.AbstractContextManager[None]]] = {
    "output": _on_output,
    "preactivation": _on_activation,
    "attention_scores": _on_scores,
}
"""The function that watches each quantity of a layer."""
STATES = {"hidden_state": 0, "cell_state": 1}
"""States of a recurrent layer, by their place among its states."""


def mask_of(layer: keras.Layer, args: tuple[Any, ...], kwargs: dict[str, Any], value: Any) -> Any:
    """Return the mask of a layer's output, where it still fits the leading axes."""
    if not (layer.supports_masking and args):
        return None
    previous = keras.tree.map_structure(get_mask, args[0])
    if not any(mask is not None for mask in keras.tree.flatten(previous)):
        previous = kwargs.get("mask", kwargs.get("query_mask"))
    masks = keras.tree.flatten(layer.compute_mask(args[0], previous))
    if not masks or masks[0] is None:
        return None
    if tuple(masks[0].shape) != tuple(value.shape[: len(masks[0].shape)]):
        return None
    return _in_order(layer, masks[0])


def _in_order(layer: keras.Layer, mask: Any) -> Any:
    """Return a mask in the order of the outputs: a recurrent layer that goes backwards reverses them."""
    return ops.flip(mask, axis=1) if mask is not None and has_states(layer) and layer.go_backwards else mask
