"""A race by seeds: all candidates with the first seed, fewer with each further one, and an answer after each."""

import numpy as np
import pytest
from tests._same import same
from tests.conftest import network

import bridle
from bridle import L1, L2
from bridle.regularizers import AUTO
from bridle.results import StudyResult
from bridle.stats import weigh_evidence
from bridle.study import RunOptions, Update, run_study
from bridle.study._collector import ResultCollector
from bridle.study._rounds import promising, rounds_sentence, rungs
from bridle.study.data import Rows
from bridle.study.design import Prepared, Question, make_plan, prepare
from bridle.study.design._plan import expected_fits

ARMS = {"L2": {"*/kernel": L2([1e-4, 1e-3, 1e-2, 0.1, 1.0, 30.0, 1e3])}, "L1": {"hidden/output": L1([1e-3])}}
OPEN = {
    f"{kind.__name__} {target}": {target: kind("auto")} for target in ("*/kernel", "hidden/output") for kind in (L1, L2)
}
"""Four arms with open grids."""
FOLDS = 3


def prepared(moons, arms: dict = ARMS, seeds: int = 4) -> Prepared:
    return prepare(Question(network(), arms, seeds=seeds, folds=FOLDS, epochs=40, batch_size=16), Rows(*moons))


def raced(moons, **options: object) -> StudyResult:
    arms = options.pop("arms", ARMS)
    return run_study(prepared(moons, arms), RunOptions(race="rounds", **options))[0]


@pytest.fixture(scope="module")
def result(moons) -> StudyResult:
    return raced(moons)


def test_the_worse_half_gets_no_further_seed(moons, result) -> None:
    """`none` and an arm of one candidate go on; each fit is that of a study without a race."""
    seeds = np.isfinite(result.scores()).all(axis=2).sum(axis=1)
    assert seeds[0] == seeds[-1] == 4
    assert seeds[7] == 1
    assert sorted(set(seeds)) == [1, 2, 4] or sorted(set(seeds)) == [1, 4]
    assert f"{len(seeds)} have 1 seed" in result.protocol
    full, _ = run_study(prepared(moons), RunOptions(refit=False))
    done = np.isfinite(result.scores())
    assert np.array_equal(result.scores()[done], full.scores()[done])
    assert not done.all()
    assert result.held_out_rows == full.held_out_rows


def test_an_answer_comes_after_each_seed(moons) -> None:
    """It rests on whole seeds, and the progress counts on through all of them."""
    updates: list[Update] = []
    run_study(prepared(moons), RunOptions(race="rounds"), watch=updates.append)
    answers = [update.result for update in updates if update.result is not None]
    assert [len(answer.seeds) for answer in answers] == [1, 2, 3]
    assert all(answer.members.finished.all() for answer in answers)
    counts = [update.progress.done for update in updates if update.stage == "fits"]
    assert counts == sorted(counts)
    assert max(update.progress.share for update in updates) <= 1


def test_a_race_that_was_stopped_goes_on_to_the_same_end(moons, result, tmp_path) -> None:
    """Decisions depend on scores alone."""

    def stop(update: Update) -> None:
        if update.result is not None and len(update.result.seeds) == 2:
            raise KeyboardInterrupt

    first, finished = run_study(prepared(moons), RunOptions(race="rounds", store=tmp_path), watch=stop)
    assert not finished
    assert first.members.finished.sum() < result.members.finished.sum()
    assert same(raced(moons, store=tmp_path), result)


def test_a_stop_keeps_the_answer(moons) -> None:
    """The fits after it are taken back, and what it selects is refitted; a second stop leaves the refits out."""

    def stop(update: Update) -> None:
        if update.result is None and update.progress.done > 45:
            raise KeyboardInterrupt

    result, finished = run_study(prepared(moons), RunOptions(race="rounds"), watch=stop)
    assert not finished
    assert result.members.finished.all()
    refits = result.members.fold < 0
    assert result.seeds.tolist() == sorted(set(result.members.seed[refits]))
    assert 1 <= len(result.seeds) < 4
    winner = weigh_evidence(result).winner
    assert set(result.setting_arm[result.members.setting[refits]]) == {0, winner or 0}

    def always_stop(update: Update) -> None:
        if update.stage.startswith("refits") or (update.result is None and update.progress.done > 45):
            raise KeyboardInterrupt

    again, finished = run_study(prepared(moons), RunOptions(race="rounds"), watch=always_stop)
    assert not finished
    assert not again.weights


