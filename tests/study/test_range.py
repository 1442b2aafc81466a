"""The range of `"auto"`: from what cannot be told from no penalty to what makes a network predict one value."""

import keras
import pytest
from tests.conftest import network

import bridle
from bridle.regularizers import AUTO, Grid
from bridle.study import RunOptions, run_study
from bridle.study._auto_range import LATTICE, PilotResult, RangeSearch, find_ranges, is_too_strong, spaced_strengths
from bridle.study.data import Rows
from bridle.study.design import Question, prepare
from bridle.study.design._arms import BoundArm
from bridle.study.execution import ExecutionContext, RowSet, run_requests

COLLAPSE, FELT = 17, 8
"""Places of the lattice from which an invented network collapses, and up to which nothing is felt."""


def invented(place: int) -> PilotResult:
    """A network that feels nothing up to `FELT` and predicts a constant from `COLLAPSE` on."""
    if place >= COLLAPSE:
        return PilotResult(0.69, 0.69, 0.0)
    strength = max(0, place - FELT)
    return PilotResult(0.1 + 0.05 * strength, 0.5 + 0.02 * strength, 0.4 - 0.04 * strength)


def settle(result_at, last: PilotResult | None = None) -> tuple[RangeSearch, int]:
    """A search to its end, and how many fits it asked for."""
    search, count, none, last = RangeSearch(1, 0), 0, invented(0), last or invented(30)
    while search.open_positions:
        count += len(search.open_positions)
        search.update(result_at, none, last)
    return search, count


def test_both_ends_are_found_by_bisection() -> None:
    """In about two fits for each halving of 31 places."""
    search, count = settle(invented)
    assert search.ends == (FELT, COLLAPSE)
    assert count <= 10


def test_a_penalty_that_never_collapses_ends_where_it_changes_nothing_more() -> None:
    """As one that is satisfied: from some strength on all fits are alike."""
    settled = lambda place: PilotResult(0.1, 0.5 + 0.02 * min(8, max(0, place - FELT)), 0.4)  # noqa: E731
    search, _ = settle(settled, last=settled(30))
    assert search.ends == (FELT, FELT + 8)


def test_a_penalty_that_does_nothing_keeps_a_range() -> None:
    """Of four steps, below the strongest there is."""
    search, _ = settle(lambda place: invented(0), last=invented(0))
    assert search.ends == (len(LATTICE) - 5, len(LATTICE) - 1)


def test_strengths_that_diverge_are_too_strong() -> None:
    lost = PilotResult(float("nan"), float("nan"), float("nan"))
    assert is_too_strong(lost, invented(0), lost, 1.0)
    search, _ = settle(lambda place: lost if place >= 12 else invented(place), last=lost)
    assert search.ends == (FELT, 12)


@pytest.mark.parametrize(("low", "high", "points"), [(8, 17, 9), (0, 30, 9), (3, 7, 9), (4, 24, 5), (0, 29, 3)])
def test_grids_cover_their_range_with_few_points(low: int, high: int, points: int) -> None:
    values = spaced_strengths(low, high, points)
    assert len(values) <= points
    assert values[-1] == LATTICE[high]
    assert values[0] <= LATTICE[low]
    assert values == tuple(sorted(set(values)))


def test_refining_adds_strengths_around_the_best() -> None:
    """Two on either side for one open grid; for two, the neighbours of the best cell."""
    one = BoundArm("a", (), (0,), (Grid((1e-3, 1e-2, 1e-1), open=True),))
    assert one.refined((1e-2,)).between == ((0.0022,), (0.0046,), (0.022,), (0.046,))
    assert one.refined((1e-1,)).between == ((0.022,), (0.046,))
    two = BoundArm("b", (), (0, 1), (Grid((1e-3, 1e-1), open=True), Grid((1e-4, 1e-2, 1.0), open=True)))
    assert len(two.refined((1e-1, 1e-2)).between) == 5
    fixed = BoundArm("c", (), (0, 1), (Grid((1e-3,)), Grid((1e-2, 1e-1), open=True)))
    assert all(values[0] == 1e-3 for values in fixed.refined((1e-3, 1e-2)).between)


@pytest.fixture(scope="module")
def studied(moons):
    arms = {"L2": {"*/kernel": bridle.L2("auto")}, "L1": {"hidden/output": bridle.L1("auto"), "out/kernel": "l2(1e-3)"}}
    question = Question(network(optimizer="sgd"), arms, seeds=2, folds=3, epochs=60, batch_size=20)
    return prepare(question, Rows(*moons))


def test_a_study_runs_between_the_ends_that_its_pilot_finds(studied) -> None:
    """Strong strengths collapse, weak ones are as none; the record says the range and the number of pilot fits."""
    result, whole = run_study(studied, RunOptions(refit=False))
    assert whole
    spread = result.by_candidate(result.diagnostic("spread/prediction")).mean(axis=(1, 2))
    loss = result.by_candidate(result.quantity("validation/loss")[:, -1]).mean(axis=(1, 2))
    path = result.path(1)
    assert spread[path[-1]] < 0.1 * spread[0]
    assert abs(loss[path[0]] - loss[0]) < 0.02 * loss[0]
    assert result.provenance["pilot"] <= 2 * 12
    assert set(result.provenance["ranges"]) == {"L2: */kernel l2", "L1: hidden/output l1"}
    assert len(path) <= 9 + 4 + 2


def trainer(prepared):
    """Train requests on the folds of a study, on one thread."""

    def train(requests, deliver) -> bool:
        return run_requests(
            prepared,
            [[request] for request in requests],
            RowSet(prepared.folds, {}),
            deliver=deliver,
            watch=lambda progress: None,
            context=ExecutionContext(threads=1),
        )

    return train


def test_a_pilot_can_be_stopped_and_a_hopeless_one_keeps_the_decades(studied, moons) -> None:
    """Without a finite loss to compare with there is no range to find."""
    assert find_ranges(studied, lambda requests, deliver: False) is None
    wild = network(optimizer=keras.optimizers.SGD(1e38))
    broken = prepare(Question(wild, {"L2": {"*/kernel": bridle.L2("auto")}}, folds=2, epochs=9), Rows(*moons))
    arms, facts = find_ranges(broken, trainer(broken))
    assert arms[1].grids[0] == AUTO
    assert facts == {}
