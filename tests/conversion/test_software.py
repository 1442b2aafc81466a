"""Every factor against the software it is about, where that is installed."""

import keras
import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor
from tests.conversion._software import START, X, Y, elsewhere, keras_steps, needs, torch_steps

import bridle

DECAY = 0.3


def l2_of(name: str, **facts: int) -> object:
    """The bridle penalty for a decay of another software."""
    return bridle.convert(DECAY, name, **facts).penalty


@needs("torch")
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_weight_decay_of_pytorch_sgd_is_half_an_l2(momentum: float) -> None:
    """With and without momentum, the same weights after some steps."""
    theirs = torch_steps(f"SGD([w], lr=0.05, momentum={momentum}, weight_decay={DECAY})")
    ours = keras_steps(keras.optimizers.SGD(0.05, momentum=momentum), l2_of("pytorch weight_decay"))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert not np.allclose(ours, keras_steps(keras.optimizers.SGD(0.05, momentum=momentum), bridle.L2(DECAY)))


@needs("torch")
def test_weight_decay_of_pytorch_adam_is_half_an_l2() -> None:
    """It goes through the scaling of the gradient, as an L2 does."""
    theirs = torch_steps(f"Adam([w], lr=0.05, weight_decay={DECAY})")
    ours = keras_steps(keras.optimizers.Adam(0.05, epsilon=1e-8), l2_of("pytorch adam weight_decay"))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@needs("torch")
def test_adamw_is_the_same_in_pytorch_and_keras_and_no_l2() -> None:
    """Both take learning rate times decay times weight; Adam with half an L2 ends elsewhere."""
    theirs = torch_steps(f"AdamW([w], lr=0.05, weight_decay={DECAY})")
    same = float(bridle.convert(DECAY, "pytorch adamw", to="keras adamw"))
    ours = keras_steps(keras.optimizers.AdamW(0.05, weight_decay=same, epsilon=1e-8))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    coupled = keras_steps(keras.optimizers.Adam(0.05, epsilon=1e-8), bridle.L2(DECAY / 2))
    assert np.abs(coupled - ours).max() > 0.01


def test_decay_of_any_keras_optimizer_is_adamw() -> None:
    """`weight_decay` of Keras's Adam is decoupled, unlike that of PyTorch's Adam."""
    adam = keras_steps(keras.optimizers.Adam(0.05, weight_decay=DECAY))
    np.testing.assert_array_equal(adam, keras_steps(keras.optimizers.AdamW(0.05, weight_decay=DECAY)))


def test_decay_of_plain_keras_sgd_is_half_an_l2() -> None:
    """Exactly so without momentum, and not with it."""
    ours = keras_steps(keras.optimizers.SGD(0.05), l2_of("keras sgd weight_decay"))
    np.testing.assert_allclose(ours, keras_steps(keras.optimizers.SGD(0.05, weight_decay=DECAY)), rtol=1e-5)
    with_momentum = [keras.optimizers.SGD(0.05, momentum=0.9, **more) for more in ({"weight_decay": DECAY}, {})]
    apart = keras_steps(with_momentum[0]) - keras_steps(with_momentum[1], l2_of("keras sgd weight_decay"))
    assert np.abs(apart).max() > 0.01


def test_decay_of_addons_times_the_learning_rate_is_not_applied() -> None:
    """`w -= decay * w` there and `w -= learning_rate * decay * w` in Keras, for weights without a gradient."""
    same = float(bridle.convert(0.01, "tfa adamw", to="keras adamw", learning_rate=0.05))
    weight = keras.Variable(START)
    keras.optimizers.AdamW(0.05, weight_decay=same).apply([np.zeros_like(START)], [weight])
    np.testing.assert_allclose(np.array(weight), START * (1 - 0.01), rtol=1e-6)


