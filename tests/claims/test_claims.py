"""The claims table: which claims it has, how they are measured and judged, and what is written."""

import json
from dataclasses import dataclass
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from benchmarks.claims import (
    EXPERIMENTS,
    Claim,
    Side,
    _measure,
    _run,
    as_json,
    as_markdown,
    number,
    prepare_claims,
    run_claims,
    spread,
    write_claims,
)
from benchmarks.claims.__main__ import claims as command
from benchmarks.claims._iris import iris_claims
from benchmarks.claims._judge import judge
from benchmarks.claims._moons import schedule_claims
from benchmarks.claims._studies import judged_apart

from bridle.cases._case import hidden_network

PUBLISHED = {
    "circles-before": "0.786 → 0.829",
    "circles-after": "0.786 → 0.743",
    "moons-0.1": "0.914 → 0.829",
    "moons-0.01": "0.914 → 0.943",
    "moons-0.001": "0.914 → 0.943",
    "moons-0.0001": "0.914 → 0.929",
    "moons-1e-05": "0.914 → 0.929",
    "moons-1e-06": "0.914 → 0.914",
    "iris": "0.921 → 0.947",
}
PROPOSED = {
    *("circles-place", "circles-today", "circles-zeros", "circles-zeros-place"),
    *("circles-mean-before", "circles-mean-after"),
    *("circles-l2-before", "circles-l2-after", "circles-l1l2-before", "circles-l1l2-after"),
    *("moons-l1", "moons-l1l2", "moons-norm", "moons-bias", "moons-with-bias", "moons-output", "moons-all"),
    *("moons-finer", "schedule", "schedule-constant", "continued", "continued-fresh"),
}


@dataclass(frozen=True)
class Interval:
    """A difference with its interval."""

    difference: float
    low: float
    high: float


def about(middle: float, half: float = 0.001) -> Interval:
    return Interval(middle, middle - half, middle + half)


def claim(quantity: str = "accuracy", kind: str = "more") -> Claim:
    pair = (Side("arm"), Side("none"))
    return Claim("key", "says", "published", pair, pair, quantity, kind)


def test_every_published_claim_is_there() -> None:
    """Both placements, the grid, the norms, bias and output, schedule, finer grid, continuation, iris, true zeros."""
    found = {each.key: each.published for make in EXPERIMENTS for each in make().claims}
    assert PUBLISHED.items() <= found.items()
    assert set(found) == {*PUBLISHED, *PROPOSED}


@pytest.mark.parametrize("make", EXPERIMENTS)
def test_sides_name_arms_that_run(make) -> None:
    """A side names an arm of its protocol."""
    experiment = make()
    for each in experiment.claims:
        assert {side.arm for side in each.tutorial} <= {"none", *experiment.tutorial}
        assert {side.arm for side in each.honest} <= {"none", *experiment.honest}


JUDGED = {
    "clear and large": (about(0.02), about(0.02), "yes"),
    "clear and small": (about(0.02), about(0.003), "barely"),
    "only on the test rows": (about(0.02), about(-0.02), "those rows only"),
    "the other way": (about(-0.02), about(-0.02), "no, the reverse"),
    "the other way, but small": (about(-0.02), about(-0.003), "no"),
    "nothing": (about(-0.02), about(0.0005), "no"),
    "not known": (about(0.0, 0.1), about(0.0, 0.1), "no evidence"),
}


@pytest.mark.parametrize("case", JUDGED)
def test_fresh_rows_decide(case: str) -> None:
    """Whatever the honest protocol could see."""
    runs, truth, said = JUDGED[case]
    assert judge(claim(), SimpleNamespace(gain=runs), about(0.5), truth) == said


def test_without_fresh_rows_the_honest_protocol_decides() -> None:
    """And what is said about the network is decided by the networks."""
    runs = SimpleNamespace(gain=about(0.02))
    assert judge(claim(), runs, about(0.01, 0.02), None) == "no evidence"
    assert judge(claim(), runs, about(0.02), None) == "yes"
    assert judge(claim(), runs, None, None) == "no evidence"
    assert judge(claim("zeros/hidden/output"), runs, about(-1.0), None) == "yes"
    assert judge(claim("norm/hidden/kernel"), SimpleNamespace(gain=about(0.0, np.nan)), None, None) == "no evidence"


def test_a_claim_that_nothing_changes() -> None:
    """It holds where the whole interval is below half a point, and not merely where nothing is seen."""
    runs = SimpleNamespace(gain=about(0.0))
    same = claim(kind="same")
    assert judge(same, runs, None, about(0.001)) == "yes"
    assert judge(same, runs, None, about(0.0, 0.1)) == "no evidence"
    assert judge(same, runs, None, about(0.02)) == "no"


def test_seen_is_a_share_of_runs() -> None:
    """One run more than nothing is seen; equal ones are not; runs that diverged do not count."""
    gains = np.array([[0.1], [0.0], [-0.1], [0.2], [np.nan]])
    assert _measure.seen(claim(), gains, 70) == 0.5
    assert _measure.seen(claim(kind="same"), gains, 70) == 0.25


