"""For pictures of the inside of trained networks: what their variables are called, and the penalized activations."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bridle.placement import Site, diagnosed_sites, find_sites
from bridle.results import ALL_ROWS, Activation
from bridle.study._collector import ResultCollector
from bridle.study.data import Data
from bridle.study.design import Prepared

MOST_ROWS, MOST_ENTRIES = 64, 128
"""What is kept of an activation."""
MOST_TENSORS, MOST_ARMS = 6, 6
"""Activations kept at most, and the arms for which each is kept beside `none`."""


def weight_names(prepared: Prepared) -> tuple[str, ...]:
    """The names of a model's variables as a person writes them, in the order in which trained ones are kept."""
    known = {id(place.variable): place.name for place in find_sites(prepared.model) if place.part is None}
    return tuple(known.get(id(variable), variable.path) for variable in prepared.engine.program.variables)


def activations(
    prepared: Prepared, ledger: ResultCollector, data: Data, bests: Mapping[int, int]
) -> tuple[Activation, ...]:
    """The penalized activations under `none` and each arm's best, in the refits of one seed.

    Args:
        prepared: the study.
        ledger: with the refits.
        data: all rows, as the network sees them.
        bests: the best setting of each arm that has one.

    """
    wanted = _wanted(ledger, bests)
    refits = _of_one_seed(ledger, {setting for _, settings in wanted for setting in settings})
    if not refits:
        return ()
    rows = _rows(data)
    read = _reader(prepared, jax.tree.map(lambda leaf: jnp.asarray(leaf[rows]), data.x), len(rows))
    seen = {setting: read(variables) for setting, variables in refits.items()}
    classes = np.zeros(0, int) if data.labels is None else np.asarray(data.labels[rows]).astype(int)
    found = []
    for place, settings in wanted:
        number = prepared.penalty_terms.taps.index(place.tap)
        values = {setting: seen[setting][number] for setting in settings}
        if all(value is not None for value in values.values()):
            found.append(_kept(place, values, classes))
    return tuple(found)


def _wanted(ledger: ResultCollector, bests: Mapping[int, int]) -> list[tuple[Site, list[int]]]:
    """For each penalized activation `none` and the best setting of the arms that charge it."""
    found: dict[tuple[int, str], tuple[Site, list[int]]] = {}
    for arm, best in bests.items():
        for place in diagnosed_sites(ledger.arms[arm].terms):
            if not place.is_weight and 0 in bests:
                found.setdefault(place.key, (place, [bests[0]]))[1].append(best)
    return [(place, settings[: 1 + MOST_ARMS]) for place, settings in list(found.values())[:MOST_TENSORS]]


def _of_one_seed(ledger: ResultCollector, settings: set[int]) -> dict[int, tuple[np.ndarray, ...]]:
    """The trained variables of each setting, from the first seed whose refits of all of them finished."""
    for seed in ledger.prepared.question.seed_numbers:
        got = {setting: ledger.outcomes.get((setting, seed, ALL_ROWS)) for setting in settings}
        if all(outcome is not None and outcome.diverged_at < 0 for outcome in got.values()):
            return {setting: outcome.variables for setting, outcome in got.items() if outcome is not None}
    return {}


def _rows(data: Data) -> np.ndarray:
    """Evenly spaced rows, in the order of their classes where there are classes."""
    rows = np.unique(np.linspace(0, data.rows - 1, min(MOST_ROWS, data.rows)).round().astype(int))
    return rows if data.labels is None else rows[np.argsort(data.labels[rows], kind="stable")]


def _reader(prepared: Prepared, x: Any, rows: int) -> Callable[[tuple[np.ndarray, ...]], list[np.ndarray | None]]:
    """What every tap sees on some rows under given variables, as (row, entry); None where rows are not its first axis.

    A layer that is called several times gives the entries of all its calls.
    """
    engine, taps = prepared.engine, prepared.penalty_terms.taps
    split = len(engine.program.model.trainable_variables)

    def read(trainable: list[Any], other: list[Any]) -> list[list[Any]]:
        readings = engine.program.forward(trainable, other, x, training=False, taps=taps).readings
        return [[each.value for each in readings[number]] for number in range(len(taps))]

    ask = read if engine.untraced else jax.jit(read)

    def flat(calls: list[Any]) -> np.ndarray | None:
        if not calls or any(value.shape[:1] != (rows,) for value in calls):
            return None
        return np.concatenate([np.asarray(value, np.float32).reshape(rows, -1) for value in calls], axis=1)

    return lambda variables: [flat(calls) for calls in ask(list(variables[:split]), list(variables[split:]))]


def _kept(place: Site, values: Mapping[int, np.ndarray], classes: np.ndarray) -> Activation:
    stacked = np.stack(list(values.values()))
    entries = stacked.shape[2]
    some = np.unique(np.linspace(0, entries - 1, min(MOST_ENTRIES, entries)).round().astype(int))
    return Activation(place.name, tuple(values), stacked[:, :, some], classes, entries)
