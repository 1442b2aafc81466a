"""What rows on disk cost: time of an epoch and peak memory of a study, beside rows in memory and `model.fit`.

The rows are a generated memory map of float32. Each way has a process of its own, one after another:

* `disk`: a study of `none` and three strengths of L2 on the map, whose rows stay on disk;
* `memory`: the same study on the same rows in memory;
* `fit`: one `model.fit` from the map, without bridle.

An epoch is that of one fit: it trains on 80 % of the rows in batches of 256 and evaluates the others. Seconds are those
of the clock, and of all threads on all cores, which other processes disturb less. Compiling is left out. Run
`python -m benchmarks.streamed` for a quick look at 50,000 rows, and with `--rows 1000000` for 4 GB; `--skip memory`
where the machine has less than 20 GB. The map is removed afterwards.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

HERE = Path(__file__).parent
WAYS = ("disk", "memory", "fit")
COLUMNS, BLOCK, BATCH, EPOCHS = 1000, 10_000, 256, 5
STRENGTHS = [1e-5, 1e-4, 1e-3]
MAX_GIGABYTES, MAX_RATIO = 1.5, 1.3
"""The bars: peak memory of the study of 4 GB on disk, and its time per epoch over that of rows in memory."""


def write_rows(folder: Path, count: int) -> None:
    """Write random rows, and the class of each: the sign of a sum of some columns, with noise."""
    labels, generator = np.zeros(count, np.int32), np.random.default_rng(0)
    with open(folder / "x.npy", "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (count, COLUMNS)}
        np.lib.format.write_array_header_1_0(file, header)
        for first in range(0, count, BLOCK):
            block = generator.standard_normal((min(BLOCK, count - first), COLUMNS), dtype=np.float32)
            block.tofile(file)
            labels[first : first + BLOCK] = block[:, :20].sum(axis=1) + 2 * generator.standard_normal(len(block)) > 0
    np.save(folder / "y.npy", labels)


def network() -> Any:
    """Return a compiled network of one hidden layer."""
    import keras

    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(64, activation="relu", name="hidden")
    model = keras.Sequential([keras.Input((COLUMNS,)), hidden, keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def time_study(folder: Path, way: str) -> dict[str, float]:
    """Return clock and processor seconds of an epoch of one fit of the study."""
    import bridle
    from bridle.study import RunOptions, run_study

    y = np.load(folder / "y.npy")
    cut = int(0.8 * len(y))
    folds = [(np.arange(cut), np.arange(cut, len(y)))]
    study = bridle.Study(
        network(),
        {"L2": {"hidden/kernel": bridle.L2(STRENGTHS)}},
        seeds=1,
        folds=folds,
        epochs=EPOCHS,
        batch_size=BATCH,
        curve_points=EPOCHS,
    )
    prepared = study.prepare(bridle.sources.read(folder / "x.npy", y, rows_in=way))
    seconds = dict.fromkeys(("clock", "processor"), 0.0)
    begin = [0.0, 0.0]

    def watch(update: Any) -> None:
        progress = update.progress
        if update.stage == "fits: compiling":
            for programs in [prepared.engine.programs(prepared.folds[0], {})]:
                programs.compile_fully()
            begin[:] = perf_counter(), process_time()
        elif progress.done == progress.total:
            ends = perf_counter() - begin[0], process_time() - begin[1]
            seconds.update(zip(seconds, (end / (progress.total * EPOCHS) for end in ends), strict=True))

    run_study(prepared, RunOptions(refit=False), watch=watch)
    return seconds


def time_fit(folder: Path) -> dict[str, float]:
    """Return clock and processor seconds of an epoch of `model.fit`, after the first one."""
    import keras

    x, y = np.load(folder / "x.npy", mmap_mode="r"), np.load(folder / "y.npy")
    cut, times = int(0.8 * len(y)), []
    now = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: times.append((perf_counter(), process_time()))
    )
    options = {"validation_data": (x[cut:], y[cut:]), "callbacks": [now], "verbose": 0}
    network().fit(x[:cut], y[:cut], epochs=1 + EPOCHS, batch_size=BATCH, **options)
    clock, processor = ((end - begin) / EPOCHS for begin, end in zip(times[0], times[-1], strict=True))
    return {"clock": clock, "processor": processor}


def measure(folder: Path, way: str) -> dict[str, float]:
    """Run one way in this process; return its figures, with the peak of resident memory in gigabytes."""
    seconds = time_fit(folder) if way == "fit" else time_study(folder, way)
    return {**{name: round(value, 3) for name, value in seconds.items()}, "peak GB": round(peak_memory(), 3)}


def peak_memory() -> float:
    """Return the peak of resident memory of this process in gigabytes; on Linux without that of its parent."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--skip", nargs="*", choices=WAYS, default=[])
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.folder, options.way)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        write_rows(Path(name), options.rows)
        figures: dict[str, dict[str, float]] = {}
        for way in (way for way in WAYS if way not in options.skip):
            command = [sys.executable, "-m", "benchmarks.streamed", "--folder", name, "--way", way]
            done = subprocess.run(command, cwd=HERE.parent, check=True, capture_output=True, text=True)
            figures[way] = json.loads(done.stdout.splitlines()[-1])
            print(way, figures[way], flush=True)
    path = HERE / "streamed.json"
    stored = json.loads(path.read_text()) if path.exists() else {}
    stored[f"{options.rows} rows of {COLUMNS} float32"] = figures
    path.write_text(json.dumps(stored, indent=1) + "\n")
    for other in ("memory", "fit"):
        if {"disk", other} <= set(figures):
            ratios = {name: figures["disk"][name] / figures[other][name] for name in ("clock", "processor")}
            print(f"disk / {other}: " + ", ".join(f"{value:.2f} {name}" for name, value in ratios.items()))


if __name__ == "__main__":
    main()
