"""The options of penalties beside their strengths: each is checked here, once."""

import math
from collections.abc import Sequence
from numbers import Real

import numpy as np

from bridle._errors import InputError, short_repr
from bridle.regularizers._strength import is_finite


def real(value: object, where: str, expected: str, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite real number from `low` to `high`, both included.

    Args:
        value: what a person gave; NumPy scalars and zero-dimensional arrays too.
        where: the option as it is written, for the sentence: `"kl(target=…)"`.
        expected: the values that are allowed, and what to try, in words.
        low, high: the limits.

    Errors: `InputError` for anything else.

    """
    if isinstance(value, np.ndarray | np.generic) and np.ndim(value) == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real) or not is_finite(value) or not low <= value <= high:
        raise InputError(f"Expected in {where} {expected}, got {short_repr(value)}.")
    return float(value)


def word(value: object, where: str, known: Sequence[str]) -> str:
    """One of a few words.

    Errors: `InputError` for anything else.
    """
    if not isinstance(value, str) or value not in known:
        raise InputError(f"Expected in {where} {' or '.join(map(repr, known))}, got {value!r}.")
    return value


def switch(value: object, where: str) -> bool:
    """True or False.

    Errors: `InputError` for anything else.
    """
    if not isinstance(value, bool):
        raise InputError(f"Expected in {where} True or False, got {value!r}.")
    return value
