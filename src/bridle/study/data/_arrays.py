"""Rows and labels of the user, checked once and converted to arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from bridle._errors import InputError, short_repr
from bridle.sources._plain import plain_rows
from bridle.sources._stored import StoredArray


@dataclass(frozen=True)
class Data:
    """Arrays whose first axis is the row. `labels` are class numbers where the task has classes, else None."""

    x: Any
    y: Any
    weight: Any
    """float32 (row,) or (row, step, …), or a tree of them for several outputs; None if all weigh the same."""
    labels: np.ndarray | None
    several_labels: bool = False
    """True if y has several labels, each 0 or 1 in a column, or several targets, each of class numbers in a column."""

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(jax.tree.leaves(self.x)[0])


def read_rows(
    x: Any, y: Any, *, loss: str, outputs: tuple[int | None, ...], weight: Any = None, name: str = ""
) -> Data:
    """Check rows and labels against each other and against the loss.

    Args:
        x: array, table, or list/dictionary of arrays for several inputs.
        y: labels in the same order.
        loss: the compiled loss by name, which says what labels it takes.
        outputs: the shape of the model's output.
        weight: one weight for each row or for each step of it, for several outputs a dictionary or tuple of them;
            or None.
        name: what to call these rows in messages, as in `test`.

    Errors: `InputError` for text, NaN, lengths that differ, labels that do not fit the loss, one class only.

    """
    label = f"{name} " if name else ""
    x, y = (_arrays(value, f"{label}{symbol}") for value, symbol in ((x, "x"), (y, "y")))
    lengths = {len(leaf) for leaf in jax.tree.leaves((x, y))}
    if len(lengths) != 1:
        sizes = f"{len(jax.tree.leaves(x)[0])} rows in {label}x and {len(jax.tree.leaves(y)[0])} in {label}y"
        raise InputError(f"Expected as many labels as rows, got {sizes}. Give one label for each row.")
    (count,) = lengths
    if count == 0:
        raise InputError(f"Expected at least one row, got none in {label}x.")
    labels = _labels(y, loss, outputs, label)
    several = (
        isinstance(y, np.ndarray)
        and "binary" in loss.lower()
        and y.ndim == 2
        and y.shape[1] > 1
        and bool(np.isin(y, (0, 1)).all())
    )
    several = (several and labels is None) or has_class_columns(x, y, loss, outputs)
    return Data(x, y, _weights(weight, y, count, label), labels, several)


def has_class_columns(x: Any, y: Any, loss: str, outputs: tuple[int | None, ...]) -> bool:
    """Return True if y has the class numbers of several targets, (row, target), for outputs (row, target, class).

    The class numbers of steps have the same shape; then x has steps too, or whole numbers in place of them.
    """
    kind = loss.lower().replace("_", "")
    return (
        "sparse" in kind
        and "crossentropy" in kind
        and len(outputs) == 3
        and isinstance(y, np.ndarray | jax.Array)
        and y.ndim == 2
        and y.shape[1] == outputs[1]
        and isinstance(x, np.ndarray | jax.Array | StoredArray)
        and (x.ndim, x.dtype.kind) == (2, "f")
    )


def _weights(weight: Any, y: Any, count: int, label: str) -> Any:
    """Return weights as float32 in the same structure; of rows, of steps, or of outputs."""
    if weight is None:
        return None
    if isinstance(weight, dict) or _is_several(weight, y):
        parts = weight if isinstance(weight, dict) else dict(enumerate(weight))
        outputs = y if isinstance(y, dict) else dict(enumerate(y)) if isinstance(y, tuple) else {}
        if len(parts) != len(outputs) or (isinstance(y, dict) and set(parts) != set(y)):
            raise InputError(
                f"Expected weights for every output, as {label}y has them ({_listed(outputs)}), got {_listed(parts)}. "
                "Give ones where all rows of an output weigh the same."
            )
        weights = {key: _weights(part, outputs.get(key), count, label) for key, part in parts.items()}
        return weights if isinstance(weight, dict) else tuple(weights.values())
    try:
        weight = np.asarray(weight, np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"Expected one weight ≥ 0 for each of {count} {label}rows, got no numbers. {error}") from error
    fits = weight.ndim > 0 and len(weight) == count
    if fits and weight.ndim > 1:
        fits = not isinstance(y, np.ndarray) or weight.shape == y.shape[: weight.ndim] or weight[0].size == 1
    if not fits or not np.all((weight >= 0) & np.isfinite(weight)):
        raise InputError(
            f"Expected one finite weight ≥ 0 for each of {count} {label}rows, got {_wrong(weight, count)}."
        )
    return weight.reshape(count) if weight.ndim > 1 and weight[0].size == 1 else weight


def _is_several(value: Any, y: Any) -> bool:
    """Return True if a value holds an array for each of several outputs; a list of numbers is one array."""
    return isinstance(y, dict | tuple) and isinstance(value, tuple | list) and len(np.shape(value[0])) > 0


def _listed(names: Any) -> str:
    return ", ".join(map(short_repr, names)) or "none"


def read_inputs(x: Any) -> Any:
    """Return rows to predict as arrays, several inputs as a list or dictionary of them.

    Errors: `InputError` for text, numbers that are not finite, and rows of different length.
    """
    rows = _arrays(x, "rows")
    return list(rows) if isinstance(rows, tuple) else rows


def class_weighted(data: Data, weights: Any, loss: str = "", outputs: tuple[int | None, ...] = ()) -> Data:
    """Multiply the weight of each row by that of its class, as `fit(class_weight=…)` does.

    With a class for each step of a row, it is the step that is weighed.

    Args:
        data: rows to train on.
        weights: `{class: weight}`, "balanced" (`rows / (classes * rows of the class)`), or None.
        loss, outputs: of the model, as in `read_rows`; they tell classes of steps.

    Errors: `InputError` where there are no classes, or one of them lacks a weight ≥ 0.

    """
    if weights is None:
        return data
    labels = data.labels if data.labels is not None else step_classes(data.y, loss, outputs)
    if labels is None:
        several = isinstance(data.y, dict | tuple)
        what = "one output for class_weight, got several" if several else "classes for class_weight, got numbers"
        how = "Weigh each output with sample_weight={name: …}" if several else "Weigh rows with sample_weight=…"
        raise InputError(f"Expected a target with {what}. {how} instead.")
    classes, counts = np.unique(labels, return_counts=True)
    if isinstance(weights, str) and weights == "balanced":
        if labels.ndim > 1:
            raise InputError(
                "Expected class_weight as {class: weight} for a class at each step, got 'balanced', which would count "
                "padded steps too."
            )
        weights = dict(zip(classes.tolist(), (len(labels) / (len(classes) * counts)).tolist(), strict=True))
    if not isinstance(weights, Mapping):
        raise InputError(f"Expected class_weight as {{class: weight}} or 'balanced', got {weights!r}.")
    missing = [label for label in classes.tolist() if label not in weights]
    if missing or not all(np.isfinite(value) and value >= 0 for value in weights.values()):
        what = f"none for class {missing[0]}" if missing else f"{dict(weights)!r}"
        raise InputError(f"Expected a weight ≥ 0 for every class from 0 to {classes[-1]}, got {what}.")
    class_weight = np.array([weights[label] for label in classes.tolist()], np.float32)[
        np.searchsorted(classes, labels)
    ]
    if data.weight is None:
        return replace(data, weight=class_weight)
    wide, narrow = sorted((class_weight, data.weight), key=np.ndim, reverse=True)
    return replace(data, weight=wide * narrow.reshape(*narrow.shape, *[1] * (wide.ndim - narrow.ndim)))


def step_classes(y: Any, loss: str, outputs: tuple[int | None, ...]) -> np.ndarray | None:
    """Return the class of each step, (row, step, …), where the loss is a cross-entropy at each step, else None."""
    kind = loss.lower().replace("_", "")
    if isinstance(y, dict | tuple) or "crossentropy" not in kind or len(outputs) < 3:
        return None
    if "sparse" in kind or "binary" in kind:
        labels = y[..., 0] if y.ndim == len(outputs) and y.shape[-1] == 1 else y
        return labels.astype(int) if labels.ndim == len(outputs) - 1 and np.all(labels == np.round(labels)) else None
    return y.argmax(axis=-1) if y.ndim == len(outputs) else None


def _arrays(value: Any, name: str) -> Any:
    """Return one array, or the same structure of arrays; rows on disk as they are."""
    if isinstance(value, StoredArray):  # checked when they were read from their source
        return value
    value = plain_rows(value, name)
    if isinstance(value, dict):
        return {key: _arrays(item, f"{name}[{key!r}]") for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_arrays(item, f"{name}[{index}]") for index, item in enumerate(value))
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"Expected {name} as an array of numbers, got rows of different length. {error}") from error
    if array.ndim == 0:
        raise InputError(f"Expected {name} as an array with one entry per row, got {value!r}.")
    if array.dtype.kind not in "biuf":
        if array.dtype.kind == "O" and all(isinstance(item, int | float | np.number) for item in array.flat):
            return _arrays(array.astype(np.float32), name)
        raise InputError(
            f"Expected numbers in {name}, got {array.dtype}{_example(array)}. "
            "Encode text first, for example with scikit-learn's LabelEncoder or OneHotEncoder, or use `bridle tune`."
        )
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            single = array.astype(np.float32)
        bad = np.argwhere(~np.isfinite(single))
        if len(bad):
            raise InputError(
                f"Expected finite numbers in {name}, got {array[tuple(bad[0])]} at {tuple(map(int, bad[0]))} "
                f"and {len(bad) - 1} more. Fill or drop missing values first."
            )
        return single
    return array.astype(np.float32) if array.dtype.kind == "b" else array


def _wrong(weight: np.ndarray, count: int) -> str:
    bad = np.argwhere(~((weight >= 0) & np.isfinite(weight)))
    if weight.shape[:1] != (count,) or not len(bad):
        return f"an array of shape {weight.shape}"
    return f"{weight[tuple(bad[0])]:g} for row {bad[0][0]}"


def _example(array: np.ndarray) -> str:
    return f" such as {str(array.flat[0])[:40]!r}" if array.size else " without any entry"


def _labels(y: Any, loss: str, outputs: tuple[int | None, ...], name: str) -> np.ndarray | None:
    """Return the class of each row where the loss is a cross-entropy over one output, else None."""
    kind = loss.lower().replace("_", "")
    if isinstance(y, dict | tuple | StoredArray) or "crossentropy" not in kind:
        return None
    if "sparse" in kind:
        classes = outputs[-1] or 0
        if np.any(y != np.round(y)) or y.min() < 0 or y.max() >= classes:
            raise InputError(
                f"Expected class numbers from 0 to {classes - 1} in {name}y for {loss!r}, "
                f"got values from {y.min()} to {y.max()}. Number the classes from 0, with one output unit for each."
            )
        labels = y.reshape(len(y), -1)
        if labels.shape[1] != 1:
            return None
        labels = labels[:, 0].astype(int)
    elif "binary" in kind:
        if y.min() < 0 or y.max() > 1:
            raise InputError(
                f"Expected labels in [0, 1] in {name}y for {loss!r}, got values from {y.min()} to {y.max()}."
            )
        if y.size != len(y) or np.any(y != np.round(y)):
            return None
        labels = y.reshape(-1).astype(int)
    else:
        if y.ndim < 2 or y.shape[1:] != outputs[1:]:
            return None
        if not np.allclose(y.sum(axis=-1), 1, atol=1e-3):
            raise InputError(
                f"Expected rows of {name}y that sum to 1 for {loss!r}. "
                "One-hot encode the classes with keras.utils.to_categorical."
            )
        if y.ndim != 2:
            return None
        labels = y.argmax(axis=1)
    if not name and len(np.unique(labels)) < 2:
        raise InputError(
            f"Expected at least two classes in y, got only class {labels[0]}. There is nothing to tell apart."
        )
    return labels
