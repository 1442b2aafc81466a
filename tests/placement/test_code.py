"""The lines of Keras for each kind, pasted and run against `bridle.regularize`."""

from typing import Any

import keras
import numpy as np
import pytest

import bridle
from bridle.placement import code_lines

L = keras.layers
X = np.random.default_rng(0).normal(size=(8, 6, 3)).astype("float32")
Y = np.eye(3, dtype="float32")[np.arange(8) % 3]


def network() -> keras.Model:
    """A convolution over time, and two dense layers."""
    layers = [
        L.Conv1D(4, 3, activation="relu", bias_initializer="ones", name="conv"),
        L.GlobalAveragePooling1D(),
        L.Dense(50, "tanh", bias_initializer="ones", name="hidden"),
        L.Dense(3, "softmax", name="out"),
    ]
    model = keras.Sequential([keras.Input((6, 3)), *layers])
    model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")
    return model


def pasted(model: keras.Model, code: str) -> keras.Model:
    """The model with each layer of the code in place of the one of its name, and what follows it after it."""
    layers: list[Any] = [layer for layer in model.layers if f"name='{layer.name}'" not in code]
    new = eval("[" + code.removeprefix("import keras\n") + "]", {"keras": keras})
    names = [layer.name for layer in model.layers]
    order, after = [], "inputs"
    for layer in new:
        after = layer.name if layer.name in names else after
        order.append((after, layer))
    chain = [layer for place, layer in order if place == "inputs"]
    for layer in model.layers:
        chain += [one for place, one in order if place == layer.name] or [
            layer.__class__.from_config(layer.get_config())
        ]
    assert len(layers) + len(new) == len(chain)
    copy = keras.Sequential([keras.Input(model.input_shape[1:]), *chain])
    copy.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")
    copy.set_weights(model.get_weights())
    return copy


NOISE = {
    "inputs": (bridle.Dropout(0.3), "Dropout(0.3)"),
    "conv/output": (bridle.Dropout(0.2, shared="space"), "SpatialDropout1D(0.2)"),
    "conv/preactivation": (bridle.Dropout(0.2, shared="time"), "Dropout(0.2, noise_shape=(None, 1, None))"),
    "hidden/output": (bridle.Dropout(0.5), "Dropout(0.5)"),
    "hidden/preactivation": (bridle.GaussianNoise(0.25), "GaussianNoise(0.25)"),
    "out/preactivation": (bridle.GaussianNoise(0.5, multiplicative=True), "GaussianDropout(0.2)"),
}


@pytest.mark.parametrize("target", NOISE)
def test_noise_is_a_layer_to_insert(target: str) -> None:
    """After the tensor: before the activation, after it, or after the inputs; nothing at prediction."""
    noise, text = NOISE[target]
    model = network()
    code = code_lines(model, {target: noise})
    assert f"keras.layers.{text},\n" in code
    copy = pasted(model, code)
    np.testing.assert_allclose(copy.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)
    index = next(i for i, layer in enumerate(copy.layers) if type(layer).__name__ == text.partition("(")[0])
    before = copy.layers[index - 1].name if index else "inputs"
    after = copy.layers[index + 1]
    assert before in (target.partition("/")[0], target)
    assert (type(after) is L.Activation) == target.endswith("preactivation")


def test_noise_and_penalties_of_one_layer_share_its_lines() -> None:
    """An activity penalty sees the tensor before the noise."""
    code = code_lines(network(), {"hidden/output": [bridle.Dropout(0.5), bridle.L1(0.1)], "*/kernel": bridle.L2(0.01)})
    hidden, dropout = code.splitlines()[3:5]
    assert "activity_regularizer=keras.regularizers.L1(0.1)" in hidden
    assert dropout == "keras.layers.Dropout(0.5),"
    assert code.count("kernel_regularizer") == 3
    assert code_lines(network(), {"hidden/output": bridle.Dropout(0.0)}) == "# No penalty: the model is unchanged.\n"


