"""Each way of training one family, measured in the process that makes it."""

import json
import resource
import statistics
import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from benchmarks.engine.families import FAMILIES, Family

SHORT = 20
"""Epochs of the fit that is counted with its compilation."""
STEADY = 0.3
"""Seconds over which something short is repeated."""


def memory() -> float:
    """The most that this process has used so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def repeated(run: Callable[[], float]) -> float:
    """The median of what `run` returns, over a third of a second where it is short."""
    began, found = perf_counter(), [run()]
    while perf_counter() - began < STEADY:
        found.append(run())
    return statistics.median(found)


def clock(run: Callable[[], object]) -> float:
    began = perf_counter()
    run()
    return perf_counter() - began


def count_compilations() -> list[float]:
    """A list that grows by the seconds of every compilation that XLA does from now on."""
    import jax

    found: list[float] = []

    def hear(name: str, seconds: float, **facts: object) -> None:
        if name.endswith("backend_compile_duration"):
            found.append(seconds)

    jax.monitoring.register_event_duration_secs_listener(hear)
    return found


class Population:
    """Populations of one family: what a member and epoch costs in a fit of `family.length` epochs, weights counted.

    Where fits are shorter here, weights are drawn before the clock starts, and counted by what drawing takes alone.
    """

    def __init__(self, family: Family) -> None:
        self.family = family
        self.drawing = 0.0
        """Seconds that drawing the weights of a member takes alone."""
        self._sizes: dict[int, Callable[[range, bool], float]] = {}
        self._seeds = 1000

    def sample(self, size: int) -> dict[str, Any]:
        """Measure once; what the size needs is compiled before the clock starts."""
        if size not in self._sizes:
            self._sizes[size], self.drawing = self.make(self.family.epochs(size), size)
        epochs = self.family.epochs(size)
        drawn = epochs < self.family.length

        def once() -> float:
            self._seeds += size
            return self._sizes[size](range(self._seeds - size, self._seeds), drawn)

        ms = repeated(once) / (size * epochs) * 1e3
        return line(size, epochs, ms + drawn * self.drawing / self.family.length * 1e3)

    def make(self, epochs: int, size: int) -> tuple[Callable[[range, bool], float], float]:
        """A function that trains a member for each seed, warmed up, and the seconds of drawing a member's weights."""
        raise NotImplementedError

    def rest(self) -> dict[str, Any]:
        """Facts that are known at the end."""
        raise NotImplementedError


def line(size: int, epochs: int, ms: float) -> dict[str, Any]:
    """One population, measured once."""
    return {"population": size, "epochs": epochs, "ms": ms, "peak_mib": memory()}


class Single:
    """One model, its building counted, whatever the population: what is compiled is compiled again for each model."""

    def __init__(self, train: Callable[[int], object], epochs: int, building: float, length: int) -> None:
        self._train, self._epochs, self._building = train, epochs, building / length * 1e3
        self.facts: dict[str, Any] = {}

    def sample(self, size: int) -> dict[str, Any]:
        """Train one member."""
        ms = repeated(lambda: clock(lambda: self._train(self._epochs))) / self._epochs * 1e3
        return line(1, self._epochs, ms + self._building)

    def rest(self) -> dict[str, Any]:
        """Nothing more."""
        return {}


def make_fit(name: str, steps_per_execution: int = 1) -> Single:
    """Keras's own loop."""
    import keras  # noqa: F401 – before the clock starts, as for every way

    compiled = count_compilations()
    family, rows = FAMILIES[name], FAMILIES[name].rows()

    def fit(model: Any, epochs: int) -> None:
        held = rows.xv, rows.yv
        model.fit(rows.x, rows.y, family.batch, epochs, validation_data=held, verbose=0)

    began = perf_counter()
    model = family.model()
    model.steps_per_execution = steps_per_execution
    fit(model, SHORT)
    short, count = perf_counter() - began, len(compiled)
    building = repeated(lambda: clock(family.model))
    epoch = repeated(lambda: clock(lambda: fit(model, _epochs(name)))) / _epochs(name)
    way = Single(partial(fit, model), _epochs(name), building, family.length)
    way.facts = {
        "compile_seconds": max(0.0, short - SHORT * epoch),
        "compilations": count,
        "short_seconds": short,
        "start_ms": building * 1e3,
    }
    return way


