"""Folders of bridle 0.1, written before names changed, open, verify, report, resume and extend to the same bits."""

import json
import shutil
import sqlite3
from pathlib import Path

import jax
import keras
import numpy as np
import pandas as pd
import pytest

from bridle.report import Section

KEPT = Path(__file__).parents[1] / "written_by_0_1"
FOLDERS = ("moons", "table", "interrupted")
STUDIES = ("moons/tutorial", "moons/honest", "table/study", "interrupted/study")
FIT = ("seed", "fold")
"""Columns that name a fit, with its arm and the strengths of it."""


def plan(study: str) -> dict:
    """The facts of a study that was written."""
    uri = f"file:{KEPT / study / 'index.sqlite'}?mode=ro&immutable=1"
    with sqlite3.connect(uri, uri=True) as index:
        return json.loads(index.execute("SELECT value FROM facts WHERE name = 'plan'").fetchone()[0])


same_versions = pytest.mark.skipif(
    any(
        plan(study)[name] != now
        for study in STUDIES
        for name, now in (("keras", keras.__version__), ("jax", jax.__version__))
    ),
    reason="Written with other versions of Keras or JAX: a study refuses to mix their fits.",
)


@pytest.fixture(scope="module", autouse=True)
def small():
    """Reports without pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Section, "drawings", property(lambda section: ()))
        yield


@pytest.fixture
def folders(command, tmp_path):
    """`command`, in a copy of all folders and their table."""
    shutil.copytree(KEPT, tmp_path, dirs_exist_ok=True)
    return command


def stored(study: Path) -> dict[str, bytes]:
    """The files with fits, by name."""
    return {path.name: path.read_bytes() for path in (study / "shards").rglob("*.npz")}


def keys(study: Path) -> set[bytes]:
    """The keys of the fits in the index."""
    with sqlite3.connect(study / "index.sqlite") as index:
        return {row[0] for row in index.execute("SELECT key FROM members")}


def table(path: Path) -> pd.DataFrame:
    """A table of fits as text, by arm, strengths, seed and fold."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    names = ["arm", *(name for name in rows if name.startswith("strength of ")), *FIT]
    return rows.set_index(names).sort_index()


def export(folders, study: str) -> pd.DataFrame:
    """Its fits, as `bridle export --csv` prints them now."""
    path = Path(f"{study.replace('/', '-')}.csv")
    code, _, err = folders("export", study, "--csv", "--out", str(path))
    assert code == 0, err
    return table(path)


def numbers(rows: pd.DataFrame) -> np.ndarray:
    """The measured columns as numbers."""
    return rows.drop(columns="status").apply(pd.to_numeric).to_numpy(float)


@pytest.mark.parametrize("name", FOLDERS)
def test_it_opens_and_verifies(folders, name) -> None:
    """Every byte is whole; `show` says how far it came."""
    code, out, err = folders("verify", name)
    assert code == 0, out + err
    assert "  OK" in out
    code, out, err = folders("show", name)
    assert code == 0, err
    assert ("not finished, 52 fits stored" in out) is (name == "interrupted")


@pytest.mark.parametrize("name", ["moons/tutorial", "moons/honest", "table", "interrupted"])
def test_it_reports(folders, name) -> None:
    """The page is written, also of what was interrupted."""
    code, out, err = folders("report", name)
    assert code == 0, err
    assert Path(name, "report.html").is_file() or "report.html" in out


def test_it_exports_what_it_exported(folders) -> None:
    """The same columns with the same text."""
    now, then = export(folders, "moons/honest"), table(Path("moons-honest.csv"))
    pd.testing.assert_frame_equal(now, then)


@same_versions
@pytest.mark.parametrize("name", ["moons", "table"])
def test_resumed_it_trains_nothing(folders, name) -> None:
    """All fits are found under their keys: what a key is a hash of has not changed."""
    studies = [Path(study) for study in STUDIES if study.startswith(name)]
    before = [(keys(study), stored(study), export(folders, str(study))) for study in studies]
    code, _, err = folders("resume", name, *(("--table", "patients.csv") if name == "table" else ()))
    assert code == 0, err
    for study, (names, files, rows) in zip(studies, before, strict=True):
        assert keys(study) == names
        assert stored(study) == files
        pd.testing.assert_frame_equal(export(folders, str(study)), rows)


@same_versions
def test_an_interrupted_one_resumes_to_the_same_numbers(folders) -> None:
    """52 of 54 fits are read, two are trained, and the table is the one that 0.1 ended with."""
    study, then = Path("interrupted/study"), table(Path("interrupted-resumed.csv"))
    names, files = keys(study), stored(study)
    partial = export(folders, "interrupted/study")
    code, _, err = folders("resume", "interrupted", "--table", "patients.csv")
    assert code == 0, err
    assert len(keys(study) - names) == len(then) - len(names)
    assert names < keys(study)
    assert files.items() <= stored(study).items()
    now = export(folders, "interrupted/study")
    finished = partial.index[partial["status"] == "finished"]
    pd.testing.assert_frame_equal(now.loc[finished], then.loc[finished])
    if now.equals(then):
        return
    # fits trained here have other last digits where the processor has other vector units than that of the fixture
    assert list(now.columns) == list(then.columns)
    assert now.index.equals(then.index)
    np.testing.assert_allclose(numbers(now), numbers(then), rtol=1e-2, atol=1e-4)


@same_versions
@pytest.mark.parametrize("name", ["moons", "table"])
def test_extended_it_keeps_its_fits(folders, name) -> None:
    """One seed more: new fits are added and the stored ones stay."""
    studies = [Path(study) for study in STUDIES if study.startswith(name)]
    before = [(keys(study), stored(study), export(folders, str(study))) for study in studies]
    code, _, err = folders("extend", name, "--seeds", "3", *(("--table", "patients.csv") if name == "table" else ()))
    assert code == 0, err
    for study, (names, files, rows) in zip(studies, before, strict=True):
        assert names <= keys(study)
        assert files.items() <= stored(study).items()
        now = export(folders, str(study))
        folds = rows[rows.index.get_level_values("fold") != ""]
        pd.testing.assert_frame_equal(now.loc[folds.index, folds.columns], folds)
    assert any(names < keys(study) for study, (names, _, _) in zip(studies, before, strict=True))
