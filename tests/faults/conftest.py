"""How many faults are tried: a few in `make test`, all of them in `make torture`; counts are printed at the end."""

import os

TORTURE = "BRIDLE_TORTURE"


def scaled(few: int, many: int) -> int:
    """Return the number of cases to try: `few` in `make test`, `many` in `make torture`."""
    return many if os.environ.get(TORTURE) else few