def test_only_arms_in_the_race_are_refined(moons) -> None:
    """Four arms with open grids: after two seeds three go on, and all of their refined candidates have both."""
    result = raced(moons, arms=OPEN)
    seeds = np.isfinite(result.scores()).all(axis=2).sum(axis=1)
    most = [int(seeds[result.setting_arm == arm].max()) for arm in range(5)]
    assert most[0] == 4
    assert sorted(most[1:]).count(4) >= 3
    assert len(result.held_out_rows) == 0
    assert all(np.isfinite(result.by_candidate(np.ones(len(result.members)), refits=True)[0]).ravel())


def test_past_its_time_a_race_begins_no_further_seed(moons) -> None:
    """The refits then have the seeds of the fits that selected them."""
    result = raced(moons, until=0.0)
    assert result.seeds.tolist() == [0]
    assert result.members.finished.all()


def test_the_number_of_fits_is_known_before(moons) -> None:
    """Within a fifth of what a race without ties runs."""
    assert rounds_sentence({1: 3}) == "A race gave further seeds to the better half of the candidates: 3 have 1 seed."
    assert expected_fits((), 5, 5) == 25
    result = raced(moons, arms=OPEN)
    plan = make_plan(prepared(moons, OPEN), rounds=True)
    run = int((result.members.fold >= 0).sum())
    assert plan.raced == pytest.approx(run, rel=0.2)
    assert plan.fits < 0.7 * make_plan(prepared(moons, OPEN)).fits


def test_the_answer_so_far_says_how_many_fits_it_rests_on(moons, capsys) -> None:
    study = bridle.Study(network(), {"L2": {"*/kernel": L2([1e-3, 30.0])}}, seeds=2, folds=3, epochs=10)
    study.run(*moons, race="rounds")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("After 9 fits: use ")
    assert lines[0].endswith("More seeds are running; Ctrl-C keeps this answer.")


def test_a_race_by_folds_halves_the_strengths(moons) -> None:
    """After two folds the worse half of an arm stops; its best has all folds; fits are those of a study without it."""
    study = prepared(moons, seeds=1)
    halved = run_study(study, RunOptions(race="halving", refit=False))[0]
    done = np.isfinite(halved.scores()[:, 0])
    assert done[0].all()
    assert done[-1].all()
    assert done[:, :2].all()
    assert done[1:8].all(axis=1).sum() < 7
    assert done[1:8].all(axis=1).sum() >= 3
    full = run_study(study, RunOptions(refit=False))[0]
    assert np.array_equal(halved.scores()[:, 0][done], full.scores()[:, 0][done])
    assert not done[1 + int(np.argmin(full.scores()[1:8, 0, :2].mean(axis=1)))].all()
    assert rungs("halving", 2, 3) == [2, 3, 6]
    cells = [(0, 0), (0, 1)]
    assert sum(promising(full, range(8), cells, "halving").values()) < 8


def test_a_race_ends_where_the_next_seed_would_end_too_late(moons, monkeypatch) -> None:
    """The clock goes a second a fit: seeds and grids that would not end in time are left out."""
    trained: list[int] = []
    monkeypatch.setattr("bridle.study._stages.perf_counter", lambda: float(len(trained)))
    first, plain = 3 * 9, ResultCollector.deliver
    monkeypatch.setattr(ResultCollector, "deliver", lambda *given, **more: trained.append(1) or plain(*given, **more))
    result = run_study(prepared(moons), RunOptions(race="rounds", refit=False, until=float(first + 3)))[0]
    assert len(result.seeds) == 1
    assert len(trained) == first
    trained.clear()
    result = run_study(prepared(moons), RunOptions(race="rounds", refit=False, until=2.0 * first))[0]
    assert len(result.seeds) == 2


def test_a_study_without_a_pilot_keeps_its_grids(moons) -> None:
    """Ranges that are known are not looked for again."""
    result = run_study(prepared(moons, OPEN, seeds=1), RunOptions(pilot=False, until=0.0, refit=False))[0]
    assert "pilot" not in result.provenance
    assert sorted(set(result.setting_strengths[result.setting_arm == 1, 0])) == list(AUTO.values)
