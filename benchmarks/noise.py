"""What noise costs in a study: a fit with dropout beside a hand-written JAX program, and `none` beside dropout arms.

All programs take turns in one process, a few fits each; a ratio is the median of the ratios of the turns, of CPU
seconds over all threads, which other processes disturb less than the clock. Run it with
`make bench`.
"""

import argparse
import json
import os
import statistics
from pathlib import Path
from time import process_time
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

HERE = Path(__file__).parent
RATE = 0.5
EPOCHS = {"moons": 1000, "dense": 40}
"""Epochs of one fit."""
BARS = {"dropout / hand-written dropout": 1.10, "none beside dropout arms / none alone": 1.05}


def hand_program(family: Any, epochs: int) -> Any:
    """Compile the hand-written training with dropout after the hidden layer; return (start, program, rows)."""
    import jax
    import jax.numpy as jnp
    from benchmarks.engine import hand, nets
    from jax import lax

    rows, net = family.rows(), nets.NETS[family_name(family)]
    x, y = hand.on_device(net, rows)
    train, size = len(rows.x), min(family.batch, len(rows.x))
    loss, look = (nets.binary if family_name(family) == "moons" else nets.cross_entropy), hand.make_look(net, train)

    def cost(params: list, x: Any, y: Any, key: Any) -> Any:
        hidden = jax.nn.relu(x @ params[0] + params[1])
        kept = jax.random.bernoulli(key, 1 - RATE, hidden.shape)
        outputs = jnp.where(kept, hidden / (1 - RATE), 0.0) @ params[2] + params[3]
        return loss(outputs[:, 0] if family_name(family) == "moons" else outputs, y)

    def step(carry: tuple, x: Any, y: Any, key: Any) -> tuple[tuple, Any]:
        params, moments = carry
        value, gradients = jax.value_and_grad(cost)(params, x, y, key)
        return hand.adam(params, gradients, moments), value

    def epoch(carry: tuple, now: tuple, x: Any, y: Any) -> tuple[tuple, Any]:
        key, training = now
        if size == train:
            carry, value = step(carry, x[:train], y[:train], key)
        else:
            order = jax.random.permutation(key, train).reshape(train // size, size)
            keys = jax.random.split(key, train // size)
            carry, values = lax.scan(lambda c, part: step(c, x[part[0]], y[part[0]], part[1]), carry, (order, keys))
            value = jnp.mean(values)
        return carry, jnp.concatenate([value[None], look(carry[0], x, y, training)])

    def training(params: list, key: Any, x: Any, y: Any) -> Any:
        zeros = [jnp.zeros_like(p) for p in params]
        now = jax.random.split(key, epochs), jnp.arange(epochs)[::-1] % hand.TRAINING_EVERY == 0
        (params, _), curves = lax.scan(lambda c, n: epoch(c, n, x, y), (params, (zeros, zeros, jnp.float32(0))), now)
        return params, curves

    key = jax.random.key(0)
    start = jax.jit(net.start).lower(key).compile()
    return start, jax.jit(training).lower(start(key), key, x, y).compile(), (x, y)


def family_name(family: Any) -> str:
    """Return the key of a family."""
    from benchmarks.engine.families import FAMILIES

    return next(name for name, other in FAMILIES.items() if other.title == family.title)


def runner(family: Any, epochs: int, rates: list[float] | None, row: int) -> Any:
    """Return (seeds, drawn) → seconds of training fits of one candidate of a study, with dropout arms or without."""
    from benchmarks.engine import engine_run

    import bridle
    from bridle.study.data import Rows
    from bridle.study.design import Question, make_plan, prepare

    model, rows = family.study_model(), family.rows()
    arms = {"dropout": {f"{model.layers[0].name}/output": bridle.Dropout(rates)}} if rates else {}
    question = Question(model, arms, seeds=2, epochs=epochs, batch_size=family.batch, curve_points=epochs)
    prepared = prepare(question, Rows(rows.x, rows.y, validation=(rows.xv, rows.yv)))
    strengths = make_plan(prepared).setting_strengths[row]
    return engine_run.make_runner(prepared, strengths.astype("float32"))[0]


def measure(name: str, turns: int) -> dict[str, float]:
    """Return the ratios of one family."""
    from benchmarks.engine import hand
    from benchmarks.engine.families import FAMILIES

    family, epochs = FAMILIES[name], EPOCHS[name]
    ways = {
        "none alone": runner(family, epochs, None, 0),
        "none beside dropout arms": runner(family, epochs, [RATE], 0),
        "dropout": runner(family, epochs, [RATE], 1),
    }
    start, program, rows = hand_program(family, epochs)
    ways["hand-written dropout"] = lambda seeds, drawn: hand.train_members(start, program, rows, seeds, drawn)
    ratios: dict[str, list[float]] = {pair: [] for pair in BARS}
    for turn in range(turns + 1):
        order = list(ways) if turn % 2 else list(ways)[::-1]
        times = {way: _cpu_seconds(ways[way]) for way in order}
        if turn:  # the first one warms up
            for pair, values in ratios.items():
                above, below = pair.split(" / ")
                values.append(times[above] / times[below])
    return {pair: statistics.median(values) for pair, values in ratios.items()}


def _cpu_seconds(train: Any) -> float:
    began = process_time()
    train(range(2), True)
    return process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=41)
    turns = parser.parse_args().turns
    results = {}
    for name in EPOCHS:
        results[name] = measure(name, turns)
        for pair, ratio in results[name].items():
            print(f"{name:8} {pair:40} {ratio:.3f}   bar {BARS[pair]}")
    (HERE / "noise.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
