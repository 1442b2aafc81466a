"""Members side by side in one program, as on an accelerator; here through `vmap` on the CPU."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from tests.engine._line import fits, line, rows, run

from bridle.engine import Recipe, Stopping, choose_width, free_memory, time_short_call
from bridle.engine import _scheduler as scheduler
from bridle.engine._device import Executable
from bridle.engine._scheduler import lanes

RECIPE = Recipe(epochs=6, batch_size=4, shuffle=True, points=3)
WATCHED = Recipe(30, 4, True, 30, Stopping(0, maximize=False, patience=2, min_delta=0.01, keep_best=True))


def outcomes(width: int | None, count: int = 7, recipe: Recipe = RECIPE, rate: float = 0.1, **options):
    objective, fold = line(rate), options.pop("fold", rows())
    return run(objective, fits(objective, fold, count, recipe, width=width), recipe, **options)[0]


@pytest.mark.parametrize("width", [1, 3, 7, 9])
def test_members_side_by_side_are_those_alone(width: int) -> None:
    """Curves, diagnostics and weights to float tolerance; a last call that is not full delivers its members once."""
    alone, beside = outcomes(None), outcomes(width)
    assert sorted(alone) == sorted(beside) == list(range(7))
    for number, one in alone.items():
        other = beside[number]
        np.testing.assert_allclose(one.curves, other.curves, rtol=1e-5)
        np.testing.assert_allclose(one.variables[0], other.variables[0], rtol=1e-5)
        np.testing.assert_allclose(one.diagnostics, other.diagnostics, rtol=1e-5)


def test_the_same_bits_at_the_same_width_whatever_stands_beside() -> None:
    """Again, and with other members in the call: a member of a program of one width has the same bits."""
    objective, fold = line(), rows()
    work = fits(objective, fold, 6, width=3)
    first, _ = run(objective, work)
    again, _ = run(objective, work)
    mixed, _ = run(objective, [work[5], work[0], work[3], work[2]])
    for number, one in mixed.items():
        assert np.array_equal(first[number].curves, again[number].curves, equal_nan=True)
        assert np.array_equal(first[number].curves, one.curves, equal_nan=True)


def test_members_that_stop_early_wait_for_their_neighbours() -> None:
    """Each ends at its own epoch with the weights of its own best one, as alone."""
    fold = rows(12)
    fold = type(fold)(fold.rows, 8, 4)
    alone, beside = (outcomes(width, 5, WATCHED, 0.2, fold=fold) for width in (None, 5))
    assert len({outcome.epochs for outcome in alone.values()}) > 1
    for number, one in alone.items():
        assert (one.epochs, one.kept_epoch) == (beside[number].epochs, beside[number].kept_epoch)
        np.testing.assert_allclose(one.variables[0], beside[number].variables[0], rtol=1e-5)
        np.testing.assert_allclose(one.curves, beside[number].curves, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("width", [None, 3])
def test_a_neighbour_that_diverges_changes_nothing(width: int | None) -> None:
    """Same bits beside a member whose loss is not finite, which is blank from that epoch on."""
    objective, fold = line(), rows()
    good = fits(objective, fold, 3, width=width)
    bad = type(good[1])(**{**vars(good[1]), "strengths": np.array([1e30], "float32")})
    with_good, _ = run(objective, good)
    with_bad, _ = run(objective, [good[0], bad, good[2]])
    assert with_bad[1].diverged_at == 1
    assert np.isnan(with_bad[1].curves[1:]).all()
    assert with_bad[1].variables == ()
    for number in (0, 2):
        assert np.array_equal(with_good[number].curves, with_bad[number].curves, equal_nan=True)


@pytest.mark.parametrize("width", [None, 2])
def test_a_chain_goes_on_from_where_the_fit_before_ended(width: int | None) -> None:
    """Two fits of six epochs each, without shuffling, are one of twelve; chains advance side by side."""
    objective, fold, recipe = line(), rows(), Recipe(6, 4, False, 1)
    work = fits(objective, fold, 4, recipe, width=width)
    chained, _ = run(objective, [work[:2], work[2:]], recipe)
    long = Recipe(12, 4, False, 1)
    whole, _ = run(objective, fits(objective, fold, 1, long), long)
    same = [type(fit)(**{**vars(fit), "strengths": work[0].strengths}) for fit in work]
    twice, _ = run(objective, [same[:2]], recipe)
    assert sorted(chained) == [0, 1, 2, 3]
    np.testing.assert_allclose(twice[1].variables[0], whole[0].variables[0], rtol=1e-5)


def test_lanes_hold_members_of_one_fold_and_are_padded() -> None:
    """Four members of one fold and three of another, two wide: the last call holds its member twice."""
    programs, one, two = SimpleNamespace(width=2, is_streamed=False), object(), object()
    chains = [[SimpleNamespace(rows=fold, programs=programs)] for fold in (one, two, one, two, one, two, one)]
    shards = [shard for lane in lanes(chains) for shard in lane]
    assert [len(shard) for shard in shards] == [2, 2, 2, 2]
    assert all(len({id(fit.rows) for fit in shard}) == 1 for shard in shards)
    assert shards[-1][0] is shards[-1][1]


def test_lanes_hold_members_of_one_program() -> None:
    """Two rules of early stopping can set the same rows aside."""
    rules = [SimpleNamespace(width=2, is_streamed=False) for _ in range(2)]
    fold = object()
    chains = [[SimpleNamespace(rows=fold, programs=rules[index % 2])] for index in range(4)]
    shards = [shard for lane in lanes(chains) for shard in lane]
    assert all(len({id(fit.programs) for fit in shard}) == 1 for shard in shards)


def test_the_width_grows_while_members_become_cheaper_and_fit_into_memory() -> None:
    """Widths are tried from 8 on, four times as wide each; never wider than there are members."""

    def width(seconds, members=10_000, free=10**9, each=1000):
        found = choose_width(
            lambda wide: SimpleNamespace(width=wide, memory=wide * each), lambda p: seconds(p.width), members, free
        )
        return found.width

    assert width(lambda wide: 1.0) == 10_000
    assert width(lambda wide: float(wide)) == 8
    assert width(lambda wide: max(1.0, wide / 100)) == 128
    assert width(lambda wide: 1.0, members=20) == 20
    assert width(lambda wide: 1.0, members=3) == 3
    assert width(lambda wide: 1.0, free=200_000) == 32


def test_as_many_calls_run_at_once_as_fit_into_memory(monkeypatch) -> None:
    """Half of what is free; never none, and a single one where the model is in one thread's hands."""
    monkeypatch.setattr(scheduler, "free_memory", lambda: 1000)

    def room(memory: int, eager: bool = False) -> int:
        programs = SimpleNamespace(memory=memory, eager=eager, compile=lambda: None)
        return scheduler._compile_and_limit([[SimpleNamespace(programs=programs)]] * 3, lambda: None)

    assert (room(100), room(400), room(10_000)) == (5, 1, 1)
    assert (room(0), room(0, eager=True)) == (3, 1)
    assert free_memory() > 2**20


def test_nothing_is_compiled_beside_what_is_timed(monkeypatch) -> None:
    """A plan's estimate and the width on an accelerator are timed when both programs are there."""
    ready, names = Executable.compiled, []

    def slow(self: Executable) -> object:
        if threading.current_thread() is not threading.main_thread():
            time.sleep(3)  # what looks is compiled long after what trains
        compiled = ready(self)
        names.append(id(self))
        return compiled

    monkeypatch.setattr(Executable, "compiled", slow)
    objective, fold = line(), rows()
    (fit,) = fits(objective, fold, 1)
    trained = []
    monkeypatch.setattr(Executable, "__call__", lambda self, *a: trained.append(list(names)) or ready(self)(*a))
    time_short_call(fold, fit.start(), 1, fit.programs)
    assert all(id(fit.programs.read) in seen for seen in trained)
    assert trained
