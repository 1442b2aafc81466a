"""Tracing a model on two rows: the shapes and masks of its predictions, and the layer that cannot be traced."""

import contextlib
from collections.abc import (
    Callable,
    Iterator,
)
from types import (
    TracebackType,
)
from typing import (
    Any,
    NamedTuple,
)

import jax
import jax.numpy as jnp
import keras
import numpy as np

from bridle._errors import (
    BridleError,
    InputError,
    first_line,
)
from bridle._keras._internals import (
    get_mask,
    set_mask,
    symbolic_result,
)


class Masked(NamedTuple):
    """Predictions and their masks, as one tree of arrays that all have the same rows."""

    values: Any
    masks: tuple[Any, ...]
    """The mask of each output, or None, in the order of the leaves of `values`."""


def detach_masks(prediction: Any) -> Masked:
    """Return the masks of a prediction with its values, so that slices and loops keep both."""
    return Masked(prediction, tuple(get_mask(leaf) for leaf in jax.tree.leaves(prediction)))


def attach_masks(prediction: Masked) -> Any:
    """Return the values with their masks where Keras's losses and metrics read them."""
    leaves, structure = jax.tree.flatten(prediction.values)
    for leaf, mask in zip(leaves, prediction.masks, strict=True):
        if mask is not None:
            set_mask(leaf, mask)
    return jax.tree.unflatten(structure, leaves)


def first_two_rows(tree: Any) -> Any:
    """Return the first two rows of every array, which may be on disk."""
    return jax.tree.map(lambda array: jax.device_put(first_rows(array, 2)), tree)


def first_rows(array: Any, count: int) -> Any:
    """Return the first rows of an array, without a program that would be compiled for each shape."""
    on_host = jax.default_backend() == "cpu" and isinstance(array, jax.Array)  # NumPy can then read it
    return (np.asarray(array) if on_host else array)[:count]


def predicted_shapes(model: keras.Model, x: Any, name: str = "") -> Masked:
    """Return the shapes of a model's predictions for some rows, and of their masks, without computing them.

    `name` names these rows in messages.

    Errors: `InputError` where the rows do not fit the model.
    """
    x = first_two_rows(x)
    try:
        return symbolic_outputs(lambda x: detach_masks(model(x, training=False)), x)
    except BridleError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(
            f"Expected {f'{name} ' if name else ''}rows that fit the model's input {shapes_of(model.inputs)}, "
            f"got {shapes_of(x)}. Keras says: {first_line(error)}"
        ) from error


def symbolic_outputs(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the shapes of a function's results; compute them where Keras cannot tell otherwise."""
    try:
        return symbolic_result(function, *jax.tree.map(_outline_of, arguments))
    except Exception:  # the call with values reports the error
        return function(*jax.tree.map(_with_values, arguments))


def _outline_of(array: Any) -> keras.KerasTensor:
    return keras.KerasTensor(tuple(array.shape), dtype=keras.backend.standardize_dtype(array.dtype))


def _with_values(array: Any) -> Any:
    return jnp.ones(array.shape, array.dtype) if isinstance(array, keras.KerasTensor) else array


def shapes_of(tree: Any) -> str:
    """Return the shapes of arrays as text."""
    shapes = [("rows", *leaf.shape[1:]) for leaf in jax.tree.leaves(tree) if hasattr(leaf, "shape")]
    return " and ".join(f"({', '.join(map(str, shape))})" for shape in shapes)


class UntraceableError(BridleError):
    """A model whose call asks for values that are not there while it is traced; the text names the layer."""


@contextlib.contextmanager
def layers_named() -> Iterator[None]:
    """Turn an error of JAX about a value that it does not have while tracing into one that names the layer.

    Keras rewrites the errors of layers, which these errors do not survive; that is turned off inside the block.

    Errors: `UntraceableError`.
    """
    filtering = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        yield
    except (jax.errors.JAXTypeError, jax.errors.JAXIndexError) as error:
        layer = _innermost(error.__traceback__)
        where = "the loss or a metric" if layer is None else f"the layer {layer.name!r} ({type(layer).__name__})"
        raise UntraceableError(f"{where}: {str(error).strip().splitlines()[0]}") from error
    finally:
        if filtering:
            keras.config.enable_traceback_filtering()


def _innermost(traceback: TracebackType | None) -> keras.Layer | None:
    """Return the layer inside whose call an error was raised; None outside of layers."""
    layer = None
    while traceback is not None:
        owner = traceback.tb_frame.f_locals.get("self")
        if isinstance(owner, keras.Layer) and traceback.tb_frame.f_code.co_name == "call":
            layer = owner
        traceback = traceback.tb_next
    return layer