def _epochs(name: str) -> int:
    return 100 if name == "moons" else 10


def make_torch(name: str) -> Single:
    """PyTorch's loop; nothing is compiled."""
    from benchmarks.engine.torch_nets import make_loop

    train = make_loop(name, FAMILIES[name])
    way = Single(train, _epochs(name), 0.0, 1)
    way.facts = {"compile_seconds": 0.0, "compilations": 0, "short_seconds": clock(lambda: train(SHORT))}
    return way


class Hand(Population):
    """The hand-written program, with what it does in an epoch."""

    def __init__(self, name: str) -> None:
        from benchmarks.engine.hand import compile_training, train_members
        from benchmarks.engine.nets import NETS

        super().__init__(FAMILIES[name])
        self._compiler, self._train = compile_training, train_members
        self._name, self._net = name, NETS[name]
        self._programs: dict[int, tuple] = {}
        first = clock(lambda: self._compile(self.family.length))
        self.facts = {"compile_seconds": first, "compilations": 2}

    def _compile(self, epochs: int) -> tuple:
        if epochs not in self._programs:
            self._programs[epochs] = self._compiler(self.family, self._net, epochs)
            self._train(*self._programs[epochs], range(1), True)
        return self._programs[epochs]

    def make(self, epochs: int, size: int) -> tuple[Callable[[range, bool], float], float]:
        """Compiled once for each number of epochs."""
        import jax

        programs, keys = self._compile(epochs), [jax.random.key(seed) for seed in range(8)]
        drawing = clock(lambda: [programs[0](key) for key in keys]) / len(keys)
        return partial(self._train, *programs), drawing

    def rest(self) -> dict[str, Any]:
        """Operations, arithmetic and traffic."""
        from benchmarks.engine.costs import operations, work

        _, program, _ = self._programs[self.family.length]
        return {"start_ms": self.drawing * 1e3, "operations": operations(program.as_text()), **work(self._name)}


class Bridle(Population):
    """The engine as a study uses it; before all a single fit of twenty epochs with everything counted."""

    def __init__(self, name: str) -> None:
        from benchmarks.engine.engine_run import make_prepared, make_runner

        super().__init__(FAMILIES[name])
        compiled, self._rows, began = count_compilations(), self.family.rows(), perf_counter()
        self._prepared = make_prepared(self.family, self._rows, SHORT, 1)
        run, engine = make_runner(self._prepared)
        run(range(1), False)
        self.facts = {
            "short_seconds": perf_counter() - began,
            "compile_seconds": engine.compile_seconds,
            "compilations": engine.compilations,
            "all_compilations": len(compiled),
        }

    def make(self, epochs: int, size: int) -> tuple[Callable[[range, bool], float], float]:
        """A study of so many seeds."""
        from benchmarks.engine.engine_run import make_prepared, make_runner

        run, engine = make_runner(make_prepared(self.family, self._rows, epochs, size))
        run(range(1), True)
        for seed in range(90, 100):  # the first ones build models, and where many come compile
            engine.start(seed)
        drawing = clock(lambda: [engine.start(seed) for seed in range(100, 108)]) / 8
        return run, drawing

    def rest(self) -> dict[str, Any]:
        """What its program does in an epoch."""
        from benchmarks.engine.costs import operations
        from benchmarks.engine.engine_run import program_text

        return {"start_ms": self.drawing * 1e3, "operations": operations(program_text(self._prepared))}


WAYS: dict[str, Callable[[str], Single | Population]] = {
    "fit": make_fit,
    "fit-steps": partial(make_fit, steps_per_execution=32),
    "torch": make_torch,
    "hand": Hand,
    "bridle": Bridle,
}
TITLES = {
    "fit": "loop of model.fit",
    "fit-steps": "the same, steps_per_execution=32",
    "torch": "PyTorch loop",
    "hand": "hand-written JAX, 2 threads",
    "bridle": "bridle",
}


def serve(way: str, family: str) -> None:
    """Make a way and say its facts; then measure a population for each size that is read, and say the rest."""
    try:
        made = WAYS[way](family)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        print(json.dumps({"skipped": "PyTorch is not installed: pip install torch"}), flush=True)
        return
    print(json.dumps(made.facts), flush=True)
    for size in sys.stdin:
        print(json.dumps(made.sample(int(size))), flush=True)
    print(json.dumps(made.rest()), flush=True)
