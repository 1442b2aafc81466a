"""The batch that an audit runs: rows of the user, or rows generated from the shapes of the model's inputs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from bridle._errors import InputError, nearest_names, short_repr
from bridle._keras import InputSpec, ModelInputs, model_inputs
from bridle.sources._read import head, is_source
from bridle.untrusted import GENERATED_ROWS

MAX_SAMPLES = 256
"""The largest number of samples of the user's rows."""
AXIS_SIZES = (8, 32, 128)
"""Sizes tried for axes of any size."""
ADVICE = "Give x=, an array of rows, or a list or dictionary of arrays where the model has several inputs."


@dataclass(frozen=True)
class Batch:
    """Batch of inputs of a model."""

    x: Any
    sample_weight: np.ndarray | None
    """Shape (batch,)."""
    description: str

    @property
    def counted(self) -> np.ndarray | None:
        """1 for samples of weight above zero, 0 for the others; None without weights."""
        return None if self.sample_weight is None else (self.sample_weight > 0).astype("float32")


def batch_of_rows(x: Any, sample_weight: Any, model: keras.Model) -> Batch:
    """Return the first rows that the user gave as a batch.

    Errors: `InputError` for anything but arrays of numbers, for unequal numbers of rows, and for another number of
    inputs than the model has.
    """
    if is_source(x):
        first = head(x, MAX_SAMPLES)
        x, sample_weight = first.x, first.sample_weight if sample_weight is None else sample_weight[: len(first)]
    arrays = keras.tree.map_structure(_array, dict(x) if isinstance(x, Mapping) else _plain(x))
    inputs = model_inputs(model)
    flat = keras.tree.flatten(arrays)
    rows = {array.shape[0] for array in flat}
    if not flat or len(rows) != 1 or 0 in rows:
        raise InputError(f"Expected inputs with the same number of rows, at least one, got {_shapes(flat)}. {ADVICE}")
    total = rows.pop()
    weight = _weight(sample_weight, total)
    count = min(total, MAX_SAMPLES)
    _check_inputs(inputs, arrays)
    part = f"the first {count} of {total}" if count < total else f"{total}"
    return Batch(
        keras.tree.map_structure(lambda array: array[:count], arrays),
        None if weight is None else weight[:count],
        f"one batch of {part} samples, {_shapes([array[:count] for array in flat])}",
    )


def generated_batches(model: keras.Model, sample_weight: Any) -> Iterator[Batch]:
    """Yield batches that fit the shapes of the inputs, one for each size that open axes may have.

    Numbers come from a normal distribution, indices from the rows of their table. If the model has masks, half of the
    samples end in padding.

    Errors: `InputError` for a model that does not state its inputs, or takes text.
    """
    inputs = model_inputs(model)
    if inputs is None:
        raise InputError(f"Expected x for {type(model).__name__} {model.name!r}, which declares no inputs. {ADVICE}")
    weight = _weight(sample_weight, GENERATED_ROWS)
    has_open_axes = any(size is None for spec in inputs.flat for size in spec.shape)
    for size in AXIS_SIZES if has_open_axes else AXIS_SIZES[:1]:
        random = np.random.default_rng(0)
        arrays = [_generate(spec, inputs, size, random) for spec in inputs.flat]
        text = f"one generated batch of {GENERATED_ROWS} samples, {_shapes(arrays)}"
        yield Batch(inputs.packed(arrays), weight, text)


def _generate(spec: InputSpec, inputs: ModelInputs, open_size: int, random: np.random.Generator) -> np.ndarray:
    if spec.dtype == "string":
        raise InputError(
            f"Expected x for the input {spec.name!r}, which takes text, which the audit cannot generate. {ADVICE}"
        )
    shape: tuple[int, ...] = (GENERATED_ROWS, *(open_size if size is None else size for size in spec.shape))
    if spec.rows is None:
        values: np.ndarray = random.normal(size=shape)
        padding = inputs.mask_value if len(shape) > 2 else None
    else:
        values = random.integers(1 if inputs.pads_zeros and spec.rows > 1 else 0, spec.rows, shape)
        padding = 0 if inputs.pads_zeros and len(shape) > 1 else None
    if padding is not None and len(shape) > 1 and shape[1] > 1:
        values[: GENERATED_ROWS // 2, shape[1] // 2 :] = padding
    return values.astype(spec.dtype)


def _plain(x: Any) -> Any:
    if hasattr(x, "to_numpy"):
        return x.to_numpy()
    return list(x) if isinstance(x, tuple) else x if _is_several(x) else np.asarray(x)


def _is_several(x: Any) -> bool:
    return isinstance(x, list) and bool(x) and all(hasattr(item, "shape") and len(item.shape) for item in x)


def _array(x: Any) -> np.ndarray:
    array = np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)
    if array.dtype.kind not in "fiub" or not array.ndim:
        raise InputError(f"Expected rows of numbers, got {array.dtype} of shape {array.shape}. {ADVICE}")
    if array.dtype.kind == "f" and not np.isfinite(array[:MAX_SAMPLES]).all():
        raise InputError(f"Expected finite numbers, got rows with missing or infinite ones. {ADVICE}")
    return array.astype("float32") if array.dtype == "float64" else array


def _weight(sample_weight: Any, rows: int) -> np.ndarray | None:
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight)
    if weight.dtype.kind not in "fiub" or weight.shape[:1] != (rows,):
        raise InputError(f"Expected sample_weight of shape ({rows},), one for each row, got {weight.shape}.")
    return weight.reshape(rows, -1).max(axis=1)


def _in_order(inputs: ModelInputs, arrays: Any) -> list[np.ndarray]:
    """Return arrays in the order of the inputs: those of a dictionary by their names, as Keras takes them.

    Errors: `InputError` for a name that is missing.
    """
    if not isinstance(arrays, Mapping):
        return keras.tree.flatten(arrays)
    missing = [name for name in inputs.names if name not in arrays]
    if missing and len(arrays) != len(inputs.flat):
        return keras.tree.flatten(arrays)  # the caller refuses their number
    if missing:
        raise InputError(
            f"Expected an array for every input ({', '.join(map(short_repr, inputs.names))}), got a dictionary without "
            f"{missing[0]!r}. {nearest_names(missing[0], map(str, arrays))}"
        )
    return [arrays[name] for name in inputs.names]


def _check_inputs(inputs: ModelInputs | None, arrays: Any) -> None:
    if inputs is None:
        return
    flat = _in_order(inputs, arrays)
    if len(flat) != len(inputs.flat):
        expected = ", ".join(f"{spec.name!r} {_shape(('rows', *spec.shape))}" for spec in inputs.flat)
        raise InputError(f"Expected {len(inputs.flat)} inputs ({expected}), got {len(flat)}. {ADVICE}")
    for array, spec in zip(flat, inputs.flat, strict=True):
        fits = len(array.shape) - 1 == len(spec.shape) and all(
            size in (None, actual) for size, actual in zip(spec.shape, array.shape[1:], strict=True)
        )
        if not fits:
            raise InputError(
                f"Expected rows of shape {_shape(('rows', *spec.shape))} for the input {spec.name!r}, got "
                f"{_shape(array.shape)}. {ADVICE}"
            )


def _shapes(arrays: list[np.ndarray]) -> str:
    return " and ".join(f"{array.dtype} {_shape(array.shape)}" for array in arrays)


def _shape(shape: tuple[Any, ...]) -> str:
    inner = ", ".join("any" if size is None else str(size) for size in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"
