"""The contract of penalties, for a penalty of your own: `check_penalty(MyPenalty(0.1))` in a test."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from bridle._errors import InputError, KindError
from bridle.regularizers import Custom, Penalty
from bridle.regularizers._base import On
from bridle.regularizers._contract import EVERYWHERE, OF_ACTIVATIONS, OF_EXACT, SAVING, Case, Law

__all__ = ["check_penalty"]

SHAPES: dict[On, tuple[int, ...]] = {"weight": (4, 3), "activation": (6, 4, 3)}


def check_penalty(
    penalty: Penalty,
    *,
    on: On | None = None,
    shape: tuple[int, ...] | None = None,
    formula: Callable[[np.ndarray], Any] | None = None,
) -> None:
    """Check that a penalty obeys the laws on which training with it rests.

    On the backend that Keras runs on, and everywhere: it charges one finite number ≥ 0 per strength, also at zeros,
    ties and saturated entries; it is linear in its strengths; strength zero adds exactly 0 to the loss and to
    the gradient; its gradient is that of its value; compiled code charges the same; half-precision entries are
    summed in float32; Keras saves and reads it, and its text does, where it has one.

    On activations: samples and time steps that are not charged are as though they were not there; neither the
    order of the samples nor the batch size matters. With `exact=True`: its proximal step solves its own problem and
    makes exact zeros.

    A `bridle.Custom` whose function Keras cannot save is checked but for that, with a warning.

    Args:
        penalty: any penalty; what its strengths are makes no difference.
        on: `"weight"` or `"activation"`; by default everything that the penalty allows.
        shape: of the tensor to try; (4, 3) for a weight and (6, 4, 3), (batch, time, unit), for an activation.
        formula: what it charges at strength one, as a NumPy function of the tensor: a number, or a tuple with one for
            each strength. It is compared to 1e-5 for the given `on`; for weights where none is given and both go.

    Returns: None.

    Errors: `AssertionError` that names the law that is broken, and how. `KindError` for anything but a penalty;
    `InputError` for a `on` where it cannot be placed.

    >>> import bridle
    >>> from bridle.testing import check_penalty
    >>> check_penalty(bridle.L2(0.1), formula=lambda x: (x**2).sum())
    >>> check_penalty(bridle.L2(0.1), formula=lambda x: (x**2).sum() / 2)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: Expected that L2(strength=0.1) equals its formula, on a weight of shape (4, 3), got ...

    """
    if not isinstance(penalty, Penalty):
        raise KindError(f"Expected a penalty such as bridle.L2(0.1), got {penalty!r}.")
    allowed = penalty.allowed_on if penalty.per == "sample" else ("activation",)
    if on is not None and on not in allowed:
        raise InputError(f"Expected on={' or '.join(map(repr, allowed))} for {penalty!r}, got {on!r}.")
    for index, kind in enumerate(allowed if on is None else (on,)):
        case = Case(penalty, kind, shape or SHAPES[kind])
        for law in _laws_of(case):
            _check(case, law)
        if formula is not None and index == 0:
            _compare(case, formula)


def _laws_of(case: Case) -> tuple[Law, ...]:
    laws = EVERYWHERE + (OF_ACTIVATIONS if case.on == "activation" else OF_EXACT if case.penalty.exact else ())
    if isinstance(case.penalty, Custom) and not _can_be_saved(case.penalty):
        warnings.warn(
            f"{case.penalty!r} is not checked for saving, which its function does not allow. Write it as a named "
            "function under @keras.saving.register_keras_serializable().",
            stacklevel=3,
        )
        return tuple(law for law in laws if law not in SAVING)
    return laws


def _can_be_saved(penalty: Custom) -> bool:
    try:
        penalty.get_config()
    except InputError:
        return False
    return True


def _check(case: Case, law: Law) -> None:
    violation = law(case)
    if violation is not None:
        raise AssertionError(_message(case, law.__name__.replace("_", " "), violation))


def _compare(case: Case, formula: Callable[[np.ndarray], Any]) -> None:
    expected = np.atleast_1d(np.array(formula(case.generic.astype("float64")), "float64"))
    got = case.numbers(case.generic)
    if expected.shape != got.shape or not np.allclose(got, expected, rtol=1e-5, atol=1e-7):
        wrong = f"{got.tolist()} where the formula gives {expected.tolist()}"
        raise AssertionError(_message(case, "equals its formula", wrong))


def _message(case: Case, law: str, got: str) -> str:
    article = "an" if case.on == "activation" else "a"
    return f"Expected that {case.penalty!r} {law}, on {article} {case.on} of shape {case.shape}, got {got}."
