"""Each way of training one family, measured in the process that calls it."""

import resource
import statistics
from collections.abc import Callable
from functools import partial
from time import perf_counter

from benchmarks.engine.families import FAMILIES, Family

SHORT = 20
"""Epochs of the fit that is counted with its compilation."""
STEADY = 1.0
"""Seconds over which something short is repeated."""


def memory() -> float:
    """The most that this process has used so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def repeated(run: Callable[[], float]) -> float:
    """The median of what `run` returns, over about a second and at least twice where it is short."""
    began, found = perf_counter(), [run()]
    while perf_counter() - began < STEADY:
        found.append(run())
    return statistics.median(found)


def clock(run: Callable[[], object]) -> float:
    began = perf_counter()
    run()
    return perf_counter() - began


def population(family: Family, size: int, run: Callable[[range, bool], float], start_seconds: float) -> dict:
    """The cost of a population by member and epoch of a fit of `family.length` epochs, initial weights counted.

    Where fits are shorter here, weights are drawn before the clock starts, and counted by what drawing takes alone.
    """
    epochs, seeds = family.epochs(size), iter(range(1000, 10**8, size))
    drawn = epochs < family.length

    def once() -> float:
        first = next(seeds)
        return run(range(first, first + size), drawn)

    ms = repeated(once) / (size * epochs) * 1e3
    if drawn:
        ms += start_seconds / family.length * 1e3
    return line(size, epochs, ms)


def line(size: int, epochs: int, ms: float) -> dict:
    """One population."""
    return {"population": size, "epochs": epochs, "ms": ms, "peak_mib": memory()}


def count_compilations() -> list[float]:
    """A list that grows by the seconds of every compilation that XLA does from now on."""
    import jax

    found: list[float] = []

    def hear(name: str, seconds: float, **facts: object) -> None:
        if name.endswith("backend_compile_duration"):
            found.append(seconds)

    jax.monitoring.register_event_duration_secs_listener(hear)
    return found


def measure_fit(name: str, sizes: list[int], steps_per_execution: int = 1) -> dict:
    """One model, its building counted: what is compiled is compiled again for each, and an epoch costs the same."""
    compiled = count_compilations()
    family, rows = FAMILIES[name], FAMILIES[name].rows()

    def fit(model: object, epochs: int) -> None:
        held = rows.xv, rows.yv
        model.fit(rows.x, rows.y, family.batch, epochs, validation_data=held, verbose=0)

    began = perf_counter()
    model = family.model()
    model.steps_per_execution = steps_per_execution
    fit(model, SHORT)
    short, count = perf_counter() - began, len(compiled)
    epochs = 100 if name == "moons" else 10
    seconds = repeated(lambda: clock(lambda: fit(model, epochs)))
    first = max(0.0, short - SHORT * seconds / epochs)
    building = repeated(lambda: clock(family.model))
    lines = [line(1, epochs, (seconds / epochs + building / family.length) * 1e3)]
    facts = {"compile_seconds": first, "compilations": count, "short_seconds": short, "start_ms": building * 1e3}
    return {"lines": lines, **facts}


def measure_torch(name: str, sizes: list[int]) -> dict:
    """One model; nothing is compiled."""
    try:
        from benchmarks.engine.torch_nets import make_loop
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        return {"skipped": "PyTorch is not installed: pip install torch"}
    train, epochs = make_loop(name, FAMILIES[name]), 100 if name == "moons" else 10
    short = clock(lambda: train(SHORT))
    seconds = repeated(lambda: clock(lambda: train(epochs)))
    lines = [line(1, epochs, seconds / epochs * 1e3)]
    return {"lines": lines, "compile_seconds": 0.0, "compilations": 0, "short_seconds": short}


def measure_hand(name: str, sizes: list[int]) -> dict:
    """The hand-written program, with what it does in an epoch."""
    from benchmarks.engine.costs import operations, work
    from benchmarks.engine.hand import compile_training, train_members
    from benchmarks.engine.nets import NETS

    family, found, lines = FAMILIES[name], {}, []
    for size in sizes:
        epochs = family.epochs(size)
        if epochs not in found:
            began = perf_counter()
            found[epochs] = compile_training(family, NETS[name], epochs), perf_counter() - began
            train_members(*found[epochs][0], range(1), True)
        programs, _ = found[epochs]
        drawing = clock(lambda start=programs[0]: [start(key) for key in _keys(8)]) / 8
        lines.append(population(family, size, partial(train_members, *programs), drawing))
    (_, program, _), first = found[family.length]
    facts = {"start_ms": drawing * 1e3, "operations": operations(program.as_text()), **work(name)}
    return {"lines": lines, "compile_seconds": first, "compilations": 2, **facts}


def _keys(count: int) -> list:
    import jax

    return [jax.random.key(seed) for seed in range(count)]


def measure_bridle(name: str, sizes: list[int]) -> dict:
    """The engine as a study uses it, first a single fit of twenty epochs with everything counted."""
    from benchmarks.engine.costs import operations
    from benchmarks.engine.engine_run import make_prepared, make_runner, program_text

    compiled, family = count_compilations(), FAMILIES[name]
    began = perf_counter()
    prepared = make_prepared(family, SHORT, 1)
    run, workshop = make_runner(prepared)
    run(range(1), False)
    short, count = perf_counter() - began, len(compiled)
    lines = []
    for size in sizes:
        run, own = make_runner(make_prepared(family, family.epochs(size), size))
        run(range(1), True)
        [own.start(seed) for seed in range(90, 100)]  # the first ones build models, and where many come compile
        drawing = clock(lambda own=own: [own.start(seed) for seed in range(100, 108)]) / 8
        lines.append(population(family, size, run, drawing))
    return {
        "lines": lines,
        "compile_seconds": workshop.compile_seconds,
        "compilations": workshop.compilations,
        "all_compilations": count,
        "short_seconds": short,
        "start_ms": drawing * 1e3,
        "operations": operations(program_text(prepared)),
    }


WAYS: dict[str, Callable[[str, list[int]], dict]] = {
    "fit": measure_fit,
    "fit-steps": lambda name, sizes: measure_fit(name, sizes, steps_per_execution=32),
    "torch": measure_torch,
    "hand": measure_hand,
    "bridle": measure_bridle,
}
TITLES = {
    "fit": "loop of model.fit",
    "fit-steps": "the same, steps_per_execution=32",
    "torch": "PyTorch loop",
    "hand": "hand-written JAX, 2 threads",
    "bridle": "bridle",
}
