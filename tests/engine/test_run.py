"""The engine by itself, on an objective without Keras: it never learns what a penalty is."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from tests.engine._line import RECIPE, fits, line, run
from tests.engine._line import rows as some_rows
from threadpoolctl import threadpool_info

from bridle.engine import Recipe


@pytest.fixture
def fold():
    """Ten rows to train on (batches of 4, 4 and 2) and three others."""
    return some_rows()


def test_an_epoch_passes_over_every_row_once(fold) -> None:
    """Partial last batch included: without shuffling, the same steps as a loop by hand."""
    objective, recipe = line(), Recipe(2, 4, False, 1)
    got, _ = run(objective, fits(objective, fold, 1, recipe), recipe)
    x, y, w = np.asarray(fold.rows.x, float), np.asarray(fold.rows.y, float), np.zeros(2)
    for _ in range(2):
        costs = []
        for rows in (slice(0, 4), slice(4, 8), slice(8, 10)):
            residual = x[rows] @ w - y[rows]
            costs.append((np.mean(residual**2), len(residual)))
            w = w - 0.1 * 2 * x[rows].T @ residual / len(residual)
    np.testing.assert_allclose(got[0].variables[0], w, rtol=1e-5)
    assert got[0].curves[-1, 0] == pytest.approx(sum(c * n for c, n in costs) / 10, rel=1e-5)
    assert got[0].curves[-1, 2] == pytest.approx(np.mean((x[:10] @ w - y[:10]) ** 2), rel=1e-4)
    assert got[0].curves[-1, 3] == pytest.approx(np.mean((x[10:] @ w - y[10:]) ** 2), rel=1e-4)


def test_curves_do_not_depend_on_where_they_are_measured(fold) -> None:
    """The same state at an epoch, however the epochs are cut into points."""
    objective = line()
    every, some = Recipe(6, 4, True, 6), Recipe(6, 4, True, 2)
    a, _ = run(objective, fits(objective, fold, 2, every), every)
    b, _ = run(objective, fits(objective, fold, 2, some), some)
    np.testing.assert_allclose(a[1].curves[[2, 5]], b[1].curves, rtol=1e-6)


def test_every_member_is_delivered_once_and_its_neighbours_do_not_matter(fold) -> None:
    """Four threads and one give the same bits."""
    objective = line()
    work = fits(objective, fold, 9)
    many, whole = run(objective, work, threads=4)
    one, _ = run(objective, work[::-1], threads=1)
    assert whole
    assert sorted(many) == list(range(9))
    assert all(np.array_equal(many[n].curves, one[n].curves, equal_nan=True) for n in many)


def test_lapack_has_one_thread_while_fits_run(fold) -> None:
    """Its threads would wait for each other on cores that are busy; afterwards it has as many as before."""

    def threads() -> list[int]:
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    objective, seen = line(), []
    before = threads()
    run(objective, fits(objective, fold, 2), deliver=lambda fit, outcome: seen.extend(threads()))
    assert seen
    assert set(seen) == {1}
    assert threads()[: len(before)] == before


def test_divergence_is_a_status_with_its_epoch(fold) -> None:
    """A rate that explodes: the epoch whose loss was not finite, NaN after it, no error."""
    objective = line(rate=1e12)
    got, _ = run(objective, fits(objective, fold, 2))
    assert 1 <= got[0].diverged_at <= 6
    assert np.isnan(got[0].curves[-1]).any()


def test_a_programming_error_stops_the_run_and_is_raised(fold) -> None:
    """It is never a member's status."""
    objective = line()

    def deliver(fit, outcome) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(objective, fits(objective, fold, 3), deliver=deliver)


def test_an_interrupt_keeps_what_finished(fold) -> None:
    """KeyboardInterrupt in the caller: workers stop between blocks, the run says that it is not whole."""
    objective, recipe = line(), Recipe(200_000, 4, True, 100)
    seen: list[float] = []

    def watch(progress) -> None:
        seen.append(progress.share)
        if progress.epochs:
            raise KeyboardInterrupt

    began = time.monotonic()
    got, whole = run(objective, fits(objective, fold, 40, recipe), recipe, watch=watch)
    assert not whole
    assert len(got) < 40
    assert time.monotonic() - began < 20
    assert threading.active_count() < 10


@pytest.mark.parametrize("width", [None, 3])
def test_validation_rows_are_scored_one_by_one(fold, width: int | None) -> None:
    """By the final weights; predictions come where the recipe asks, and the program's identity is the same."""
    plain = line()
    scored = replace(plain, score_rows=lambda y, predictions, weight: (predictions - y) ** 2)
    recipe = replace(RECIPE, row_predictions=True)
    work = fits(scored, fold, 3, recipe, width=width)
    assert work[0].programs.identity == fits(plain, fold, 1, width=width)[0].programs.identity
    results, _ = run(scored, work, recipe)
    x, y = np.asarray(fold.rows.x)[10:], np.asarray(fold.rows.y)[10:]
    for result in results.values():
        predictions = x @ result.variables[0]
        np.testing.assert_allclose(result.predictions[0], predictions, rtol=1e-5)
        np.testing.assert_allclose(result.row_scores, (predictions - y) ** 2, rtol=1e-4)
    without, _ = run(plain, fits(plain, fold, 1))
    assert (without[0].row_scores, without[0].predictions) == (None, ())
    some, _ = run(scored, fits(scored, fold, 1))
    assert some[0].row_scores.shape == (3,)
    assert some[0].predictions == ()
