"""`bridle explain`: the page of a code, the diagnoses of a folder, the list of all."""

import shutil
from pathlib import Path

import pytest

import bridle
from bridle.report import DIAGNOSES, find_diagnosis

RELEASED = sorted((Path(__file__).parents[1] / "store" / "released").glob("format-*"))[-1]


def words(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


def test_a_code_prints_its_page(command) -> None:
    """Also in small letters."""
    code, out, err = command("explain", "br007")
    assert (code, err) == (0, "")
    assert out.startswith("BR007: The best strength lies on the edge of the range\n")
    assert words(find_diagnosis("BR007").action) in words(out)


def test_without_an_argument_all_codes_are_listed(command) -> None:
    code, out, err = command("explain")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == [one.code for one in DIAGNOSES]


def test_a_folder_prints_the_verdict_and_its_diagnoses(command, tmp_path: Path) -> None:
    shutil.copytree(RELEASED, tmp_path / "s")
    code, out, err = command("explain", "s")
    assert (code, err) == (0, "")
    result = bridle.load("s")
    assert words(result.verdict()) in words(out)
    assert words(result.explain()) in words(out)
    assert "BR014: Fits diverged" in out


@pytest.mark.parametrize(
    ("subject", "sentence"),
    [
        ("BR999", "got 'BR999'"),
        ("nowhere", "such as BR007, or the folder of a study, got 'nowhere'"),
        (".", "Expected"),
    ],
)
def test_anything_else_is_refused(command, subject: str, sentence: str) -> None:
    code, out, err = command("explain", subject)
    assert (code, out) == (2, "")
    assert sentence in err
