"""The frame of cases that hold measurements against references, and the exact oracle."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bridle
from bridle.cases import CASES, CaseAnswer, CaseOptions, Line, Reproduction, ReproductionCase, find_case
from bridle.cases import _undercomplete as oracle

REPRODUCTIONS = [name for name in CASES if isinstance(find_case(name), ReproductionCase)]


@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_every_case_is_described(name: str) -> None:
    """Name, title, question and protocol, each in sentences."""
    case = find_case(name)
    assert case.name == name
    assert case.question.endswith("?")
    assert case.protocol.endswith(".")


def test_a_line_says_what_was_measured() -> None:
    """With its interval; without a value it is not measured, and without a bar it is not judged."""
    assert Line("FVU", "0.2", "≤ 0.2", 0.1234567, (0.1, 0.2), True).measured == "0.123 (0.1 to 0.2)"
    assert Line("FVU", "0.2", "≤ 0.2", 0.1, (np.nan, np.nan), False).measured == "0.1"
    assert [Line("FVU", "", "", value).answer for value in (None, np.nan, 1.0)] == ["not measured", "not measured", ""]
    assert [Line("FVU", "", "", 1.0, None, bar).answer for bar in (True, False)] == ["yes", "no"]


def small_case(options: CaseOptions) -> CaseAnswer:
    """A study of 12 rows and one line about it."""
    x = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    study = bridle.Study(oracle.network(1, 3, 4), {}, seeds=options.seed_count(2), folds=2, epochs=2)
    result = options.study("plain", study, x)
    if options.folder is not None and not options.quick:
        page = (options.folder / "report.html").read_text()
        assert ("was still running" in page) == (not options.extend)
        assert "Reference and measured" in page
    line = Line("loss", "the reference 9", "below 9", float(result.data.scores().mean()), None, True, note="It is low.")
    return CaseAnswer((line,), "It reconstructs.", (result.section("Plain"),))


def test_the_command_runs_a_case_and_goes_on(command, monkeypatch) -> None:
    """Table, verdict, files; a second run finds every fit; options that the case lacks are refused."""
    case = replace(find_case("undercomplete"), name="small", run=small_case)
    monkeypatch.setitem(CASES, "small", lambda: case)
    code, out, err = command("run", "small", "--quick", "--out", "answer", "--verbose")
    assert code == 0, err
    assert "the reference 9" in out
    assert "A small version" in out
    assert "loss: It is low." in out
    record = json.loads(Path("answer/result.json").read_text())["extra"]
    assert [line["reproduced"] for line in record["lines"]] == [True]
    page = Path("answer/report.html").read_text()
    assert "Reference and measured" in page
    assert "bridle run small --quick" in page
    code, _, err = command("resume", "answer")
    assert code == 0, err
    assert record == json.loads(Path("answer/result.json").read_text())["extra"]
    assert "4 fits" not in err
    code, out, err = command("run", "small", "--out", "whole")
    assert code == 0, err
    assert "First page, of a small version: whole/report.html" in out
    page = Path("whole/report.html").read_text()
    assert "was still running" not in page
    assert "A small version" not in page
    code, out, err = command("run", "small", "--out", "whole", "--extend")
    assert code == 0, err
    assert "First page" not in out
    for option, value in (("--epochs", "3"), ("--data", "digits.npz")):
        code, _, err = command("run", "undercomplete", option, value)
        assert code == 2
        assert f"Expected no {option} for the case 'undercomplete'" in err
    monkeypatch.setitem(CASES, "small", lambda: replace(case, data="an .npz file of images"))
    code, _, err = command("run", "small", "--data", "none.npz")
    assert code == 2
    assert "found no 'none.npz'. It takes an .npz file of images." in err


def test_the_oracle() -> None:
    """Two of six directions at two strengths; a shrinkage that is 3 % off is noticed."""
    x = (np.random.default_rng(0).normal(size=(40, 6)) * [3, 2, 1, 0.5, 0.3, 0.1]).astype(np.float32)
    x -= x.mean(axis=0)
    sizes = oracle.squared_sizes(x)
    assert sizes.sum() == pytest.approx(x.var(axis=0).mean(), rel=1e-4)
    arms = {"L2": {"*/kernel": bridle.L2([float(share * sizes[0]) for share in (0.1, 0.7)])}}
    study = bridle.Study(oracle.network(2, 6, 1000), arms, seeds=1, folds=2, epochs=1000, batch_size=40, curve_points=2)
    result = study.run(x, refit="all", progress=False)
    assert oracle.gain_errors(result, sizes, 2).shape == (2,)
    assert oracle._gain_line(oracle.gain_errors(result, sizes, 2)).reproduced
    assert not oracle._gain_line(oracle.gain_errors(result, sizes * 1.03, 2)).reproduced
    assert "Not as the closed form" in oracle._verdict([oracle._gain_line(np.array([0.03]))])


def test_reasons_are_in_the_report(tmp_path) -> None:
    """The reason of a line that was not reproduced stands beside the verdict."""
    answer = CaseAnswer((Line("FVU", "0.2", "≤ 0.2", 0.3, None, False, note="Too few rows."),), "No.", ())
    case = find_case("undercomplete")
    assert Reproduction(case, answer, quick=False).notes == ("FVU: Too few rows.",)
    assert CaseOptions(quick=True, seeds=9).seed_count(30) == 2
    assert CaseOptions().seed_count(30) == 30
