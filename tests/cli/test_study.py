"""`bridle study`, and arms on the command line: what is written, what is run, what is refused."""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.datasets import load_iris

import bridle
from bridle.cli._command_record import command_line as typed

TABLE = """
title = "Which penalty for the flowers?"
[data]
table = "flowers.csv"
target = "species"
[model]
hidden = [6]
learning_rate = 0.02
[study]
seeds = 2
folds = 2
epochs = 20
[arms."L2 weights"]
"*/kernel" = "l2([0, 1e-3])"
[arms.both]
"*/kernel" = "l2(1e-3)"
"hidden*/output" = "l1(1e-3)"
"""
ARRAYS = """
[data]
arrays = "flowers.npz"
scale = true
[model]
{model}
[study]
seeds = [3, 7]
folds = 2
epochs = 20
[arms.L2]
"*/kernel" = "l2(1e-3)"
"""
NETS = """
import keras
from pathlib import Path
Path("imported").touch()
def net(inputs, outputs):
    layers = [keras.layers.Dense(3, "tanh", name="own"), keras.layers.Dense(outputs, "softmax")]
    model = keras.Sequential([keras.Input((inputs,)), *layers])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
def build():
    return net(4, 3)
"""


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    """A folder with rows in both forms, models, and study files."""
    bunch = load_iris(as_frame=True)
    x, y = bunch.data.to_numpy()[::2], bunch.target.to_numpy()[::2]
    table = bunch.data.iloc[::2].assign(species=bunch.target_names[y])
    table.to_csv(tmp_path / "flowers.csv", index=False)
    np.savez(tmp_path / "flowers.npz", x=x[:60], y=y[:60], test_x=x[60:], test_y=y[60:])
    layers = [keras.layers.Dense(5, "relu", name="first"), keras.layers.Dense(3, "softmax", name="last")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.save(tmp_path / "model.keras")
    (tmp_path / "nets_of_study.py").write_text(NETS)
    (tmp_path / "table.toml").write_text(TABLE)
    for name, chosen in {
        "dense": "hidden = [5, 4]",
        "file": 'file = "model.keras"',
        "function": 'function = "nets_of_study:build"',
    }.items():
        (tmp_path / f"{name}.toml").write_text(ARRAYS.format(model=chosen))
    return tmp_path


def test_the_study_of_a_table(command, flowers: Path) -> None:
    """The files of `tune`, with the arms of the file; `predict` applies the model."""
    code, out, err = command("study", "table.toml", "--out", "answer")
    assert (code, err) == (0, "")
    assert out.startswith("Which penalty for the flowers?\nClassification of 'species'")
    assert "Keras code to paste" in out
    assert {"report.html", "result.json", "model.keras", "apply.json", "study"} <= {
        path.name for path in Path("answer").iterdir()
    }
    numbers = json.loads(Path("answer/result.json").read_text())
    (section,) = numbers["sections"]
    assert numbers["title"] == "Which penalty for the flowers?"
    assert [arm["name"] for arm in section["arms"]] == ["none", "L2 weights", "both"]
    assert section["arms"][2]["terms"][1]["target"] == "hidden*/output"
    assert section["provenance"]["epochs"] == 20
    assert keras.saving.load_model("answer/model.keras").get_layer("seed0").layers[0].units == 6
    assert "<code>bridle study table.toml</code>" in Path("answer/report.html").read_text()
    assert command("predict", "answer", "flowers.csv")[0] == 0


def test_options_of_the_command_line_come_first(command, flowers: Path) -> None:
    """Seeds, epochs and arms; the report says how it was run."""
    penalty = "hidden1/kernel=l1(1e-3, exact=True)"
    words = ("--seeds", "1", "--epochs", "3", "--penalty", penalty, "--penalty", "*/kernel=l2(0.1)")
    code, _, err = command("study", "table.toml", "--out", "answer", *words)
    assert (code, err) == (0, "")
    result = bridle.load("answer/study")
    assert [arm.name for arm in result.data.arms] == ["none", penalty, "*/kernel=l2(0.1)"]
    assert result.data.seeds.tolist() == [0]
    assert result.data.provenance["epochs"] == 3
    again = typed("study", "table.toml", penalty=[penalty, "*/kernel=l2(0.1)"], seeds=1, epochs=3)
    assert again.count("--penalty") == 2
    assert again.replace("'", "&#x27;") in Path("answer/report.html").read_text()
    code, _, _ = command("study", "table.toml", "--out", "small", "--quick")
    assert code == 0
    assert bridle.load("small/study").data.provenance["epochs"] == 2


@pytest.mark.parametrize(("name", "layer"), [("dense", "hidden1"), ("file", "first")])
def test_the_study_of_arrays(name: str, layer: str, command, flowers: Path) -> None:
    """A plain network, and one from a file; held-out rows are judged, the seeds are those of the file."""
    code, out, err = command("study", f"{name}.toml", "--out", "answer")
    assert (code, err) == (0, "")
    assert "60 rows of shape (4,) to learn from, 15 held out. Columns are scaled" in out.replace("\n", " ")
    result = bridle.load("answer/study")
    assert result.data.seeds.tolist() == [3, 7]
    assert result.data.held_out_rows == {"test": 15}
    assert keras.saving.load_model("answer/model.keras").get_layer("seed3").layers[0].name == layer
    assert not Path("answer/apply.json").exists()


def test_a_function_is_run_only_where_the_command_line_says_so(command, flowers: Path, monkeypatch) -> None:
    """Without --trust nothing is imported; with it, or with --model, the function builds the network."""
    (flowers / "elsewhere").mkdir()
    code, _, err = command("study", "function.toml", "--out", "answer")
    assert code == 2
    assert "--trust" in err
    assert "'nets_of_study:build'" in err
    assert not Path("imported").exists()
    assert "nets_of_study" not in sys.modules
    monkeypatch.chdir(flowers / "elsewhere")
    code, out, err = command("study", "../function.toml", "--out", "answer", "--trust", "--epochs", "2")
    assert (code, err) == (0, "")
    assert Path("imported").exists()
    assert "Keras code to paste" in out
    assert keras.saving.load_model("answer/model.keras").get_layer("seed3").layers[0].name == "own"
    monkeypatch.chdir(flowers)
    code, out, _ = command("study", "table.toml", "--model", "nets_of_study:net", "--penalty", "own/kernel=l2(0.1)")
    assert code == 0
    assert "own/kernel=l2(0.1)" in out
    assert Path("bridle-table/report.html").exists()
    code, _, err = command("study", "function.toml", "--model", "nets_of_study:net", "--out", "answer")
    assert code == 2
    assert "without arguments" in err


def test_arms_of_tune(command, flowers: Path) -> None:
    """`--penalty` takes the place of the usual arms, each named by its text."""
    words = ("--quick", "--folds", "2", "--seeds", "1", "--out", "answer")
    code, _, err = command("tune", "flowers.csv", "--target", "species", "--penalty", "hidden1/kernel=l2(1e-3)", *words)
    assert (code, err) == (0, "")
    assert [arm.name for arm in bridle.load("answer/study").data.arms] == ["none", "hidden1/kernel=l2(1e-3)"]
    for text, said in {
        "hidden1/kernel": "target=penalty(strength)",
        "hiden1/kernel=l2": "'hidden1/kernel'",
        "*/kernel=l3(1)": "known regularizer",
    }.items():
        code, _, err = command("tune", "flowers.csv", "--target", "species", "--penalty", text, *words)
        assert code == 2
        assert said in err


WRONG = {
    "no file": (None, "table.toml'"),
    "no toml": ("a/b = 1", "quotation marks"),
    "unknown table": ("[studdy]\n", "'study'"),
    "unknown entry": (TABLE.replace("seeds", "seed"), "[study] 'seed'"),
    "wrong type": (TABLE.replace("seeds = 2", 'seeds = "two"'), "[study] seeds in 'bad.toml', got 'two'"),
    "too many": (TABLE.replace("epochs = 20", "epochs = 10_000_000_000"), "[study] epochs"),
    "not text": (TABLE.replace('"l2(1e-3)"', "1e-3"), "as text"),
    "unquoted target": (TABLE.replace('"hidden*/output"', "hidden.output"), "quotation marks"),
    "former name": (TABLE.replace("seeds = 2", 'start = "weights"'), "Expected initial_weights in 'bad.toml', got its"),
    "no data": ("[study]\nseeds = 2\n", "one of table, arrays"),
    "both kinds of rows": (TABLE.replace("[model]", 'arrays = "flowers.npz"\n[model]'), "table and arrays"),
    "no target": (TABLE.replace('target = "species"', ""), "[data] target"),
    "two models": (TABLE.replace("[study]", 'file = "model.keras"\n[study]'), "hidden and file"),
    "entry of another": (TABLE.replace("[model]", "scale = true\n[model]"), "scale in 'bad.toml' with arrays only"),
    "way out": (TABLE.replace("flowers.csv", "../flowers.csv"), "inside the folder"),
    "absolute": (TABLE.replace("flowers.csv", "/flowers.csv"), "inside the folder"),
    "missing table": (TABLE.replace("flowers.csv", "flower.csv"), "'flowers.csv'"),
    "unknown target": (TABLE.replace("hidden*/output", "hiden/output"), "'hidden1/output'"),
    "too large": (TABLE.replace("[6]", "[100000, 100000]"), "weights"),
    "wrong model": (TABLE.replace("hidden = [6]\nlearning_rate = 0.02", 'file = "other.keras"'), "4 inputs"),
    "no model file": (ARRAYS.format(model='file = "table.toml"'), ".keras"),
    "not compiled": (ARRAYS.format(model='file = "bare.keras"'), "compiled"),
    "no arrays": (ARRAYS.format(model="").replace("flowers.npz", "table.toml"), ".npz"),
    "other arrays": (ARRAYS.format(model="").replace("flowers.npz", "other.npz"), "got 'z'"),
    "one array": (ARRAYS.format(model="").replace("flowers.npz", "single.npz"), "the array 'x'"),
    "pickled arrays": (ARRAYS.format(model="").replace("flowers.npz", "pickled.npz"), "could be code"),
    "early stopping": (
        TABLE.replace("[arms.both]", "[study.early_stopping]\nvalidation_fraction = 2\n[arms.both]"),
        "[study.early_stopping] validation_fraction",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_ends_with_a_sentence_and_2(case: str, command, flowers: Path) -> None:
    """Expected, got, and the entry that is meant."""
    for name, compiled in (("other", True), ("bare", False)):
        model = keras.Sequential([keras.Input((7 if compiled else 4,)), keras.layers.Dense(3, "softmax")])
        if compiled:
            model.compile("adam", "sparse_categorical_crossentropy")
        model.save(f"{name}.keras")
    np.savez("other.npz", x=np.ones((9, 4)), z=np.ones(9))
    np.savez("single.npz", a=np.ones((9, 4)))
    np.savez("pickled.npz", x=np.array([print], dtype=object), y=np.ones(1), allow_pickle=True)
    content, said = WRONG[case]
    if content is not None:
        Path("bad.toml").write_text(content)
    code, out, err = command("study", "bad.toml" if content is not None else "tabel.toml", "--out", "answer")
    assert (code, out) == (2, "")
    assert said in err
    assert "Expected" in err
    assert not Path("answer/study").exists()


def test_everything_a_file_can_say(command, flowers: Path) -> None:
    """Early stopping, a race, a nested selection, a regression of arrays, a share to hold out."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    np.savez("numbers.npz", x=x, y=1000 + 50 * x[:, 0] + rng.normal(size=60), sample_weight=np.ones(60))
    Path("numbers.toml").write_text(
        '[data]\narrays = "numbers.npz"\ntask = "regression"\nscale = true\n[study]\nseeds = 1\nfolds = 2\n'
        'epochs = 40\nbatch_size = 16\nscore = "r2"\nnested = 2\nrace = true\n[study.early_stopping]\npatience = 30\n'
        '[arms.L2]\n"*/kernel" = "l2([0, 1e-4])"\nlearning_rate = 0.01\n'
    )
    code, _, err = command("study", "numbers.toml", "--out", "answer")
    assert (code, err) == (0, "")
    result = bridle.load("answer/study").data
    assert result.nested is not None
    assert result.score.name == "r2"
    assert result.arms[1].learning_rate == 0.01
    assert result.provenance["batch_size"] == 16
    assert any(name.startswith("watch/") for name in result.quantities)
    Path("share.toml").write_text(TABLE.replace("[model]", "test_share = 0.5\n[model]"))
    code, out, _ = command("study", "share.toml", "--quick", "--out", "share")
    assert code == 0
    assert "37 rows to learn from, 38 held out" in " ".join(out.split())
