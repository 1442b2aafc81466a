"""Convolutions and max pooling by slices and matrix products, which XLA compiles well inside a loop on a CPU.

XLA brings a convolution into its fast form only in a program's outermost computation, never in the body of a loop
(https://github.com/jax-ml/jax/issues/12868), and a training is a loop.
"""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

PATCH_BYTES = 2**28
"""Most memory of patches; where more is needed, they are formed for fewer rows at a time, and again for gradients."""


def convolve(
    lhs: Any,
    rhs: Any,
    *,
    window_strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    lhs_dilation: tuple[int, ...],
    rhs_dilation: tuple[int, ...],
    dimension_numbers: Any,
    **others: Any,
) -> Any:
    """Compute `lax.conv_general_dilated_p` with these parameters.

    With each row's windows as patches, out[n, p, o] = Σ_{k, c} patches[n, p, (k, c)] · rhs[(k, c), o],
    one product for each group of channels. `others` are the numbers of groups, and the precision and element type of
    the product.
    """
    numbers, batch_group_count = dimension_numbers, others["batch_group_count"]
    groups = others["feature_group_count"] * batch_group_count
    lhs = jnp.transpose(lhs, (numbers.lhs_spec[0], *numbers.lhs_spec[2:], numbers.lhs_spec[1]))
    rhs = jnp.transpose(rhs, (*numbers.rhs_spec[2:], numbers.rhs_spec[1], numbers.rhs_spec[0]))
    if batch_group_count > 1:
        lhs = lhs.reshape(groups, -1, *lhs.shape[1:])  # group, batch, space…, channel
    else:
        lhs = jnp.moveaxis(lhs.reshape(*lhs.shape[:-1], groups, -1), -2, 0)
    rhs = jnp.moveaxis(rhs.reshape(*rhs.shape[:-1], groups, -1), -2, 0)  # group, space…, channel, feature
    kind = {name: others[name] for name in ("precision", "preferred_element_type")}
    if max(lhs_dilation) > 1 and max(window_strides) == 1:
        out = _dilated_convolve(lhs, rhs, padding, lhs_dilation, rhs_dilation, kind)
    else:
        edges = [(*pair, gap - 1) for pair, gap in zip(padding, lhs_dilation, strict=True)]
        out = _correlate(_padded(lhs, edges, 0), rhs, window_strides, rhs_dilation, kind)
    out = jnp.moveaxis(out, 0, -2)
    out = out.reshape(*out.shape[:-2], -1)  # batch, space…, group · feature
    return jnp.moveaxis(out, range(out.ndim), (numbers.out_spec[0], *numbers.out_spec[2:], numbers.out_spec[1]))


def max_pool(
    operand: Any,
    *,
    window_dimensions: tuple[int, ...],
    window_strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    base_dilation: tuple[int, ...],
    window_dilation: tuple[int, ...],
) -> Any:
    """Compute `lax.reduce_window_max_p` with these parameters.

    Its gradient goes to the first of equal maxima in row-major order, as in XLA: axes are reduced from the last.
    """
    plain = max(base_dilation) == max(window_dilation) == 1 and not any(map(any, padding))
    if plain and window_dimensions == window_strides:
        return _pool_cells(operand, window_dimensions)
    lowest = -jnp.inf if jnp.issubdtype(operand.dtype, jnp.floating) else jnp.iinfo(operand.dtype).min
    edges = [(*pair, gap - 1) for pair, gap in zip(padding, base_dilation, strict=True)]
    out = lax.pad(operand, jnp.asarray(lowest, operand.dtype), edges)
    for axis in reversed(range(operand.ndim)):
        width, stride, gap = window_dimensions[axis], window_strides[axis], window_dilation[axis]
        best, *rest = _shifted(out, axis, width, stride, gap)
        for entry in rest:
            best = jnp.where((entry > best) | (entry != entry), entry, best)  # not a number stays so
        out = best
    return out


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _pool_cells(operand: Any, window: tuple[int, ...]) -> Any:
    """Pool over windows without overlap; the gradient is one pass instead of a sum of padded pieces."""
    return _first_of_cells(operand, window)[0]


def _first_of_cells(operand: Any, window: tuple[int, ...]) -> tuple[Any, Any]:
    """Return the largest entry of each window, and its index in the window: the first of equals, in row-major order."""
    cells = _in_cells(operand, window)
    axes = tuple(range(1, cells.ndim, 2))
    best = winner = None
    for order, index in enumerate(np.ndindex(*window)):
        cell = cells
        for axis, position in zip(reversed(axes), reversed(index), strict=True):
            cell = lax.index_in_dim(cell, position, axis, keepdims=False)
        if best is None or winner is None:
            best, winner = cell, jnp.zeros(cell.shape, jnp.int32)
        else:
            larger = (cell > best) | (cell != cell)
            winner = jnp.where(larger, order, winner)
            best = jnp.where(larger, cell, best)
    return best, winner


