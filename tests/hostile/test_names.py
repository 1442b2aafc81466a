"""Names that a person gave cannot move the cursor, turn text around, or spoil a picture: in tables, words, figures."""

import sys
from io import BytesIO, StringIO

import pandas as pd
import pytest
from matplotlib.text import Text
from rich.console import Console
from tests.plots._synthetic import study

from bridle._errors import InputError
from bridle.cli import _show as show
from bridle.cli._setup import guarded
from bridle.plots import drawings
from bridle.report import details, explain, rich_table, safe_cells, verdict
from bridle.wording import CONTROL_CHARACTERS, escape_control_characters

EVIL = "\x1b[2J\x1b]0;t\x07 gain\u202e0.83\u2066 \x00\x85"
ARMS = {
    EVIL: {f"{EVIL}/output l1": [1e-4, 1e-3], f"{EVIL}/kernel l2": [1e-4, 1e-3]},
    f"_{EVIL}": {f"{EVIL}/kernel l2": [1e-3, 1e-2]},
}


@pytest.mark.parametrize("held_out", [("test",), (EVIL,)])
def test_words_and_tables_show_codes(held_out: tuple[str, ...]) -> None:
    """The verdict, its details, the diagnoses, and the table of a terminal."""
    result = study(arms=ARMS, held_out=held_out)
    console = Console(width=100, file=StringIO())
    console.print(rich_table(result))
    for text in (console.file.getvalue(), details(result), explain(result)):
        assert not CONTROL_CHARACTERS.search(text)
        assert "\\u202e" in text
    assert not CONTROL_CHARACTERS.search(verdict(result))
    assert "\\u001b" in verdict(result)


def test_pictures_show_codes() -> None:
    """Every text of every picture, after it was drawn; arms with one strength and with two."""
    seen = []
    for arms in (ARMS, {EVIL: {f"{EVIL}/output l1": [1e-5, 1e-3]}}):
        both = {"insides": arms is ARMS, "picture": arms is ARMS}
        for drawing in drawings(study(arms=arms, seeds=2, folds=2, held_out=(EVIL,), **both), published={1e-3: 0.8}):
            drawing.figure.savefig(BytesIO(), format="png", dpi=20)
            texts = [text.get_text() for text in drawing.figure.findobj(Text)]
            assert not [text for text in texts if CONTROL_CHARACTERS.search(text)], drawing.name
            seen += texts
    assert any("\\u202e" in text for text in seen)


def test_the_command_line_shows_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """Titles and notes, and sentences about mistakes."""
    show.print_heading(EVIL, EVIL)
    with pytest.raises(SystemExit), guarded():
        raise InputError(f"Expected a name, got {EVIL}.")
    out, err = capsys.readouterr()
    assert not CONTROL_CHARACTERS.search(out + err)
    assert out.count("\\u202e") == 2
    assert err.count("\\u202e") == 1


def test_line_breaks_and_tabs_stay() -> None:
    """Characters of layout are not shown as codes."""
    assert escape_control_characters("a\tb\nc") == "a\tb\nc"
    assert escape_control_characters(f"{sys.maxunicode:c}\ud800").endswith("\\ud800")


def test_labels_cannot_be_formulas() -> None:
    """Class labels of a table, as `bridle predict` writes them: text gets an apostrophe, numbers do not."""
    labels = ["=HYPERLINK(1)", "+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\uff1d1", "rose", "'=1"]
    frame = pd.DataFrame({"=kind": labels, "p(=1)": [-0.5] * len(labels)})
    made = safe_cells(frame)
    assert made["'=kind"].tolist() == [f"'{label}" for label in labels[:7]] + ["rose", "'=1"]
    assert made["p(=1)"].tolist() == [-0.5] * len(labels)
    assert safe_cells(pd.DataFrame({"y": [-1, 2]})).to_csv(index=False) == "y\n-1\n2\n"
    kinds = safe_cells(pd.DataFrame({"y": pd.Categorical(["-a", None])}))
    assert kinds["y"].tolist()[0] == "'-a"
    assert kinds["y"].isna().tolist() == [False, True]
