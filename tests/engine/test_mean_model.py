"""The mean of copies of a model is one plain Keras model with the mean of their outputs."""

from functools import partial

import keras
import numpy as np
import pytest
from scipy.special import expit, logit, softmax

from bridle._errors import InputError
from bridle._keras import divide_logits, has_convex_loss, mean_model, mean_obstacle

L = keras.layers


def sequential() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), L.Dense(4, "relu"), L.BatchNormalization(), L.Dense(2, "softmax")])


def branches() -> keras.Model:
    """Return a model with two inputs by name, a shared layer, dropout, and two outputs by name."""
    one, two = keras.Input((3,), name="one"), keras.Input((3,), name="two")
    shared = L.Dense(4, "tanh", name="shared")
    hidden = L.Dropout(0.5)(L.Concatenate()([shared(one), shared(two)]))
    first = L.Dense(1, "sigmoid", name="first")(hidden)
    return keras.Model({"one": one, "two": two}, {"first": first, "second": L.Dense(2, name="second")(hidden)})


def sequence() -> keras.Model:
    """Return a recurrent model over padded steps."""
    return keras.Sequential([keras.Input((5,)), L.Embedding(9, 3, mask_zero=True), L.GRU(4), L.Dense(1)])


def drawn(build) -> keras.Model:
    """Return a model with random values in all of its variables."""
    model, rng = build(), np.random.default_rng(0)
    for variable in model.variables:
        if "seed" not in variable.path:
            variable.assign(rng.uniform(0.1, 1, variable.shape))
    return model


ROWS = np.random.default_rng(1).normal(size=(6, 3)).astype("float32")
CASES = {
    "sequential": (sequential, ROWS),
    "branches": (branches, {"one": ROWS, "two": ROWS[::-1]}),
    "sequence": (sequence, np.random.default_rng(2).integers(0, 9, (6, 5))),
}


@pytest.mark.parametrize("name", CASES)
def test_the_mean_predicts_the_mean_and_loads_with_keras(name: str, tmp_path) -> None:
    """Structures, shared layers, statistics and masks included; the file needs no custom object."""
    build, rows = CASES[name]
    models = [build() for _ in range(3)]
    expected = keras.tree.map_structure(
        lambda *parts: np.mean(parts, axis=0), *(model.predict(rows, verbose=0) for model in models)
    )
    mean = mean_model({f"seed{index}": model for index, model in enumerate(models)}, models[0])
    mean.save(tmp_path / "mean.keras")
    for model in (mean, keras.models.load_model(tmp_path / "mean.keras")):
        keras.tree.map_structure(
            partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), model.predict(rows, verbose=0), expected
        )
    assert mean.name == models[0].name


def test_outputs_keep_the_names_by_which_losses_know_them() -> None:
    models = [branches() for _ in range(2)]
    mean = mean_model({"a": models[0], "b": models[1]}, models[0])
    mean.compile("sgd", {"first": "binary_crossentropy", "second": "mse"})
    y = {"first": np.ones((6, 1)), "second": np.zeros((6, 2))}
    assert mean.evaluate(CASES["branches"][1], y, verbose=0, return_dict=True).keys() >= {"first_loss", "second_loss"}


class Doubled(keras.Layer):
    """A layer of a user."""

    def call(self, x):
        return 2 * x


class Subclassed(keras.Model):
    """A model of a user."""

    def __init__(self) -> None:
        super().__init__()
        self.out = L.Dense(1)

    def call(self, x):
        return self.out(x)


def test_models_that_no_plain_mean_holds_are_named() -> None:
    """Subclassed models, custom code and whole numbers."""
    assert mean_obstacle(Subclassed()) == "the model is subclassed"
    assert mean_obstacle(keras.Sequential([keras.Input((3,)), Doubled()])) == "the model has custom code"
    whole = keras.Sequential([keras.Input((3,)), L.Discretization(bin_boundaries=[0.0])])
    assert "not a floating-point number" in mean_obstacle(whole)
    assert [mean_obstacle(build()) for build, _ in CASES.values()] == [""] * 3


@pytest.mark.parametrize(
    ("loss", "convex"),
    [
        ("mse", True),
        (keras.losses.BinaryCrossentropy(from_logits=True), True),
        (keras.losses.huber, True),
        ("cosine_similarity", False),
        (lambda y, p: keras.ops.mean((y - p) ** 2), False),
    ],
)
def test_losses_that_a_mean_never_raises_are_known(loss, convex: bool) -> None:
    model = sequence()
    model.compile("sgd", loss)
    assert has_convex_loss(model) == convex


LAST = {
    "sigmoid": (lambda: [L.Dense(1, "sigmoid")], logit, expit),
    "softmax": (lambda: [L.Dense(3), L.Softmax()], np.log, partial(softmax, axis=1)),
    "activation": (lambda: [L.Dense(3), L.Activation("softmax")], np.log, partial(softmax, axis=1)),
    "logits": (lambda: [L.Dense(2)], np.asarray, np.asarray),
}


@pytest.mark.parametrize("name", LAST)
def test_a_temperature_divides_the_logits(name: str) -> None:
    """Of a last layer with its activation, with a layer after it, and without any."""
    layers, to_logits, to_output = LAST[name]
    model = drawn(lambda: keras.Sequential([keras.Input((3,)), *layers()]))
    before = model.predict(ROWS, verbose=0).astype(float)
    divide_logits(model, 2.5)
    np.testing.assert_allclose(model.predict(ROWS, verbose=0), to_output(to_logits(before) / 2.5), rtol=1e-4)


@pytest.mark.parametrize("last", [[L.Dense(2, "relu")], [L.Dense(4), L.Softmax(), L.Dropout(0.1)]])
def test_other_last_layers_take_no_temperature(last: list) -> None:
    with pytest.raises(InputError, match="Expected a dense layer that gives the logits"):
        divide_logits(keras.Sequential([keras.Input((3,)), *last]), 2.0)
