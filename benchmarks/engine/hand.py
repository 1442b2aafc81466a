"""The hand-written program: one member's whole training, compiled once, run by a thread for each core.

It does what bridle does: shuffles every epoch, takes Keras's Adam, and measures validation rows after every epoch and
training rows after every fifth. It knows the family, the number of epochs and that nothing is penalized that the
family does not penalize.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
from benchmarks.engine.families import Family, Rows
from benchmarks.engine.nets import Net
from jax import lax

TRAINING_EVERY = 5


def adam(params: list, gradients: list, moments: tuple) -> tuple[list, tuple]:
    """Keras's Adam with its defaults: both bias corrections in the step."""
    m, v, count = moments
    count = count + 1
    rate = 1e-3 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
    m = [a + (g - a) * 0.1 for a, g in zip(m, gradients, strict=True)]
    v = [b + (g * g - b) * 0.001 for b, g in zip(v, gradients, strict=True)]
    params = [p - rate * a / (jnp.sqrt(b) + 1e-7) for p, a, b in zip(params, m, v, strict=True)]
    return params, (m, v, count)


def make_step(net: Net) -> Callable[..., tuple[tuple, Any]]:
    """((params, moments), x, y) → the same after a step, and the cost."""

    def step(carry: tuple, x: Any, y: Any) -> tuple[tuple, Any]:
        params, moments = carry
        cost, gradients = jax.value_and_grad(net.cost)(params, x, y)
        return adam(params, gradients, moments), cost

    return step


def make_side(net: Net) -> Callable[..., Any]:
    """(params, x, y) → the measures on some rows."""
    return lambda params, x, y: jnp.stack(net.measure(net.forward(params, x), y))


def make_look(net: Net, train: int) -> Callable[..., Any]:
    """(params, all x, all y, whether to measure training rows) → the measures on those, then on validation rows."""
    side = make_side(net)

    def look(params: list, x: Any, y: Any, training: Any) -> Any:
        validation = side(params, x[train:], y[train:])
        first = jax.lax.cond(
            training, lambda: side(params, x[:train], y[:train]), lambda: jnp.full_like(validation, jnp.nan)
        )
        return jnp.concatenate([first, validation])

    return look


def make_training(net: Net, train: int, batch: int, epochs: int, shuffle: bool = True) -> Callable[..., Any]:
    """(params, key, all x, all y) → (params, curves of shape (epoch, 1 + measures))."""
    step, look, steps = make_step(net), make_look(net, train), max(1, train // batch)

    def an_epoch(carry: tuple, now: tuple, x: Any, y: Any) -> tuple[tuple, Any]:
        key, training = now
        if steps == 1:
            carry, cost = step(carry, x[:train], y[:train])
        else:
            order = jax.random.permutation(key, train) if shuffle else jnp.arange(train)
            order = order.reshape(steps, batch)
            carry, costs = lax.scan(lambda held, rows: step(held, x[rows], y[rows]), carry, order)
            cost = jnp.mean(costs)
        return carry, jnp.concatenate([cost[None], look(carry[0], x, y, training)])

    def training(params: list, key: Any, x: Any, y: Any) -> Any:
        zeros = [jnp.zeros_like(p) for p in params]
        carry = params, (zeros, zeros, jnp.float32(0))
        epoch_keys, trainings = jax.random.split(key, epochs), jnp.arange(epochs)[::-1] % TRAINING_EVERY == 0
        (params, _), curves = lax.scan(lambda held, now: an_epoch(held, now, x, y), carry, (epoch_keys, trainings))
        return params, curves

    return training


def on_device(net: Net, rows: Rows) -> tuple[Any, Any]:
    """All rows, those to train on first."""
    x, y = jnp.concatenate([rows.x, rows.xv]), jnp.concatenate([rows.y, rows.yv])
    return net.prepare(x), y


def compile_training(family: Family, net: Net, epochs: int, **options: Any) -> tuple[Any, Any, tuple[Any, Any]]:
    """The compiled programs that start and train one member, and the rows for them."""
    rows = family.rows()
    x, y = on_device(net, rows)
    key = jax.random.key(0)
    start = jax.jit(net.start).lower(key).compile()
    training = make_training(net, len(rows.x), family.batch, epochs, **options)
    return start, jax.jit(training).lower(start(key), key, x, y).compile(), (x, y)


def train_members(start: Any, program: Any, data: tuple[Any, Any], seeds: range, drawn: bool) -> float:
    """Seconds of training members on a thread for each core; with `drawn`, from parameters drawn before."""
    keys = {seed: jax.random.key(seed) for seed in seeds}
    starts = {seed: start(keys[seed]) for seed in seeds} if drawn else {}

    def member(seed: int) -> Any:
        params = starts.pop(seed) if drawn else start(keys[seed])
        return jax.device_get(program(params, keys[seed], *data)[1])

    began = perf_counter()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(member, seeds))
    return perf_counter() - began