def test_difference_is_paired() -> None:
    """Student's interval over seeds where there is one set of rows."""
    more, less = np.array([[0.9], [0.7], [0.8]]), np.array([[0.8], [0.5], [0.8]])
    found = _measure.difference(more, less, np.array([[30, 70]]))
    assert (found.more, found.less, found.difference) == pytest.approx((0.8, 0.7, 0.1))
    assert found.high - found.difference == pytest.approx(4.3027 * 0.1 / np.sqrt(3), rel=1e-4)


def test_numbers_are_written_with_true_signs() -> None:
    """Points for shares, three digits for the rest, no signed zero."""
    gain = {"difference": 0.0312, "low": -0.001, "high": 0.06}
    assert spread(gain, share=True) == "+3.1 (−0.1 to +6.0)"
    assert spread({"difference": 12.34, "low": None, "high": None}, share=False) == "+12.3"
    assert spread(None, share=True) == "–"
    assert number(-0.0001, 2, signed=True) == "0.00"


def test_two_metrics_in_one_fit() -> None:
    """Accuracy on the first rows, and on the others."""
    model = judged_apart(hidden_network(), 3)
    x, y = np.zeros((5, 2), np.float32), np.array([1, 1, 0, 0, 0])
    model.layers[-1].bias.assign([1.0])  # says 1 of every row
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    assert (found["accuracy"], found["fresh"]) == pytest.approx((2 / 3, 0.0))


@pytest.fixture(scope="module")
def small():
    """The experiment with two arms, from two seeds and in few epochs."""
    return prepare_claims(seeds=2, share=0.005, only=("schedule",))


def test_table_of_a_small_run(small, tmp_path) -> None:
    """Everything is measured, and the files say the same."""
    run = run_claims(small, progress=False)
    found = as_json(run)
    assert run.whole
    (experiment,) = found["experiments"]
    assert experiment["epochs"] == 30
    line = experiment["claims"][1]
    assert line["measured"]["count"] == 2
    assert line["honest"]["difference"] is not None
    assert abs(line["fresh"]["more"] - line["fresh"]["less"] - line["fresh"]["difference"]) < 1e-9
    names = [path.name for path in write_claims(run, found, tmp_path)]
    assert names == ["claims.md", "claims.json", "report.html"]
    assert (tmp_path / "claims.md").read_text() == as_markdown(json.loads((tmp_path / "claims.json").read_text()))
    assert "beats 1e-3 throughout" in (tmp_path / "report.html").read_text()


def test_what_had_finished_is_kept(small, tmp_path, monkeypatch) -> None:
    """Ctrl-C in the second study leaves the claims of the first, in the tutorial's protocol."""
    monkeypatch.setattr(_run, "run_whole", lambda prepared, watch: None)
    run = run_claims(small, progress=False)
    assert not run.whole
    found = as_json(run)
    assert [line["honest"] for line in found["experiments"][0]["claims"]] == [None, None]
    assert [path.name for path in write_claims(run, found, tmp_path)] == ["claims.md", "claims.json"]
    assert "Stopped early" in (tmp_path / "claims.md").read_text()


def test_progress_reaches_its_end(small) -> None:
    """One bar over all studies: the work of a study is its fits times its epochs."""
    heard = []
    planned = _run.jobs(small)
    overall = _run.Overall(planned, heard.append)
    last = planned[-1]
    progress = _run.Progress(len(last.plan), 30, done=len(last.plan), epochs=30 * len(last.plan))
    overall.watch(last)(_run.Update("fits", progress, None))
    assert heard[0].progress.share == pytest.approx(1.0)
    assert heard[0].progress.done == heard[0].progress.total


def test_models_of_the_claims_are_plain_keras() -> None:
    """The two metrics are all that is added."""
    assert type(judged_apart(hidden_network(), 3)) is keras.Sequential


def test_the_command_writes_the_table(tmp_path, capsys, monkeypatch) -> None:
    """In 80 columns, in Markdown, as numbers, and in a report; with a generator of fresh rows and without."""
    monkeypatch.setattr(_run, "EXPERIMENTS", (schedule_claims, iris_claims))
    command(seeds=2, out=tmp_path, quick=True)
    out = capsys.readouterr().out
    assert "schedule, tutorial: 6 fits" in out
    assert "holds?" in out
    table = [line for line in out.splitlines() if not line.startswith(str(tmp_path))]
    assert max(map(len, table)) <= 80
    numbers = json.loads((tmp_path / "claims.json").read_text())
    lines = [line for experiment in numbers["experiments"] for line in experiment["claims"]]
    assert {line["key"] for line in lines} == {"schedule", "schedule-constant", "iris"}
    assert all(line["measured"]["count"] and line["honest"] for line in lines)
    assert "Published claims, measured" in (tmp_path / "claims.md").read_text()
    assert (tmp_path / "report.html").stat().st_size < 2_000_000
