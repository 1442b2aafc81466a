"""Rewrites of traced operations for fast training loops."""

from bridle.engine.rewrites._interpreter import equations
from bridle.engine.rewrites._rules import for_loops, for_once, gradient_for_loops
from bridle.engine.rewrites._transposed_kernels import (
    CannotTransposeError,
    shapes_to_transpose,
    transpose_kernels,
    untranspose_kernels,
    with_transposed_kernels,
)

__all__ = [
    "CannotTransposeError",
    "equations",
    "for_loops",
    "for_once",
    "gradient_for_loops",
    "shapes_to_transpose",
    "transpose_kernels",
    "untranspose_kernels",
    "with_transposed_kernels",
]
