"""A short study in a folder of its own process, to be killed: python killed_study.py FOLDER [map|generator|slow]."""

import os
import random
import signal
import sys
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")


def asked():
    """The study and its rows, the same in every process."""
    import keras
    from sklearn.datasets import make_moons

    import bridle

    x, y = make_moons(60, noise=0.2, random_state=1)
    random.seed(0)  # for Keras's initial weights; `set_random_seed` imports TensorFlow, which takes 2 s
    layers = [keras.layers.Dense(8, "relu", name="hidden"), keras.layers.Dense(1, "sigmoid", name="out")]
    model = keras.Sequential([keras.Input((2,)), *layers])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    arms = {"L2": {"*/kernel": bridle.L2([1e-3, 1e-2, 1e-1])}, "L1": {"hidden/output": bridle.L1([1e-3, 1e-1])}}
    study = bridle.Study(model, arms, seeds=4, folds=3, epochs=40, curve_points=5)
    return study, (x[:45].astype("float32"), y[:45]), (x[45:].astype("float32"), y[45:])


def on_disk(rows, folder, kind):
    """The rows as a memory map of a file beside the folder, or as a generator that may stop within its rows."""
    import numpy as np

    import bridle

    x, y = rows
    if kind == "map":
        path = Path(folder).with_suffix(".npy")
        if not path.exists():
            np.save(path, x)
        return np.load(path, mmap_mode="r"), y

    def batches():
        for first in range(0, len(x), 9):
            yield x[first : first + 9], y[first : first + 9]
            if kind == "slow":
                os.write(1, b"reading\n")
                time.sleep(600)

    return (bridle.sources.from_generator(batches, length=len(x)),)


def run(folder, kind="", **options):
    """Run it into a folder, committing often so that kills find commits under way; with a kind, train from disk."""
    from bridle.study.execution import _stored as _vault

    _vault.COMMIT_SECONDS = 0.02
    study, rows, test = asked()
    if kind:
        rows, options = on_disk(rows, folder, kind), {"rows_in": "disk", **options}
    return study.run(*rows, test=test, store=folder, progress=False, **options)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what was started in the background ignores it
    os.write(1, b"ready\n")
    run(*sys.argv[1:])
    os.write(1, b"done\n")
