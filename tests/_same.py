"""Equality of results, bit for bit."""

import dataclasses

import numpy as np

from bridle.results import StudyResult

PASSING = ("provenance", "model_json", "protocol")
"""Fields that say when and how long, not what; and Keras's counters in names."""


def same(one: StudyResult, two: StudyResult) -> bool:
    """Return True if two results have equal measurements."""
    names = (field.name for field in dataclasses.fields(StudyResult) if field.name not in PASSING)
    return all(equal(getattr(one, name), getattr(two, name)) for name in names)


def equal(a: object, b: object) -> bool:
    """Deep equality that takes NaN as equal."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[name], b[name]) for name in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    if dataclasses.is_dataclass(a):
        return all(equal(getattr(a, field.name), getattr(b, field.name)) for field in dataclasses.fields(a))
    return a == b