def _in_cells(operand: Any, window: tuple[int, ...]) -> Any:
    """Reshape (size, …) to (size // window, window, …), without the rest that fills no window."""
    counts = [size // width for size, width in zip(operand.shape, window, strict=True)]
    covered = [count * width for count, width in zip(counts, window, strict=True)]
    return lax.slice(operand, [0] * operand.ndim, covered).reshape(
        [n for pair in zip(counts, window, strict=True) for n in pair]
    )


def _pool_forward(operand: Any, window: tuple[int, ...]) -> tuple[Any, Any]:
    best, winner = _first_of_cells(operand, window)
    return best, (winner, operand.shape)


def _pool_backward(window: tuple[int, ...], residual: Any, gradient: Any) -> tuple[Any]:
    winner, shape = residual
    wide = tuple(range(1, 2 * len(window), 2))
    numbers = np.arange(math.prod(window), dtype=np.int32).reshape([n for width in window for n in (1, width)])
    spread = jnp.where(jnp.expand_dims(winner, wide) == numbers, jnp.expand_dims(gradient, wide), 0)
    covered = [count * width for count, width in zip(winner.shape, window, strict=True)]
    spread = spread.astype(gradient.dtype).reshape(covered)
    rest = [(0, size - done, 0) for size, done in zip(shape, covered, strict=True)]
    return (lax.pad(spread, jnp.zeros((), gradient.dtype), rest),)


_pool_cells.defvjp(_pool_forward, _pool_backward)


def _padded(operand: Any, edges: list[tuple[int, int, int]], value: Any) -> Any:
    """Pad the axes of space of (group, batch, space…, channel)."""
    none = (0, 0, 0)
    return lax.pad(operand, jnp.asarray(value, operand.dtype), [none, none, *edges, none])


def _window_count(size: int, width: int, stride: int, gap: int) -> int:
    return max(0, (size - (width - 1) * gap - 1) // stride + 1)


def _shifted(operand: Any, axis: int, width: int, stride: int, gap: int) -> list[Any]:
    """Return for each offset in the window its entries at every output position."""
    span = (_window_count(operand.shape[axis], width, stride, gap) - 1) * stride + 1
    return [lax.slice_in_dim(operand, k * gap, k * gap + span, stride, axis) for k in range(width)]


def _correlate(lhs: Any, rhs: Any, strides: tuple[int, ...], gaps: tuple[int, ...], kind: dict[str, Any]) -> Any:
    """Correlate (group, batch, space…, channel) with (group, space…, channel, feature)."""
    counts = [_window_count(*axis) for axis in zip(lhs.shape[2:-1], rhs.shape[1:-2], strides, gaps, strict=True)]
    one = math.prod(counts) * math.prod(rhs.shape[:-1]) * lhs.dtype.itemsize
    if one * lhs.shape[1] <= PATCH_BYTES:
        return _multiply(lhs, rhs, strides, gaps, kind)
    row = jax.checkpoint(lambda row: _multiply(row[:, None], rhs, strides, gaps, kind)[:, 0])
    out = lax.map(row, jnp.moveaxis(lhs, 1, 0), batch_size=max(1, PATCH_BYTES // one))
    return jnp.moveaxis(out, 0, 1)


def _multiply(lhs: Any, rhs: Any, strides: tuple[int, ...], gaps: tuple[int, ...], kind: dict[str, Any]) -> Any:
    patches = lhs
    for axis in reversed(range(2, lhs.ndim - 1)):
        patches = _unfold(patches, axis, rhs.shape[axis - 1], strides[axis - 2], gaps[axis - 2])
    flat = patches.reshape(len(lhs), -1, patches.shape[-1])
    weights = rhs.reshape(len(rhs), -1, rhs.shape[-1])
    if len(lhs) == 1:
        out = lax.dot_general(flat[0], weights[0], (((1,), (0,)), ((), ())), **kind)
    else:
        out = lax.dot_general(flat, weights, (((2,), (1,)), ((0,), (0,))), **kind)
    return out.reshape(*patches.shape[:-1], rhs.shape[-1])


def _unfold(operand: Any, axis: int, width: int, stride: int, gap: int) -> Any:
    """Give every output position along `axis` its window, in front of the channels, by the fewest slices."""
    count = _window_count(operand.shape[axis], width, stride, gap)
    if width <= count or count == 0:
        return jnp.concatenate(_shifted(operand, axis, width, stride, gap), -1)
    span = (width - 1) * gap + 1
    windows = [lax.slice_in_dim(operand, p * stride, p * stride + span, gap, axis) for p in range(count)]
    out = jnp.moveaxis(jnp.stack(windows, axis), axis + 1, -2)
    return out.reshape(*out.shape[:-2], -1)


def _dilated_convolve(
    lhs: Any,
    rhs: Any,
    padding: tuple[tuple[int, int], ...],
    strides: tuple[int, ...],
    gaps: tuple[int, ...],
    kind: dict[str, Any],
) -> Any:
    """Convolve `lhs` with zeros between its entries, without multiplying zeros.

    It is the transpose of the convolution by `strides` with the kernel reversed.
    """
    reversed_kernel = jnp.swapaxes(lax.rev(rhs, tuple(range(1, rhs.ndim - 2))), -1, -2)
    spans = [(width - 1) * gap for width, gap in zip(rhs.shape[1:-2], gaps, strict=True)]
    edges = [(span - low, span - high, 0) for span, (low, high) in zip(spans, padding, strict=True)]
    space = [
        (size - 1) * stride + 1 + low + high - span
        for size, stride, (low, high), span in zip(lhs.shape[2:-1], strides, padding, spans, strict=True)
    ]
    out = jax.ShapeDtypeStruct((*lhs.shape[:2], *space, rhs.shape[-1]), lhs.dtype)
    forward = lambda out: _correlate(_padded(out, edges, 0), reversed_kernel, strides, gaps, kind)  # noqa: E731
    return jax.linear_transpose(forward, out)(lhs)[0]
