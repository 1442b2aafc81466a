"""Rows of a study that are runs of consecutive steps of a table: sequences, or windows of a series."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int


@dataclass(frozen=True, eq=False)
class SequenceRows:
    """Rows of a study, each a run of consecutive steps of one table. The table is shared, not copied.

    >>> rows = SequenceRows(pd.DataFrame({"a": [1, 2, 3, 4]}), np.array([0, 1]), np.array([3, 4]))
    >>> rows.positions(2).tolist(), rows.iloc[[1]].used_steps().index.tolist()
    ([[1, 2], [2, 3]], [1, 2, 3])
    """

    steps: pd.DataFrame
    first: Int[np.ndarray, "row"]
    """The position of the first step of each row."""
    last: Int[np.ndarray, "row"]
    """The position after its last step."""

    def __len__(self) -> int:
        return len(self.first)

    @property
    def lengths(self) -> Int[np.ndarray, "row"]:
        """The number of steps of each row."""
        return self.last - self.first

    @property
    def iloc(self) -> "RowSelector":
        """Selector of rows by position, as that of a data frame: `rows.iloc[[0, 2]]`."""
        return RowSelector(self)

    @property
    def covered(self) -> Int[np.ndarray, "step"]:
        """The positions of all steps that a row has, without repetition."""
        change = np.zeros(len(self.steps) + 1, np.int64)
        np.add.at(change, self.first, 1)
        np.add.at(change, self.last, -1)
        return np.flatnonzero(np.cumsum(change[:-1]) > 0)

    def used_steps(self) -> pd.DataFrame:
        """Return the steps that a row has, without repetition."""
        return self.steps.iloc[self.covered]

    def positions(self, length: int) -> Int[np.ndarray, "row step"]:
        """Return the positions of the last `length` steps of each row, -1 after the end of a shorter one."""
        begin = np.maximum(self.first, self.last - length)
        grid = begin[:, None] + np.arange(length)
        return np.where(grid < self.last[:, None], grid, -1)

    def hashed_parts(self) -> dict[str, Any]:
        """Return the table and the positions, from which `bridle.store.fingerprint` computes a hash."""
        return {"steps": self.used_steps(), "first": self.first, "last": self.last}


@dataclass(frozen=True)
class RowSelector:
    """Selector of rows by position."""

    rows: SequenceRows

    def __getitem__(self, index: Any) -> SequenceRows:
        """Return the rows at some positions, a slice or a mask."""
        return SequenceRows(self.rows.steps, self.rows.first[index], self.rows.last[index])
