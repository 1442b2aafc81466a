"""Finding what the target of a table asks for, and its labels as numbers and back."""

import json

import numpy as np
import pandas as pd
import pytest

from bridle._errors import InputError
from bridle.tables._problem import Problem, decode_target, encode_target, find_problem, known_rows


def table_of(target):
    """A table with a target column `y`."""
    return pd.DataFrame({"x": np.arange(len(target)), "y": target})


@pytest.mark.parametrize(
    ("target", "task", "classes", "kind"),
    [
        (list("bca") * 5, "classification", ("a", "b", "c"), "text"),
        ([True, False] * 5, "classification", ("False", "True"), "bool"),
        (pd.Categorical([10, 9] * 5), "classification", ("9", "10"), "integer"),
        ([0, 1] * 5, "classification", ("0", "1"), "integer"),
        ([10.0, 9.0, 2.0] * 5, "classification", ("2", "9", "10"), "integer"),
        ([0] * 95 + [1] * 5, "classification", ("0", "1"), "integer"),
        ([*range(20)] * 20, "classification", tuple(map(str, range(20))), "integer"),
        ([*range(21)] * 40, "regression", None, "integer"),
        ([*range(11)] * 5, "regression", None, "integer"),
        ([0.5, 1.5] * 50, "regression", None, "number"),
        (np.arange(50) / 7, "regression", None, "number"),
    ],
)
def test_the_task_is_found(target, task, classes, kind):
    """Each side of the rule, and a JSON round trip of each problem."""
    problem = find_problem(table_of(target), "y")
    assert (problem.task, problem.classes, problem.kind) == (task, classes, kind)
    assert Problem.from_json(json.loads(json.dumps(problem.to_json(), allow_nan=False))) == problem


@pytest.mark.parametrize(
    "target",
    [list("ba") * 5, [True, False] * 5, [7, 30] * 5, [2.5, -1.5] * 5, pd.Categorical([10, 9] * 5), np.arange(10) / 3],
)
def test_decoding_gives_the_target_back(target):
    """Labels come back as they were, in value and in type."""
    table = table_of(target)
    task = "regression" if len(set(target)) == 10 else "classification"
    problem = find_problem(table, "y", task)
    codes = encode_target(problem, table["y"])
    assert codes.dtype == (np.float64 if task == "regression" else np.int64)
    assert decode_target(problem, codes).tolist() == table["y"].tolist()


def test_rows_without_a_target_are_counted():
    """They are left out, and an integer stays one although its column became float."""
    table = table_of([1, None, 0] * 5)
    problem = find_problem(table, "y")
    assert (problem.rows, problem.missing, problem.classes) == (10, 5, ("0", "1"))
    kept = known_rows(problem, table)
    assert kept.index.tolist()[:3] == [0, 2, 3]
    assert decode_target(problem, encode_target(problem, kept["y"])).tolist() == [1, 0] * 5
    with pytest.raises(InputError, match=r"got nan in row 1 .*known_rows"):
        encode_target(problem, table["y"])


BAD_TARGETS = {
    "constant": ([3] * 9, None, "at least two values, got '3' in all 9 rows"),
    "one class": (["a"] * 9, None, "at least two values, got 'a'"),
    "all missing": ([None] * 9, None, "got missing cells only"),
    "text regression": (list("ab") * 5, "regression", "Expected numbers in the target 'y' of a regression, got 'a'"),
    "rare class": (list("aaaaaaab"), None, r"at least 5 rows of each class of 'y'.*'b': 1 \(1 of 2 classes\)"),
    "numbers as classes": (np.arange(9) / 2, "classification", "9 of 9 classes.*--task regression"),
    "dates": (pd.date_range("2020", periods=9), None, "got dates"),
    "infinite": ([*range(8), np.inf], None, "finite numbers.*'y', got inf in row 8"),
    "task": (list("ab") * 5, "guess", "Expected task 'classification' or 'regression', got 'guess'"),
    "few rows": ([1.5, 2.5], None, "at least 5 rows with a target.*got 2"),
}


@pytest.mark.parametrize(("target", "task", "sentence"), BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_a_bad_target_gets_a_sentence(target, task, sentence):
    """Each target that nothing can be learned from."""
    with pytest.raises(InputError, match=sentence):
        find_problem(table_of(target), "y", task)


def test_a_target_that_is_no_column_lists_near_names():
    """A slip in the target's name."""
    with pytest.raises(InputError, match=r"got 'specis'. Nearest: 'species'"):
        find_problem(pd.DataFrame({"species": ["a"], "x": [1]}), "specis")


def test_what_cannot_be_encoded_or_decoded():
    """A new label, and numbers that are no classes."""
    problem = find_problem(table_of(["cat", "dog"] * 5), "y")
    with pytest.raises(InputError, match=r"one of the 2 classes of 'y', got 'cats' in row 1 .*'cat'"):
        encode_target(problem, pd.Series(["dog", "cats"]))
    for array in (np.array([2]), np.array([-1]), np.array([0.3])):
        with pytest.raises(InputError, match="Expected class numbers 0 to 1"):
            decode_target(problem, array)
    assert len(decode_target(problem, np.array([], dtype=int))) == 0


@pytest.mark.parametrize(
    "change",
    [{"task": "guess"}, {"task": []}, {"classes": None}, {"classes": ["a"]}, {"classes": ["a", 1]}, {"rows": -1},
     {"rows": True}, {"kind": "integer"}, {"kind": {}}, {"format": "bridle problem 2"}, {"target": 3}, {"more": 1}],
)  # fmt: skip
def test_a_damaged_problem_gets_a_sentence(change):
    """Each entry is checked on reading."""
    content = find_problem(table_of(list("ab") * 5), "y").to_json()
    with pytest.raises(InputError, match=r"Expected .*(?s:.)*run `bridle tune` again"):
        Problem.from_json({**content, **change})
    with pytest.raises(InputError, match="entries"):
        Problem.from_json([])
