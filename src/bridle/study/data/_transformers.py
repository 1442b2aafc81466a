"""Fitted transformers of scikit-learn as plain values and back, by a fixed list of classes; nothing is pickled."""

import ast
import functools
import importlib
import inspect
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from bridle._errors import StoreError
from bridle.results import StoredTransformer

CLASSES = tuple(
    f"sklearn.{module}.{name}"
    for module, names in {
        "preprocessing": (
            *("Binarizer", "FunctionTransformer", "KBinsDiscretizer", "MaxAbsScaler", "MinMaxScaler", "Normalizer"),
            *("OneHotEncoder", "OrdinalEncoder", "PowerTransformer", "QuantileTransformer", "RobustScaler"),
            "StandardScaler",
        ),
        "impute": ("MissingIndicator", "SimpleImputer"),
        "decomposition": ("PCA", "TruncatedSVD"),
        "feature_selection": ("VarianceThreshold",),
        "pipeline": ("FeatureUnion", "Pipeline"),
        "compose": ("ColumnTransformer",),
    }.items()
    for name in names
)
"""Those that are stored. None of them runs code that its attributes name: functions have no stored form."""
TYPES = {name: getattr(np, name) for name in ("float32", "float64", "int32", "int64", "object_", "str_")}
PLAIN = ("memory", "n_jobs")
"""Parameters that reach for disk or processes: always stored as None."""
ATTRIBUTE = re.compile(r"_?[A-Za-z][A-Za-z0-9_]*")
MAX_DEPTH = 30
"""The number of levels of nesting in a stored transformer."""


@functools.cache
def _class_of(name: str) -> type:
    """Return one of `CLASSES`; scikit-learn's modules are imported when they are needed."""
    module, _, own = name.rpartition(".")
    return getattr(importlib.import_module(module), own)


def _name_of(kind: type) -> str:
    """Return the name of a class in `CLASSES`, empty if it is not among them."""
    names = (name for name in CLASSES if name.endswith(f".{kind.__name__}") and kind.__module__.startswith("sklearn."))
    return next((name for name in names if _class_of(name) is kind), "")


class NotStorableError(ValueError):
    """A value that has no stored form."""


def store_transformer(transformer: Any, rows: Any) -> StoredTransformer:
    """Return a fitted transformer as words and arrays, without words where it has no such form.

    Args:
        transformer: the fitted transformer.
        rows: some rows, to see that its stored form transforms them bit for bit alike.

    """
    text, arrays = transformer_text(transformer), {}
    try:
        words = _packed(transformer, arrays)
        stored = StoredTransformer(text, words, arrays)
        if not _alike(transformer.transform(rows), build_transformer(stored).transform(rows)):
            return StoredTransformer(text)
    except (NotStorableError, StoreError, RecursionError):
        return StoredTransformer(text)
    return stored


def build_transformer(stored: StoredTransformer) -> Any:
    """Return the fitted transformer that was stored.

    Errors: `StoreError` for a class that is not among `CLASSES`, or an attribute that it cannot have.
    """
    try:
        return _unpacked(stored.words, stored.arrays, 0)
    except StoreError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise StoreError(
            f"Expected a stored transformer as bridle writes it, got a damaged one: {error!s:.200}. "
            "Run the study again."
        ) from error


def transformer_text(transformer: Any) -> str:
    """Return a transformer as it is written in Python, or its class where that says more than a line."""
    if _name_of(type(transformer)):
        return transformer.__repr__(N_CHAR_MAX=10**6)
    return type(transformer).__name__


def transformer_line(transformer: Any) -> str:
    """Return a transformer as it is written in Python, on one line."""
    return re.sub(r"\s*\n\s*", " ", transformer_text(transformer))


def import_lines(transformer: Any) -> list[str]:
    """Return the lines that import what `written` names; empty if that is no Python or needs other classes."""
    if not _name_of(type(transformer)) or not _is_python(transformer_text(transformer)):
        return []
    parts = [transformer, *(value for value in transformer.get_params(deep=True).values() if hasattr(value, "fit"))]
    if not all(_name_of(type(part)) for part in parts):
        return []
    modules: dict[str, set[str]] = {}
    for part in parts:
        module, _, name = _name_of(type(part)).rpartition(".")
        modules.setdefault(module, set()).add(name)
    return [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(modules.items())]


