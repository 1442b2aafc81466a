"""Options of a run: everything beyond the question and its rows."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bridle._errors import InputError
from bridle.study.data._splitter import Splitter, as_splitter


@dataclass(frozen=True)
class RunOptions:
    """Options of a run, as in `Study.run`.

    Errors: `InputError` for numbers below 1 and for outer folds that are no splitter.
    """

    store: str | Path | None = None
    """The folder that keeps every fit."""
    extend: bool = False
    client: Any = None
    """A Dask client, whose workers train."""
    threads: int | None = None
    width: int | None = None
    """Fits per call of a program."""
    race: bool | Literal["rounds", "halving"] = False
    """True stops strengths early that are clearly worse than the best of their arm. `"rounds"` adds one seed at a time,
    for the better half of the candidates so far. `"halving"` adds one fold at a time, for the better half of the
    strengths of each arm."""
    nested: int | Splitter | None = None
    """Outer folds."""
    progress: bool = True
    refit: bool | Literal["all"] = True
    """Train the selected candidates on all rows after cross-validation, or all of them."""
    keep_folds: bool = False
    """Keep the networks of the folds too: those of the candidates that are refitted, or of all without refits."""
    until: float | None = None
    """A time of `perf_counter` after which grids are neither extended nor refined, and no seed of a race begins."""
    pilot: bool = True
    """Find the ranges of open grids first. False where they are known: a race by seeds then does not extend them."""

    range_steps: int | None = None
    """The half decades of strengths that a range spans below its end. Default: down to where nothing changes."""

    def __post_init__(self) -> None:
        for name, value in (("threads", self.threads), ("width", self.width)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise InputError(
                    f"Expected {name} as a whole number ≥ 1, got {value!r}. Leave it out for the best one."
                )
        object.__setattr__(self, "nested", as_splitter(self.nested))

    def for_inner_study(self) -> "RunOptions":
        """Return the options of a study inside an outer fold, which knows no time limit."""
        return replace(self, until=None, nested=None, refit=True, keep_folds=False)
