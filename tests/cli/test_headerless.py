"""A file without names on the command line: noticed, taken by option, applied to new rows, gone on with."""

import json
from pathlib import Path

import numpy as np

ARMS = ("--seeds", "1", "--folds", "2", "--epochs", "3", "--penalty", "*/kernel=l2(1e-3)")


def test_tune_without_a_header_line(command) -> None:
    """The sentence names the option; with it no row is lost, and resume and predict know it."""
    x = np.random.default_rng(0).normal(size=(60, 2)).round(3)
    lines = [f"{a}\t{'no' if a > 0 else 'yes'}\t{b}" for a, b in x]
    Path("t.csv").write_text("\n".join(lines))
    code, out, err = command("tune", "t.csv", "--target", "column2")
    assert (code, out) == (2, "")
    assert "--no-header" in err
    code, out, err = command("tune", "t.csv", "--target", "column2", "--no-header", "--out", "answer", *ARMS)
    assert (code, err) == (0, "")
    assert "48 rows to learn from, 12 held out" in " ".join(out.split())
    assert json.loads(Path("answer/command.json").read_text())["options"]["no-header"] is True
    assert command("resume", "answer")[0] == 0
    code, out, err = command("predict", "answer", "t.csv", "--no-header")
    assert (code, len(out.splitlines())) == (0, 61)
    assert command("predict", "answer", "t.csv") == (code, out, err)
