"""A study on disk: whole or refused, and the same numbers back."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from tests._same import equal, same
from tests.conftest import network

import bridle
from bridle import L1, L2, BridleError, Study
from bridle.results import StudyResult
from bridle.store import _files as files
from bridle.store import load, save, write_text


@pytest.fixture(scope="module")
def result(moons) -> bridle.Result:
    """A small study with everything in it: refits, held-out rows, a picture."""
    x, y = moons
    study = Study(
        network(),
        {"L2": {"*/kernel": L2([0.01, 0.1])}, "L1": {"hidden/output": L1([0.01])}},
        seeds=2,
        folds=2,
        epochs=5,
    )
    found = study.run(x[:40], y[:40], test=(x[40:], y[40:]), progress=False)
    assert found.data.activations
    assert found.data.weight_names
    assert found.data.path_networks.surfaces.size
    return found


def test_everything_comes_back(result, tmp_path) -> None:
    """Every field, bit for bit."""
    again = load(save(result.data, tmp_path / "a" / "b"))
    for field in fields(StudyResult):
        assert equal(getattr(result.data, field.name), getattr(again, field.name)), field.name


def test_a_loaded_result_answers_as_the_first_did(result, tmp_path) -> None:
    """Verdict, table, model and code need nothing but the folder."""
    result.save(tmp_path)
    again = bridle.load(tmp_path)
    assert str(again) == str(result)
    assert again.code() == result.code()
    for one, two in zip(again.model().get_weights(), result.model().get_weights(), strict=True):
        assert np.array_equal(one, two)


def test_a_study_stored_before_its_insides_were_kept_opens(result, tmp_path) -> None:
    """Without names of weights and without activations; what needs them says so."""
    save(result.data, tmp_path)
    words = json.loads((tmp_path / "study.json").read_text())
    del words["weight_names"], words["activations"], words["networks"]
    (tmp_path / "study.json").write_text(json.dumps(words))
    again = bridle.load(tmp_path)
    assert (again.data.weight_names, again.data.activations, again.data.path_networks) == ((), (), None)
    assert str(again) == str(result)
    with pytest.raises(BridleError, match="Run it again"):
        again.plot.weights()


def test_a_study_stored_without_row_scores_opens(result, tmp_path) -> None:
    """As older versions stored it; everything else is the same."""
    older = replace(result.data, row_scores=None)
    again = load(save(older, tmp_path))
    assert result.data.row_scores is not None
    assert again.row_scores is None
    assert same(again, older)


def test_nothing_is_pickled_and_json_is_strict(result, tmp_path) -> None:
    """The arrays load with pickling off, the words without NaN."""
    save(result.data, tmp_path)
    with np.load(arrays_of(tmp_path), allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)

    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads((tmp_path / "study.json").read_text(), parse_constant=refuse)
    assert not list(tmp_path.glob(".*"))


def arrays_of(folder: Path) -> Path:
    (path,) = folder.glob("study*.npz")
    return path


def test_a_result_that_replaces_another_is_whole_at_every_moment(result, tmp_path, monkeypatch) -> None:
    """Killed between the two files, the folder still has the old result."""
    save(result.data, tmp_path)
    newer = result.data.with_provenance(newer=True)
    newer = replace(newer, curves=newer.curves + 1)
    real, written = files.write_atomic, []

    def once(path: Path, write: object) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path)
        real(path, write)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_atomic", once)
        with pytest.raises(KeyboardInterrupt):
            save(newer, tmp_path)
    assert np.array_equal(load(tmp_path).curves, result.data.curves, equal_nan=True)
    save(newer, tmp_path)
    assert np.array_equal(load(tmp_path).curves, newer.curves, equal_nan=True)
    arrays_of(tmp_path)


def test_damage_is_named(result, tmp_path) -> None:
    """A missing, truncated, flipped or foreign file is a sentence."""
    with pytest.raises(BridleError, match=r"found no study\.json"):
        load(tmp_path)
    save(result.data, tmp_path)
    path = arrays_of(tmp_path)
    blob = path.read_bytes()
    words = (tmp_path / "study.json").read_text()
    for damaged in (blob[:-100], blob[:500] + bytes([blob[500] ^ 1]) + blob[501:], b""):
        path.write_bytes(damaged)
        with pytest.raises(BridleError, match="damaged"):
            load(tmp_path)
    path.write_bytes(blob)
    (tmp_path / "study.json").write_text(words[:100])
    with pytest.raises(BridleError, match="can be read"):
        load(tmp_path)
    (tmp_path / "study.json").write_text(words.replace('"format": 2', '"format": 99'))
    with pytest.raises(BridleError, match="Expected format 2"):
        load(tmp_path)
    (tmp_path / "study.json").write_text(words.replace('"slots"', '"slits"'))
    with pytest.raises(BridleError, match="slots"):
        load(tmp_path)


def test_a_place_that_cannot_be_written_is_a_sentence(result, tmp_path) -> None:
    """A file where a folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BridleError, match="Expected a folder that can be written"):
        save(result.data, tmp_path / "file")
    with pytest.raises(BridleError, match="Expected a file that can be written"):
        write_text(tmp_path / "file" / "page.html", "x")
