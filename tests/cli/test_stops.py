"""Output of commands before, during and after a run, and for folders of a stopped run."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.conftest import network

import bridle
from bridle import _progress, tuning
from bridle._errors import InputError
from bridle._progress import wait_line
from bridle.cli._command_record import recorded_defaults
from bridle.engine import Progress
from bridle.study import Update
from bridle.study import _auto_range as _range

QUICK = ("--folds", "2", "--seeds", "1", "--epochs", "2")


@pytest.fixture(autouse=True)
def table(command) -> pd.DataFrame:
    """A small table in the folder of the test."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=40), "b": rng.normal(size=40), "ill": np.tile(["no", "yes"], 20)})
    frame.to_csv("t.csv", index=False)
    return frame


def tune(command, *words: str) -> tuple[int, str, str]:
    return command("tune", "t.csv", "--target", "ill", "--out", "o", *QUICK, *words)


def test_the_time_is_said_before_anything_runs(command) -> None:
    """Time and memory, for a table and for a case."""
    code, out, _ = tune(command, "--penalty", "*/kernel=l2(1e-3)")
    assert code == 0
    before = out.partition("strength")[0]
    assert " on 2 threads" in before or "thread" in before
    assert "GB of memory" in before


@pytest.fixture
def stopped_in_the_pilot(monkeypatch) -> None:
    """Ctrl-C after the first fits of the pilot."""
    real, calls = _range.Pilot.run, []

    def run(self, keys) -> bool:
        calls.append(keys)
        return len(calls) == 1 and real(self, keys)

    monkeypatch.setattr(_range.Pilot, "run", run)


@pytest.mark.usefixtures("stopped_in_the_pilot")
def test_a_stop_in_the_pilot_is_a_stop(command) -> None:
    """The message names stored fits and the command to continue, and gives no advice on the learning rate."""
    code, _, err = tune(command, "--penalty", "*/kernel=l2(auto)")
    assert code == 130
    assert err.startswith("Stopped during the search for the ranges of 'auto'")
    assert "'o/study' keeps 2 fits" in err
    assert err.rstrip().endswith("To continue: bridle resume o")
    code, out, _ = command("show", "o")
    assert code == 0
    assert "stopped before" in out
    assert "learning rate" not in out
    assert "To continue: bridle resume o" in out
    for words in (("report", "o"), ("export", "o", "--csv"), ("predict", "o", "t.csv")):
        code, out, err = command(*words)
        assert code == 2
        assert "learning rate" not in out + err
        assert "bridle resume o" in err


@pytest.mark.usefixtures("stopped_in_the_pilot")
def test_a_stop_in_the_pilot_in_python(moons) -> None:
    """The result that the exception carries says the same."""
    with pytest.raises(bridle.Interrupted, match="Stopped during the search") as stop:
        bridle.Study(network(), {"L2": {"*/kernel": "l2(auto)"}}, seeds=1, folds=2, epochs=2).run(*moons)
    assert "stopped before" in str(stop.value.result)
    assert "learning rate" not in str(stop.value.result)
    with pytest.raises(bridle.BridleError, match="stopped before its first"):
        stop.value.result.report("report.html")
    with pytest.raises(bridle.BridleError, match="stopped before its first"):
        stop.value.result.plot.sweep()


def test_a_stop_after_the_first_answer_keeps_it(command, monkeypatch) -> None:
    """The report and the model are there, resume trains the rest, and the folder goes on with its defaults."""
    answers = []

    def stop(result) -> str:
        answers.append(result)
        if len(answers) == 1:
            raise KeyboardInterrupt
        return "After all: use it."

    monkeypatch.setattr(_progress, "interim_verdict", stop)
    words = ("--seeds", "2", "--penalty", "*/kernel=l2([1e-3, 1e-2])")
    code, out, err = tune(command, *words)
    assert code == 130
    stopped = re.search(r"Stopped after (\d+) fits. The answer so far is complete, with its refits.", err)
    assert stopped is not None
    assert int(stopped[1]) - 2 * 3 in (2, 3)  # two folds of three candidates; refits of none, best and recommended
    assert "To continue: bridle resume o" in err
    assert "Report: o/report.html" in out
    assert command("predict", "o", "t.csv", "--out", "new.csv")[0] == 0
    record = json.loads(Path("o/command.json").read_text())
    assert record["options"]["defaults"] == tuning.NEWEST
    code, out, err = command("resume", "o")
    assert code == 0
    del record["options"]["defaults"]
    Path("o/command.json").write_text(json.dumps(record))
    assert recorded_defaults(Path("o")) == 1
    assert recorded_defaults(Path("new")) == tuning.NEWEST


def test_the_same_advice_is_printed_once(monkeypatch) -> None:
    """Later answers appear only if they advise something else."""
    texts = iter(["After 5 fits: use A. More.", "After 9 fits: use A. More.", "After 12 fits: use no penalty. More."])
    monkeypatch.setattr(_progress, "interim_verdict", lambda result: next(texts))
    answers, update = _progress.Answers(), Update("fits", Progress(1, 1), None, object())
    assert [bool(answers.of(update)) for _ in range(3)] == [True, False, True]
    assert answers.of(Update("fits", Progress(1, 1), None)) == ""


