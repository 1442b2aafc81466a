"""The batch that an audit runs: a person's own, or one that is made from the shapes of the model's inputs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from bridle._errors import InputError, nearest_names
from bridle._keras import InputSpec, ModelInputs, doors
from bridle.untrusted import MADE

MOST = 256
"""Samples of a made batch; samples taken of a person's own."""
LENGTHS = (8, 32, 128)
"""Sizes tried for axes that may have any."""
GIVE = "Give x=, an array of rows, or a list or dictionary of arrays where the model has several inputs."


@dataclass(frozen=True)
class Batch:
    """One batch, as the model takes it."""

    x: Any
    sample_weight: np.ndarray | None
    """Shape (batch,)."""
    said: str
    """Where it comes from."""

    @property
    def counted(self) -> np.ndarray | None:
        """1 for samples of weight above zero, 0 for the others; None where there are no weights."""
        return None if self.sample_weight is None else (self.sample_weight > 0).astype("float32")


def own_batch(x: Any, sample_weight: Any, model: keras.Model) -> Batch:
    """The first rows that a person gave.

    Errors: `InputError` for what is no array of numbers, unequal rows, another number of inputs than the model has.
    """
    arrays = keras.tree.map_structure(_array, dict(x) if isinstance(x, Mapping) else _plain(x))
    known = doors(model)
    flat = keras.tree.flatten(arrays)
    rows = {array.shape[0] for array in flat}
    if not flat or len(rows) != 1 or 0 in rows:
        raise InputError(f"Expected inputs with the same number of rows, at least one, got {_shapes(flat)}. {GIVE}")
    size = rows.pop()
    weight = _weight(sample_weight, size)
    taken = min(size, MOST)
    _check_doors(known, arrays)
    kept = keras.tree.map_structure(lambda array: array[:taken], arrays)
    part = f"the first {taken} of {size}" if taken < size else f"{size}"
    said = f"one batch of {part} samples, {_shapes([array[:taken] for array in flat])}"
    return Batch(kept, None if weight is None else weight[:taken], said)


def made_batches(model: keras.Model, sample_weight: Any) -> Iterator[Batch]:
    """Batches made from the shapes of the inputs, for each size that axes without one may have.

    Numbers are drawn from a normal distribution, what is looked up from the rows of the table; where the model has
    masks, half of the samples end in padding.

    Errors: `InputError` for a model that does not state its inputs, or takes text.
    """
    known = doors(model)
    if known is None:
        raise InputError(
            f"Expected x for {type(model).__name__} {model.name!r}, which does not state its inputs. {GIVE}"
        )
    weight = _weight(sample_weight, MADE)
    open_axes = any(size is None for door in known.flat for size in door.shape)
    for length in LENGTHS if open_axes else LENGTHS[:1]:
        random = np.random.default_rng(0)
        arrays = [_made(door, known, length, random) for door in known.flat]
        said = f"one generated batch of {MADE} samples, {_shapes(arrays)}"
        yield Batch(known.packed(arrays), weight, said)


def _made(door: InputSpec, known: ModelInputs, length: int, random: np.random.Generator) -> np.ndarray:
    if door.dtype == "string":
        raise InputError(f"Expected x for the input {door.name!r}, which takes text that cannot be made up. {GIVE}")
    shape = (MADE, *(length if size is None else size for size in door.shape))
    if door.rows is None:
        made = random.normal(size=shape)
        padding = known.mask_value if len(shape) > 2 else None
    else:
        made = random.integers(1 if known.pads_zeros and door.rows > 1 else 0, door.rows, shape)
        padding = 0 if known.pads_zeros and len(shape) > 1 else None
    if padding is not None and shape[1] > 1:
        made[: MADE // 2, shape[1] // 2 :] = padding
    return made.astype(door.dtype)


def _plain(x: Any) -> Any:
    if hasattr(x, "to_numpy"):
        return x.to_numpy()
    if hasattr(x, "toarray"):  # a sparse matrix
        return x.toarray()
    return list(x) if isinstance(x, tuple) else x if _is_several(x) else np.asarray(x)


def _is_several(x: Any) -> bool:
    return isinstance(x, list) and bool(x) and all(hasattr(item, "shape") and len(item.shape) for item in x)


def _array(x: Any) -> np.ndarray:
    array = np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)
    if array.dtype.kind not in "fiub" or not array.ndim:
        raise InputError(f"Expected rows of numbers, got {array.dtype} of shape {array.shape}. {GIVE}")
    if array.dtype.kind == "f" and not np.isfinite(array[:MOST]).all():
        raise InputError(f"Expected finite numbers, got rows with some that are missing or infinite. {GIVE}")
    return array.astype("float32") if array.dtype == "float64" else array


def _weight(sample_weight: Any, size: int) -> np.ndarray | None:
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight)
    if weight.dtype.kind not in "fiub" or weight.shape[:1] != (size,):
        raise InputError(f"Expected sample_weight of shape ({size},), one for each row, got {weight.shape}.")
    return weight.reshape(size, -1).max(axis=1)


def _in_order(known: ModelInputs, arrays: Any) -> list[np.ndarray]:
    """Arrays in the order of the inputs: those of a dictionary by their names, as Keras takes them.

    Errors: `InputError` for a name that is missing.
    """
    if not isinstance(arrays, Mapping):
        return keras.tree.flatten(arrays)
    missing = [name for name in known.names if name not in arrays]
    if missing and len(arrays) != len(known.flat):
        return keras.tree.flatten(arrays)  # whose number is refused
    if missing:
        raise InputError(
            f"Expected an array for every input ({', '.join(map(repr, known.names))}), got a dictionary without "
            f"{missing[0]!r}. {nearest_names(missing[0], map(str, arrays))}"
        )
    return [arrays[name] for name in known.names]


def _check_doors(known: ModelInputs | None, arrays: Any) -> None:
    if known is None:
        return
    flat = _in_order(known, arrays)
    wanted = ", ".join(f"{door.name!r} {_shape(('rows', *door.shape))}" for door in known.flat)
    if len(flat) != len(known.flat):
        raise InputError(f"Expected {len(known.flat)} inputs ({wanted}), got {len(flat)}. {GIVE}")
    for array, door in zip(flat, known.flat, strict=True):
        fits = len(array.shape) - 1 == len(door.shape) and all(
            size in (None, own) for size, own in zip(door.shape, array.shape[1:], strict=True)
        )
        if not fits:
            raise InputError(
                f"Expected rows of shape {_shape(('rows', *door.shape))} for the input {door.name!r}, got "
                f"{_shape(array.shape)}. {GIVE}"
            )


def _shapes(arrays: list[np.ndarray]) -> str:
    return " and ".join(f"{array.dtype} {_shape(array.shape)}" for array in arrays)


def _shape(shape: tuple[Any, ...]) -> str:
    inner = ", ".join("any" if size is None else str(size) for size in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"
