"""Training of fits on rows on disk: each block of rows is read once, ahead of its use, for several fits."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import jax
import numpy as np

from bridle.engine._objective import Recipe, Training
from bridle.engine._programs import Readings, RowReadings, Start
from bridle.engine._state import Fold, Rows, State, row_count, slice_rows
from bridle.engine._stored import on_host, read_ahead, take, use_side_by_side
from bridle.engine._stored_layout import sides_of
from bridle.engine._stored_programs import (
    END,
    POINT,
    ROWS,
    StoredPrograms,
    measures_again,
    prediction_name,
)
from bridle.engine._sweep import Sweep, predict_rows
from bridle.engine._train import FitResult, FitSpec, fit_result

MAX_TOGETHER = 8
"""Fits that are trained on one reading of the rows."""
MAX_PREDICTION_BYTES = 2**26
"""Predictions of several fits that are in memory together; beyond it, rows are read again for further fits."""
NO_LIMIT = nullcontext()
"""For calls outside of a run."""


@dataclass(frozen=True)
class _Stream:
    """Fits of one seed and fold, and all that is read for them."""

    training: Training
    programs: StoredPrograms
    fits: Sequence[FitSpec]
    rows: Rows
    """With NumPy arrays where they are in memory."""
    report: Callable[[float], None]
    every: Callable[..., Iterator[Any]]
    """`map`, perhaps on several threads."""
    slot: AbstractContextManager[Any]
    """Held while a program runs: no more run at once than there are cores, whoever waits for rows."""

    @property
    def fold(self) -> Fold:
        """The rows of the fits."""
        return self.fits[0].rows

    @property
    def identity(self) -> np.ndarray:
        """The seed and the fold + 1, uint32."""
        return np.array([self.fits[0].seed, self.fits[0].fold + 1]).astype(np.uint32)

    def wait(self) -> None:
        """Let the caller stop the training."""
        self.report(0)


def train_on_stored_rows(
    training: Training,
    fits: Sequence[FitSpec],
    starts: Sequence[Start],
    held_out: Mapping[str, Rows],
    report: Callable[[float], None],
    every: Callable[..., Iterator[Any]] = map,
    slot: AbstractContextManager[Any] = NO_LIMIT,
) -> list[FitResult]:
    """Train fits of one seed and fold through all epochs, or until each has diverged or stopped.

    `report` is called after each block with its share of an epoch; an exception from it ends the training. `every` is
    `map`, perhaps on several threads: the fits train side by side. `slot` is held while one trains on a block.
    """
    programs: Any = fits[0].programs
    training = replace(training, recipe=programs.recipe)
    recipe, stream = training.recipe, _Stream(training, programs, fits, on_host(fits[0].rows.rows), report, every, slot)
    states = [programs.initial_state(start) for start in starts]
    curves = np.full((len(fits), len(recipe.stops), training.quantity_count), np.nan, np.float32)
    epoch, going = 0, list(range(len(fits)))
    for point, stop in enumerate(recipe.stops):
        costs = [np.zeros(training.cost_count, np.float32)] * len(fits)
        active = going
        while epoch < stop and active:
            _train_epoch(stream, states, costs, active, epoch)
            active, epoch = [index for index in active if not _is_stopped(recipe, states[index])], epoch + 1
        measured = _measure_point(stream, [states[index] for index in going], bool(recipe.trainings[point]))
        for index, values in zip(going, measured, strict=True):
            curves[index, point] = np.concatenate([np.asarray(costs[index]), values])
        going = [index for index in active if int(states[index].diverged_at) < 0]
        if not going:
            break
    return _read_results(stream, states, curves, held_out)


def _train_epoch(stream: _Stream, states: list[State], costs: list[Any], active: Sequence[int], epoch: int) -> None:
    """Train some fits through one epoch; their states and mean costs are replaced in the lists."""
    programs, layout, number = stream.programs, stream.programs.layout, np.int32(epoch)
    stream.wait()
    for index in active:
        costs[index] = np.zeros(stream.training.cost_count, np.float32)

    def train(index: int, block: tuple[_Part, Rows]) -> None:
        (name, first, batches, _), rows = block
        order = np.arange(len(jax.tree.leaves(rows)[0]), dtype=np.int32)
        arguments = (
            stream.fits[index].strengths,
            rows,
            order,
            stream.identity,
            number,
            np.int32(first),
            np.int32(batches),
        )
        states[index], costs[index] = jax.block_until_ready(programs[name](states[index], costs[index], *arguments))

    def report(block: tuple[_Part, Rows]) -> None:
        _, _, batches, length = block[0]
        stream.report(batches * length / layout.count)

    use_side_by_side(_training_blocks(stream, epoch), active, train, report, stream.every)
    monitored: Iterable[tuple[Any, ...]] = ((),) * len(active)
    if layout.monitored is not None:
        answers = slice_rows((stream.fold.rows.y, stream.fold.rows.weight), *stream.fold.cuts[:2])
        predictions = _predictions(stream, POINT, [states[index] for index in active], layout.monitored)
        monitored = ((answers, part) for part in predictions)
    for index, rows in zip(active, monitored, strict=True):
        states[index] = programs["end of epoch"](states[index], costs[index], number, *rows)


_Part = tuple[str, int, int, int]
"""A block of an epoch: its program, first row, batches, and their length."""


def _training_blocks(stream: _Stream, epoch: int) -> Generator[tuple[_Part, Rows], None, None]:
    """Yield each block of an epoch and its rows, on the device.

    The order of rows is that of `pass_over_rows`.
    """
    layout, order = stream.programs.layout, np.arange(stream.programs.layout.count)
    if "shuffle" in stream.programs.parts:
        order = np.asarray(stream.programs["shuffle"](stream.identity, np.int32(epoch)))
    requests = [("train", first, batches, layout.size) for first, batches in layout.blocks()]
    if layout.tail:
        requests.append(("train the rest", layout.count - layout.tail, 1, layout.tail))

    def read(request: _Part) -> tuple[_Part, Rows]:
        name, first, batches, length = request
        size = layout.tail if name != "train" else layout.size * layout.batches
        return request, read_block(stream.rows, order[first : first + batches * length], size)

    return read_ahead(read, requests)


def read_block(rows: Rows, indices: np.ndarray, size: int) -> Rows:
    """Return some rows on the device, with zeros after them up to `size`."""

    def block(leaf: Any) -> np.ndarray:
        part = take(leaf, indices)
        missing = size - len(part)
        return np.concatenate([part, np.zeros((missing, *part.shape[1:]), part.dtype)]) if missing else part

    return jax.device_put(jax.tree.map(block, rows))


def _measure_point(stream: _Stream, states: Sequence[State], training_rows: bool) -> list[np.ndarray]:
    """Return the measures of each fit on all sides; NaN for training rows unless they are requested."""
    fold, programs, names = stream.fold, stream.programs, stream.training.objective.measure_names
    total = row_count(fold.rows.y)
    values = [dict[str, Any]() for _ in states]
    for sweep in programs.layout.sweeps:
        sides = [name for name in sides_of(sweep, fold.cuts, total) if training_rows or name != "training"]
        if not sides:
            continue
        begin = None if training_rows else max(sweep.first, fold.train)
        predictions = _predictions(stream, POINT, states, sweep, begin)
        for one, state, part in zip(values, states, predictions, strict=True):
            answers = fold.rows.y, fold.rows.weight
            one |= {name: programs[f"{POINT} {name}"](state, answers, part) for name in sides}
    missing = {
        "training": np.full(len(names), np.nan, np.float32),
        "others": np.full(len(fold.cuts) * len(names), np.nan, np.float32),
    }
    return [np.concatenate([np.asarray(one.get(name, blank)) for name, blank in missing.items()]) for one in values]


def _predictions(
    stream: _Stream, mode: str, states: Sequence[State], sweep: Sweep, begin: int | None = None, x: Any = None
) -> Iterator[Any]:
    """Yield the predictions of each fit for the rows of a sweep: of the fold, or of others."""
    program, x = stream.programs[prediction_name(mode, sweep)], stream.rows.x if x is None else x

    def predict(*arguments: Any) -> Any:
        with stream.slot:
            return jax.block_until_ready(program(*arguments))

    size = (sweep.end - sweep.first) * stream.programs.prediction_bytes
    together = max(1, MAX_PREDICTION_BYTES // size) if size else len(states)
    for first in range(0, len(states), together):
        side = states[first : first + together]
        yield from predict_rows(predict, side, x, sweep, begin, stream.wait, stream.every)


def _read_results(
    stream: _Stream, states: Sequence[State], curves: np.ndarray, held_out: Mapping[str, Rows]
) -> list[FitResult]:
    """Read the results off fits after their last epoch."""
    training, programs, fold, layout = stream.training, stream.programs, stream.fold, stream.programs.layout
    answers, total = (fold.rows.y, fold.rows.weight), row_count(fold.rows.y)
    blank: list[Any] = [None] * len(states)
    sample = jax.tree.map(lambda leaf: take(leaf, layout.diagnosed), stream.rows.x)
    finished = [programs["finish"](state, sample) for state in states]
    measures: list[Any] = [np.zeros(0, np.float32)] * len(states)
    if measures_again(training):
        predictions = _predictions(stream, END, states, layout.every)
        pairs = zip(states, predictions, strict=True)
        measures = [programs[END](state, answers, part) for state, part in pairs]
    outside = [dict[str, Any]() for _ in states]
    for name, sweep in layout.held_out.items():
        rows = on_host(held_out[name])
        predictions = _predictions(stream, END, states, sweep, x=rows.x)
        for one, state, part in zip(outside, states, predictions, strict=True):
            one[name] = programs[f"{END} {name}"](state, (rows.y, rows.weight), part)
    together, scores, single = blank, blank, blank
    if layout.validation is not None and training.recipe.predictions:
        together = list(_predictions(stream, END, states, layout.validation))
    if ROWS in programs.parts and layout.validation is not None:
        y, weight = slice_rows(answers, fold.cuts[-1], total)
        pairs = [
            (programs[ROWS](y, weight, part), part) for part in _predictions(stream, ROWS, states, layout.validation)
        ]
        scores = [score for score, _ in pairs]
        single = [part if training.recipe.row_predictions else None for _, part in pairs]
    results = []
    for n, (trainable, other, facts) in enumerate(finished):
        readings = Readings(trainable, other, measures[n], facts, outside[n], together[n])
        readings, rows = jax.device_get((readings, RowReadings(scores[n], single[n])))
        ending = jax.device_get((states[n].diverged_at, states[n].memory))
        results.append(fit_result(training, curves[n], ending, readings, rows))
    return results


def _is_stopped(recipe: Recipe, state: State) -> bool:
    return recipe.stopping is not None and int(state.memory.stopped) > 0


def shared_readings(chains: Sequence[Sequence[FitSpec]]) -> Iterator[list[Sequence[FitSpec]]]:
    """Group chains of one seed, fold, program and length, whose fits read the same rows in the same order."""
    groups: dict[tuple[int, ...], list[Sequence[FitSpec]]] = {}
    for chain in chains:
        first = chain[0]
        groups.setdefault((first.seed, first.fold, id(first.rows), id(first.programs), len(chain)), []).append(chain)
    for group in groups.values():
        parts = -(-len(group) // MAX_TOGETHER)
        size = -(-len(group) // parts)
        for start in range(0, len(group), size):
            yield group[start : start + size]


def time_stored_rows(fold: Fold, start: Start, strength_count: int, programs: StoredPrograms) -> float:
    """Return about the seconds of an epoch of one fit, from one block of its rows."""
    programs.compile_fully()
    layout, rows = programs.layout, on_host(fold.rows)
    _, batches = layout.blocks()[0]
    strengths, identity, number = np.zeros(strength_count, np.float32), np.zeros(2, np.uint32), np.int32(0)
    cost = np.zeros(programs.cost_count, np.float32)
    carry, order = (programs.initial_state(start), cost), np.arange(layout.batches * layout.size, dtype=np.int32)
    times = []
    for _ in range(2):
        began = perf_counter()
        block = read_block(rows, np.arange(batches * layout.size), len(order))
        arguments = strengths, block, order, identity, number, number, np.int32(batches)
        jax.block_until_ready(programs["train"](*carry, *arguments))
        times.append(perf_counter() - began)
    return min(times) * layout.count / (batches * layout.size)
