"""What the hostile tests share: how many inputs are tried, what a loss is, and how much one input may take.

`BRIDLE_TORTURE=50` tries fifty times as many inputs, drawn anew in each run; without it every run tries the same.
"""

import contextlib
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings

from bridle import BridleError
from bridle.engine._device import release_programs

TIMES = max(1, int(os.environ.get("BRIDLE_TORTURE", "1")))
SLOWEST = 20.0
"""Seconds of processor time that one input may take."""
LARGEST = 2**30
"""Bytes by which one input may raise the peak of the process."""
INPUTS_PER_CHECK = 100
"""Inputs between two counts of compiled programs: models of many shapes leave thousands of them."""
LONGEST = 3000
"""Letters of a sentence for a person."""


@dataclass
class Tally:
    """Inputs that were tried in this process, those that were refused with a sentence, and those that were neither."""

    inputs: int = 0
    refused: int = 0
    losses: int = 0


TALLY = Tally()


def tries(count: int) -> Callable:
    """So many inputs, or `BRIDLE_TORTURE` times as many."""
    return settings(
        max_examples=count * TIMES,
        derandomize=TIMES == 1,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@contextlib.contextmanager
def survives() -> Iterator[None]:
    """A block that must end well, or with a sentence; anything else is a loss, and so are time and memory."""
    TALLY.inputs += 1
    if TALLY.inputs % INPUTS_PER_CHECK == 0:
        release_programs()
    began, held = time.process_time(), _peak()
    try:
        try:
            yield
        except BridleError as error:
            TALLY.refused += 1
            said = str(error)
            assert said.strip(), "a refusal without words"
            assert len(said) <= LONGEST, f"a refusal of {len(said)} letters"
        assert time.process_time() - began < SLOWEST, "an input that takes too long"
        assert _peak() - held < LARGEST, "an input that takes too much memory"
    except Exception:
        TALLY.losses += 1
        raise


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for one input."""
    with TemporaryDirectory() as place:
        yield Path(place)


def _peak() -> int:
    """The most memory that the process has held so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
