"""How many faults are tried: a few in `make test`, all of them in `make torture`; counts are printed at the end."""

import os
from collections.abc import Sequence
from typing import TypeVar

TORTURE = "BRIDLE_TORTURE"
T = TypeVar("T")


def scaled(few: T, many: T) -> T:
    """Return the number of cases to try, or another choice: `few` in `make test`, `many` in `make torture`."""
    return many if os.environ.get(TORTURE) else few


def sampled(cases: Sequence[T], step: int) -> Sequence[T]:
    """Return each `step`-th case in `make test`, all in `make torture`."""
    return cases[:: scaled(step, 1)]
