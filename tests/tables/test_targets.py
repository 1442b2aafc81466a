"""Several targets of one table."""

import json

import numpy as np
import pandas as pd
import pytest

from bridle._errors import InputError
from bridle.tables import Problem, encode_targets, find_problems, known_rows, target_names
from bridle.tuning._scale import Scale

TABLE = pd.DataFrame({"a": [1.5, 2, 3, 4], "b": [4.0, 5, None, 9], "c": list("xyxy"), "d,e": [1.0, 2, 3, 4]})


def test_names_with_commas():
    """Text is split, unless it is a column; a list is taken as it is."""
    assert target_names("a,b", TABLE.columns) == ("a", "b")
    assert target_names("d,e", TABLE.columns) == ("d,e",)
    assert target_names(["d,e", "a"], TABLE.columns) == ("d,e", "a")


def test_rows_without_any_of_the_targets_are_left_out():
    """The encoded targets have one column each, in the order of the names."""
    problem = find_problems(TABLE, ["b", "a"], "regression", min_rows=2)
    rows = known_rows(problem, TABLE)
    assert (problem.rows, problem.missing, problem.names) == (3, 1, ("b", "a"))
    assert encode_targets(problem, rows).tolist() == [[4, 1.5], [5, 2], [9, 4]]
    assert Problem.from_json(json.loads(json.dumps(problem.to_json()))) == problem
    one = find_problems(TABLE, ["a"], "regression", min_rows=2)
    assert "targets" not in one.to_json()
    assert np.array_equal(encode_targets(one, TABLE), TABLE.a)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("a,a", "Expected distinct columns as targets, got 'a,a'"),
        ([], "Expected distinct columns as targets"),
        ("a,z", "Expected the column 'z' in the table"),
        ("a,c", "Expected numbers in each of 2 targets, got classes in 'c'"),
    ],
)
def test_bad_targets_get_a_sentence(names, sentence):
    """Repeated, none, no column, and classes."""
    table = pd.concat([TABLE] * 3, ignore_index=True)
    with pytest.raises(InputError, match=sentence):
        find_problems(table, target_names(names, table.columns), None if "c" in names else "regression", min_rows=2)


@pytest.mark.parametrize("content", [{"mean": 0, "sd": 0}, {"mean": float("nan"), "sd": 1}, {"mean": [0], "sd": [-1]}])
def test_a_damaged_scale_gets_a_sentence(content):
    """A deviation of 0 or below, and a mean that is no number."""
    with pytest.raises(InputError, match="finite means and deviations above 0"):
        Scale.from_json(content, 1)
    assert Scale.from_json({"mean": [1, 2], "sd": [3, 4]}, 2).restored(np.ones((1, 2))).tolist() == [[4, 6]]


def test_damaged_targets_get_a_sentence():
    """One target alone is not several, and classes are not numbers."""
    content = find_problems(TABLE, ["a", "b"], "regression", min_rows=2).to_json()
    for targets in (["a"], "a", ["a", "a"]):
        with pytest.raises(InputError, match="run `bridle tune` again"):
            Problem.from_json({**content, "targets": targets})
