"""Some rows tried on a model, in outline: whether they fit it, before anything is compiled."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from bridle._errors import BridleError, InputError
from bridle._keras._internals import symbolic_result
from bridle._keras._masks import Masked, detach_masks


def two_rows(tree: Any) -> Any:
    """The first two rows of every array, without a program that would be compiled for each shape."""
    on_host = jax.default_backend() == "cpu"  # where NumPy sees the arrays of JAX
    return jax.tree.map(lambda array: jax.device_put((np.asarray(array) if on_host else array)[:2]), tree)


def predicted(model: keras.Model, x: Any, name: str = "") -> Masked:
    """The shapes that a model makes of some rows, and of the masks that go with them, without computing them.

    `name` is what to call these rows.

    Errors: `InputError` where the rows do not fit the model.
    """
    x = two_rows(x)
    try:
        return outlined(lambda x: detach_masks(model(x, training=False)), x)
    except BridleError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(
            f"Expected {f'{name} ' if name else ''}rows that fit the model's input {shapes_of(model.inputs)}, "
            f"got {shapes_of(x)}. {first_line(error)}"
        ) from error


def outlined(function: Callable[..., Any], *arguments: Any) -> Any:
    """The results of a function in outline, without computing them; computed where Keras cannot tell otherwise."""
    try:
        return symbolic_result(function, *jax.tree.map(_outline_of, arguments))
    except Exception:  # whatever is wrong is said by the call with values, in its own words
        return function(*jax.tree.map(_with_values, arguments))


def _outline_of(array: Any) -> keras.KerasTensor:
    return keras.KerasTensor(tuple(array.shape), dtype=keras.backend.standardize_dtype(array.dtype))


def _with_values(array: Any) -> Any:
    return jnp.ones(array.shape, array.dtype) if isinstance(array, keras.KerasTensor) else array


def shapes_of(tree: Any) -> str:
    """The shapes of arrays, as a person reads them."""
    shapes = [("rows", *leaf.shape[1:]) for leaf in jax.tree.leaves(tree) if hasattr(leaf, "shape")]
    return " and ".join(f"({', '.join(map(str, shape))})" for shape in shapes)


def first_line(error: Exception) -> str:
    """What Keras says, as far as one line goes."""
    return f"Keras says: {str(error).strip().splitlines()[0]}"
