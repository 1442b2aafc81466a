"""Weights per time step and per output, and row weights where steps are padded; expected is Keras's `fit`."""

from typing import Any

import keras
import numpy as np
import pytest

from bridle._errors import InputError
from bridle.study import run_study
from bridle.study.data import Rows
from bridle.study.design import Question, prepare

L = keras.layers
ROWS, STEPS = 36, 5
RNG = np.random.default_rng(0)
REAL = np.arange(STEPS) < RNG.integers(1, STEPS + 1, ROWS)[:, None]
TOKENS = np.where(REAL, RNG.integers(1, 6, REAL.shape), 0)
LABELS = TOKENS % 3
OF_ROWS, OF_STEPS = RNG.uniform(0.2, 3.0, ROWS), RNG.uniform(0.2, 3.0, REAL.shape)
OF_ROWS[:4] = 0
BOTH = {"kind": LABELS, "size": TOKENS.sum(axis=1, keepdims=True) / 10}


def tagger(masked: bool = True) -> keras.Model:
    """A class for each step."""
    keras.utils.set_random_seed(3)
    layers = [L.Embedding(6, 4, mask_zero=masked), L.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((STEPS,), dtype="int32"), *layers])
    measures = {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy", **measures)
    return model


def two_answers(names: bool = True) -> keras.Model:
    """A class for each step and a number for each row, by name or in order."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((STEPS,), dtype="int32")
    embedded = L.Embedding(6, 4, mask_zero=True)(inputs)
    kind = L.Dense(3, "softmax", name="kind")(embedded)
    size = L.Dense(1, name="size")(L.GlobalAveragePooling1D()(embedded))
    model = keras.Model(inputs, {"kind": kind, "size": size} if names else [size, kind])
    losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    metrics = {"kind": ["accuracy"], "size": ["mae"]}
    model.compile(
        keras.optimizers.SGD(0.1), losses if names else [losses["size"], losses["kind"]],
        weighted_metrics=metrics if names else [metrics["size"], metrics["kind"]],
    )  # fmt: skip
    return model


def some(values: Any, rows: slice) -> Any:
    return None if values is None else keras.tree.map_structure(lambda leaf: leaf[rows], values)


def equals_keras(model: keras.Model, y: Any, given: Any, for_keras: Any, **rows: Any) -> None:
    """Two epochs of a fit, its training and validation measures, and those of held-out rows."""
    train, other = slice(0, 24), slice(24, ROWS)
    question = Question(model, {}, 1, 2, 2, batch_size=10, shuffle=False, initial_weights="model", score="loss")
    judged = (TOKENS[other], some(y, other), some(given, other))
    rows = {"sample_weight": some(given, train), **rows}
    prepared = prepare(
        question, Rows(TOKENS[train], some(y, train), validation=judged, held_out={"test": judged}, **rows)
    )
    result, _ = run_study(prepared)
    y, for_keras = (list(each) if isinstance(each, tuple) else each for each in (y, for_keras))
    for_keras = [list(each) if isinstance(each, tuple) else each for each in for_keras]
    plain = (TOKENS[other], some(y, other), some(for_keras[1], other))
    history = model.fit(
        TOKENS[train], some(y, train), sample_weight=some(for_keras[0], train), epochs=2, batch_size=10,
        shuffle=False, verbose=0, validation_data=plain, validation_batch_size=100,
    ).history  # fmt: skip
    number = int(np.flatnonzero(result.members.fold == 0)[0])
    found = {name: result.quantity(name)[number] for name in result.quantities}
    np.testing.assert_allclose(found["fit/loss"], history["loss"], rtol=1e-4)
    names = list(result.held_out_names)
    assert {f"val_{name}" for name in names} <= set(history)
    for name in names:
        np.testing.assert_allclose(found[f"validation/{name}"], history[f"val_{name}"], rtol=1e-4, err_msg=name)
    wanted = model.evaluate(*plain[:2], sample_weight=plain[2], batch_size=100, verbose=0, return_dict=True)
    refit = int(np.flatnonzero(result.members.fold == -1)[0])
    np.testing.assert_allclose(result.held_out["test"][refit], [wanted[name] for name in names], rtol=1e-4)


@pytest.mark.parametrize("masked", [True, False], ids=["padded", "whole"])
@pytest.mark.parametrize("kind", ["steps", "rows", "column"])
def test_weights_of_steps_and_rows_are_those_of_keras(kind: str, masked: bool) -> None:
    """A weight for each step as Keras takes it; a weight for each row goes to all of its steps."""
    given = {"steps": OF_STEPS, "rows": OF_ROWS, "column": OF_ROWS[:, None]}[kind]
    spread = OF_STEPS if kind == "steps" else np.repeat(OF_ROWS[:, None], STEPS, axis=1)
    equals_keras(tagger(masked), LABELS, given, (spread, spread))


@pytest.mark.parametrize("names", [True, False], ids=["by name", "in order"])
def test_weights_of_outputs_are_those_of_keras(names: bool) -> None:
    """Each output has its own, one for rows and one for steps."""
    weights, y = {"kind": OF_STEPS, "size": OF_ROWS}, BOTH
    if not names:
        weights, y = (weights["size"], weights["kind"]), (y["size"], y["kind"])
    equals_keras(two_answers(names), y, weights, (weights, weights))


def test_one_weight_for_each_row_goes_to_every_output() -> None:
    """Also where the outputs have different axes, which Keras cannot multiply."""
    spread = {"kind": np.repeat(OF_ROWS[:, None], STEPS, axis=1), "size": OF_ROWS}
    equals_keras(two_answers(), BOTH, OF_ROWS, (spread, spread))


def test_classes_of_steps_are_weighed() -> None:
    """`class_weight` with a class at each step: the weight of each step is that of its class, on training rows."""
    weights = {0: 0.5, 1: 2.0, 2: 1.0}
    own = np.array([0.5, 2.0, 1.0])[LABELS]
    even = np.ones(REAL.shape)
    equals_keras(tagger(), LABELS, None, (own, even), class_weight=weights)
    equals_keras(tagger(), LABELS, OF_ROWS, (own * OF_ROWS[:, None], even * OF_ROWS[:, None]), class_weight=weights)


@pytest.mark.parametrize(
    ("model", "y", "rows", "words"),
    [
        (tagger, LABELS, {"sample_weight": OF_STEPS[:, :3]}, "got an array of shape \\(36, 3\\)"),
        (tagger, LABELS, {"sample_weight": np.where(OF_STEPS > 2.9, -1, 1)}, "-1 for row"),
        (tagger, LABELS, {"class_weight": "balanced"}, "would count padded steps"),
        (two_answers, BOTH, {"sample_weight": {"kind": OF_ROWS}}, "every output"),
        (two_answers, BOTH, {"class_weight": "balanced"}, "one output for class_weight"),
        (two_answers, BOTH, {"sample_weight": OF_STEPS}, "weights that fit labels"),
    ],
)  # fmt: skip
def test_weights_that_fit_nothing_are_refused(model: Any, y: Any, rows: dict, words: str) -> None:
    """Before training, with what fits."""
    with pytest.raises(InputError, match=words):
        prepare(Question(model(), {}, 1, 2, 1, score="loss"), Rows(TOKENS, y, **rows))
