"""The table: as rows, as a data frame, in a terminal."""

import io
import math

import numpy as np
import pytest
from rich.console import Console

from bridle.report import rich_table, rows, table
from bridle.stats import weigh_evidence


def printed(result):
    buffer = io.StringIO()
    Console(file=buffer, width=80).print(rich_table(result))
    return buffer.getvalue()


def test_rows_hold_the_reductions(study):
    """One row per setting, `none` first, with the same keys."""
    result = study(diverged=[36])
    found = rows(result)
    assert [row["arm"] for row in found] == ["none"] + ["L1 activity"] * 5
    assert math.isnan(found[0]["hidden/output l1"])
    assert found[3]["hidden/output l1"] == 1e-3
    assert found[3]["validation"] == pytest.approx(result.scores()[3].mean())
    assert found[3]["train"] == pytest.approx(result.scores("train")[3].mean())
    assert found[3]["test"] == pytest.approx(result.held_out_scores("test")[3].mean())
    assert found[3]["sd over seeds"] == pytest.approx(result.scores()[3].mean(axis=1).std(ddof=1))
    assert [row["finished"] for row in found] == ["30/30", "29/30", *["30/30"] * 4]
    assert [row["rule"] for row in found] == ["", "", "", "best, 1se, recommended", "", ""]
    assert 0.5 < found[3]["zeros hidden/output"] < 0.6
    assert len({tuple(row) for row in found}) == 1


def test_data_frame(study):
    """Numbers are numeric columns."""
    frame = table(study())
    assert frame.shape == (6, len(rows(study())[0]))
    assert frame["hidden/output l1"].dtype == np.float64


@pytest.mark.parametrize(
    "changes",
    [{}, {"diverged": [40]}, {"held_out": ("test", "fresh"), "diverged": [40]}, {"folds": 1, "seeds": 1}, {"arms": {}},
     {"arms": {"a name longer than any column " * 3: {"hidden/kernel l1": [1e-3], "hidden/output l2": [1e-4, 1e-3]}}}],
)  # fmt: skip
def test_terminal_table_fits_in_80_columns_whole(study, changes):
    """No number is cut off."""
    text = printed(study(**changes))
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text


def test_error_shown_is_over_folds_or_else_over_seeds(study):
    """The caption says which."""
    for folds, words in ((5, "standard error over folds"), (1, "standard deviation over seeds")):
        result = study(folds=folds)
        summary = weigh_evidence(result).validation
        error = summary.error if folds > 1 else summary.seed_sd
        text = printed(result)
        assert f"{summary.mean[3]:.3f} ± {error[3]:.3f}" in text
        assert words in " ".join(text.split())


def test_names_are_taken_literally(study):
    """Square brackets are no markup."""
    assert "[bold]L1[/bold]" in printed(study(arms={"[bold]L1[/bold]": {"a/output l1": [1e-3]}}))


def test_finished_is_shown_only_where_some_did_not(study):
    """And the missing number is an empty cell, not nan."""
    assert "finished" not in printed(study())
    text = printed(study(diverged=range(36, 72)))
    assert "0/30" in text
    assert "nan" not in text
