"""Commands on folders: resume, show, export, verify, extend; and folders of strangers."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from tests._same import same
from tests.cli.test_cli import flowers

from bridle import store as stores
from bridle.engine import _scheduler as engine
from bridle.report import Section

SMALL = ("--folds", "2", "--seeds", "1", "--epochs", "3", "--penalty", "hidden*/kernel=l1([0.001, 0.1])")
TUNE = ("tune", "flowers.csv", "--target", "species", *SMALL)


@pytest.fixture(scope="module", autouse=True)
def small():
    """Reports without pictures: folders are what is tried here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Section, "drawings", property(lambda section: ()))
        yield


@pytest.fixture(scope="module")
def answered(tmp_path_factory) -> Path:
    """A folder that `bridle tune` wrote, with its table beside it."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("answered")
        patch.chdir(folder)
        flowers(30).to_csv("flowers.csv", index=False)
        patch.setattr("sys.argv", ["bridle", *TUNE, "--out", "answer"])
        from bridle.cli import run

        assert run() == 0
    return folder


@pytest.fixture
def answer(answered, tmp_path, command) -> Path:
    """A copy of it in the folder of the test."""
    shutil.copytree(answered, tmp_path, dirs_exist_ok=True)
    return Path("answer")


def forget(folder: Path, share: float = 0.5) -> int:
    """Take shards away, as if the run had been killed before them; how many fits are left."""
    with stores.Store(folder, create=False) as store:
        numbers = [row[0] for row in store._index.execute("SELECT number FROM shards")]
        for number in numbers[int(len(numbers) * share) :]:
            store._index.execute("DELETE FROM members WHERE shard = ?", (number,))
            store._index.execute("DELETE FROM shards WHERE number = ?", (number,))
        store.record(finished=False)
    for path in folder.glob("study*"):
        path.unlink()
    with stores.Store(folder, create=False, write=False) as store:
        return len(store)


def test_a_folder_is_gone_on_with(command, answer, monkeypatch) -> None:
    """`show` says how far it came; `resume` makes what is missing and nothing else; the numbers are the same."""
    whole = stores.load(answer / "study")
    left = forget(answer / "study")
    code, out, err = command("show", "answer")
    assert (code, err) == (0, "")
    assert f"not finished, {left} fits stored" in out
    assert "arms: hidden*/kernel" in out
    assert "To continue: bridle resume answer" in out
    made, real = [], engine.train_batch
    monkeypatch.setattr(engine, "train_batch", lambda *given: made.extend(given[1]) or real(*given))
    code, out, err = command("resume", "answer", "--verbose")
    assert (code, err) == (0, "")
    assert "validation accuracy" in out
    assert "verbose" not in (answer / "command.json").read_text()
    assert 0 < len(made) <= len(whole.members) + 60 - left
    assert same(stores.load(answer / "study"), whole)
    made.clear()
    assert command("resume", "answer")[0] == 0
    assert made == []


def test_more_seeds(command, answer) -> None:
    code, out, err = command("extend", "answer", "--seeds", "2")
    assert code == 0
    assert err.startswith("After 6 fits: ")
    assert "2 seeds" in out
    assert stores.load(answer / "study").provenance["fits from the store"] > 0
    code, _, err = command("extend", "answer")
    assert (code, "Give --seeds or --epochs" in err) == (2, True)
    code, _, err = command(*TUNE, "--out", "answer")
    assert code == 2
    assert "seeds: [0, 1] there, [0] now" in err


def test_studies_are_listed_and_shown(command, answer) -> None:
    code, out, err = command("list")
    assert (code, err) == (0, "")
    assert "answer/study" in out
    assert "finished" in out
    code, out, err = command("show", "answer")
    assert (code, err) == (0, "")
    assert "To continue" not in out
    assert ", accuracy is " in out
    assert "validation accuracy" not in out
    assert "± standard" in out
    assert "validation accuracy" in command("show", "answer", "--verbose")[1]
    Path("empty").mkdir()
    assert "No studies" in command("list", "empty")[1]


@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
def test_fits_are_exported(command, answer, kind) -> None:
    """One row for each, in three formats."""
    code, out, err = command("export", "answer", f"--{kind}", "--out", f"fits.{kind}")
    assert (code, err) == (0, "")
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "json": pd.read_json}[kind]
    table = read(f"fits.{kind}")
    data = stores.load(answer / "study")
    assert f"{len(table)} fits in fits.{kind}" in out
    assert len(table) == len(data.members)
    assert set(table["arm"]) == {arm.name for arm in data.arms}
    assert {"seed", "fold", "status", "validation/accuracy"} <= set(table.columns)
    if kind != "parquet":
        assert "validation/accuracy" in command("export", "answer", f"--{kind}")[1]


def test_exports_that_cannot_be(command, answer) -> None:
    for words, said in [
        ((), "Expected a file ending in .csv, .parquet, .json, .onnx, or --to as one of"),
        (("--csv", "--to", "json"), "Expected one of --to, --csv, --parquet and --json, got 2"),
        (("--parquet",), "Write: bridle export answer fits.parquet"),
        (("--to", "mlflow"), "Write: bridle export answer mlflow --to mlflow"),
        (("a.csv", "--out", "b.csv"), "Expected one file or folder to write"),
        (("x.onnx", "--rows", "nowhere.csv"), "nowhere.csv"),
        (("--csv", "--out", "flowers.csv/where.csv"), "can be written"),
    ]:
        code, _, err = command("export", "answer", *words)
        assert code == 2, words
        assert said in err


def test_damage_is_found_and_mended(command, answer) -> None:
    """`verify` ends with 1 and says how to go on; after `--repair` and `resume` all is as before."""
    whole = stores.load(answer / "study")
    assert command("verify", "answer")[0] == 0
    path = next((answer / "study" / "shards").glob("??/*.npz"))
    path.write_bytes(path.read_bytes()[:-9])
    code, out, _ = command("verify", "answer")
    assert code == 1
    assert path.name in out.replace("\n", "")
    assert "bridle verify answer/study --repair" in out
    code, _, err = command("resume", "answer")
    assert code == 2
    assert "--repair" in err
    assert command("verify", "answer", "--repair")[0] == 0
    assert command("resume", "answer")[0] == 0
    assert same(stores.load(answer / "study"), whole)
    assert command("verify", "answer")[0] == 0
    code, out, _ = command("compact", "answer")
    assert code == 0
    assert "are now 1" in out
    assert command("resume", "answer")[0] == 0
    assert same(stores.load(answer / "study"), whole)


def test_a_table_that_moved(command, answer) -> None:
    Path("flowers.csv").rename("elsewhere.csv")
    words = json.loads((answer / "command.json").read_text())
    words["words"][1] = str(Path("flowers.csv").absolute())
    (answer / "command.json").write_text(json.dumps(words))
    code, _, err = command("resume", "answer")
    assert code == 2
    assert "flowers.csv" in err
    assert command("resume", "answer", "--table", "elsewhere.csv")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("not json", "Expected a readable command"),
        ("[" * 100_000, "Expected a readable command"),
        ({"words": ["rm", "-rf"], "options": {}}, "Expected a command in"),
        ({"words": ["run"], "options": {}}, "Expected a command in"),
        ({"words": ["run", "moons"], "options": {"out": "/etc"}}, "Expected an option of bridle run"),
        ({"words": ["run", "moons"], "options": {"seeds": {"a": 1}}}, "Expected an option of bridle run"),
        ({"words": ["run", "--help"], "options": {}}, "Expected a shipped case, got '--help'"),
        ({"words": ["tune", "x.csv"], "options": {"target": "a", "model": "evil:code"}}, "Expected --trust"),
        (None, "no study was started"),
    ],
)
def test_commands_of_strangers(command, tmp_path, words, said) -> None:
    """Nothing but known commands with known options; code only where the person trusts it."""
    (tmp_path / "evil.py").write_text("raise SystemExit('evil code was run')")
    (tmp_path / "s").mkdir()
    if words is not None:
        text = words if isinstance(words, str) else json.dumps({"format": 1, **words})
        (tmp_path / "s" / "command.json").write_text(text)
    code, out, err = command("resume", "s")
    assert code == 2
    assert said in err
    assert "evil code was run" not in out + err


def test_code_runs_where_the_person_trusts_it(command, tmp_path) -> None:
    """With --trust the module that the folder names is imported."""
    flowers(30).to_csv("x.csv", index=False)
    (tmp_path / "own.py").write_text("raise SystemExit('own code was run')")
    (tmp_path / "s").mkdir()
    given = {"format": 1, "words": ["tune", "x.csv"], "options": {"target": "species", "model": "own:build"}}
    (tmp_path / "s" / "command.json").write_text(json.dumps(given))
    assert command("resume", "s", "--trust")[0] == 2
    (tmp_path / "own.py").write_text("import pathlib; pathlib.Path('was run').touch()")
    code, _, err = command("resume", "s", "--trust")
    assert (code, Path("was run").exists()) == (2, True)
    assert "Expected a function 'build'" in err


def test_folders_without_a_study(command) -> None:
    for words in [("show", "."), ("verify", "."), ("compact", "."), ("export", ".", "--csv"), ("list", "nowhere")]:
        code, _, err = command(*words)
        assert code == 2, words
        assert "Expected a" in err


def test_a_cluster_that_is_not_there(command, answer) -> None:
    code, _, err = command("resume", "answer", "--dask", "nonsense")
    assert code == 2
    assert "Expected" in err