@needs("tensorflow")
def test_l2_loss_of_tensorflow_has_the_half() -> None:
    """The same number from `tf.nn.l2_loss`."""
    theirs = elsewhere(
        f"import tensorflow as tf\nprint(json.dumps(float({DECAY} * tf.nn.l2_loss(tf.constant(start)))))"
    )
    assert float(l2_of("tf.nn.l2_loss")(START)) == pytest.approx(float(theirs), rel=1e-6)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_alpha_of_scikit_learn_is_divided_by_twice_the_batch(task: str) -> None:
    """One step from the same weights, biases uncharged; a regression halves its squared error and takes the double."""
    alpha, rows, rate = 5.0, len(X), 0.1
    sort, labels = (MLPClassifier, (Y[:, 0] > 0).astype(int)) if task == "classification" else (MLPRegressor, Y[:, 0])
    theirs = sort(
        hidden_layer_sizes=(4,), alpha=alpha, solver="sgd", batch_size=rows, momentum=0.0, nesterovs_momentum=False,
        learning_rate_init=rate, random_state=0,
    )  # fmt: skip
    theirs.partial_fit(X, labels, **({"classes": [0, 1]} if task == "classification" else {}))
    before = [part.copy() for pair in zip(theirs.coefs_, theirs.intercepts_, strict=True) for part in pair]
    theirs.partial_fit(X, labels)
    strength = float(bridle.convert(alpha, "scikit-learn alpha", to="keras l2", batch_size=rows))
    double = 1 if task == "classification" else 2
    penalty = bridle.L2(double * strength)
    last = "sigmoid" if task == "classification" else "linear"
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(4, "relu", kernel_regularizer=penalty),
            keras.layers.Dense(1, last, kernel_regularizer=penalty),
        ]
    )
    model.set_weights(before)
    model.compile(keras.optimizers.SGD(rate / double), "binary_crossentropy" if task == "classification" else "mse")
    model.train_on_batch(X, labels[:, None])
    after = [part for pair in zip(theirs.coefs_, theirs.intercepts_, strict=True) for part in pair]
    for ours, other in zip(model.get_weights(), after, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-4, atol=1e-6)


OUTPUTS = np.random.default_rng(1).normal(size=(6, 3)).astype("float32")
SUMMED = float(np.abs(OUTPUTS).sum())
CHARGED = {
    "bridle activity": SUMMED / 6,
    "bridle activity per batch": SUMMED,
    "bridle activity per unit": SUMMED / 18,
    "keras1.0.5 activity": SUMMED / 6,
    "keras2.3 activity": SUMMED,
    "tf.keras activity": SUMMED / 6,
    "keras3.13 activity": SUMMED,
    "keras3.14 activity": SUMMED / 6,
}


def charged(penalty: bridle.L1, outputs: np.ndarray) -> float:
    """Return the value that a penalty adds to the loss for a batch of activations."""
    return float(penalty.fixed()[0] * penalty.activation_values(outputs)[0])


@pytest.mark.parametrize("name", CHARGED)
def test_activity_conventions_charge_what_they_say(name: str) -> None:
    """As a bridle penalty, and on today's Keras with the strength for 3.14."""
    facts = {"batch_size": 6, "time_steps": 1, "units": 3}
    source = name.replace("activity", "l1 activity")
    for target in (name, "bridle"):
        penalty = bridle.convert(0.1, source, to=target, **facts).penalty
        assert charged(penalty, OUTPUTS) == pytest.approx(0.1 * CHARGED[name], rel=1e-5)
    today = bridle.convert(0.1, source, to="keras3.14 activity", **facts)
    layer = keras.layers.Activation("linear", activity_regularizer=keras.regularizers.L1(today.strength))
    layer(OUTPUTS)
    assert float(sum(layer.losses)) == pytest.approx(0.1 * CHARGED[name], rel=1e-5)


@needs("tf_keras")
def test_activity_of_tf_keras_is_averaged_over_the_batch() -> None:
    """The last Keras 2, which lives on as tf_keras."""
    theirs = elsewhere(
        "import tf_keras\n"
        "layer = tf_keras.layers.Activation('linear', activity_regularizer=tf_keras.regularizers.L1(0.1))\n"
        "layer(x.astype('float32'))\nprint(json.dumps(float(sum(layer.losses))))"
    )
    penalty = bridle.convert(0.1, "tf.keras l1 activity").penalty
    assert float(theirs) == pytest.approx(charged(penalty, X), rel=1e-5)


def test_alpha_of_awd_lstm_is_ar() -> None:
    """`alpha * mean(h ** 2)` as an L2 per sample, as an L2 per unit, and as AR."""
    h = np.random.default_rng(2).normal(size=(4, 7, 3)).astype("float32")
    as_l2 = bridle.convert(2, "awd-lstm alpha", time_steps=7, units=3)
    assert as_l2.strength == pytest.approx(2 / 21)
    per_unit = bridle.convert(2, "awd-lstm alpha", to="bridle activity per unit")
    for penalty in (as_l2.penalty, per_unit.penalty, bridle.presets["awd-lstm-ar"].penalty):
        assert charged(penalty, h) == pytest.approx(2 * float((h**2).mean()), rel=1e-5)
