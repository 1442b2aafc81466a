"""The parts of `benchmarks/gpu.py`, each in a process of its own that says a line of JSON for each number."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, time
from typing import Any

import numpy as np

WIDTHS, QUICK_WIDTHS = (1, 4, 16, 64, 256, 1024, 4096), (1, 2)
EPOCHS, QUICK_EPOCHS = 4, 1
"""Epochs of a fit at each width."""
STEADY_SECONDS = 1.0
"""Time over which something short is repeated."""
MODELS = {
    "dense": ((64,), "Dense(32, 'relu'), Dense(32, 'tanh')"),
    "dropout": ((64,), "Dense(64, 'relu'), Dropout(0.5), GaussianNoise(0.1)"),
    "batch norm": ((64,), "Dense(32), BatchNormalization(), Activation('relu')"),
    "layer norm": ((64,), "Dense(32), LayerNormalization(), Activation('gelu')"),
    "conv 2D": ((8, 8, 1), "Conv2D(8, 3, activation='relu'), MaxPooling2D(2), Conv2D(8, 3), GlobalAveragePooling2D()"),
    "separable": ((8, 8, 1), "SeparableConv2D(8, 3, activation='relu'), DepthwiseConv2D(3), Flatten()"),
    "transposed": ((8, 8, 1), "Conv2D(4, 3, strides=2), Conv2DTranspose(4, 3, strides=2), Flatten()"),
    "conv 1D": ((8, 8), "Conv1D(16, 3, padding='causal', activation='relu'), GlobalMaxPooling1D()"),
    "LSTM": ((8, 8), "LSTM(16)"),
    "GRU, dropout": ((8, 8), "GRU(16, dropout=0.2, recurrent_dropout=0.2)"),
    "both ways": ((8, 8), "Masking(), Bidirectional(SimpleRNN(8))"),
    "attention": ((8, 8), "attention"),
}
"""The models of the parity: the shape of a row of the digits, and the layers before the last one."""


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def facts(until: float, quick: bool, folder: str) -> None:
    """The card, its memory and driver, the versions, and the processor beside it."""
    import jax
    import keras

    import bridle

    device = jax.devices()[0]
    memory = (device.memory_stats() or {}).get("bytes_limit")
    say(
        device=f"{device.device_kind}" if device.platform != "cpu" else f"CPU, {os.cpu_count()} cores",
        platform=device.platform,
        **({"memory_GiB": round(memory / 2**30, 1)} if memory else {}),
        **_driver(),
        cores=len(os.sched_getaffinity(0)),
        python=sys.version.split()[0],
        jax=jax.__version__,
        keras=keras.__version__,
        bridle=bridle.__version__,
    )


def _driver() -> dict[str, str]:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"driver": done.stdout.splitlines()[0].strip()}


def parity(until: float, quick: bool, folder: str) -> None:
    """Train each model twice by the same seed, and keep weights and losses for the comparison with the other device."""
    Path(folder).mkdir()
    for name in list(MODELS)[: 2 if quick else None]:
        if time() > until:
            say(model=name, error=f"{name}: no time was left")
            continue
        try:
            (weights, losses), again = (_trained(name) for _ in range(2))
        except Exception as error:
            say(model=name, error=f"{name}: {str(error).splitlines()[0][:200]}")
            continue
        same = all(np.array_equal(one, other) for one, other in zip(weights, again[0], strict=True))
        np.savez(f"{folder}/{name}.npz", *weights, losses=losses)
        say(model=name, same_twice=same)


def _model(name: str) -> Any:
    import keras
    from keras import layers

    shape, stack = MODELS[name]
    inputs = keras.Input(shape)
    if stack == "attention":
        x = layers.Dense(16)(inputs)
        x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 8)(x, x)))
    else:
        x = inputs
        for layer in eval(f"[{stack}]", {**vars(layers)}):
            x = layer(x)
    model = keras.Model(inputs, layers.Dense(10, "softmax", name="out")(x))
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _trained(name: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Three epochs on 256 digits in batches of 32, as a study trains them."""
    from benchmarks.engine.families import digits_rows

    import bridle

    rows = digits_rows(*MODELS[name][0])
    study = bridle.Study(partial(_model, name), {"L2": {"out/kernel": bridle.L2(1e-3)}}, seeds=1, epochs=3)
    held = rows.x[256:384], rows.y[256:384]
    result = study.run(rows.x[:256], rows.y[:256], validation=held, progress=False, width=1)
    data = result.data
    losses = [data.curves[..., index] for index, quantity in enumerate(data.quantities) if "loss" in quantity]
    return result.model(single=True, arm="L2").get_weights(), np.concatenate(losses, axis=None)


def widths(family_name: str, until: float, quick: bool, folder: str) -> None:
    """Milliseconds for an epoch of one fit: `model.fit`, then each width by hand and by bridle, in turn."""
    from benchmarks.engine.families import FAMILIES

    family, epochs = FAMILIES[family_name], QUICK_EPOCHS if quick else EPOCHS
    say(way="model.fit", width=1, ms=_fit_ms(family, epochs))
    ways: dict[str, Callable[..., float]] = {"bridle": _bridle_ms, **_hands(family_name)}
    costs = dict.fromkeys(ways, 0.0)
    for width in QUICK_WIDTHS if quick else WIDTHS:
        for way in list(ways):
            if time() + costs[way] > until:
                say(way=way, width=width, error=f"{way} at width {width}: no time was left")
                continue
            began = time()
            try:
                ms = ways[way](family, width, epochs)
            except Exception as error:  # the card may have too little memory for it
                say(way=way, width=width, error=f"{way} at width {width}: {str(error).splitlines()[0][:200]}")
                del ways[way]
                continue
            costs[way] = 1.5 * (time() - began)
            say(way=way, width=width, ms=ms)


