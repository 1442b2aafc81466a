"""Traps of noise, constraints, decay, averages and smoothed labels as models, each with what Keras really does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

L, C = keras.layers, keras.constraints
X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
SEQUENCE = np.random.default_rng(1).normal(size=(8, 5, 6)).astype("float32")
IMAGE = np.random.default_rng(2).normal(size=(8, 6, 6, 2)).astype("float32")


@dataclass(frozen=True)
class Case:
    """One trap: a model, where it is, the label of its finding, and a fact about Keras that makes it one."""

    name: str
    build: Callable[[], keras.Model]
    x: Any
    where: str
    label: str
    happens: Callable[[keras.Model, Any], bool]


def network(*layers: Any, shape: tuple[int, ...] = (6,), optimizer: Any = "sgd", loss: Any = "mse") -> keras.Model:
    """A compiled Sequential model."""
    model = keras.Sequential([keras.Input(shape), *layers])
    model.compile(optimizer, loss)
    return model


def array(value: Any) -> np.ndarray:
    """A tensor of any backend in NumPy."""
    return np.asarray(ops.convert_to_numpy(value))


def called(model: keras.Model, x: Any, training: bool) -> np.ndarray:
    """The predictions of a call."""
    return array(model(ops.convert_to_tensor(x), training=training))


def updated(model: keras.Model) -> None:
    """One update of the optimizer with gradients of 0."""
    variables = model.trainable_variables
    model.optimizer.apply([ops.zeros_like(variable.value) for variable in variables], variables)


def same_in_training(model: keras.Model, x: Any) -> bool:
    return np.array_equal(called(model, x, True), called(model, x, False))


def all_or_nothing(model: keras.Model, x: Any) -> bool:
    """At a rate of 1, by the backend."""
    return same_in_training(model, x) or not called(model, x, True).any()


def random_at_prediction(model: keras.Model, x: Any) -> bool:
    return not np.array_equal(called(model, x, False), called(model, x, False))


def random_in_training(model: keras.Model, x: Any) -> bool:
    return not np.array_equal(called(model, x, True), called(model, x, True))


class Fixed(keras.Model):
    """A model that calls its dropout with one value of `training`."""

    def __init__(self, training: bool) -> None:
        super().__init__()
        self.drop, self.dense, self.fixed = L.Dropout(0.5, name="drop"), L.Dense(2, name="dense"), training
        self(X)

    def call(self, x: Any, training: Any = None) -> Any:
        return self.dense(self.drop(x, training=self.fixed))


def graph_with_training() -> keras.Model:
    inputs = keras.Input((6,))
    return keras.Model(inputs, L.Dense(2)(L.Dropout(0.5, name="drop")(inputs, training=True)))


def same_at_prediction(model: keras.Model, x: Any) -> bool:
    predictions = [model.predict(x, verbose=0) for _ in range(2)]
    return np.array_equal(*predictions) and random_in_training(model, x)


def frozen_part() -> keras.Model:
    """Called with training=False, as for transfer learning."""
    part = keras.Sequential([keras.Input((6,)), L.Dense(40, name="inner"), L.Dropout(0.5, name="drop")], name="part")
    part.trainable = False
    inputs = keras.Input((6,))
    return keras.Model(inputs, L.Dense(1)(part(inputs, training=False)))


def softmax_and_noise() -> keras.Model:
    return network(
        L.Dense(30, "softmax"), L.Dropout(0.5, name="drop"), L.Reshape((30,)), loss="categorical_crossentropy"
    )


def no_sum_of_one(model: keras.Model, x: Any) -> bool:
    sums = called(model, x, True).sum(axis=1)
    return bool(np.abs(sums - 1).max() > 0.1) and np.allclose(called(model, x, False).sum(axis=1), 1, atol=1e-5)


def one_mask(model: keras.Model, x: Any) -> bool:
    """The entries that are 0 are the same in all samples."""
    zeros = called(model, x, True) == 0
    return bool(zeros.any()) and bool((zeros == zeros[:1]).all())


def stays(name: str, factor: float) -> Callable[[keras.Model, Any], bool]:
    """Whether a kernel is its own times a factor after an update without a gradient."""

    def happens(model: keras.Model, x: Any) -> bool:
        kernel = model.get_layer(name).weights[0]
        before = array(kernel.value)
        updated(model)
        return np.allclose(array(kernel.value), factor * before, rtol=1e-6, atol=0)

    return happens


def trains_without_decay(model: keras.Model, x: Any) -> bool:
    """Whether an update leaves the weights; on PyTorch, whether it fails, for it decays no empty list."""
    if keras.backend.backend() != "torch":
        return stays("hidden", 1.0)(model, x)
    try:
        updated(model)
    except RuntimeError as error:
        return "at least one tensor" in str(error)
    return False


def large(model: keras.Model, name: str = "hidden") -> keras.Model:
    """The same with a kernel of tens, which no constraint here allows."""
    kernel = model.get_layer(name).kernel
    kernel.assign(10 * ops.ones(kernel.shape))
    return model


def frozen_kernel() -> keras.Model:
    model = large(network(L.Dense(4, kernel_constraint=C.MaxNorm(1), name="hidden"), L.Dense(1)))
    model.get_layer("hidden").trainable = False
    return model


def constrained_late() -> keras.Model:
    model = large(network(L.Dense(4, name="hidden"), L.Dense(1)))
    model.get_layer("hidden").kernel_constraint = C.MaxNorm(1)
    return model


def constrained_variable() -> keras.Model:
    model = large(network(L.Dense(4, name="hidden"), L.Dense(1)))
    model.get_layer("hidden").kernel.constraint = C.MaxNorm(1)
    return model


def is_lost(model: keras.Model, x: Any) -> bool:
    return keras.models.clone_model(model).get_layer("hidden").kernel.constraint is None


def filters_too_long(model: keras.Model, x: Any) -> bool:
    """Norms of the filters of a convolution after an update, over all axes but the last."""
    updated(model)
    kernel = array(model.get_layer("hidden").kernel)
    return bool(np.sqrt((kernel**2).sum(axis=(0, 1, 2))).min() > 2.4)


def averaged_units(model: keras.Model, x: Any) -> bool:
    """The norms of UnitNorm after the average has replaced the weights, from a kernel of other norms."""
    updated(model)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    norms = np.sqrt((array(model.get_layer("hidden").kernel) ** 2).sum(axis=0))
    return bool(np.abs(norms - 1).max() > 0.1)


def weights_differ(model: keras.Model, x: Any) -> bool:
    """Until `finalize_variable_values`, the weights are not the average."""
    y = np.ones((len(x), 1), "float32")
    for _ in range(3):
        model.train_on_batch(x, y)
    before = array(model.get_layer("hidden").kernel)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    return not np.allclose(before, array(model.get_layer("hidden").kernel))


def decaying(*, optimizer: Any = None, layers: Any = (), **exclusions: Any) -> keras.Model:
    optimizer = optimizer or keras.optimizers.SGD(0.1, weight_decay=0.5)
    if exclusions:
        optimizer.exclude_from_weight_decay(**exclusions)
    return network(*(layers or (L.Dense(4, use_bias=False, name="hidden"),)), optimizer=optimizer)


def of_another_model() -> keras.Model:
    stranger = network(L.Dense(4, use_bias=False))
    return decaying(var_list=stranger.trainable_variables)


def on_the_outside() -> keras.Model:
    outer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1, weight_decay=0.5))
    return decaying(optimizer=outer, var_names=["kernel"])


def decays_inside(model: keras.Model, x: Any) -> bool:
    return model.optimizer.inner_optimizer._use_weight_decay(model.get_layer("hidden").kernel)


def smoothed_late() -> keras.Model:
    loss = keras.losses.CategoricalCrossentropy()
    model = network(L.Dense(4, "softmax", name="hidden"), loss=loss)
    loss.label_smoothing = 0.5
    return model


def is_not_smoothed(model: keras.Model, x: Any) -> bool:
    y, prediction = np.eye(4, dtype="float32"), np.full((4, 4), 0.1, "float32") + 0.6 * np.eye(4, dtype="float32")
    return np.isclose(float(model.loss(y, prediction)), -np.log(0.7), rtol=1e-5)


def is_smoothed_away(model: keras.Model, x: Any) -> bool:
    """The loss is the same for every label."""
    prediction = np.array([[0.7, 0.2, 0.1]], "float32")
    values = [float(model.loss(label[None], prediction)) for label in np.eye(3, dtype="float32")]
    return np.allclose(values, values[0])


def recurrent(**arguments: float) -> keras.Model:
    return network(L.LSTM(4, name="lstm", **arguments), L.Dense(1), shape=(5, 6))


CASES = [
    Case("rate 0", lambda: network(L.Dropout(0.0, name="drop"), L.Dense(2)), X, "drop/rate", "does nothing",
         same_in_training),
    Case("deviation 0", lambda: network(L.GaussianNoise(0.0, name="noise"), L.Dense(2)), X, "noise/stddev",
         "does nothing", same_in_training),
    Case("rate 1", lambda: network(L.Dropout(1.0, name="drop"), L.Dense(2, use_bias=False)), X, "drop/rate",
         "drops everything", lambda m, x: not called(m, x, True).any()),
    Case("rate 1 of a cell", lambda: recurrent(dropout=1.0), SEQUENCE, "lstm/dropout", "rate of 1", all_or_nothing),
    Case("recurrent rate 2", lambda: recurrent(recurrent_dropout=2.0), SEQUENCE, "lstm/recurrent_dropout",
         "rate of 1", all_or_nothing),
    Case("training=False", lambda: Fixed(False), X, "drop/rate", "never active", same_in_training),
    Case("training=True", lambda: Fixed(True), X, "drop/rate", "active at prediction", random_at_prediction),
    Case("training=True in a graph", graph_with_training, X, "drop/rate", "training=True is ignored",
         same_at_prediction),
    Case("frozen part", frozen_part, X, "part/drop/rate", "active though frozen", random_in_training),
    Case("noise_shape", lambda: network(L.Dense(40, bias_initializer="ones"), L.Dropout(0.5, (1, 40), name="drop"),
         L.Reshape((40,))), X, "drop/rate", "one mask for all samples", one_mask),
    Case("after softmax", softmax_and_noise, X, "drop/rate", "changes the predictions", no_sum_of_one),
    Case("frozen kernel", frozen_kernel, X, "hidden/kernel", "not applied", stays("hidden", 1.0)),
    Case("constraint set late", constrained_late, X, "hidden/kernel", "not applied", stays("hidden", 1.0)),
    Case("constraint on the variable", constrained_variable, X, "hidden/kernel", "lost on save", is_lost),
    Case("axis of a filter", lambda: large(network(L.Conv2D(3, 3, kernel_constraint=C.MaxNorm(1), name="hidden"),
         L.Flatten(), shape=(6, 6, 2))), IMAGE, "hidden/kernel", "norm over an unusual axis", filters_too_long),
    Case("average of constrained weights", lambda: large(network(L.Dense(4, kernel_constraint="unit_norm",
         name="hidden"), optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=9))), X, "training",
         "breaks constraints", averaged_units),
    Case("average of weights", lambda: network(L.Dense(1, name="hidden"),
         optimizer=keras.optimizers.SGD(0.1, use_ema=True)), X, "training", "validation sees other weights",
         weights_differ),
    Case("variables of another model", of_another_model, X, "optimizer", "excludes nothing", stays("hidden", 0.95)),
    Case("exclusions outside", on_the_outside, X, "optimizer", "exclusions not passed on", decays_inside),
    Case("everything excluded", lambda: decaying(var_names=["kernel"]), X, "optimizer", "excludes everything",
         trains_without_decay),
    Case("decay and L2", lambda: decaying(layers=[L.Dense(4, kernel_regularizer="l2", name="hidden")]), X, "optimizer",
         "decays and is penalized", stays("hidden", 0.95)),
    Case("smoothing set late", smoothed_late, X, "labels", "set too late", is_not_smoothed),
    Case("smoothing of 1", lambda: network(L.Dense(3, "softmax"), loss=keras.losses.CategoricalCrossentropy(
         label_smoothing=1.0)), X, "labels", "no labels are left", is_smoothed_away),
]  # fmt: skip
"""The traps, in the order in which the audit looks for them."""
