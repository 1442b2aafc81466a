"""A file without names on the command line: noticed, taken by option, applied to new rows, gone on with."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

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


def test_tune_a_sheet_without_a_header_row(command) -> None:
    """As a text file; a Parquet file has names, and says so."""
    x = np.random.default_rng(0).normal(size=(60, 2)).round(3)
    frame = pd.DataFrame({"a": x[:, 0], "y": np.where(x[:, 0] > 0, "no", "yes")})
    frame.to_excel("t.xlsx", header=False, index=False)
    frame.to_parquet("t.parquet")
    code, out, err = command("tune", "t.xlsx", "--target", "column2", "--no-header", "--out", "answer", *ARMS)
    assert (code, err) == (0, "")
    assert "48 rows to learn from, 12 held out" in " ".join(out.split())
    assert len(command("predict", "answer", "t.xlsx")[1].splitlines()) == 61
    code, out, err = command("tune", "t.parquet", "--target", "y", "--no-header")
    assert (code, out) == (2, "")
    assert "Expected no --no-header for 't.parquet'" in err


def test_a_folder_of_texts_is_called_so(command) -> None:
    """In the heading of the output and of the report, and in the advice to apply the model."""
    for label, words in (("good", "fine kind glad"), ("bad", "grim cold dull")):
        folder = Path("notes", label)
        folder.mkdir(parents=True)
        for index in range(24):
            (folder / f"{index}.txt").write_text(" ".join(np.roll(words.split(), index)) + f" {index}")
    code, out, err = command("tune", "notes", "--out", "answer", *ARMS)
    assert (code, err) == (0, "")
    assert out.startswith("Texts notes")
    assert "Apply it to new texts: bridle predict answer new\n" in out
    assert "Images" not in out
    assert "<h1>Texts notes</h1>" in Path("answer/report.html").read_text()
    code, out, err = command("predict", "answer", "notes")
    assert (code, len(out.splitlines())) == (0, 49)
