"""What keeping every fit costs, and what a Dask cluster on the same machine costs.

`python -m benchmarks.overheads` runs one study with a folder, on a cluster of one worker as Dask sets it up, on one
without Dask's profiler and with a slow clock (`QUIET`, the settings that docs/cluster.md gives), and once more as it
is: each on a core of its own, at the same time as the study without any of it on another core, and then with the cores
swapped, so that whatever else the machine does meets both alike. What the study costs against itself shows how far a
ratio can be trusted. The bars are 2 % and 10 %. It also sends every fit by itself, which shows what a shard costs, and
opens an index of a million members.
"""

import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

SWAPS, SEEDS, EPOCHS, STRENGTHS = 3, 40, 3000, 5
BARS = {"plain": math.nan, "store": 1.02, "dask": 1.10, "dask quiet": 1.10}
BAR_OPEN = 1.0
QUIET = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False", "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s"}
MANY = 10**6
NUMBERS = Path(__file__).with_suffix(".json")


def main() -> None:
    found: dict[str, Any] = {"ways": {way: against_plain(way) for way in BARS}}
    with cluster() as client, tempfile.TemporaryDirectory() as folder:
        run(None, client, 2)  # imports
        found["shard"] = one_by_one(client, run(None, client)[0])
        found["client"] = entering(client, Path(folder))
        found["open"] = open_many(Path(folder) / "many")
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{2 * SEEDS * STRENGTHS} fits of {EPOCHS} epochs, beside the same study without anything; cores swapped")
    for way, facts in found["ways"].items():
        ratios = ", ".join(f"{ratio:.3f}" for ratio in facts["ratios"])
        print(f"{way}: {facts['seconds']:.1f} s, {facts['ratio']:.3f} times ({ratios}; bar {BARS[way]})")
    print(f"a shard of one fit costs {1000 * found['shard']:.1f} ms beside the fit")
    print(f"a fit costs client, scheduler and store {1000 * found['client']:.2f} ms of a core")
    print(f"an index of {MANY:,} members opens and answers in {found['open']:.3f} s (bar {BAR_OPEN:.0f})")


def against_plain(way: str) -> dict[str, Any]:
    """Seconds of a way and of the plain one side by side; a ratio is the geometric mean over both uses of the cores."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    rounds = [side_by_side(way, pair) for _ in range(SWAPS) for pair in (cores, cores[::-1])]
    logs = [math.log(own / plain) for own, plain in rounds]
    ratios = [math.exp(statistics.mean(logs[first : first + 2])) for first in range(0, len(logs), 2)]
    seconds = statistics.median(own for own, _ in rounds)
    return {"seconds": seconds, "ratio": statistics.median(ratios), "ratios": ratios, "rounds": rounds}


def side_by_side(way: str, cores: list[int]) -> tuple[float, float]:
    """Seconds of a way on the first core and of the plain one on the second, begun at the same moment."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.overheads", each, str(core)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | (QUIET if each == "dask quiet" else {}),
        )
        for each, core in zip((way, "plain"), cores, strict=True)
    ]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    own, plain = (float(process.stdout.readline()) for process in processes)
    for process in processes:
        process.communicate()
    return own, plain


def one(way: str, core: int) -> None:
    """One way on one core: says that it is ready, waits for a line, says how long the study took."""
    os.sched_setaffinity(0, {core})
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(cluster()) if way.startswith("dask") else None
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        run(None, client, 2, 20)  # imports
        print("ready", flush=True)
        input()
        print(run(f"{folder}/study" if way == "store" else None, client)[0], flush=True)


@contextlib.contextmanager
def cluster() -> Iterator[Any]:
    """A client of one worker in a process of its own."""
    from distributed import Client, LocalCluster

    there = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, memory_limit=0)
    with there, Client(there) as client:
        yield client


def run(store: object, client: Any, seeds: int = SEEDS, epochs: int = EPOCHS) -> tuple[float, float]:
    """Seconds of one study with its compilation, and of a core here: moons on two folds, without refits."""
    from benchmarks.engine.families import moons_model
    from sklearn.datasets import make_moons

    import bridle
    from bridle.study import RunOptions, run_study

    x, y = make_moons(n_samples=60, noise=0.2, random_state=1)
    model = moons_model()
    arms = {"L2": {f"{model.layers[0].name}/kernel": bridle.L2(bridle.grid(1e-6, 1e-1, STRENGTHS - 1))}}
    prepared = bridle.Study(model, arms, seeds=seeds, folds=2, epochs=epochs).prepare(x.astype("float32"), y)
    began, worked = perf_counter(), process_time()
    result, whole = run_study(prepared, RunOptions(store=store, client=client, refit=False))
    if not whole or len(result.members) != 2 * seeds * STRENGTHS:
        raise RuntimeError(f"Expected {2 * seeds * STRENGTHS} fits, got {len(result.members)}.")
    return perf_counter() - began, process_time() - worked


def one_by_one(client: Any, usual: float) -> float:
    """Seconds that a shard costs: the same study on the cluster with a single fit in each shard."""
    from bridle.study.execution import _cluster

    before = _cluster.TASK_SECONDS, _cluster.FIRST_TASK_CHAINS
    _cluster.TASK_SECONDS, _cluster.FIRST_TASK_CHAINS = 0.0, 1
    try:
        return (run(None, client)[0] - usual) / (2 * SEEDS * STRENGTHS)
    finally:
        _cluster.TASK_SECONDS, _cluster.FIRST_TASK_CHAINS = before


def entering(client: Any, folder: Path) -> float:
    """Seconds of a core that a fit costs this process, which holds client, scheduler and store: by 40 more seeds."""

    def least(seeds: int) -> float:
        return min(run(folder / f"enter {seeds} {number}", client, seeds, 20)[1] for number in range(SWAPS))

    return (least(2 * SEEDS) - least(SEEDS)) / (2 * SEEDS * STRENGTHS)


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
    one(sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 1 else main()
