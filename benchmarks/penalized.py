"""What a penalty of bridle costs in plain `model.fit`, beside Keras's own regularizer at the same place.

Both models take turns, an epoch block each, in one process; the ratio is that of the medians. Run it with `make bench`.
"""

import argparse
import json
import os
import statistics
from pathlib import Path
from time import perf_counter

os.environ.setdefault("KERAS_BACKEND", "jax")

HERE = Path(__file__).parent


def pairs():
    """(name, a function that makes the model with Keras's penalty or without, the terms of bridle, rows, epochs)."""
    import keras
    import numpy as np

    import bridle

    layers, reg = keras.layers, keras.regularizers
    rng = np.random.default_rng(0)

    def moons(kernel=None, activity=None):
        hidden = layers.Dense(500, "relu", name="hidden", kernel_regularizer=kernel, activity_regularizer=activity)
        return keras.Sequential([keras.Input((2,)), hidden, layers.Dense(1, "sigmoid", name="out")])

    def digits(kernel=None, activity=None):
        hidden = layers.Dense(256, "relu", name="hidden", kernel_regularizer=kernel, activity_regularizer=activity)
        return keras.Sequential([keras.Input((64,)), hidden, layers.Dense(10, name="out")])

    def lstm(kernel=None, activity=None):
        hidden = layers.LSTM(64, name="hidden", kernel_regularizer=kernel, activity_regularizer=activity)
        return keras.Sequential([keras.Input((8, 8)), hidden, layers.Dense(10, name="out")])

    small = rng.normal(size=(30, 2)).astype("float32"), rng.normal(size=(30, 1)).astype("float32")
    wide = rng.normal(size=(1024, 64)).astype("float32"), rng.normal(size=(1024, 10)).astype("float32")
    deep = wide[0].reshape(1024, 8, 8), wide[1]
    on_kernel = {"kernel": reg.L2(1e-3)}, {"hidden/kernel": bridle.L2(1e-3)}
    on_output = {"activity": reg.L1(1e-3)}, {"hidden/output": bridle.L1(1e-3)}
    for name, make, rows, epochs in (("moons", moons, small, 40), ("digits", digits, wide, 6), ("lstm", lstm, deep, 4)):
        yield f"{name}, L2 on the kernel", make, *on_kernel, *rows, epochs
        yield f"{name}, L1 on the output", make, *on_output, *rows, epochs


def measure(make, own, terms, x, y, epochs: int, rounds: int) -> dict:
    """Milliseconds per epoch of both, and their ratio."""
    import keras

    import bridle

    models = {}
    for way in ("keras", "bridle"):
        keras.utils.set_random_seed(0)
        model = make(**own) if way == "keras" else make()
        model.compile("adam", "mse")
        models[way] = model if way == "keras" else bridle.regularize(model, terms)
        models[way].fit(x, y, batch_size=64, epochs=2, shuffle=False, verbose=0)
    times: dict[str, list[float]] = {way: [] for way in models}
    for number in range(rounds):
        for way in sorted(models, reverse=bool(number % 2)):
            began = perf_counter()
            models[way].fit(x, y, batch_size=64, epochs=epochs, shuffle=False, verbose=0)
            times[way].append((perf_counter() - began) / epochs * 1e3)
    medians = {way: statistics.median(values) for way, values in times.items()}
    return {**medians, "ratio": medians["bridle"] / medians["keras"]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=61)
    rounds = parser.parse_args().rounds
    found = {}
    for name, *rest in pairs():
        found[name] = measure(*rest, rounds)
        print(f"{name:28} keras {found[name]['keras']:8.2f} ms   bridle {found[name]['bridle']:8.2f} ms   "
              f"ratio {found[name]['ratio']:.3f}")  # fmt: skip
    (HERE / "penalized.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
