"""A member is the fit that Keras would have given. This is the ground of trust."""

import keras
import numpy as np
import pytest

from bridle import L1, L2
from bridle.placement import penalize
from bridle.study import Question, Rows, prepare, run_study

L = keras.layers
STACKS = {
    "dense": lambda: [L.Dense(8, "relu", name="hidden")],
    "deep tanh": lambda: [L.Dense(8, "tanh"), L.Dense(6, "gelu"), L.Dense(4)],
    "batch normalization": lambda: [L.Dense(8, "relu"), L.BatchNormalization(momentum=0.8)],
    "layer normalization": lambda: [L.Dense(8), L.LayerNormalization(), L.Activation("swish")],
    "dropout": lambda: [L.Dense(8, "relu"), L.Dropout(0.4), L.Dense(4, "relu"), L.Dropout(0.2)],
    "noise": lambda: [L.GaussianNoise(0.3), L.Dense(8, "relu"), L.AlphaDropout(0.1)],
    "own penalty": lambda: [
        L.Dense(8, "relu", kernel_regularizer="l2", activity_regularizer=keras.regularizers.L1(1e-2))
    ],
    "reshape and convolution": lambda: [
        L.Reshape((2, 1)),
        L.Conv1D(4, 2, padding="same", activation="relu"),
        L.Flatten(),
    ],
    "lstm": lambda: [L.Reshape((2, 1)), L.LSTM(5)],
    "gru with recurrent dropout": lambda: [L.Reshape((2, 1)), L.GRU(5, recurrent_dropout=0.3)],
    "leaky and prelu": lambda: [L.Dense(8), L.LeakyReLU(), L.Dense(4), L.PReLU()],
}
OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01),
    "sgd with momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adamw clipped": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1, clipnorm=0.5),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01),
    "schedule": lambda: keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.02, 5, 0.7)),
}
DRAWS_AT_EVALUATION = "gru with recurrent dropout"
"""Keras's recurrent dropout moves its seed when it evaluates too; this stack is fitted without validation."""
SEED, EPOCHS, BATCH = 7, 5, 16


def build(stack: str, optimizer: str = "adam") -> keras.Model:
    model = keras.Sequential([keras.Input((2,)), *STACKS[stack](), L.Dense(1, "sigmoid", name="out")])
    model.compile(OPTIMIZERS[optimizer](), "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")])
    return model


def member(model: keras.Model, x, y, arms: dict, seed: int = SEED):
    """The result of one seed with rows 0-39 to train on (a partial last batch) and the rest to validate."""
    question = Question(model, arms, seeds=(seed,), epochs=EPOCHS, batch_size=BATCH, shuffle=False)
    return run_study(prepare(question, Rows(x[:40], y[:40], validation=(x[40:], y[40:]))))[0]


def compare(result, setting: int, fitted: keras.Model, history: dict) -> None:
    """Losses and metrics of every epoch, and the final weights, against `model.fit`."""
    row = int(np.flatnonzero((result.members.setting == setting) & (result.members.fold == 0))[0])
    curves = dict(zip(result.quantities, result.curves[row].T, strict=True))
    np.testing.assert_allclose(curves["fit/loss"], history["loss"], rtol=2e-4, atol=1e-6)
    if "val_auc" in history:
        np.testing.assert_allclose(curves["validation/accuracy"], history["val_accuracy"], atol=1e-6)
        np.testing.assert_allclose(curves["validation/auc"], history["val_auc"], atol=2e-3)
    refit = int(np.flatnonzero((result.members.setting == setting) & (result.members.fold == -1))[0])
    trained = [*fitted.trainable_variables, *fitted.non_trainable_variables]
    for got, expected in zip(result.weights[refit], trained, strict=True):
        np.testing.assert_allclose(got, np.asarray(expected.value), rtol=2e-3, atol=2e-5)


def fit(model: keras.Model, x, y, *, validate: bool = True) -> dict:
    """`model.fit` without shuffling."""
    held_out = (x[40:], y[40:]) if validate else None
    return model.fit(
        x[:40], y[:40], validation_data=held_out, epochs=EPOCHS, batch_size=BATCH, shuffle=False, verbose=0
    ).history


@pytest.mark.parametrize("stack", STACKS)
def test_member_equals_fit(stack: str, moons) -> None:
    """Every layer stack: same start, same losses and metrics, same weights in the end."""
    keras.utils.set_random_seed(SEED)
    reference = build(stack)
    result = member(build(stack), *moons, {"L2": {"out/kernel": L2([0.0])}})
    compare(result, 0, reference, fit(reference, *moons, validate=stack != DRAWS_AT_EVALUATION))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_steps_as_in_fit(optimizer: str, moons) -> None:
    """Momentum, decay, clipping and schedules included."""
    keras.utils.set_random_seed(SEED)
    reference = build("dense", optimizer)
    result = member(build("dense", optimizer), *moons, {"L2": {"out/kernel": L2([0.0])}})
    compare(result, 0, reference, fit(reference, *moons))


@pytest.mark.parametrize(
    "terms",
    [
        {"*/kernel": L2(0.03)},
        {"hidden/output": L1(0.02)},
        {"hidden/preactivation": L1(0.002, per="batch")},
        {"hidden/bias": L2(0.1), "hidden/output": "l1l2(0.01, 0.02)"},
    ],
    ids=lambda terms: " + ".join(terms),
)
def test_penalized_member_equals_penalized_fit(terms: dict, moons) -> None:
    """The same terms, placed in a plain model and trained by Keras, give the same numbers."""
    keras.utils.set_random_seed(SEED)
    reference = penalize(build("dense"), terms)
    result = member(build("dense"), *moons, {"arm": terms})
    history = fit(reference, *moons)
    compare(result, 1, reference.inner, history)
    assert abs(result.quantity("fit/loss")[0, -1] - result.quantity("fit/loss")[1, -1]) > 1e-4


@pytest.mark.parametrize("stack", STACKS)
def test_initial_weights_are_those_of_keras(stack: str) -> None:
    """Bit for bit, from a model and from a function."""
    from bridle._keras import blueprint

    keras.utils.set_random_seed(3)
    expected = build(stack)
    for source in (build(stack), lambda: build(stack)):
        trainable, other = blueprint(source).variables(3)
        for got, variable in zip(
            [*trainable, *other], [*expected.trainable_variables, *expected.non_trainable_variables], strict=True
        ):
            assert np.array_equal(got, np.asarray(variable.value))
