"""Folders that version 0.1 wrote are verified, resumed, extended and reported."""

import json
import os
import shutil
import sqlite3
from pathlib import Path

import jax
import keras
import numpy as np
import pandas as pd
import pytest

from bridle.report import Section

FOLDERS = Path(__file__).parents[1] / "written_by_0_1"
STUDIES = {"moons": ("moons/tutorial", "moons/honest"), "table": ("table/study",)}
TABLE = {"moons": (), "table": ("--table", "patients.csv")}

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("XLA_FLAGS")), reason="other options give other bits: engine/test_compiler_options.py runs it"
)


def versions() -> tuple[str, str]:
    """Return the versions of Keras and JAX that trained the fits."""
    index = sqlite3.connect(f"file:{FOLDERS / 'table/study/index.sqlite'}?mode=ro&immutable=1", uri=True)
    facts = json.loads(index.execute("SELECT value FROM facts WHERE name = 'plan'").fetchone()[0])
    index.close()
    return facts["keras"], facts["jax"]


same_versions = pytest.mark.skipif(
    versions() != (keras.__version__, jax.__version__), reason="a study takes no fits of other versions of Keras or JAX"
)


@pytest.fixture
def run(command, tmp_path, monkeypatch):
    """Run a command that must succeed, in a copy of the folders; reports have no pictures."""
    monkeypatch.setattr(Section, "drawings", property(lambda section: ()))
    shutil.copytree(FOLDERS, tmp_path, dirs_exist_ok=True)

    def succeed(*words: str) -> str:
        code, out, err = command(*words)
        assert code == 0, out + err
        return out

    return succeed


def fit_files(study: str) -> dict[str, bytes]:
    """Return the files with fits, by name."""
    return {path.name: path.read_bytes() for path in Path(study, "shards").rglob("*.npz")}


def fits(run, study: str) -> pd.DataFrame:
    """Export the fits of a study as text, indexed by arm, strengths, seed and fold."""
    run("export", study, "--csv", "--out", "fits.csv")
    return indexed("fits.csv")


def indexed(path: str) -> pd.DataFrame:
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    strengths = [name for name in rows if name.startswith("strength of ")]
    return rows.set_index(["arm", *strengths, "seed", "fold"]).sort_index()


@pytest.mark.parametrize("name", ["moons", "table", "interrupted"])
def test_an_old_folder_is_verified_and_reported(run, name: str) -> None:
    """Every byte of it, also where a run was interrupted."""
    assert "  OK" in run("verify", name)
    run("report", name)
    assert list(Path(name).rglob("report.html"))


@same_versions
@pytest.mark.parametrize("name", ["moons", "table"])
def test_an_old_folder_is_resumed_without_training(run, name: str) -> None:
    """All of its fits are found: no file of fits is added or changed."""
    before = [fit_files(study) for study in STUDIES[name]]
    run("resume", name, *TABLE[name])
    assert [fit_files(study) for study in STUDIES[name]] == before


@same_versions
@pytest.mark.parametrize("name", ["moons", "table"])
def test_an_old_folder_is_extended(run, name: str) -> None:
    """More seeds add fits; those of the folds keep their bits and rows; the honest case has a third of the seeds."""
    before = [(fit_files(study), fits(run, study)) for study in STUDIES[name]]
    run("extend", name, "--seeds", "6", *TABLE[name])
    for study, (files, rows) in zip(STUDIES[name], before, strict=True):
        assert files.items() <= fit_files(study).items()
        now = fits(run, study)
        judged = rows[rows.index.get_level_values("fold") != "all"]
        pd.testing.assert_frame_equal(now.loc[judged.index, judged.columns], judged)
        assert len(now) > len(rows)


@same_versions
def test_an_old_interrupted_run_resumes_to_the_same_bits(run) -> None:
    """As version 0.1 resumed it; on another processor the last fits are those of a run that was never interrupted."""
    stored = fits(run, "interrupted/study")
    stored = stored[stored["status"] == "finished"]
    files = fit_files("interrupted/study")
    run("resume", "interrupted", "--table", "patients.csv")
    assert files.items() <= fit_files("interrupted/study").items()
    resumed, expected = fits(run, "interrupted/study"), indexed("interrupted-resumed.csv")
    pd.testing.assert_frame_equal(resumed.loc[stored.index], expected.loc[stored.index])
    assert len(stored) < len(resumed) == len(expected)
    if not resumed.equals(expected):
        options = json.loads(Path("interrupted/command.json").read_text())["options"]
        words = [word for text in options.pop("penalty") for word in ("--penalty", text)]
        words += [word for name, value in options.items() for word in (f"--{name}", str(value))]
        run("tune", "patients.csv", *words, "--defaults", "1", "--all-fits", "--out", "anew")
        trained = np.setdiff1d(np.arange(len(resumed)), resumed.index.get_indexer(stored.index))
        pd.testing.assert_frame_equal(resumed.iloc[trained], fits(run, "anew/study").iloc[trained])
