"""What explains a score before it is computed is said first: copies of the target, a large class, groups and time."""

import numpy as np
import pandas as pd
import pytest

from bridle.tables import Structure, copies, find_problem, large_class
from bridle.tuning import TableStudy, prepare_table

OPTIONS = {"seeds": 1, "folds": 3, "epochs": 1}


def patients(rows: int = 120) -> pd.DataFrame:
    """A table whose target is copied, given away, and unknown from `a`."""
    rng = np.random.default_rng(0)
    ill = rng.random(rows) < 0.1
    ill[:10] = True
    return pd.DataFrame(
        {
            "a": rng.normal(size=rows),
            "alive": np.where(ill, "no", "yes"),
            "ward": np.where(ill, rng.choice(["x", "y"], rows), rng.choice(["z", "u"], rows)),
            "day": pd.date_range("2026-01-01", periods=rows).strftime("%Y-%m-%d"),
            "ill": np.where(ill, "yes", "no"),
        }
    )


def test_warnings_are_the_first_notes() -> None:
    """In this order: copies, the large class, time; then the problem and the columns."""
    first, second, third, fourth, fifth, *_ = prepare_table(patients(), TableStudy("ill", **OPTIONS)).notes
    assert first.startswith("`alive` copies the target: each of its values is one class.")
    assert second.startswith("`ward` gives the target away: each of its 4 values goes with one class only.")
    assert "% of the rows are 'no': an accuracy of 0." in third
    assert "--score auc" in third
    assert fourth.startswith("`day` looks like time, and the rows are in its order: if")
    assert fifth.startswith("Classification of 'ill'")


def test_nothing_is_said_where_nothing_is_wrong() -> None:
    """The problem comes first; another score than accuracy needs no warning of a large class, nor does a known time."""
    frame = patients().drop(columns=["alive", "ward"])
    job = prepare_table(frame, TableStudy("ill", score="loss", structure=Structure(weight=None), **OPTIONS))
    assert [note[:9] for note in job.notes[:2]] == ["`day` loo", "Classific"]
    shuffled = frame.sample(frac=1, random_state=0)
    assert "looks like time: if" in prepare_table(shuffled, TableStudy("ill", score="loss", **OPTIONS)).notes[0]
    assert prepare_table(frame[["a", "ill"]], TableStudy("ill", score="loss", **OPTIONS)).notes[0][:9] == "Classific"


@pytest.mark.parametrize("change", [lambda y: 2.54 * y - 3, lambda y: -np.exp(y)])
def test_a_number_with_the_order_of_the_target_copies_it(change) -> None:
    """In another unit, or through a function that rises or falls; one exchanged pair of rows is enough to doubt it."""
    y = pd.Series(np.random.default_rng(0).normal(size=60), name="y")
    frame = pd.DataFrame({"copy": change(y), "y": y})
    problem = find_problem(frame, "y")
    assert copies(frame[["copy"]], y, problem)[0].startswith("`copy` copies the target: it has the same order")
    frame.loc[[0, 1], "copy"] = frame.loc[[1, 0], "copy"].to_numpy()
    assert not copies(frame[["copy"]], y, problem)


def test_few_rows_and_many_values_are_no_copy() -> None:
    """Values with one class each are a matter of chance where a value has few rows."""
    frame = pd.DataFrame({"a": list("xy") * 9, "y": list("nj") * 9})
    assert not copies(frame[["a"]], frame["y"], find_problem(frame, "y"))
    many = pd.DataFrame({"a": np.arange(40), "y": list("nj") * 20})
    assert not copies(many[["a"]], many["y"], find_problem(many, "y"))


def test_a_large_class_is_named() -> None:
    """From four rows in five on."""
    for count, warned in ((79, False), (80, True)):
        target = pd.Series(["no"] * count + ["yes"] * (100 - count), name="ill")
        problem = find_problem(pd.DataFrame({"a": range(100), "ill": target}), "ill")
        assert bool(large_class(problem, target)) is warned
