"""The columns of a table, and what their cells are read as."""

import numpy as np
import pandas as pd
import pytest

from bridle._errors import InputError, KindError
from bridle.tables._checks import check_table
from bridle.tables._columns import labels_of, numbers_of


def test_check_table():
    """A frame of a person's own is checked as a file is."""
    good = pd.DataFrame({"a": [1], "b": [2]})
    assert check_table(good) is good
    with pytest.raises(KindError, match="Expected a pandas DataFrame, got ndarray"):
        check_table(np.zeros((2, 2)))
    with pytest.raises(InputError, match="to be text, got 0 for column 1"):
        check_table(pd.DataFrame(np.zeros((2, 2))))
    with pytest.raises(InputError, match="got none"):
        check_table(good.iloc[:0])
    with pytest.raises(InputError, match="'a' for column 1 and column 2"):
        check_table(good.set_axis(["a", "a"], axis=1))


def test_labels_do_not_depend_on_the_type():
    """A category reads the same whether its column came as integers, floats, text or categories."""
    for column in ([1, 2], [1.0, 2.0], ["1", " 2 "], pd.Categorical([1, 2]), np.array([1, 2], object)):
        assert labels_of(pd.Series(column)).tolist() == ["1", "2"]
    assert labels_of(pd.Series([True, None], dtype=object), "?").tolist() == ["True", "?"]
    assert labels_of(pd.Series([None, True], dtype="boolean"), "?").tolist() == ["?", "True"]


def test_numbers_name_the_cell_that_is_none():
    """Text, dates and infinities in a column of numbers: column, row and cell."""
    assert numbers_of(pd.Series(["1", None, "2.5"]))[[0, 2]].tolist() == [1, 2.5]
    assert numbers_of(pd.Series([1, None], dtype="Int64")).dtype == np.float64
    with pytest.raises(InputError, match=r"numbers in column 'kg', got 'heavy' in row 7 "):
        numbers_of(pd.Series([1, "heavy"], index=[3, 7], name="kg"))
    with pytest.raises(InputError, match=r"finite numbers.*got inf in row 'b'"):
        numbers_of(pd.Series([1, np.inf], index=["a", "b"], name="kg"))
    with pytest.raises(InputError, match="numbers in column 'day', got 2020-01-01"):
        numbers_of(pd.Series(pd.to_datetime(["2020-01-01"]), name="day"))
