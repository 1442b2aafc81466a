"""Missing cells of a text file, and words that may be a category: `NA` among country codes, `None` among words."""

import re
from collections.abc import Collection

import pandas as pd

WORDS = frozenset({"NA", "NaN", "nan", "NULL", "null", "None"})
"""Words that programs write for a missing cell, and people for a category."""
MISSING = WORDS | {"", "?", "N/A", "n/a", "#N/A", "<NA>"}
"""Cells of a text file that count as missing, after spaces around them are taken off."""
TITLE = re.compile(r"[A-Z][a-z]+([ /-][A-Za-z]+)*")


def mask_missing(cells: pd.Series, categories: Collection[str] = ()) -> pd.Series:
    """Return text cells with NaN where one is missing; a word that is among `categories` is not."""
    return cells.mask(cells.isin(MISSING - set(categories)))


def words_as_categories(cells: pd.Series) -> set[str]:
    """Return the words of a text column that are one of its categories.

    `NA` (or another of `WORDS`) is one where all other cells are codes of the same length and case, as `DE` and `FR`;
    `None` also among words that begin with a capital letter.

    >>> words_as_categories(pd.Series(["DE", "NA", ""])), words_as_categories(pd.Series(["MALE", "NA"]))
    ({'NA'}, set())
    """
    distinct = set(cells.unique())
    words, others = distinct & WORDS, distinct - MISSING
    return {word for word in words if others and _is_category(word, others)}


def _is_category(word: str, others: Collection[str]) -> bool:
    if all(_shape(cell) == _shape(word) for cell in others):
        return True
    return word == "None" and all(TITLE.fullmatch(cell) for cell in others)


def _shape(text: str) -> str:
    """Return the case of each character."""
    return "".join("A" if letter.isupper() else "a" if letter.islower() else "." for letter in text)
