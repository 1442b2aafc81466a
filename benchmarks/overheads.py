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
from time import perf_counter, process_time
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

ROUNDS, SEEDS, EPOCHS, STRENGTHS = 3, 40, 3000, 5
BAR_STORE, BAR_DASK, BAR_OPEN = 1.02, 1.10, 1.0
MANY = 10**6
NUMBERS = Path(__file__).with_suffix(".json")


def main() -> None:
    from distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, memory_limit=0)
    with cluster, Client(cluster) as client, tempfile.TemporaryDirectory() as folder:
        run(None, client, 2)  # imports
        times: dict[str, list[float]] = {"plain": [], "store": [], "dask": []}
        for number in range(ROUNDS):
            times["plain"].append(run(None, None)[0])
            times["store"].append(run(f"{folder}/{number}", None)[0])
            times["dask"].append(run(None, client)[0])
        found = {"rounds": ROUNDS, **summary(times)}
        found["shard"] = one_by_one(client, found["seconds"]["dask"])
        found["client"] = entering(client, Path(folder))
        found["open"] = open_many(Path(folder) / "many")
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n")
    seconds, ratios = found["seconds"], found["ratios"]
    print(f"{2 * SEEDS * STRENGTHS} fits of {EPOCHS} epochs, medians of {ROUNDS} rounds in turns")
    print(f"without a folder: {seconds['plain']:.2f} s")
    print(f"with a folder:    {seconds['store']:.2f} s, {ratios['store']:.3f} times (bar {BAR_STORE})")
    print(f"on a cluster:     {seconds['dask']:.2f} s, {ratios['dask']:.3f} times (bar {BAR_DASK})")
    print(f"a shard of one fit costs {1000 * found['shard']:.1f} ms beside the fit")
    print(f"a fit costs client, scheduler and store {1000 * found['client']:.2f} ms of a core")
    print(f"an index of {MANY:,} members opens and answers in {found['open']:.3f} s (bar {BAR_OPEN:.0f})")


def summary(times: dict[str, list[float]]) -> dict[str, Any]:
    """Medians, and the median over rounds of each way's ratio to the plain one."""
    ratios = {
        name: statistics.median(own / plain for own, plain in zip(times[name], times["plain"], strict=True))
        for name in ("store", "dask")
    }
    return {"seconds": {name: statistics.median(found) for name, found in times.items()}, "ratios": ratios} | times


def run(store: object, client: Any, seeds: int = SEEDS, epochs: int = EPOCHS) -> tuple[float, float]:
    """Seconds of one study with its compilation, and of a core here: moons on two folds, without refits."""
    from benchmarks.engine.families import moons_model
    from sklearn.datasets import make_moons

    import bridle
    from bridle.study import run_study

    x, y = make_moons(n_samples=60, noise=0.2, random_state=1)
    model = moons_model()
    arms = {"L2": {f"{model.layers[0].name}/kernel": bridle.L2(bridle.grid(1e-6, 1e-1, STRENGTHS - 1))}}
    prepared = bridle.Study(model, arms, seeds=seeds, folds=2, epochs=epochs).prepare(x.astype("float32"), y)
    began, worked = perf_counter(), process_time()
    result, whole = run_study(prepared, store=store, client=client, refit=False)
    if not whole or len(result.members) != 2 * seeds * STRENGTHS:
        raise RuntimeError(f"Expected {2 * seeds * STRENGTHS} fits, got {len(result.members)}.")
    return perf_counter() - began, process_time() - worked


def one_by_one(client: Any, usual: float) -> float:
    """Seconds that a shard costs: the same study on the cluster with a single fit in each shard."""
    from bridle.study import _cluster

    before = _cluster.SHARD_SECONDS, _cluster.FIRST
    _cluster.SHARD_SECONDS, _cluster.FIRST = 0.0, 1
    try:
        return (run(None, client)[0] - usual) / (2 * SEEDS * STRENGTHS)
    finally:
        _cluster.SHARD_SECONDS, _cluster.FIRST = before


def entering(client: Any, folder: Path) -> float:
    """Seconds of a core that a fit costs this process, which holds client, scheduler and store: by 40 more seeds."""
    few, many = (run(folder / f"enter {seeds}", client, seeds, 20)[1] for seeds in (SEEDS, 2 * SEEDS))
    return (many - few) / (2 * SEEDS * STRENGTHS)


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
