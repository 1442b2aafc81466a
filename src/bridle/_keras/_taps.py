"""Watch activations while a model is traced, without changing the model."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras.src import backend


@dataclass(frozen=True)
class Tap:
    """Where to watch: the `output` or the `preactivation` of one layer."""

    layer: keras.Layer
    quantity: str


@dataclass(frozen=True)
class Reading:
    """One activation of shape (batch, …) and the mask of its leading axes, or None."""

    value: Any
    mask: Any


@contextlib.contextmanager
def watching(taps: Sequence[Tap]) -> Iterator[dict[int, list[Reading]]]:
    """Collect the readings of each tap (by its position) for the calls made inside the block.

    A layer that is called several times gives one reading per call. The layers' own functions are put back
    at the end, also after an error.
    """
    readings: dict[int, list[Reading]] = {number: [] for number in range(len(taps))}
    with contextlib.ExitStack() as stack:
        for number, tap in enumerate(taps):
            place = _on_output if tap.quantity == "output" else _on_activation
            stack.enter_context(place(tap.layer, readings[number].append))
        yield readings


@contextlib.contextmanager
def _replaced(layer: keras.Layer, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Set an attribute past Keras's tracking of attributes, and undo it."""
    own = vars(layer)
    missing = object()
    before = own.get(name, missing)
    own[name] = function
    try:
        yield
    finally:
        if before is missing:
            del own[name]
        else:
            own[name] = before


def _on_output(layer: keras.Layer, record: Callable[[Reading], None]) -> contextlib.AbstractContextManager[None]:
    call = layer.call

    def watched(*args: Any, **kwargs: Any) -> Any:
        outputs = call(*args, **kwargs)
        for value in keras.tree.flatten(outputs):
            record(Reading(value, _mask(layer, args, value)))
        return outputs

    return _replaced(layer, "call", watched)


@contextlib.contextmanager
def _on_activation(layer: keras.Layer, record: Callable[[Reading], None]) -> Iterator[None]:
    activation, call = layer.activation, layer.call
    arguments: list[tuple[Any, ...]] = [()]

    def entered(*args: Any, **kwargs: Any) -> Any:
        arguments[0] = args
        return call(*args, **kwargs)

    def watched(value: Any, *args: Any, **kwargs: Any) -> Any:
        record(Reading(value, _mask(layer, arguments[0], value)))
        return activation(value, *args, **kwargs)

    with _replaced(layer, "call", entered), _replaced(layer, "activation", watched):
        yield


def _mask(layer: keras.Layer, args: tuple[Any, ...], value: Any) -> Any:
    """The mask that reached a layer, where it still fits the leading axes of what comes out."""
    if not (layer.supports_masking and args):
        return None
    mask = backend.get_keras_mask(keras.tree.flatten(args[0])[0])
    if mask is None or tuple(mask.shape) != tuple(value.shape[: len(mask.shape)]):
        return None
    return mask
