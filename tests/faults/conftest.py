"""How many faults are tried: a few in `make faults`, all of them in `make torture`; counts are printed at the end."""

import os

import pytest

TORTURE = "BRIDLE_TORTURE"
asked = pytest.mark.skipif(
    not (os.environ.get(TORTURE) or os.environ.get("BRIDLE_FAULTS")), reason="in make faults and make torture"
)
"""Marks what starts and kills processes, which needs a machine that nothing else keeps busy."""


def scaled(few: int, many: int) -> int:
    """So many in `make faults`, so many in `make torture`."""
    return many if os.environ.get(TORTURE) else few
