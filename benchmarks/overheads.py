"""What keeping every fit costs, and what a Dask cluster on the same machine costs.

`python -m benchmarks.overheads` runs one study in turns: without a folder, with one, and on a cluster of one worker,
whose shards take about five seconds. The bars are 2 % and 10 %. It also sends every fit by itself, which shows what a
shard costs, and opens an index of a million members.
"""

import json
import os
import statistics
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

ROUNDS, SEEDS, EPOCHS, STRENGTHS = 3, 40, 3000, 5
FITS = 2 * SEEDS * STRENGTHS
BAR_STORE, BAR_DASK, BAR_OPEN = 1.02, 1.10, 1.0
MANY = 10**6
NUMBERS = Path(__file__).with_suffix(".json")


def main() -> None:
    from distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, memory_limit=0)
    with cluster, Client(cluster) as client, tempfile.TemporaryDirectory() as folder:
        run(None, client)  # imports
        times: dict[str, list[float]] = {"plain": [], "store": [], "dask": []}
        for number in range(ROUNDS):
            times["plain"].append(run(None, None))
            times["store"].append(run(f"{folder}/{number}", None))
            times["dask"].append(run(None, client))
        middle = {name: statistics.median(found) for name, found in times.items()}
        ratios = {
            name: statistics.median(own / plain for own, plain in zip(times[name], times["plain"], strict=True))
            for name in ("store", "dask")
        }
        alone = (one_by_one(client) - middle["dask"]) / FITS
        opened = open_many(Path(folder) / "many")
    print(f"{FITS} fits of {EPOCHS} epochs, medians of {ROUNDS} rounds in turns")
    print(f"without a folder: {middle['plain']:.2f} s")
    print(f"with a folder:    {middle['store']:.2f} s, {ratios['store']:.3f} times (bar {BAR_STORE})")
    print(f"on a cluster:     {middle['dask']:.2f} s, {ratios['dask']:.3f} times (bar {BAR_DASK})")
    print(f"a shard of one fit costs {1000 * alone:.1f} ms beside the fit")
    print(f"an index of {MANY:,} members opens and answers in {opened:.3f} s (bar {BAR_OPEN:.0f})")
    facts: dict[str, Any] = {"rounds": ROUNDS, "seconds": middle, "ratios": ratios, "times": times} | {
        "shard": alone,
        "open": opened,
    }
    NUMBERS.write_text(json.dumps(facts, indent=1) + "\n")


def run(store: str | None, client: Any) -> float:
    """Seconds of one study with its compilation: the moons network on two folds, without refits."""
    from benchmarks.engine.families import moons_model
    from sklearn.datasets import make_moons

    import bridle
    from bridle.study import run_study

    x, y = make_moons(n_samples=60, noise=0.2, random_state=1)
    model = moons_model()
    arms = {"L2": {f"{model.layers[0].name}/kernel": bridle.L2(bridle.grid(1e-6, 1e-1, STRENGTHS - 1))}}
    prepared = bridle.Study(model, arms, seeds=SEEDS, folds=2, epochs=EPOCHS).prepare(x.astype("float32"), y)
    began = perf_counter()
    result, whole = run_study(prepared, store=store, client=client, refit=False)
    if not whole or len(result.members) != FITS:
        raise RuntimeError(f"Expected {FITS} fits, got {len(result.members)}.")
    return perf_counter() - began


def one_by_one(client: Any) -> float:
    """Seconds of the same study on the cluster with a single fit in each shard."""
    from bridle.study import _cluster

    usual = _cluster.SHARD_SECONDS, _cluster.FIRST
    _cluster.SHARD_SECONDS, _cluster.FIRST = 0.0, 1
    try:
        return run(None, client)
    finally:
        _cluster.SHARD_SECONDS, _cluster.FIRST = usual


def open_many(folder: Path) -> float:
    """Seconds to open an index of a million members and look one up."""
    from bridle.store import Store

    with Store(folder) as store, store._writing() as index:
        rows = ((number.to_bytes(4, "big") + os.urandom(28), 1) for number in range(MANY))
        index.executemany("INSERT INTO members VALUES (?, ?)", rows)
    began = perf_counter()
    with Store(folder) as store:
        store.committed([bytes(32)])
        return perf_counter() - began


if __name__ == "__main__":
    main()
