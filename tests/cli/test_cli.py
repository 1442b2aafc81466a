"""The command line: what it writes, what it refuses, how it stops."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

import bridle


def flowers(rows: int = 60) -> pd.DataFrame:
    """Iris with names, a text column, an id and holes."""
    bunch = load_iris(as_frame=True)
    table = bunch.frame.sample(rows, random_state=0).reset_index(drop=True)
    table["species"] = bunch.target_names[table.pop("target")]
    table.insert(0, "id", np.arange(rows) + 1)
    table["colour"] = np.where(np.arange(rows) % 3, "blue", "white")
    table.loc[::9, "sepal width (cm)"] = np.nan
    return table


def test_tune_then_predict_then_report(command, tmp_path) -> None:
    """The whole way of a person with a table."""
    flowers().to_csv("flowers.csv", index=False)
    few = "--seeds", "2", "--folds", "3"
    code, out, err = command("tune", "flowers.csv", "--target", "species", "--out", "answer", "--quick", *few)
    assert code == 0
    assert err.startswith("After ")
    assert err.count("\n") == 1
    assert "3 classes: setosa, versicolor, virginica" in out
    assert "4 number columns (1 with missing cells), 1 text column; left out: id." in out
    assert "`id`" not in out
    assert ("keras.layers.Dense(" in out) != ("use no penalty" in out.lower())
    assert ", accuracy is " in out
    assert "Without a network, accuracy on the same folds: constant 0.3" in out
    assert out.index("Without a network") < out.index("cross-validation: ")
    assert "gradient boosting" in out[out.index("network minus it") :]
    assert "Scores are quoted" not in out
    assert "Why: bridle explain answer" in out
    files = {path.name for path in Path("answer").iterdir()}
    assert {"report.html", "result.json", "model.keras", "apply.json", "sweep.png", "study"} <= files

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in result.json")

    numbers = json.loads(Path("answer/result.json").read_text(), parse_constant=refuse)
    assert {member["status"] for member in numbers["sections"][0]["members"]} == {"finished"}
    models = [row["model"] for row in numbers["sections"][0]["baselines"]]
    assert models == ["network", "constant", "linear model", "gradient boosting"]
    new = flowers(12).drop(columns=["species", "id"]).assign(extra=1, colour="green")
    new.to_csv("new.csv", index=False)
    code, out, err = command("predict", "answer", "new.csv")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "species,p(setosa),p(versicolor),p(virginica)"
    assert len(lines) == 13
    assert "'green' (12)" in err
    code, out, _ = command("predict", "answer", "new.csv", "--out", "predicted.csv")
    assert "12 predictions in predicted.csv" in out
    new.drop(columns="colour").rename(columns={"petal width (cm)": "petal widht (cm)"}).to_csv("bad.csv", index=False)
    code, out, err = command("predict", "answer", "bad.csv")
    assert code == 2
    assert "petal width (cm)" in err
    code, out, _ = command("report", "answer", "--out", "again", "--verbose")
    assert code == 0
    assert "Scores are quoted with each fold's strength chosen by the other folds." in " ".join(out.split())
    assert "strength    " in out
    assert "Why: bridle explain answer" in out
    assert Path("again/report.html").stat().st_size < 2_000_000
    assert "<code>bridle report answer</code>" in Path("again/report.html").read_text()
    assert "network minus it" in Path("again/report.html").read_text()
    again = "<code>bridle tune flowers.csv --target species --seeds 2 --folds 3 --quick</code>"
    assert again in Path("answer/report.html").read_text()


def test_predictions_are_those_of_the_saved_model(command) -> None:
    """A regression, back in the units of the table."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80)})
    table["price"] = 1000 + 50 * table.a + rng.normal(size=80)
    table.to_csv("prices.csv", index=False)
    code, out, _ = command(
        "tune", "prices.csv", "--target", "price", "--out", "answer", "--seeds", "1", "--folds", "2", "--epochs", "60"
    )
    assert code == 0
    assert "Regression of 'price'" in out
    assert command("predict", "answer", "prices.csv", "--out", "p.csv")[0] == 0
    predicted = pd.read_csv("p.csv")["price"]
    assert abs(predicted.mean() - 1000) < 30
    assert np.corrcoef(predicted, table.price)[0, 1] > 0.9


def test_own_model(command, tmp_path) -> None:
    """`--model module:function` from the current folder."""
    flowers().to_csv("flowers.csv", index=False)
    Path("own_nets.py").write_text(
        "import keras\n"
        "def build(inputs, outputs):\n"
        "    model = keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(5, 'tanh', name='first'),\n"
        "                              keras.layers.Dense(outputs, 'softmax', name='last')])\n"
        "    model.compile('sgd', 'sparse_categorical_crossentropy', metrics=['accuracy'])\n"
        "    return model\n"
        "def wrong(inputs, outputs):\n    return build(inputs, outputs + 1)\n"
    )
    words = (
        "tune",
        "flowers.csv",
        "--target",
        "species",
        "--out",
        "answer",
        "--quick",
        "--folds",
        "2",
        "--seeds",
        "1",
        "--verbose",
        "--model",
    )
    code, out, _ = command(*words, "own_nets:build")
    assert code == 0
    assert "first/preactivation" in out
    assert "`colour`: text, 2 categories." in out
    assert "number columns" not in out
    for name, said in {
        "own_nets:biuld": "'build'",
        "own_nts:build": "module",
        "build": "module:function",
        "own_nets:wrong": "outputs",
    }.items():
        code, _, err = command(*words, name)
        assert code == 2
        assert said in err