def test_lines_without_a_terminal(capsys, monkeypatch) -> None:
    """One every ten seconds at most, later fewer; none at the beginning, none where they are not wanted."""
    now = [0.0]
    monkeypatch.setattr(_progress, "perf_counter", lambda: now[0])
    monkeypatch.setattr(_progress, "LINE_SECONDS", 10.0)
    with _progress.progress_bar(True, "accuracy") as draw:
        for second in range(1000):
            now[0] = float(second)
            draw(Update("fits", Progress(1000, 10, second, 10 * second, began=0.0), ("L2 0.1", 0.91)))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("fits: 10 of 1000 fits, about ")
    assert lines[0].endswith("best so far accuracy 0.910 (L2 0.1)")
    assert 20 < len(lines) < 80
    with _progress.progress_bar(False, "accuracy") as draw:
        now[0] = 2000.0
        draw(Update("fits", Progress(1000, 10, 5, 50), None))
    assert capsys.readouterr().err == ""


def test_a_folder_ended_in_its_first_seconds(command, monkeypatch) -> None:
    """Ended while it compiled: every command says that nothing was begun and how to run it, and resume runs it."""
    monkeypatch.setattr("bridle.cli._show.print_plan", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
    code, _, err = tune(command, "--penalty", "*/kernel=l2(1e-3)")
    assert (code, err) == (130, "Stopped before the first fit of this run. To run it: bridle resume o\n")
    assert [path.name for path in Path("o").iterdir()] == ["command.json"]
    for words in (("show",), ("report",), ("verify",), ("compact",), ("export", "--csv")):
        code, _, err = command(words[0], "o", *words[1:])
        assert code == 2
        assert "no study was started" in err
        assert "bridle resume o" in err
    assert "bridle resume o" in command("predict", "o", "t.csv")[2]
    assert "not started" in command("list", ".")[1]
    monkeypatch.undo()
    monkeypatch.chdir(Path.cwd())


def test_an_empty_folder_says_that_nothing_was_begun(command) -> None:
    """Not that a study was begun in Python; a folder that is not there is named."""
    Path("o").mkdir()
    for words in (("resume",), ("extend", "--seeds", "9"), ("show",), ("report",), ("verify",), ("export", "--csv")):
        code, _, err = command(words[0], "o", *words[1:])
        assert code == 2
        assert "found an empty folder: no study was started in it" in err
        assert "Python" not in err
    assert "found no 'none'" in command("resume", "none")[2]


def test_a_run_ended_before_its_result(command) -> None:
    """`report` and `export` say how many fits there are and how to go on."""
    assert tune(command, "--penalty", "*/kernel=l2(1e-3)")[0] == 0
    for path in Path("o/study").glob("study*"):
        path.unlink()
    for words in (("report", "o"), ("export", "o", "--csv")):
        code, _, err = command(*words)
        assert code == 2
        assert "stopped after 6 fits" in err
        assert "bridle resume o" in err


def test_another_study_in_the_folder_is_told_as_a_command(command) -> None:
    """More seeds: `bridle extend` with the number; another penalty list: --extend; another table: another folder."""
    own = ("--penalty", "*/kernel=l2(1e-3)")
    assert tune(command, *own)[0] == 0
    code, _, err = tune(command, "--seeds", "2", *own)
    assert code == 2
    assert "To extend it: bridle extend o --seeds 2" in err
    assert "extend=True" not in err
    code, _, err = tune(command, "--penalty", "*/kernel=l2(1e-2)")
    assert code == 2
    assert "extend=True" not in err
    assert "Give another folder with --out" in err
    assert command("resume", "o")[0] == 0


def test_python_is_told_in_python(moons, tmp_path) -> None:
    """The same refusal in a script."""
    options = {"folds": 2, "epochs": 2}
    arms = {"L2": {"*/kernel": "l2(1e-3)"}}
    bridle.Study(network(), arms, seeds=1, **options).run(*moons, store=tmp_path / "s", progress=False)
    with pytest.raises(bridle.BridleError, match="Extend it with extend=True"):
        bridle.Study(network(), arms, seeds=2, **options).run(*moons, store=tmp_path / "s", progress=False)


def test_tensorflow_is_silent_in_commands() -> None:
    """With TensorFlow installed, the streams of a command have no lines of its logger."""
    pytest.importorskip("tensorflow")
    script = (
        "from bridle import cli\ncli._quiet_tensorflow()\nimport tensorflow\nprint(tensorflow.constant(1.0).numpy())\n"
    )
    own = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=own, check=True)
    assert (done.stdout, done.stderr) == ("1.0\n", "")


def test_a_step_without_a_bar_is_named_where_it_takes_long(monkeypatch, capsys) -> None:
    """On standard error, in one line with its time; a short one, and one that nobody watches, say nothing."""
    monkeypatch.setattr("bridle._progress.WAIT_SECONDS", 0.05)
    with wait_line(True, "reading rows.csv"):
        time.sleep(0.3)
    assert re.fullmatch(r"reading rows\.csv … \d+ s\n", capsys.readouterr().err)
    with wait_line(True, "reading"):
        pass
    with wait_line(False, "reading"):
        time.sleep(0.3)

    def fail() -> None:
        with wait_line(True, "preparing"):
            time.sleep(0.3)
            raise InputError("Expected.")

    with pytest.raises(InputError):
        fail()
    assert re.fullmatch(r"preparing … \d+ s\n", capsys.readouterr().err)