@pytest.mark.parametrize(
    "terms",
    [
        {"hidden/kernel": bridle.DropConnect(0.5)},
        {"hidden/output": bridle.Dropout(bridle.schedule.linear(0, 0.5, 3))},
        {"hidden/output": bridle.GaussianNoise(1.5)},
        {"hidden/output": bridle.Dropout(0.5), "out/kernel": bridle.GroupLasso(0.1)},
        {"hidden/kernel": bridle.MaxNorm(1.0, groups="inputs")},
        {"hidden/bias": bridle.UnitNorm()},
        {"hidden/kernel": bridle.WeightDecay(0.1), "out/kernel": bridle.WeightDecay(0.2)},
        {"labels": bridle.Mixup(0.2)},
    ],
)
def test_what_keras_cannot_do_calls_bridle(terms: dict) -> None:
    """Noise on weights, schedules, what Keras refuses or has no argument for, and what stands beside them."""
    code = code_lines(network(), terms)
    assert code.startswith("import bridle\n")
    assert all(f'"{target}": "{regularizer.kind}(' in code for target, regularizer in terms.items())


def trained(model: keras.Model) -> list[np.ndarray]:
    """The weights after two epochs of two steps."""
    model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    return model.get_weights()


def rebuilt(model: keras.Model) -> keras.Model:
    """The same network and loss with another optimizer."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.compile("sgd", model.loss)
    return copy


CONSTRAINTS = {
    "conv/kernel": (bridle.MaxNorm(0.5), "kernel_constraint=keras.constraints.MaxNorm(0.5, axis=[0, 1])"),
    "hidden/kernel": (bridle.UnitNorm(), "kernel_constraint=keras.constraints.UnitNorm(axis=0)"),
    "out/kernel": (bridle.NonNegative(), "kernel_constraint=keras.constraints.NonNeg()"),
}


def test_constraints_are_arguments() -> None:
    """The same weights after training."""
    model, terms = network(), {target: constraint for target, (constraint, _) in CONSTRAINTS.items()}
    code = code_lines(model, terms)
    assert all(text in code for _, text in CONSTRAINTS.values())
    for ours, theirs in zip(trained(bridle.regularize(model, terms)), trained(pasted(model, code)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ({"*/kernel": bridle.WeightDecay(0.5)}, "var_names=['^bias$']"),
        (
            {"hidden/kernel, conv/bias": bridle.WeightDecay(0.5), "labels": bridle.LabelSmoothing(0.2)},
            "var_list=[v for v in model.trainable_variables if v.path in [",
        ),
        ({"labels": bridle.LabelSmoothing(0.2)}, "keras.losses.CategoricalCrossentropy(label_smoothing=0.2)"),
    ],
)
def test_decay_and_smoothed_labels_are_lines_before_compile(terms: dict, text: str) -> None:
    """Run, they train to the same weights; decay alone to the same bits."""
    model = network()
    code = code_lines(model, terms)
    assert text in code
    assert "keras.optimizers.Adam(learning_rate=0.01" in code
    copy, smooths = rebuilt(model), "labels" in terms
    exec(code, {"model": copy})
    for ours, theirs in zip(trained(bridle.regularize(model, terms)), trained(copy), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5 if smooths else 0, atol=1e-6 if smooths else 0)


def test_a_loss_without_an_argument_and_a_second_rate_call_bridle() -> None:
    """Integer labels; the decay of an optimizer beside another one; rates of layers stay numbers."""
    model = network()
    model.compile(keras.optimizers.Adam(0.01, weight_decay=0.1), "sparse_categorical_crossentropy")
    for terms in ({"labels": bridle.LabelSmoothing(0.2)}, {"hidden/kernel": bridle.WeightDecay(0.5)}):
        assert code_lines(model, terms).startswith("import bridle\n")
    everything = code_lines(model, {"*/kernel, */bias": bridle.WeightDecay(0.5)})
    assert "weight_decay=0.5" in everything
    assert "exclude" not in everything
    dropped = keras.Sequential([keras.Input((3,)), L.Dropout(0.1, name="drop"), L.Dense(1, name="out")])
    assert "keras.layers.Dropout(rate=0.4, name='drop')," in code_lines(dropped, {"drop/rate": 0.4})
