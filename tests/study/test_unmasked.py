"""Padding that no layer masks is found, and named with its share."""

import keras
import numpy as np
import pytest

import bridle
from bridle.study.design._padding import padded_share

L = keras.layers
STEPS = 8
LENGTHS = np.tile([2, 4], 10)
REAL = np.arange(STEPS) < LENGTHS[:, None]
TOKENS = np.where(REAL, 1 + np.arange(STEPS) % 3, 0)
Y = np.tile([0.0, 1.0], 10)


def notes(layers: list[keras.Layer], x: np.ndarray, y: np.ndarray = Y, **options: object) -> tuple[str, ...]:
    """The notes of a study before its first fit."""
    dtype = "int32" if x.ndim == 2 else "float32"
    model = keras.Sequential([keras.Input(x.shape[1:], dtype=dtype, name="text"), *layers])
    model.compile("sgd", "mse")
    return bridle.Study(model, {}, seeds=1, folds=2, epochs=1).prepare(x, y, **options).notes


def test_padded_tokens_and_steps_are_named() -> None:
    """62 % of the steps follow the last token; before the first one after `pad_sequences`, and in real numbers."""
    (note,) = notes([L.Embedding(4, 2), L.LSTM(2), L.Dense(1)], TOKENS)
    assert note.startswith("62% of the steps of the input 'text' are zeros after the last other value of their row")
    assert "mask_zero=True" in note
    (note,) = notes([L.Embedding(4, 2), L.Bidirectional(L.GRU(2)), L.Dense(1)], TOKENS[:, ::-1].copy())
    assert "zeros before the first other value" in note
    channels = np.stack([TOKENS, -TOKENS], axis=2).astype("float32")
    assert len(notes([L.SimpleRNN(2), L.Dense(1)], channels)) == 1


@pytest.mark.parametrize(
    ("layers", "x", "options"),
    [
        ([L.Embedding(4, 2, mask_zero=True), L.LSTM(2), L.Dense(1)], TOKENS, {}),
        ([L.Embedding(4, 2), L.Flatten(), L.Dense(1)], TOKENS, {}),
        ([L.Embedding(4, 2), L.LSTM(2), L.Dense(1)], np.maximum(TOKENS, 1), {}),
        ([L.Masking(), L.LSTM(2), L.Dense(1)], TOKENS[..., None].astype("float32"), {}),
        ([L.Embedding(4, 2), L.LSTM(2), L.Dense(1)], np.tile([1, 2, 0, 3, 0, 1, 0, 0], (20, 1)), {}),
    ],
    ids=["mask", "no recurrence", "no zeros", "masking", "a quarter"],
)
def test_other_models_and_rows_are_not(layers: list[keras.Layer], x: np.ndarray, options: dict) -> None:
    """A mask, layers without recurrence, and few zeros."""
    assert notes(layers, x, **options) == ()


def test_weights_of_steps_take_the_place_of_a_mask() -> None:
    """Steps of weight zero do not count in the loss."""
    layers = [L.Embedding(4, 2), L.LSTM(2, return_sequences=True), L.Dense(1)]
    y = np.repeat(Y[:, None, None], STEPS, axis=1)
    model = keras.Sequential([keras.Input((STEPS,), dtype="int32"), *layers])
    model.compile("sgd", "mse")
    study = bridle.Study(model, {}, seeds=1, folds=2, epochs=1)
    assert len(study.prepare(TOKENS, y).notes) == 1
    assert study.prepare(TOKENS, y, sample_weight=REAL.astype("float32")).notes == ()


def test_the_share_is_that_of_numpy() -> None:
    """Zeros in between are data; a row of zeros is padding in both directions."""
    rows = np.array([[0, 1, 0, 0], [0, 0, 0, 0], [2, 0, 3, 0]])
    assert padded_share(rows) == (True, pytest.approx(7 / 12))
    assert padded_share(rows[:, ::-1]) == (False, pytest.approx(7 / 12))
