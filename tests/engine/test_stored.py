"""Rows on disk: fits equal those on rows in memory to the bit, and a block is read once for several fits."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from tests.engine._line import line, run

from bridle.engine import (
    FitSpec,
    Objective,
    Recipe,
    Start,
    Stopping,
    Training,
    compile_programs,
    compile_stored_programs,
    draw_at,
    put_fold,
    spread_out,
)
from bridle.engine import _stored_layout as layout_module
from bridle.engine import _sweep as sweep_module
from bridle.engine._scheduler import lanes
from bridle.engine._stored import MAX_LEAD, READ_AHEAD, read_ahead, use_side_by_side
from bridle.engine._sweep import Sweep, predict_by_blocks

pytestmark = pytest.mark.usefixtures("options_of_users")  # with quick compiles, two programs round otherwise

COLUMNS, TRAIN, VALIDATION = 3, 205, 150
X = np.random.default_rng(0).normal(size=(TRAIN + VALIDATION, COLUMNS)).astype("float32")
Y = (X @ [1.0, -2.0, 0.5]).astype("float32")


@dataclass(eq=False)
class Rows:
    """An array that stands for one on disk, and records what is read."""

    array: np.ndarray
    taken: list[np.ndarray] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    def __len__(self) -> int:
        return len(self.array)

    def take(self, indices: np.ndarray) -> np.ndarray:
        self.before()
        self.taken.append(indices)
        return self.array[indices]

    def fingerprint(self) -> str:
        return str(self.array.sum())


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a block hold three batches of 16 rows, and one chunk of predictions."""
    for module in (layout_module, sweep_module):
        monkeypatch.setattr(module, "BLOCK_BYTES", 3 * 16 * 4 * (COLUMNS + 1))


def specs(objective: Objective, recipe: Recipe, x: Any, count: int = 2, watch: int = 0) -> list[FitSpec]:
    """Fits of different strengths on rows in memory or on disk."""
    fold = put_fold(x, Y, None, TRAIN - watch, watch)
    start = Start([np.zeros(COLUMNS, "float32")], [], [])
    compiled = compile_stored_programs if fold.is_stored else compile_programs
    programs = compiled(Training(objective, recipe), fold, start, 1, {})
    return [FitSpec(n, 5, 0, np.array([0.01 * n], "float32"), lambda: start, fold, programs) for n in range(count)]


def both(objective: Objective, recipe: Recipe, watch: int = 0) -> tuple[dict, dict]:
    """Results on rows in memory and on disk."""
    found = [run(objective, specs(objective, recipe, x, watch=watch), recipe)[0] for x in (X, Rows(X))]
    return found[0], found[1]