def _repeated(run: Callable[[], float]) -> float:
    """The median of what `run` returns, repeated over a second where it is short."""
    began, times = perf_counter(), [run()]
    while perf_counter() - began < STEADY_SECONDS:
        times.append(run())
    return median(times)


def _fit_ms(family: Any, epochs: int) -> float:
    model, rows = family.model(), family.rows()

    def fit() -> float:
        began = perf_counter()
        model.fit(rows.x, rows.y, family.batch, epochs, validation_data=(rows.xv, rows.yv), verbose=0)
        return perf_counter() - began

    fit()
    return _repeated(fit) / epochs * 1e3


def _bridle_ms(family: Any, width: int, epochs: int) -> float:
    """A study's engine with so many fits in one call, their initial weights drawn before the clock starts."""
    from benchmarks.engine.engine_run import make_prepared, make_runner

    prepared = make_prepared(family, family.rows(), epochs, width)
    prepared.engine.set_width(width)
    run, _ = make_runner(prepared)
    run(range(width), True)
    return _repeated(lambda: run(range(width), True)) / (width * epochs) * 1e3


def _hands(name: str) -> dict[str, Callable[..., float]]:
    """The programs that a person writes for a card: one training, `vmap` over keys; two ways to convolve."""
    from benchmarks.engine.nets import NETS, classifier, cnn_start

    ways = {"hand": partial(_hand_ms, NETS[name])}
    if name == "cnn":
        ways["hand, convolutions"] = partial(_hand_ms, classifier(cnn_start, _convolved))
    return ways


def _convolved(p: list[Any], x: Any) -> Any:
    """The network with two convolutions as a person writes it first."""
    import jax

    def convolve(value: Any, kernel: Any, bias: Any) -> Any:
        axes = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(value, kernel, (1, 1), "VALID", dimension_numbers=axes) + bias

    hidden = jax.nn.relu(convolve(x, p[0], p[1]))
    rows, height, width, channels = hidden.shape
    pooled = hidden.reshape(rows, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
    return jax.nn.relu(convolve(pooled, p[2], p[3])).mean(axis=(1, 2)) @ p[4] + p[5]


def _hand_ms(net: Any, family: Any, width: int, epochs: int) -> float:
    import jax
    from benchmarks.engine.hand import make_training, on_device

    rows = family.rows()
    x, y = on_device(net, rows)
    keys = jax.vmap(jax.random.key)(np.arange(width, dtype=np.uint32))
    starts = jax.jit(jax.vmap(net.start))(keys)
    training = make_training(net, len(rows.x), family.batch, epochs)
    with jax.default_matmul_precision("highest"):  # as bridle, whose fits equal those of a CPU
        program = jax.jit(jax.vmap(training, (0, 0, None, None))).lower(starts, keys, x, y).compile()

    def run() -> float:
        began = perf_counter()
        jax.device_get(program(starts, keys, x, y)[1])
        return perf_counter() - began

    run()
    return _repeated(run) / (width * epochs) * 1e3


def moons(until: float, quick: bool, folder: str) -> None:
    """The study of the tutorial: none and five strengths, 30 seeds, 4000 epochs."""
    _study(until, strengths=1 if quick else 5, seeds=2 if quick else 30, epochs=20 if quick else 4000)


def many(until: float, quick: bool, folder: str) -> None:
    """Ten thousand fits of it: none and 19 strengths, 500 seeds."""
    _study(until, strengths=1 if quick else 19, seeds=4 if quick else 500, epochs=20 if quick else 4000)


def _study(until: float, strengths: int, seeds: int, epochs: int) -> None:
    """Run a study through the public interface; stopped when its time is over, it keeps the fits that it has."""
    from benchmarks.engine.families import FAMILIES

    import bridle

    family = FAMILIES["moons"]
    rows, model = family.rows(), family.model()
    arms = {"L2": {f"{model.layers[0].name}/kernel": bridle.L2(np.geomspace(1e-6, 1e-1, strengths).tolist())}}
    study = bridle.Study(model, arms, seeds=seeds, epochs=epochs, curve_points=1)
    fit_ms = _fit_ms(family, 20 if epochs < 100 else 100)
    stop = threading.Timer(max(1.0, until - time()), os.kill, (os.getpid(), signal.SIGINT))
    stop.daemon = True
    stop.start()
    began = perf_counter()
    try:
        data = study.run(rows.x, rows.y, validation=(rows.xv, rows.yv), progress=False).data
    except bridle.Interrupted as stopped:
        data = stopped.result.data
    finally:
        stop.cancel()
    seconds = perf_counter() - began
    fits = int(np.asarray(data.members.finished).sum())
    say(
        planned=(strengths + 1) * seeds,
        fits=fits,
        epochs=epochs,
        seconds=seconds,
        width=str(data.provenance.get("width")),
        fit_seconds=fits * epochs * fit_ms / 1e3,
    )


PARTS: dict[str, Callable[[float, bool, str], None]] = {
    "facts": facts,
    "parity": parity,
    "cnn": partial(widths, "cnn"),
    "lstm": partial(widths, "lstm"),
    "moons": moons,
    "many": many,
}


if __name__ == "__main__":
    PARTS[sys.argv[1]](float(sys.argv[2]), sys.argv[3] == "1", sys.argv[4])
