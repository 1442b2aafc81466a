"""Checks of tables and of saved dictionaries."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from bridle._errors import InputError, KindError, short_repr

DAMAGED = "The file was changed or written by another version: run `bridle tune` again."


def check_table(table: pd.DataFrame, *, where: str = "the table", fewest: int = 2) -> pd.DataFrame:
    """Return the table after checking that it has rows, enough columns, and distinct names that are text.

    Errors: `KindError` for anything but a DataFrame, `InputError` for the rest.
    """
    if not isinstance(table, pd.DataFrame):
        raise KindError(f"Expected a pandas DataFrame, got {type(table).__name__}. Try pandas.DataFrame(…).")
    check_names(list(table.columns), where)
    check_size(len(table), len(table.columns), fewest, where)
    return table


def check_names(names: Sequence[object], where: str) -> None:
    """Raise `InputError` for column names that are not text, empty, or duplicated, with their positions from 1."""
    for position, name in enumerate(names, start=1):
        if not isinstance(name, str):
            raise InputError(
                f"Expected column names of {where} to be text, got {name!r:.80} for column {position}. "
                "Try table.columns = table.columns.map(str)."
            )
        if not name.strip():
            raise InputError(
                f"Expected a name for each column of {where}, got none for column {position}. Write one in "
                "the first line; if it holds row numbers, delete it (pandas: to_csv(…, index=False))."
            )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        columns = [f"column {position}" for position, name in enumerate(names, start=1) if name == twice[0]]
        listed = " and ".join(columns[:3]) + (f" and {len(columns) - 3} more" if len(columns) > 3 else "")
        raise InputError(
            f"Expected distinct column names in {where}, got {short_repr(twice[0])} for {listed}. Rename one."
        )


def check_size(rows: int, columns: int, fewest: int, where: str) -> None:
    """Raise `InputError` for fewer than `fewest` columns, and for a table without rows."""
    if columns < fewest:
        raise InputError(
            f"Expected at least {fewest} columns in {where}, got {columns}. A target and something to "
            "predict it from are needed; cells are separated by one of , ; tab | or by spaces."
        )
    if not rows:
        raise InputError(f"Expected rows below the column names of {where}, got none. Each further line is one row.")


def saved(content: object, name: str, rules: Mapping[str, tuple[str, Callable[[object], bool]]]) -> Mapping:
    """Return a saved dictionary after checking that it has exactly the entries of `rules`, each as expected."""
    if not isinstance(content, Mapping) or set(content) != set(rules):
        got = sorted(map(str, content)) if isinstance(content, Mapping) else content
        raise InputError(f"Expected the saved {name} to have the entries {sorted(rules)}, got {got!r:.200}. {DAMAGED}")
    for entry, (expected, holds) in rules.items():
        got = content[entry]
        if not holds(got):
            raise InputError(f"Expected {expected} as {entry!r} of the saved {name}, got {got!r:.200}. {DAMAGED}")
    return content


def is_count(value: object) -> bool:
    """Check for an integer ≥ 0; a bool is not one."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_names(value: object) -> bool:
    """Check for a list of distinct texts."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value) and len(set(value)) == len(value)


def is_finite_list(value: object) -> bool:
    """Check for a list of finite numbers, none of them a bool or too large for a float."""
    limit = sys.float_info.max
    return isinstance(value, list) and all(type(item) in (int, float) and abs(item) <= limit for item in value)


def is_flags(value: object) -> bool:
    """Check for a list of true and false."""
    return isinstance(value, list) and all(isinstance(item, bool) for item in value)


def is_pairs(value: object) -> bool:
    """Check for a list of pairs of texts."""
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in value
    )
