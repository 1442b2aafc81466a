"""The networks of the six families as a person who knows JAX would write them, each for its own rows only.

Parameters stand in the order of Keras's `trainable_variables`, so that both can start from the same weights.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from benchmarks.engine.families import CODE_STRENGTH

Params = list[Any]


class Net(NamedTuple):
    """One family's mathematics."""

    start: Callable[[Any], Params]
    """A key → initial parameters, by the rules of Keras's initializers."""
    forward: Callable[[Params, Any], Any]
    cost: Callable[[Params, Any, Any], Any]
    """(params, x, y) → the mean loss of a batch, penalty included."""
    measure: Callable[[Any, Any], list[Any]]
    """(prediction, y) → data loss, and accuracy where there is one."""
    prepare: Callable[[Any], Any] = lambda x: x
    """What is done with all rows once, before training."""


def glorot(key: Any, *shape: int, fans: tuple[int, int] | None = None) -> Any:
    wide = (6 / sum(fans or shape)) ** 0.5
    return jax.random.uniform(key, shape, minval=-wide, maxval=wide)


def stack(key: Any, *sizes: int) -> Params:
    """Kernels and zero biases of dense layers."""
    keys = jax.random.split(key, len(sizes) - 1)
    pairs = zip(sizes[:-1], sizes[1:], keys, strict=True)
    return [value for a, b, k in pairs for value in (glorot(k, a, b), jnp.zeros(b))]


def perceptron(p: Params, x: Any) -> Any:
    return jax.nn.relu(x @ p[0] + p[1]) @ p[2] + p[3]


def binary(z: Any, y: Any) -> Any:
    return jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z))))


def cross_entropy(z: Any, y: Any) -> Any:
    hot = jax.nn.one_hot(y, z.shape[-1])
    return jnp.mean(jax.nn.logsumexp(z, axis=-1) - jnp.sum(z * hot, axis=-1))


def accuracy(z: Any, y: Any) -> Any:
    return jnp.mean(jnp.argmax(z, axis=-1) == y)


def classifier(start: Callable[[Any], Params], forward: Callable[[Params, Any], Any], **options: Any) -> Net:
    return Net(
        start,
        forward,
        lambda p, x, y: cross_entropy(forward(p, x), y),
        lambda z, y: [cross_entropy(z, y), accuracy(z, y)],
        **options,
    )


def patches(x: Any) -> Any:
    """Every 3 × 3 window of 8 × 8 pixels, by its place in a 2 × 2 pooling cell: (row, 4 places, 9 cells, 9 pixels)."""
    windows = [x[:, i : i + 6, j : j + 6, 0] for i in range(3) for j in range(3)]
    cells = jnp.stack(windows, -1).reshape(-1, 3, 2, 3, 2, 9)
    return cells.transpose(0, 2, 4, 1, 3, 5).reshape(-1, 4, 9, 9)


def cnn(p: Params, windows: Any) -> Any:
    """After pooling 3 × 3 places are left: the second convolution is a dense layer, the average is of one place."""
    a, b, c, d = (windows[:, place].reshape(-1, 9) @ p[0].reshape(9, 32) for place in range(4))
    pooled = jnp.maximum(jnp.maximum(a, b), jnp.maximum(c, d)) + p[1]  # (row * cell, 32)
    hidden = jax.nn.relu(pooled).reshape(-1, 288) @ p[2].reshape(288, 64) + p[3]
    return jax.nn.relu(hidden) @ p[4] + p[5]


def cnn_start(key: Any) -> Params:
    a, b, c = jax.random.split(key, 3)
    first, second = glorot(a, 3, 3, 1, 32, fans=(9, 288)), glorot(b, 3, 3, 32, 64, fans=(288, 576))
    return [first, jnp.zeros(32), second, jnp.zeros(64), *stack(c, 64, 10)]


