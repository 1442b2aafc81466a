"""Ways of one family, each in a process of its own, that are there together and run one after the other, turn by turn.

A core is now faster and now slower, for seconds at a time, by half; ways measured in the same turn share that, so
their ratio within a turn says what they differ by.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]
TURNS_SECONDS = 20.0
"""How long the ways take turns with one size of population, one turn at least."""


class Process:
    """A way that measures when it is asked to."""

    def __init__(self, way: str, family: str) -> None:
        command = [sys.executable, "-m", "benchmarks.engine", "--way", way, "--family", family]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.facts: dict[str, Any] = self._said()
        """What was found before the first turn: what compiling took, or why the way is skipped."""

    def sample(self, size: int) -> dict[str, Any]:
        """Measure a population of this size once."""
        with contextlib.suppress(BrokenPipeError):  # where it ended, reading says so
            self._process.stdin.write(f"{size}\n")
            self._process.stdin.flush()
        return self._said()

    def end(self) -> None:
        """Let it say the rest and go."""
        self._process.stdin.close()
        self.facts |= self._said()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        if error is not None:
            self._process.terminate()
        self._process.wait()

    def _said(self) -> dict[str, Any]:
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise SystemExit(f"{' '.join(self._process.args)} ended early; what it said is above.")


def first_fits(family: str, ways: Sequence[str], pairs: int) -> list[dict[str, float]]:
    """Seconds that the first fit of a process takes, with its compilation: one way after the other, so many times."""
    found = []
    for number in range(pairs):
        seconds = {}
        for way in ways if number % 2 else reversed(ways):
            with Process(way, family) as process:
                seconds[way] = process.facts["short_seconds"]
        found.append(seconds)
    return found


def take_turns(family: str, ways: Sequence[str], sizes: Sequence[int], backwards: bool) -> dict[str, dict]:
    """For each way its facts and, by size, what it found in each turn; slow ways train one member in every turn."""
    with contextlib.ExitStack() as stack:
        all_there = {way: stack.enter_context(Process(way, family)) for way in ways}
        there = {way: process for way, process in all_there.items() if "skipped" not in process.facts}
        turns: dict[str, dict[int, list[dict]]] = {way: {size: [] for size in sizes} for way in there}
        for size in sizes:
            began = perf_counter()
            asked = [way for way in there if size == sizes[0] or way in ("fit", "hand", "bridle")]
            while not turns["bridle"][size] or perf_counter() - began < TURNS_SECONDS:
                for way in reversed(asked) if backwards else asked:
                    turns[way][size].append(there[way].sample(size))
                backwards = not backwards
        for process in there.values():
            process.end()
        return {way: {**process.facts, "turns": turns.get(way, {})} for way, process in all_there.items()}