def assert_same(memory: dict, disk: dict) -> None:
    assert sorted(memory) == sorted(disk) == [0, 1]
    for one, other in zip(memory.values(), (disk[index] for index in memory), strict=True):
        assert (one.diverged_at, one.epochs, one.kept_epoch) == (other.diverged_at, other.epochs, other.kept_epoch)
        for name in ("curves", "diagnostics", "predictions", "variables"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def noisy(rate: float = 0.02) -> Objective:
    """The line, whose rows get noise where its strength is above 0."""
    plain = line(rate)

    def loss(trainable, other, strengths, x, y, weight, *moment):
        noise = draw_at(moment[0], "noise").normal(x.shape) if moment else 0.0
        return plain.loss(trainable, other, strengths, x + strengths[0] * noise, y, weight)

    return replace(plain, loss=loss, draws=lambda strengths: strengths[0] > 0)


@pytest.mark.parametrize(
    ("recipe", "watch"),
    [
        (Recipe(3, 16, True, 3), 0),
        (Recipe(4, 41, False, 2, predictions=True), 0),
        (Recipe(2, 500, True, 1), 0),
        (Recipe(9, 16, True, 3, Stopping(0, False, 1, 0.0, True)), 40),
    ],
    ids=["shuffled, a smaller last batch", "in order", "one batch", "early stopping"],
)
def test_fits_have_the_bits_of_rows_in_memory(recipe: Recipe, watch: int) -> None:
    """Order of rows, steps, curves at every fifth point, stopping and final measures."""
    memory, disk = both(line(0.02 if not watch else 0.3), recipe, watch)
    if watch:
        assert {result.epochs for result in memory.values()} != {9}
    assert_same(memory, disk)


def test_noise_is_that_of_rows_in_memory() -> None:
    """Its numbers follow from the number of rows of the epoch before the batch, in whatever block it is."""
    memory, disk = both(noisy(), Recipe(2, 16, True, 2))
    assert not np.array_equal(memory[0].variables[0], memory[1].variables[0])
    assert_same(memory, disk)


def test_a_fit_that_diverges_has_its_epoch() -> None:
    """Between two points, the fit goes on as on rows in memory; after it nothing is trained."""
    memory, disk = both(line(1e3), Recipe(8, 16, True, 4))
    assert memory[1].diverged_at > 0
    assert_same(memory, disk)


def test_operation_by_operation_gives_the_same_fit() -> None:
    """For models that cannot be traced."""
    objective, recipe = line(0.02), Recipe(1, 64, False, 1)
    start, fold = Start([np.zeros(COLUMNS, "float32")], [], []), put_fold(Rows(X), Y, None, TRAIN)
    programs = compile_stored_programs(Training(objective, recipe), fold, start, 1, {}, eager=True)
    fit = FitSpec(0, 5, 0, np.zeros(1, "float32"), lambda: start, fold, programs)
    eager, _ = run(objective, [fit], recipe)
    memory, _ = run(objective, specs(objective, recipe, X, 1), recipe)
    assert (programs.identity, programs.executables) == ("", 0)
    np.testing.assert_allclose(eager[0].curves, memory[0].curves, rtol=1e-5)


def test_a_block_is_read_once_for_several_fits() -> None:
    """Eight fits of a seed and fold read as much as one; a ninth begins a second group."""
    objective, recipe, counts = line(0.02), Recipe(2, 16, True, 1), []
    for count in (1, 8):
        rows = Rows(X)
        run(objective, specs(objective, recipe, rows, count), recipe, threads=2)
        counts.append(sum(map(len, rows.taken)))
    assert counts[0] == counts[1] >= 2 * TRAIN + 2 * (TRAIN + VALIDATION) - VALIDATION
    assert [len(lane[0]) for lane in lanes([[fit] for fit in specs(objective, recipe, Rows(X), 9)])] == [5, 4]


def test_a_fit_stops_between_two_blocks() -> None:
    """Ctrl-C within an epoch ends the reading at once."""
    objective, recipe = line(0.02), Recipe(1000, 16, True, 1)
    rows = Rows(X, before=lambda: time.sleep(0.02))

    def interrupt(progress: Any) -> None:
        if rows.taken:
            raise KeyboardInterrupt

    results, whole = run(objective, specs(objective, recipe, rows, 1), recipe, watch=interrupt)
    assert (results, whole) == ({}, False)
    time.sleep(0.2)
    count = len(rows.taken)
    time.sleep(0.2)
    assert len(rows.taken) == count < 100


def test_an_error_of_the_reader_ends_the_run() -> None:
    """Such as a file that is cut off while fits are trained."""
    rows = Rows(X)

    def cut_off() -> None:
        if len(rows.taken) == 3:
            raise OSError("cut off")

    rows.before = cut_off
    with pytest.raises(OSError, match="cut off"):
        run(line(), specs(line(), Recipe(2, 16, True, 1), rows, 1), Recipe(2, 16, True, 1))


def test_blocks_are_read_ahead_in_order() -> None:
    """At most so many that are not used yet; the thread ends with the iterator."""
    begun: list[int] = []
    answers = read_ahead(lambda request: begun.append(request) or request, range(20))
    for used, answer in enumerate(answers):
        assert answer == used
        assert len(begun) <= used + 1 + READ_AHEAD
        if used == 5:
            break
    answers.close()
    count = threading.active_count()
    assert list(read_ahead(str, range(7))) == [str(number) for number in range(7)]
    assert threading.active_count() <= count


def test_predictions_of_blocks_are_those_of_all_rows() -> None:
    """Whatever the sizes of chunk and block, and where the last chunk repeats rows."""
    for count in (1, 7, 64, 130, 355):
        found = predict_by_blocks(lambda x: (jnp.asarray(x) * 2, None), Rows(X[:count]))
        np.testing.assert_array_equal(found[0], X[:count] * 2)
    for begin in (10, 14, 20):
        starts = np.concatenate(list(Sweep(10, 31, 4, 2).blocks(begin)))
        rows = (starts[:, None] + np.arange(4)).ravel()
        assert starts[0] == 27
        assert rows.min() >= 10
        assert set(range(begin, 31)) <= set(rows.tolist())


def test_one_input_may_be_on_disk_and_another_in_memory() -> None:
    """Also held-out rows in memory beside training rows on disk."""
    recipe, start = Recipe(1, 64, True, 1), Start([np.zeros(COLUMNS, "float32")], [], [])
    plain = line(0.02)
    objective = replace(
        plain,
        loss=lambda trainable, other, strengths, x, y, weight: plain.loss(
            trainable, other, strengths, x["a"] + x["b"], y, weight
        ),
        predict=lambda trainable, other, x: (x["a"] + x["b"]) @ trainable[0],
    )
    results = []
    for first in (X, Rows(X)):
        fold = put_fold({"a": first, "b": -X / 3}, Y, None, TRAIN)
        held_out = {"test": put_fold({"a": X[:9], "b": X[:9]}, Y[:9], None, 9).rows}
        compiled = compile_stored_programs if fold.is_stored else compile_programs
        programs = compiled(Training(objective, recipe), fold, start, 1, held_out)
        fit = FitSpec(0, 5, 0, np.zeros(1, "float32"), lambda: start, fold, programs)
        results.append(run(objective, [fit], recipe, held_out=held_out)[0][0])
    np.testing.assert_array_equal(results[0].curves, results[1].curves)
    np.testing.assert_array_equal(results[0].measures["test"], results[1].measures["test"])


def test_rows_are_spread_out_evenly() -> None:
    """The first and the last are among them; all where there are few."""
    assert spread_out(4, 9).tolist() == [0, 1, 2, 3]
    assert spread_out(101, 5).tolist() == [0, 25, 50, 75, 100]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_fit_uses_all_blocks_in_order(threads: int) -> None:
    """Each block is read once and reported once; no fit is further ahead of another than it may be."""
    draw, used, reported = np.random.default_rng(0), {fit: list[int]() for fit in (4, 7, 9)}, list[int]()

    def use(fit: int, block: int) -> None:
        assert block <= min(map(len, used.values())) + MAX_LEAD
        time.sleep(0.002 * draw.integers(3))
        used[fit].append(block)

    with ThreadPoolExecutor(threads) as pool:
        blocks = read_ahead(lambda number: number, range(20))
        use_side_by_side(blocks, list(used), use, reported.append, pool.map)
    assert used == {fit: list(range(20)) for fit in (4, 7, 9)}
    assert reported == list(range(20))


def test_groups_read_at_the_same_time() -> None:
    """A group that waits for its rows takes no core from another, whatever the number of its fits."""
    meeting, calls = threading.Barrier(2), iter(range(10**6))

    def meet() -> None:
        if next(calls) < 2:  # the first reading of both groups
            meeting.wait(timeout=30)

    recipe = Recipe(2, 16, True, 2)
    fits = specs(line(), recipe, Rows(X, before=meet), count=4)
    fits += [replace(fit, index=fit.index + 4, seed=6) for fit in fits]
    found, whole = run(line(), fits, recipe, threads=2)
    assert whole
    assert sorted(found) == list(range(8))


@pytest.mark.parametrize("where", ["read", "use", "report"])
def test_an_error_ends_all_threads(where: str) -> None:
    """Wherever it is raised, it is raised to the caller, and the blocks are closed after the last thread."""
    closed, running = [], []

    def blocks() -> Iterator[int]:
        try:
            for number in range(50):
                if where == "read" and number == 5:
                    raise OSError("read")
                yield number
        finally:
            closed.append(list(running))

    def use(fit: int, block: int) -> None:
        running.append(fit)
        time.sleep(0.002)
        running.remove(fit)
        if where == "use" and (fit, block) == (1, 5):
            raise OSError("use")

    def report(block: int) -> None:
        if where == "report" and block == 5:
            raise OSError("report")

    with ThreadPoolExecutor(3) as pool:
        with pytest.raises(OSError, match=where):
            use_side_by_side(blocks(), range(3), use, report, pool.map)
        assert running == []
    assert len(closed) == 1
    assert where == "read" or closed == [[]]
