"""Columns that are left out: ids and dates."""

import numpy as np
import pandas as pd
import pytest

from bridle._errors import InputError
from bridle.tables._layout import find_layout


@pytest.mark.parametrize(
    ("name", "values", "left_out"),
    [
        ("id", [3, 1, 3, 2], True),
        ("Row_ID", list("abab"), True),
        ("Unnamed: 0", [5.0, 3.0, 4.0, 9.0], True),
        ("index", [0.5, 1.5, 2.5, 0.1], False),
        ("customer_id", [911, 17, 455, 3], True),
        ("PassengerId", [911, 17, 455, 3], True),
        ("customer_id", [911, 17, 455, 17], False),
        ("grid", [911, 17, 455, 3], False),
        ("counter", [10, 11, 12, 13], True),
        ("counter", [13, 12, 11, 10], True),
        ("counter", [10, 11, 13, 14], True),
        ("counter", [10, 11, None, 14], False),
        ("year", [1950, 1990, 2000, 2010], False),
        ("age", [10, 12, 11, 13], False),
        ("name", list("abcd"), True),
        ("name", [f"n{i}" for i in range(19)] + ["n0"], True),
        ("name", [f"n{i}" for i in range(17)] + ["n0"] * 3, False),
        ("name", list("abca"), False),
        ("seen", ["1.2.2020", "11.12.2021", None, "3/4/99"], True),
        ("seen", ["2020-01-01 10:30", "2020-01-01T10:30:00Z", None, "2020-1-2"], True),
        ("flag", ["yes", None, None, None], False),
    ],
)
def test_which_columns_are_left_out(name, values, left_out):
    """Each side of the rules for ids and dates."""
    table = pd.DataFrame({name: values, "x": np.linspace(0, 1, len(values))})
    assert (name not in [column.name for column in find_layout(table).columns]) == left_out


def test_a_row_counter_is_seen_in_a_random_part_of_a_table():
    """Development rows are a shuffled part of the file; the table's index gives their order back."""
    table = pd.DataFrame({"number": np.arange(100, 200), "x": np.random.default_rng(0).normal(size=100)})
    assert find_layout(table.sample(frac=0.7, random_state=1)).left_out[0][0] == "number"


def test_a_slip_in_a_column_of_numbers_gets_a_sentence():
    """One cell that is no number must not turn the others into categories."""
    slip = pd.DataFrame({"hp": [*map(str, range(50)), "12O"], "x": 1.5})
    with pytest.raises(InputError, match="numbers in column 'hp', as 50 of 51 cells hold, got '12O' in row 50 "):
        find_layout(slip)
