"""Rules for the entries of a study file, in words and as checks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bridle.regularizers import MAX_GRID_POINTS
from bridle.study.design import INITIAL_WEIGHTS, MAX_COUNT, MAX_SEED, MAX_SEEDS, WARM_STARTS

MAX_HIDDEN_LAYERS = 50
"""The largest number of hidden layers."""
MAX_TERMS = 20
"""The largest number of regularizers at one target."""
MAX_HIDDEN_UNITS = 100_000
"""The largest number of units in a hidden layer."""
ACTIVATIONS = (
    "relu", "tanh", "sigmoid", "elu", "selu", "gelu", "silu", "swish", "mish", "softplus", "softsign", "leaky_relu",
    "relu6", "hard_sigmoid", "hard_silu", "exponential", "linear",
)  # fmt: skip
OPTIMIZERS = (
    "adam", "sgd", "rmsprop", "adamw", "nadam", "adamax", "adagrad", "adadelta", "ftrl", "lion", "lamb", "muon",
)  # fmt: skip
FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """Rule of an entry: its description in `Expected … for [study] seeds`, and its check."""

    expected: str
    holds: Callable[[Any], bool]


Entries = Mapping[str, Entry]
"""The rules of a table by the names of its entries; `*` is any other name."""


def _is_whole(value: object, least: int, most: int = MAX_COUNT) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _whole(least: int, most: int = MAX_COUNT) -> Entry:
    return Entry(f"a whole number from {least} to {most:,}", lambda value: _is_whole(value, least, most))


def _one_of(*words: str) -> Entry:
    return Entry(f"one of {', '.join(map(repr, words))}", lambda value: isinstance(value, str) and value in words)


def _number(low: float, high: float, expected: str) -> Entry:
    """Return the rule of a number between `low` and `high`, both excluded; a bool is not a number."""
    return Entry(expected, lambda value: type(value) in (int, float) and low < value < high)


def _is_list(value: object, most: int, holds: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and len(value) <= most and all(map(holds, value))


def _is_amount(value: object) -> bool:
    return type(value) in (int, float)


def _is_line(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= 500 and len(value.splitlines()) == 1


LINE = Entry("text on one line", _is_line)
SWITCH = Entry("true or false", lambda value: isinstance(value, bool))
TABLE = Entry("a table", lambda value: isinstance(value, dict))
SHARE = _number(0, 1, "a number between 0 and 1")
ABOVE = _number(0, 1e6, "a number above 0, below a million,")
SEEDS = Entry(
    f"a whole number from 1 to {MAX_SEEDS:,}, or a list of seeds,",
    lambda value: (
        _is_whole(value, 1, MAX_SEEDS)
        or (_is_list(value, MAX_SEEDS, lambda seed: _is_whole(seed, 0, MAX_SEED)) and bool(value))
    ),
)
HIDDEN = Entry(
    f"a list of at most {MAX_HIDDEN_LAYERS} whole numbers, such as [32, 16],",
    lambda value: _is_list(value, MAX_HIDDEN_LAYERS, lambda units: _is_whole(units, 1, MAX_HIDDEN_UNITS)),
)
PENALTY = Entry(
    "a penalty as text, such as 'l2(auto)', or a list of texts",
    lambda value: isinstance(value, str) or _is_list(value, MAX_TERMS, lambda text: isinstance(text, str)),
)
RATE = Entry(
    "a rate such as 0.3, a list such as [0.1, 0.5], or text such as 'auto',",
    lambda value: (
        isinstance(value, str) or _is_amount(value) or (_is_list(value, MAX_GRID_POINTS, _is_amount) and bool(value))
    ),
)

COLUMN = Entry("the name of a column", lambda value: isinstance(value, str))
WEIGHT = Entry("a number ≥ 0", lambda value: type(value) in (int, float) and 0 <= value < 1e300)
CLASS_WEIGHT = Entry(
    "'balanced' or a table of weights ≥ 0 by class",
    lambda value: value == "balanced" or (isinstance(value, dict) and all(map(WEIGHT.holds, value.values()))),
)

TOP: Entries = {"title": LINE, "data": TABLE, "model": TABLE, "study": TABLE, "arms": TABLE}
DATA: Entries = {
    "table": LINE,
    "target": COLUMN,
    "task": _one_of("classification", "regression"),
    "encoding": LINE,
    "header": SWITCH,
    "decimal": _one_of(".", ","),
    "test_share": SHARE,
    "group": COLUMN,
    "time": COLUMN,
    "weight": COLUMN,
    "class_weight": CLASS_WEIGHT,
    "arrays": LINE,
    "scale": SWITCH,
}
MODEL: Entries = {
    "hidden": HIDDEN,
    "activation": _one_of(*ACTIVATIONS),
    "optimizer": _one_of(*OPTIMIZERS),
    "learning_rate": ABOVE,
    "file": LINE,
    "function": Entry(
        "module:function, such as 'networks:build',",
        lambda value: isinstance(value, str) and bool(FUNCTION.fullmatch(value)),
    ),
}
STUDY: Entries = {
    "seeds": SEEDS,
    "folds": _whole(2, 1000),
    "epochs": _whole(1),
    "batch_size": _whole(1),
    "shuffle": SWITCH,
    "score": LINE,
    "initial_weights": _one_of(*INITIAL_WEIGHTS),
    "warm_start": _one_of(*filter(None, WARM_STARTS)),
    "early_stopping": TABLE,
    "race": SWITCH,
    "nested": _whole(2, 1000),
}
STOPPING: Entries = {
    "patience": _whole(0),
    "validation_fraction": SHARE,
    "monitor": LINE,
    "min_delta": WEIGHT,
    "restore_best_weights": SWITCH,
}
RENAMED = {
    "start": "initial_weights",
    "path": "warm_start",
    "stopping": "early_stopping",
    "watch": "validation_fraction",
    "keep_best": "restore_best_weights",
}
"""Entries of [study] and [study.early_stopping] by the names that they had before version 0.2."""
ARMS: Entries = {"*": Entry("a table of penalties, such as [arms.L2],", lambda value: isinstance(value, dict))}
ARM: Entries = {"learning_rate": ABOVE, "*": PENALTY}