def _is_python(text: str) -> bool:
    """Return True if a text is an expression; that of a function is not."""
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def _packed(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return a value as JSON; its arrays go into `arrays`."""
    if value is None or isinstance(value, bool | str) or type(value) is int:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, np.ndarray | np.generic):
        return _packed_array(np.asarray(value), arrays)
    if type(value) in (list, tuple):
        return {type(value).__name__: [_packed(item, arrays) for item in value]}
    if type(value) is dict:
        return {"dict": [[_packed(key, arrays), _packed(item, arrays)] for key, item in value.items()]}
    if type(value) is slice:
        return {"slice": [_packed(part, arrays) for part in (value.start, value.stop, value.step)]}
    if isinstance(value, np.dtype) and value.kind in "biufO":
        return {"dtype": value.str}
    if isinstance(value, type) and value in TYPES.values():
        return {"type": value.__name__}
    if not _name_of(type(value)):
        raise NotStorableError(f"{type(value).__name__}")
    return _packed_estimator(value, arrays)


def _packed_estimator(estimator: Any, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    params = estimator.get_params(deep=False)
    fitted = {name: item for name, item in vars(estimator).items() if name not in params}
    params |= dict.fromkeys(set(PLAIN) & set(params))
    return {
        "class": _name_of(type(estimator)),
        "params": {name: _packed(item, arrays) for name, item in params.items()},
        "fitted": {name: _packed(item, arrays) for name, item in fitted.items()},
    }


def _packed_array(value: np.ndarray, arrays: dict[str, np.ndarray]) -> object:
    if value.dtype.kind in "biufU":
        name = str(len(arrays))
        arrays[name] = value
        return {"array": name}
    if value.dtype.kind != "O" or value.ndim != 1:
        raise NotStorableError(f"an array of {value.dtype}")
    return {"objects": [_packed(item, arrays) for item in value.tolist()]}


def _unpacked(value: Any, arrays: Mapping[str, np.ndarray], depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if depth > MAX_DEPTH:
        raise ValueError(f"more than {MAX_DEPTH} levels")
    if "class" in value:
        return _estimator(value, arrays, depth + 1)
    ((kind, content),) = value.items()

    def inner(items: list[Any]) -> list[Any]:
        return [_unpacked(item, arrays, depth + 1) for item in items]

    if kind == "array":
        array = arrays[content]
        return array if array.ndim else array[()]
    if kind == "objects":
        objects = np.empty(len(content), object)
        objects[:] = inner(content)
        return objects
    readers = {
        "float": lambda: float(content),
        "list": lambda: inner(content),
        "tuple": lambda: tuple(inner(content)),
        "dict": lambda: dict(map(inner, content)),
        "slice": lambda: slice(*inner(content)),
        "dtype": lambda: np.dtype(content),
        "type": lambda: TYPES[content],
    }
    return readers[kind]()


def _estimator(value: Mapping[str, Any], arrays: Mapping[str, np.ndarray], depth: int) -> Any:
    if value["class"] not in CLASSES:
        raise StoreError(
            f"Expected a stored transformer among {', '.join(name.rpartition('.')[2] for name in CLASSES)}, "
            f"got {value['class']!r:.80}."
        )
    kind = _class_of(value["class"])
    params = {name: _unpacked(item, arrays, depth) for name, item in value["params"].items()}
    if set(params) - set(inspect.signature(kind).parameters) or any(params.get(name) is not None for name in PLAIN):
        raise ValueError(f"parameters {sorted(params)!r:.200} of {kind.__name__}")
    transformer = kind(**params)
    for name, item in value["fitted"].items():
        if not ATTRIBUTE.fullmatch(name) or hasattr(kind, name) or name in params:
            raise ValueError(f"the attribute {name!r:.80} of {kind.__name__}")
        setattr(transformer, name, _unpacked(item, arrays, depth))
    return transformer


def _alike(first: Any, second: Any) -> bool:
    a, b = (value.toarray() if hasattr(value, "toarray") else np.asarray(value) for value in (first, second))
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
