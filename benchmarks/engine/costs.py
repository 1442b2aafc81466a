"""What the machine could do at most, and what the training programs ask of it."""

import re
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import numpy as np

SILENT = {"parameter", "constant", "get-tuple-element", "tuple", "bitcast", "after-all", "iota"}
"""Instructions of a compiled program that do nothing when it runs."""
INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?[\w.\-]+ = (?:\(.*?\)|\S+) ([\w\-]+)\(")
CALLED = re.compile(r"(?:body|to_apply)=%?([\w.\-]+)")
TRIPS = re.compile(r'known_trip_count"?:\{"n":"(\d+)"')


def operations(program: str) -> int:
    """Operations that run in one epoch: those in the body of the longest outermost loop, inner loops multiplied."""
    bodies = _computations(program)
    entry = next(name for name in bodies if name.startswith("ENTRY "))
    loops = [CALLED.search(text)[1] for kind, text in bodies[entry] if kind == "while"]
    return max((_count(bodies, body) for body in loops), default=_count(bodies, entry))


def _computations(program: str) -> dict[str, list[tuple[str, str]]]:
    """The instructions of each computation: (operation, line)."""
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for text in program.splitlines():
        opened = re.match(r"(ENTRY )?%?([\w.\-]+) \(.*\{$", text)
        if opened:
            current = found[(opened[1] or "") + opened[2]] = []
        elif matched := INSTRUCTION.match(text):
            current.append((matched[1], text))
    return found


def _count(bodies: dict[str, list[tuple[str, str]]], name: str) -> int:
    total = 0
    for kind, text in bodies.get(name, []):
        inner = CALLED.search(text) if kind in ("while", "call") else None
        trips = TRIPS.search(text)
        times = int(trips[1]) if trips else 1
        total += times * _count(bodies, inner[1]) if inner else kind not in SILENT
    return total


def work(name: str) -> dict[str, float]:
    """Floating point operations and bytes of one member-epoch: XLA's count for the steps and the evaluations."""
    import jax
    import jax.numpy as jnp
    from benchmarks.engine.families import FAMILIES
    from benchmarks.engine.hand import TRAINING_EVERY, make_side, make_step, on_device
    from benchmarks.engine.nets import COUNTED

    family, net, rows = FAMILIES[name], COUNTED[name], FAMILIES[name].rows()
    x, y = on_device(net, rows)
    params, train = net.start(jax.random.key(0)), len(rows.x)
    moments = params, params, jnp.float32(0)
    size = min(family.batch, train)
    side = jax.jit(make_side(net))
    parts = [
        (train // size, jax.jit(make_step(net)).lower((params, moments), x[:size], y[:size])),
        (1, side.lower(params, x[train:], y[train:])),
        (1 / TRAINING_EVERY, side.lower(params, x[:train], y[:train])),
    ]
    costs = [(times, lowered.compile().cost_analysis()) for times, lowered in parts]
    return {
        name: sum(times * cost[key] for times, cost in costs)
        for name, key in (("flops", "flops"), ("bytes", "bytes accessed"))
    }


def machine() -> dict[str, float]:
    """The best matrix product in GFLOP/s and the best copy in GB/s (read and written), over all cores."""
    return {"gflops": max(_product(size) for size in (512, 1024, 2048, 3072)), "gbs": max(_copy() for _ in range(3))}


def _product(size: int) -> float:
    import jax
    import jax.numpy as jnp

    a = jnp.ones((size, size))
    product = jax.jit(jnp.dot)
    product(a, a).block_until_ready()
    best = min(_seconds(lambda: product(a, a).block_until_ready()) for _ in range(12))
    return 2 * size**3 / best / 1e9


def _copy() -> float:
    """NumPy copies in a thread for each core, of arrays far larger than any cache."""
    import os

    cores, entries = len(os.sched_getaffinity(0)), 2**25
    pairs = [(np.ones(entries, "float32"), np.zeros(entries, "float32")) for _ in range(cores)]
    with ThreadPoolExecutor(cores) as pool:
        run = lambda: list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), pairs))  # noqa: E731
        best = min(_seconds(run) for _ in range(5))
    return 2 * cores * entries * 4 / best / 1e9


def _seconds(run: object) -> float:
    began = perf_counter()
    run()
    return perf_counter() - began
