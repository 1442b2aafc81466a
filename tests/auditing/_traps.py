"""Every silent trap of Keras as a model: what Keras really adds to its loss, and the same penalty placed by bridle."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

import bridle

L, R = keras.layers, keras.regularizers
ROWS = 4
SEQUENCE = np.random.default_rng(0).normal(size=(ROWS, 5, 3)).astype("float32")
VECTOR = np.random.default_rng(1).normal(size=(ROWS, 3)).astype("float32")
IMAGE = np.random.default_rng(2).normal(size=(ROWS, 6, 6, 2)).astype("float32")
TOKENS = np.array([[1, 2, 0, 0], [3, 4, 5, 0], [1, 1, 1, 1], [6, 0, 0, 0]], "int32")
OWN = "own"
"""Traps of the outermost model instead of a layer."""


def no_loss(y: Any, prediction: Any) -> Any:
    """A loss of data that is 0, so that what remains is added by penalties."""
    return ops.zeros((ops.shape(y)[0],))


def compiled(model: keras.Model, optimizer: Any = None) -> keras.Model:
    """A model whose steps change nothing and whose loss holds penalties alone."""
    model.compile(optimizer or keras.optimizers.SGD(0.0), no_loss)
    return model


def loss_of(model: keras.Model, x: Any, sample_weight: Any = None) -> float:
    """Return the loss that one training step of Keras reports."""
    model.reset_metrics()
    found = model.train_on_batch(x, np.zeros(ROWS, "float32"), sample_weight)
    return float(found[0] if isinstance(found, list) else found)


def seen(model: keras.Model, layer: str, x: Any) -> np.ndarray:
    """Return the output of a layer of a functional model."""
    inside = keras.Model(model.inputs[0], keras.tree.flatten(model.get_layer(layer).output)[0])
    return np.asarray(ops.convert_to_numpy(inside(x)), "float64")


def weight(model: keras.Model, layer: str, name: str) -> np.ndarray:
    """A weight of a layer."""
    return np.asarray(ops.convert_to_numpy(getattr(model.get_layer(layer), name)), "float64")


def kl(x: Any, target: float = 0.2) -> Any:
    """The sparsity penalty as people write it: a mean over the batch."""
    mean = ops.clip(ops.mean(x, axis=0), 1e-6, 1 - 1e-6)
    return ops.sum(target * ops.log(target / mean) + (1 - target) * ops.log((1 - target) / (1 - mean)))


@dataclass(frozen=True)
class Trap:
    """One trap."""

    name: str
    build: Callable[[Any], keras.Model]
    """The model, with the given regularizer where the trap is; None leaves it out."""
    x: Any
    regularizer: Any
    where: str
    label: str
    keras_adds: Callable[[keras.Model], float]
    """The value that Keras adds to the loss, in NumPy."""
    terms: dict[str, Any]
    bridle_adds: Callable[[keras.Model], float]
    """The value of the terms, in NumPy."""
    sample_weight: Any = None
    expected: bool = True
    """True if `expected` of the audit is the value of the terms."""
    options: dict[str, Any] = field(default_factory=dict)


def sequential(*layers: keras.Layer, shape: tuple[int | None, ...], dtype: str = "float32") -> keras.Model:
    """The layers one after another, compiled."""
    return compiled(keras.Sequential([keras.Input(shape, dtype=dtype), *layers]))


def simple_rnn(regularizer: Any) -> keras.Model:
    return sequential(L.SimpleRNN(2, activity_regularizer=regularizer, name="rnn"), shape=(5, 3))


def time_distributed(regularizer: Any) -> keras.Model:
    inner = L.Dense(2, activity_regularizer=regularizer, name="inner")
    return sequential(L.TimeDistributed(inner, name="td"), L.Flatten(), shape=(5, 3))


def with_states(regularizer: Any) -> keras.Model:
    inputs = keras.Input((5, 3))
    output, _, _ = L.LSTM(2, return_state=True, activity_regularizer=regularizer, name="lstm")(inputs)
    return compiled(keras.Model(inputs, output))


def attention(regularizer: Any) -> keras.Model:
    inputs = keras.Input((5, 3))
    layer = L.GroupQueryAttention(2, 2, 2, activity_regularizer=regularizer, name="gqa")
    return compiled(keras.Model(inputs, L.Flatten()(layer(inputs, inputs))))


def half(regularizer: Any) -> keras.Model:
    layer = L.Dense(
        400, activity_regularizer=regularizer, name="hidden", dtype="mixed_float16", kernel_initializer="ones"
    )
    return sequential(layer, L.Dense(1, name="out", kernel_initializer="zeros"), shape=(3,))


def set_late(regularizer: Any) -> keras.Model:
    model = sequential(L.Dense(2, name="hidden"), shape=(3,))
    model.get_layer("hidden").kernel_regularizer = regularizer
    return model


def on_variable(regularizer: Any) -> keras.Model:
    model = sequential(L.Dense(2, name="hidden"), shape=(3,))
    model.get_layer("hidden").kernel.regularizer = regularizer
    return model


def dense(regularizer: Any) -> keras.Model:
    return sequential(L.Dense(2, kernel_regularizer=regularizer, name="hidden"), shape=(3,))


def frozen(regularizer: Any) -> keras.Model:
    layer = L.Dense(2, kernel_regularizer=regularizer, name="hidden", trainable=False)
    return sequential(layer, L.Dense(1), shape=(3,))


def frozen_activity(regularizer: Any) -> keras.Model:
    layer = L.Dense(2, activity_regularizer=regularizer, name="hidden", trainable=False)
    return sequential(layer, L.Dense(1), shape=(3,))


def masked(regularizer: Any) -> keras.Model:
    return sequential(
        L.Embedding(7, 3, mask_zero=True, name="emb"),
        L.LSTM(2, return_sequences=True, activity_regularizer=regularizer, name="lstm"),
        L.LSTM(1, name="last"),
        shape=(4,),
        dtype="int32",
    )


def activity(regularizer: Any) -> keras.Model:
    return sequential(L.Dense(2, "sigmoid", activity_regularizer=regularizer, name="hidden"), shape=(3,))


def table(regularizer: Any) -> keras.Model:
    emb = L.Embedding(50, 3, embeddings_regularizer=regularizer, name="emb")
    return sequential(emb, L.Flatten(), L.Dense(1), shape=(4,), dtype="int32")


def scale(regularizer: Any) -> keras.Model:
    model = sequential(L.LayerNormalization(gamma_regularizer=regularizer, name="norm"), shape=(3,))
    model.get_layer("norm").gamma.assign([1.0, 2.0, 0.5])
    return model


def outermost(regularizer: Any) -> keras.Model:
    model = sequential(L.Dense(2, name="last"), shape=(3,))
    model.activity_regularizer = regularizer
    return model


def shared(regularizer: Any) -> keras.Model:
    inputs = keras.Input((3,))
    layer = L.Dense(3, activity_regularizer=regularizer, name="twice")
    return compiled(keras.Model(inputs, layer(layer(inputs))))


def convolution(regularizer: Any) -> keras.Model:
    conv = L.Conv2D(3, 2, kernel_regularizer=regularizer, name="conv")
    return sequential(conv, L.Flatten(), L.Dense(1), shape=(6, 6, 2))


def squares(values: np.ndarray) -> float:
    """The sum of squares per sample."""
    return float((values**2).sum() / ROWS)


def both_calls(model: keras.Model) -> tuple[float, float]:
    kernel = weight(model, "twice", "kernel")
    first = VECTOR @ kernel
    return squares(first), squares(first @ kernel)


def unmasked(model: keras.Model, steps: np.ndarray) -> float:
    return float(((seen(model, "lstm", TOKENS) ** 2) * steps[..., None]).sum())


def kl_of(model: keras.Model) -> float:
    mean = seen(model, "hidden", VECTOR).mean(axis=0)
    return float((0.2 * np.log(0.2 / mean) + 0.8 * np.log(0.8 / (1 - mean))).sum())


def states(model: keras.Model) -> float:
    found = model.get_layer("lstm")(SEQUENCE)
    return sum(squares(np.asarray(ops.convert_to_numpy(value), "float64")) for value in found)


def orthogonality(model: keras.Model) -> float:
    kernel = weight(model, "conv", "kernel").reshape(-1, 3)
    return float(((kernel.T @ kernel - np.eye(3)) ** 2).sum())


def inside_attention(model: keras.Model) -> float:
    """Query, key and value, and the output twice."""
    layer = model.get_layer("gqa")
    inner = [layer._query_dense(SEQUENCE), layer._key_dense(SEQUENCE), layer._value_dense(SEQUENCE)]
    values = [squares(np.asarray(ops.convert_to_numpy(value), "float64")) for value in inner]
    return sum(values) + 2 * squares(seen(model, "gqa", SEQUENCE))


def part_of(model: keras.Model, layer: str) -> float:
    """The squares of the rows of weight above zero, for the batch that counts them all."""
    return float((seen(model, layer, VECTOR)[:2] ** 2).sum() / 2)


L2 = R.L2(1.0)
KERNEL = {"hidden/kernel": bridle.L2(1.0)}
HIDDEN = {"hidden/output": bridle.L2(1.0)}


def kernel_squares(model: keras.Model) -> float:
    return float((weight(model, "hidden", "kernel") ** 2).sum())


def zero(model: keras.Model) -> float:
    return 0.0


TRAPS = [
    Trap(
        "SimpleRNN", simple_rnn, SEQUENCE, "l2", "rnn/output", "not charged", zero,
        {"rnn/output": bridle.L2(0.01)}, lambda m: 0.01 * squares(seen(m, "rnn", SEQUENCE)),
    ),
    Trap(
        "TimeDistributed", time_distributed, SEQUENCE, L2, "td/inner/output", "not charged", zero,
        {"td/inner/output": bridle.L2(1.0)}, lambda m: squares(seen(m, "td", SEQUENCE)),
    ),
    Trap(
        "returned states", with_states, SEQUENCE, L2, "lstm/output", "charged 3 times", states,
        {"lstm/output": bridle.L2(1.0)}, lambda m: squares(seen(m, "lstm", SEQUENCE)),
    ),
    Trap(
        "GroupQueryAttention", attention, SEQUENCE, L2, "gqa/output", "charged twice", inside_attention,
        {"gqa/output": bridle.L2(1.0)}, lambda m: squares(seen(m, "gqa", SEQUENCE)),
    ),
    Trap(
        "half precision", half, 20 * np.ones((ROWS, 3), "float32"), L2, "hidden/output", "not finite",
        lambda m: np.inf, HIDDEN, lambda m: 400 * 60.0**2,
    ),
    Trap("set after build", set_late, VECTOR, L2, "hidden/kernel", "not charged", zero, KERNEL, kernel_squares),
    Trap(
        "set on the variable", on_variable, VECTOR, L2, "hidden/kernel", "lost on save", kernel_squares, KERNEL,
        kernel_squares,
    ),
    Trap(
        "the string L1L2", dense, VECTOR, "L1L2", "hidden/kernel", "strength 0", zero, {"hidden/kernel": "l1l2(0, 1)"},
        kernel_squares, expected=False,
    ),
    Trap("frozen weight", frozen, VECTOR, L2, "hidden/kernel", "dropped because frozen", zero, KERNEL, kernel_squares),
    Trap(
        "frozen activity", frozen_activity, VECTOR, L2, "hidden/output", "charged though frozen",
        lambda m: squares(seen(m, "hidden", VECTOR)), HIDDEN, lambda m: squares(seen(m, "hidden", VECTOR)),
    ),
    Trap(
        "padded steps", masked, TOKENS, L2, "lstm/output", "includes padded steps",
        lambda m: unmasked(m, np.ones((ROWS, 4))) / ROWS,
        {"lstm/output": bridle.L2(1.0)}, lambda m: unmasked(m, TOKENS != 0) / ROWS,
    ),
    Trap(
        "samples of weight 0", activity, VECTOR, L2, "hidden/output", "includes samples of weight 0",
        lambda m: squares(seen(m, "hidden", VECTOR)), HIDDEN, lambda m: part_of(m, "hidden"),
        sample_weight=np.array([1, 1, 0, 0], "float32"),
    ),
    Trap(
        "KL", activity, VECTOR, kl, "hidden/output", "divided twice", lambda m: kl_of(m) / ROWS,
        {"hidden/output": bridle.KL(1.0, target=0.2)}, kl_of,
    ),
    Trap(
        "embeddings", table, TOKENS, L2, "emb/embeddings", "charges the whole table",
        lambda m: float((weight(m, "emb", "embeddings") ** 2).sum()),
        {"emb/output": bridle.L2(1.0)}, lambda m: squares(seen(m, "emb", TOKENS)), expected=False,
    ),
    Trap(
        "gamma", scale, VECTOR, L2, "norm/gamma", "pulls toward 0", lambda m: 5.25,
        {"norm/gamma": bridle.L2SP(1.0, anchor=1.0)}, lambda m: 1.25, expected=False,
    ),
    Trap(
        "outermost model", outermost, VECTOR, L2, OWN, "not charged", zero,
        {"last/output": bridle.L2(1.0)}, lambda m: squares(seen(m, "last", VECTOR)),
    ),
    Trap(
        "shared layer", shared, VECTOR, L2, "twice/output", "charged for one call only", lambda m: both_calls(m)[1],
        {"twice/output": bridle.L2(1.0)}, lambda m: sum(both_calls(m)),
    ),
]  # fmt: skip
"""The traps that add another number to the loss than is written, or one that is not meant."""