def _tables(folder: Path) -> None:
    """Every table of the list of bad input."""
    good = flowers(20)
    (folder / "good.csv").write_text(good.to_csv(index=False))
    (folder / "one_column.csv").write_text("species\na\nb\n")
    (folder / "header_only.csv").write_text("a,species\n")
    (folder / "empty.csv").write_text("")
    (folder / "constant.csv").write_text("a,species\n" + "1,x\n2,x\n" * 9)
    (folder / "duplicate.csv").write_text("a,a,species\n1,2,x\n2,3,y\n")
    (folder / "latin.csv").write_bytes("a,species\n1,Pfingströsli\n".encode("latin-1"))
    (folder / "rubbish.csv").write_bytes(bytes(range(256)) * 4)
    (folder / "rare.csv").write_text("a,species\n" + "1,x\n2,y\n" * 9 + "3,z\n")


BAD = {
    "no file": (("tune", "god.csv", "--target", "species"), "good.csv"),
    "no target": (("tune", "good.csv", "--target", "specis"), "'species'"),
    "one column": (("tune", "one_column.csv", "--target", "species"), "Expected"),
    "no rows": (("tune", "header_only.csv", "--target", "species"), "Expected"),
    "empty": (("tune", "empty.csv", "--target", "species"), "Expected"),
    "constant target": (("tune", "constant.csv", "--target", "species"), "at least two values"),
    "duplicate headers": (("tune", "duplicate.csv", "--target", "species"), "'a'"),
    "another encoding": (("tune", "latin.csv", "--target", "species"), "--encoding"),
    "binary rubbish": (("tune", "rubbish.csv", "--target", "species"), "Expected"),
    "rare class": (("tune", "rare.csv", "--target", "species"), "'z'"),
    "wrong task": (("tune", "good.csv", "--target", "species", "--task", "regression"), "Expected"),
    "unwritable": (
        ("tune", "good.csv", "--target", "species", "--folds", "2", "--out", "good.csv/x"),
        "can be written",
    ),
    "unknown case": (("run", "mons"), "'moons'"),
    "unwritable case": (("run", "moons", "--out", "good.csv"), "can be written"),
    "no answer": (("predict", ".", "good.csv"), "holds no model.keras"),
    "no study": (("report", "."), "found no study.json and no index.sqlite"),
    "no command": (("rnu",), "No such command"),
    "no seeds": (("run", "moons", "--seeds", "0"), "--seeds"),
    "bad option": (("run", "moons", "--sedes", "3"), "No such option"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_a_sentence_and_2(case: str, command, tmp_path) -> None:
    """No traceback; the message says what to do."""
    _tables(tmp_path)
    words, said = BAD[case]
    code, _, err = command(*words)
    assert code == 2, err
    assert said in err


def test_run_writes_both_protocols(command) -> None:
    """The report, strict numbers, the figures, both studies."""
    code, out, err = command("run", "moons", "--quick", "--seeds", "2", "--epochs", "40", "--out", "m")
    assert (code, err) == (0, "")
    for said in (
        "tutorial protocol: 14 fits",
        "honest protocol",
        "published",
        "0.943",
        "fresh rows",
        "Report: m/report.html",
    ):
        assert said in out
    numbers = json.loads(Path("m/result.json").read_text())
    assert len(numbers["extra"]["published"]) == 7
    assert len(numbers["sections"]) == 2
    assert (Path("m") / "tutorial" / "study.json").is_file()
    page = Path("m/report.html").read_text()
    assert len(page.encode()) < 2_000_000
    addresses = set(re.findall(r"https?://[^\s\"'%<]*", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names, which nothing fetches
    assert page.count("<code>bridle run moons --seeds 2 --epochs 40 --quick</code>") == 2


def test_version_and_help(command) -> None:
    """Both end with 0."""
    assert command("--version")[:2] == (0, f"bridle {bridle.__version__}\n")
    code, out, _ = command("--help")
    assert code == 0
    assert all(name in out for name in ("run", "tune", "predict", "report"))


LISTENING = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
"""Runs a command that hears Ctrl-C even where the tests run in the background, which has it ignored."""


@pytest.mark.parametrize(("line", "pause"), [("honest protocol", 6.0), ("Circles", 0.3)], ids=["training", "compiling"])
def test_interrupt_ends_within_two_seconds_with_what_finished(tmp_path, line: str, pause: float) -> None:
    """Ctrl-C in a long run: one sentence and exit code 130; what finished is kept."""
    bridle = str(Path(sys.executable).with_name("bridle"))
    own = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}  # so it compiles
    with subprocess.Popen(
        [sys.executable, "-c", LISTENING, bridle, "run", "circles", "--out", "c"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**own, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            while not process.stdout.readline().startswith(line):
                pass
            time.sleep(pause)
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            _, err = process.communicate(timeout=20)
            assert time.monotonic() - began < 2.5
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.strip().startswith("Stopped")
    if line != "Circles":
        assert "fits had finished" in err
        assert (tmp_path / "c" / "tutorial" / "study.json").is_file()
