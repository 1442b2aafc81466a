"""Comparison of two models as functions: equal programs on JAX, otherwise equal numbers on two rows."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import keras
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from bridle._errors import KindError
from bridle._keras._backend import seeded
from bridle._keras._inputs import model_inputs
from bridle._keras._internals import takes_training

ROWS = 2
SIZES = (8, 64)
"""Sizes that an axis without one is tried with."""
ADDRESS = re.compile(r"0x[0-9a-f]+")
TOLERANCE = 1e-4
Values = Sequence[Any]


def is_same_function(model: keras.Model, reference: keras.Model) -> bool:
    """Compare the predictions of two models with the same variables, each with the values of the first.

    On JAX the traced programs are compared, which is a comparison on all rows of one shape; where their texts differ,
    and on other backends, the predictions of two rows are. Where no rows can be made that the model takes, nothing is
    compared and the result is True.
    """
    values = [variable.value for variable in (*model.trainable_variables, *model.non_trainable_variables)]
    split = len(model.trainable_variables)
    for size in SIZES:
        x = _rows(model, size)
        if x is None:
            return True
        try:
            if keras.backend.backend() == "jax" and _have_same_program(model, reference, values, split, x):
                return True
            got, expected = (_predictions(one, values, split, x) for one in (reference, model))
        except Exception:  # layers raise many types for random rows that they do not accept
            continue
        return len(got) == len(expected) and all(map(is_close, got, expected))
    return True


def rows_as_inputs(model: keras.Model, rows: Values) -> Any:
    """Return flat arrays of rows in the structure that a model takes; None if it is not known."""
    entrance = model_inputs(model)
    if entrance is not None:
        return entrance.packed(list(rows)) if len(rows) == len(entrance.flat) else None
    return rows[0] if len(rows) == 1 else None


def predictions_of(model: keras.Model, variables: Values, rows: Values) -> tuple[np.ndarray, ...]:
    """Return the flat predictions of a model for flat rows, with values for its (trainable, other) variables."""
    return tuple(_predictions(model, variables, len(model.trainable_variables), rows_as_inputs(model, rows)))


def check_predictions(model: keras.Model, variables: Values, rows: Values, expected: Values) -> None:
    """Check that a model predicts for some rows what another one did with the same variables.

    Errors: `KindError` where it does not.
    """
    got = predictions_of(model, variables, rows)
    if len(got) != len(expected) or not all(map(is_close, got, expected)):
        raise KindError(
            f"Expected a model with the predictions of the fit of the study, got other predictions from {model.name!r} "
            "with the same weights. Give the classes, functions and constants of the study."
        )


def is_close(got: Any, expected: Any) -> bool:
    """Return True if two arrays of predictions agree within the rounding of another order of summation."""
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape or expected.dtype.kind not in "fc":
        return np.array_equal(got, expected)
    spread = float(np.max(np.abs(expected[np.isfinite(expected)]), initial=0.0))
    return np.allclose(got, expected, rtol=TOLERANCE, atol=TOLERANCE * max(spread, 1e-3), equal_nan=True)


def _rows(model: keras.Model, size: int) -> Any:
    """Draw two rows of numbers; return None for a model that does not state its inputs."""
    generator = np.random.default_rng(0)

    def drawn(shape: tuple[int | None, ...], below: int | None, dtype: str) -> np.ndarray:
        sizes = (ROWS, *(size if length is None else length for length in shape))
        numbers = generator.normal(size=sizes) if below is None else generator.integers(0, max(below, 1), sizes)
        return numbers.astype(dtype if dtype != "bfloat16" else "float32")

    entrance = model_inputs(model)
    if entrance is not None:
        if any(door.dtype == "string" for door in entrance.flat):
            return None
        return entrance.packed([drawn(door.shape, door.rows, door.dtype) for door in entrance.flat])
    shape = (model.get_build_config() or {}).get("input_shape")
    is_one = isinstance(shape, tuple | list) and all(size is None or isinstance(size, int) for size in shape)
    return drawn(tuple(shape[1:]), None, "float32") if is_one and shape else None


def _called(model: keras.Model, values: Values, split: int, x: Any) -> list[Any]:
    options = {"training": False} if takes_training(model) else {}
    prediction, _ = model.stateless_call(list(values[:split]), list(values[split:]), x, **options)
    return keras.tree.flatten(prediction)


def _predictions(model: keras.Model, values: Values, split: int, x: Any) -> list[np.ndarray]:
    x = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
    with seeded(0):
        return [keras.ops.convert_to_numpy(leaf) for leaf in _called(model, values, split, x)]


def _have_same_program(model: keras.Model, reference: keras.Model, values: Values, split: int, x: Any) -> bool:
    one, two = (_traced(traced, values, split, x) for traced in (model, reference))
    texts = [ADDRESS.sub("", str(traced.jaxpr)) for traced in (one, two)]
    if texts[0] != texts[1] or "callback" in texts[0]:
        return False
    constants = [list(_constants(traced)) for traced in (one, two)]
    return len(constants[0]) == len(constants[1]) and all(map(np.array_equal, *constants))


def _traced(model: keras.Model, values: Values, split: int, x: Any) -> Any:
    with seeded(0):
        return jax.make_jaxpr(lambda values, x: _called(model, values, split, x))(values, x)


def _constants(program: Any) -> Iterator[np.ndarray]:
    """Yield the arrays that a traced program holds, also in the programs that it calls."""
    if isinstance(program, ClosedJaxpr):
        yield from map(np.asarray, program.consts)
        program = program.jaxpr
    for equation in program.eqns:
        yield from (np.asarray(variable.val) for variable in equation.invars if isinstance(variable, Literal))
        for parameter in jax.tree.leaves(equation.params, is_leaf=_is_program):
            if _is_program(parameter):
                yield from _constants(parameter)


def _is_program(value: Any) -> bool:
    return isinstance(value, ClosedJaxpr | Jaxpr)
