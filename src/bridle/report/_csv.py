"""Tables for a spreadsheet, which takes some text for formulas."""

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that a spreadsheet computes."""


def safe_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before text, and names of columns, that a spreadsheet would compute."""
    return frame.map(_safe).rename(columns=_safe)


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