def lstm(p: Params, x: Any, unroll: int = 1) -> Any:
    """A scan over eight steps; one product for all steps' inputs, or steps written out, are slower on a CPU."""

    def step(carry: tuple, now: Any) -> tuple[tuple, None]:
        hidden, cell = carry
        i, f, c, o = jnp.split(now @ p[0] + hidden @ p[1] + p[2], 4, axis=1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(c)
        return (jax.nn.sigmoid(o) * jnp.tanh(cell), cell), None

    zeros = jnp.zeros((x.shape[0], 64))
    (hidden, _), _ = jax.lax.scan(step, (zeros, zeros), jnp.moveaxis(x, 1, 0), unroll=unroll)
    return hidden @ p[3] + p[4]


def lstm_start(key: Any) -> Params:
    a, b, c = jax.random.split(key, 3)
    recurrent = jax.nn.initializers.orthogonal()(b, (64, 256))
    bias = jnp.zeros(256).at[64:128].set(1.0)
    return [glorot(a, 8, 256), recurrent, bias, *stack(c, 64, 10)]


def normalized(x: Any, scale: Any, shift: Any) -> Any:
    centred = x - jnp.mean(x, -1, keepdims=True)
    return centred * jax.lax.rsqrt(jnp.mean(centred**2, -1, keepdims=True) + 1e-3) * scale + shift


def transformer(p: Params, x: Any) -> Any:
    """One block over eight tokens; a joint product for queries, keys and values is slower on a CPU."""
    first = x @ p[0] + p[1]  # (row, token, 32)
    q, k, v = (jnp.einsum("btd,dhe->bthe", first, p[n]) + p[n + 1] for n in (2, 4, 6))
    scores = jnp.einsum("bqhe,bkhe->bhqk", q * 8**-0.5, k)
    mixed = jnp.einsum("bhqk,bkhe->bqhe", jax.nn.softmax(scores), v)
    seen = jnp.einsum("bqhe,hed->bqd", mixed, p[8]) + p[9]
    second = normalized(first + seen, p[10], p[11])
    third = normalized(second + perceptron(p[12:16], second), p[16], p[17])
    return jnp.mean(third, 1) @ p[18] + p[19]


def transformer_start(key: Any) -> Params:
    keys = jax.random.split(key, 8)
    heads = [v for k in keys[2:5] for v in (glorot(k, 32, 4, 8, fans=(128, 256)), jnp.zeros((4, 8)))]
    out = glorot(keys[5], 4, 8, 32, fans=(32, 128)), jnp.zeros(32)
    norm = jnp.ones(32), jnp.zeros(32)
    first = glorot(keys[0], 8, 32), jax.random.uniform(keys[1], (8, 32), minval=-0.05, maxval=0.05)
    return [*first, *heads, *out, *norm, *stack(keys[6], 32, 64, 32), *norm, *stack(keys[7], 32, 10)]


def squared(z: Any, y: Any) -> Any:
    return jnp.mean((z - y) ** 2)


def coded_cost(p: Params, x: Any, y: Any) -> Any:
    code = jax.nn.relu(x @ p[0] + p[1])
    return squared(code @ p[2] + p[3], y) + CODE_STRENGTH * jnp.sum(jnp.abs(code)) / x.shape[0]


NETS = {
    "moons": Net(
        lambda key: stack(key, 2, 500, 1),
        lambda p, x: perceptron(p, x)[:, 0],
        lambda p, x, y: binary(perceptron(p, x)[:, 0], y),
        lambda z, y: [binary(z, y), jnp.mean((z > 0) == (y > 0))],
    ),
    "dense": classifier(lambda key: stack(key, 64, 256, 10), perceptron),
    "cnn": classifier(cnn_start, cnn, prepare=patches),
    "lstm": classifier(lstm_start, lstm),
    "autoencoder": Net(lambda key: stack(key, 64, 256, 64), perceptron, coded_cost, lambda z, y: [squared(z, y)]),
    "transformer": classifier(transformer_start, transformer),
}
COUNTED = {**NETS, "lstm": classifier(lstm_start, partial(lstm, unroll=8))}
"""The same without loops, for XLA's cost analysis, which counts the body of a loop once."""
