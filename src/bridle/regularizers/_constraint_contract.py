"""The laws of constraints. Each function returns the violation as text, or None; its name states the law."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from bridle._errors import BridleError
from bridle._keras import ops, with_gradient
from bridle.regularizers._constraint import Constraint
from bridle.regularizers._registry import KINDS, parse_regularizer

ConstraintLaw = Callable[["ConstraintCase"], str | None]
HALF_PRECISION_VALUE = 300.0
"""Fits float16; its square does not."""


@dataclass(frozen=True)
class ConstraintCase:
    """Constraint, and weights to check it on."""

    constraint: Constraint
    shape: tuple[int, ...]

    @property
    def strengths(self) -> tuple[float, ...]:
        return (1.0,) * len(self.constraint.names)

    @cached_property
    def generic(self) -> np.ndarray:
        """Entries without any order."""
        rng = np.random.default_rng(0)
        return (rng.uniform(0.3, 3.0, self.shape) * rng.choice([-1.0, 1.0], self.shape)).astype("float32")

    @cached_property
    def points(self) -> dict[str, np.ndarray]:
        """Weights at which projections have to be finite."""
        half_zero = self.generic.copy()
        half_zero[0] = 0.0
        tensors = {"a generic weight": self.generic, "zeros": np.zeros(self.shape), "half zeros": half_zero}
        return {name: np.array(value, "float32") for name, value in tensors.items()}

    def projected(self, x: np.ndarray) -> np.ndarray:
        """Return the projection of a weight at strength one."""
        return _numbers(self.constraint.project(ops.convert_to_tensor(x), self.strengths))


def keeps_shape_and_type_and_is_finite(case: ConstraintCase) -> str | None:
    for name, x in case.points.items():
        got = case.projected(x)
        if got.shape != case.shape or not np.all(np.isfinite(got)):
            return f"shape {got.shape} and {np.isfinite(got).mean():.0%} finite entries at {name}"
    for dtype in ("float16", "bfloat16"):
        x = ops.cast(np.full(case.shape, HALF_PRECISION_VALUE), dtype)
        projected = case.constraint.project(x, case.strengths)
        if keras.backend.standardize_dtype(projected.dtype) != dtype:
            return f"{projected.dtype} for {dtype}"
        if not np.all(np.isfinite(_numbers(ops.cast(projected, "float32")))):
            return f"entries that are not finite for {dtype} entries of {HALF_PRECISION_VALUE:g}"
    return None


def projects_twice_as_once(case: ConstraintCase) -> str | None:
    for name, x in case.points.items():
        once = case.projected(x)
        if not np.allclose(case.projected(once), once, rtol=1e-5, atol=1e-6):
            return f"another weight after a second projection at {name}"
    return None


def projects_the_same_when_compiled(case: ConstraintCase) -> str | None:
    """Compare with a compiled call, in which strengths and weight are traced."""
    count, factors = len(case.strengths), np.random.default_rng(1).normal(size=case.shape).astype("float32")
    weights = ops.convert_to_tensor(factors)

    def total(flat: Any) -> Any:
        x, strengths = ops.reshape(flat[count:], case.shape), [flat[index] for index in range(count)]
        return ops.sum(weights * case.constraint.project(x, strengths))

    try:
        got = with_gradient(total)(
            np.concatenate([np.array(case.strengths), np.ravel(case.generic)]).astype("float32")
        )[0]
    except BridleError:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    expected = float(np.sum(factors * case.projected(case.generic)))
    return None if np.isclose(got, expected, rtol=1e-4, atol=1e-5) else f"{got} compiled and {expected} not"


def changes_nothing_at_strength_zero(case: ConstraintCase) -> str | None:
    zero = case.constraint.at(*(0.0 for _ in case.strengths))
    if any(zero.schedules):
        return None
    changed = not np.array_equal(_numbers(zero(case.generic)), case.generic)
    return "another weight when called" if changed else None


def survives_saving_and_its_text(case: ConstraintCase) -> str | None:
    """Read it back from Keras's configuration, and from its text if there is one."""
    constraint = case.constraint
    try:
        again: Any = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(constraint))
    except (TypeError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {str(error)[:200]} Put @keras.saving.register_keras_serializable() above it"
    if type(again) is not type(constraint) or again.get_config() != constraint.get_config():
        return f"{again!r} after reading it"
    if KINDS.get(constraint.kind) is not type(constraint):
        return None
    text = constraint.to_text(*map(repr, case.strengths))
    reread = parse_regularizer(text)
    return None if reread.to_text(*map(repr, case.strengths)) == text else f"{reread!r} from {text!r}"


def _numbers(tensor: Any) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


CONSTRAINT_LAWS: tuple[ConstraintLaw, ...] = (
    survives_saving_and_its_text,
    keeps_shape_and_type_and_is_finite,
    projects_twice_as_once,
    projects_the_same_when_compiled,
    changes_nothing_at_strength_zero,
)
