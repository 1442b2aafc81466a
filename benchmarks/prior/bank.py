"""The bank: small studies of many data sets, one file each, so that a run continues where the last one stopped."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from benchmarks.prior.families import SECOND, Source, sources

FOLDER = Path(os.environ.get("BRIDLE_BANK", Path(__file__).parent / "bank"))
FOLDS = 5
STEPS = 8
"""Strengths of a path, two a decade."""


VALIDATED = (("L2", "weights"), ("L1", "weights"), ("L1", "activations"))
"""Arms that are cross-validated too."""
LONG_ARMS = (("L2", "weights"), ("L1", "activations"), ("L1", "pre-activations"))
"""Those of networks that are trained for thousands of epochs, which test the curves and are not learned from."""


@dataclass(frozen=True)
class Network:
    """A dense network with its training."""

    name: str
    hidden: tuple[int, ...]
    epochs: int
    shift: float = 0.0
    """Decades by which strengths on activations are moved."""
    validated: tuple[tuple[str, str], ...] = VALIDATED
    """Arms that are cross-validated too."""


NETWORKS = {
    "default": Network("default", (64, 32), 200),
    "small": Network("small", (16,), 500),
    "large": Network("large", (128, 64), 100, -0.5),
    "long": Network("long", (128,), 2000, 0.0, LONG_ARMS),
}
ARMS: dict[tuple[str, str], tuple[str, float]] = {
    ("L2", "weights"): ("*/kernel", -4.5),
    ("L1", "weights"): ("*/kernel", -5.0),
    ("L2", "activations"): ("hidden*/output", -4.0),
    ("L1", "activations"): ("hidden*/output", -4.0),
    ("L2", "pre-activations"): ("hidden*/preactivation", -4.5),
    ("L1", "pre-activations"): ("hidden*/preactivation", -4.5),
}
"""Target and the decade of the weakest strength of penalties, by kind and site."""
KINDS: dict[tuple[str, str], tuple[str, tuple[float, ...]]] = {
    ("Dropout", "activations"): ("hidden*/output", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)),
    ("GaussianNoise", "inputs"): ("inputs", (0.05, 0.1, 0.2, 0.4, 0.6, 0.9, 1.3, 2.0)),
    ("WeightDecay", "weights"): ("*/kernel", (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)),
    ("MaxNorm", "weights"): ("*/kernel", (4.0, 2.5, 1.6, 1.0, 0.63, 0.4, 0.25, 0.16)),
    ("LabelSmoothing", "labels"): ("labels", (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7)),
    ("Mixup", "labels"): ("labels", (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)),
}
"""Target and values of the other kinds of regularizers, weak to strong."""
OF_CLASSES = ("LabelSmoothing",)
"""Kinds that need classes."""
ROTATION = {
    30: ("default", "default", "small", "default", "large", "default"),
    100: ("default", "default", "small", "default", "large", "default"),
    300: ("default", "default", "small", "large"),
    1000: ("default", "default", "default", "large"),
}
"""The network of each draw, by the number of rows, for families with several networks."""
LARGE = (
    "moons, more noise",
    "circles, wide",
    "checkerboard",
    "blobs",
    "sparse linear",
    "friedman 1",
    "waves",
    "breast cancer",
    "digits",
    "abalone",
    "phoneme",
    "red wine",
)
"""Sources whose first draws have 300 and 1,000 rows too."""
VARIED = ("moons", "circles", "spirals", "friedman 1")
SEEDS = 3
"""Seeds of later draws."""
LATER = 10
"""The first of later draws, which no choice of the rule has seen."""
KINDS_FROM = 30
"""The first draws of studies of the other kinds."""
LONG = (
    "circles, wide",
    "checkerboard",
    "spirals",
    "shell",
    "noise",
    "moons",
    "circles",
    "banknotes",
    "phoneme",
    "haberman",
    "sparse linear",
    "blobs",
    "iris",
    "pima",
    "breast cancer",
    "wine",
)
"""Sources that train long networks."""


@dataclass(frozen=True)
class Entry:
    """One study of the bank."""

    source: Source
    rows: int
    draw: int
    network: Network
    seeds: int = 1
    arms: tuple[tuple[str, str], ...] = tuple(ARMS)

    @property
    def path(self) -> Path:
        """The file that holds it."""
        name = self.source.name.replace(", ", "-").replace(" ", "-")
        return FOLDER / f"{name}.{self.rows}.{self.network.name}.{self.draw}.npz"


def schedule(rounds: int) -> list[Entry]:
    """Return the studies of penalties in the bank, the most useful first."""
    entries = []

    def add(rows: int, draw: int, some: bool = False) -> None:
        for source in sources():
            if not some or source.name in LARGE:
                names = ROTATION[rows] if source.family in VARIED else ("default",)
                entries.append(Entry(source, rows, draw, NETWORKS[names[draw % len(names)]]))

    for turn in range(rounds):
        if 2 * turn + 1 < LATER:
            add(30, 2 * turn)
            add(100, turn)
            add(300, turn, some=True)
            add(30, 2 * turn + 1)
            if turn % 2 == 0:
                add(1000, turn // 2, some=True)
        for source in (source for source in sources() if source.classes):
            entries.append(Entry(source, 30, LATER + turn, NETWORKS["default"], SEEDS, VALIDATED))
            entries.append(Entry(source, 100, LATER + turn, NETWORKS["default"], 1, VALIDATED))
            if source.name in LONG:
                entries.append(Entry(source, 30, 2 * LATER + turn, NETWORKS["long"], 1, LONG_ARMS))
        for rows in (300, 1000):
            for source in (source for source in sources() if source.name not in SECOND):
                entries.append(Entry(source, rows, LATER + turn, NETWORKS["default"], 1, VALIDATED))
    return entries


def schedule_of_kinds(rounds: int) -> list[Entry]:
    """Return the studies of the other kinds in the bank, the most useful first."""
    entries = []
    for turn in range(rounds):
        for rows, draw, every in ((30, 0, 1), (100, 0, 1), (30, 1, 1), (300, 0, 2), (1000, 0, 4)):
            drawn = [source for source in sources() if rows <= 100 or source.name in LARGE]
            for source in drawn if turn % every == 0 else ():
                arms = tuple(arm for arm in KINDS if source.classes or arm[0] not in OF_CLASSES)
                entries.append(Entry(source, rows, KINDS_FROM + 2 * turn + draw, NETWORKS["default"], 1, arms))
    return entries


class Cuts:
    """A splitter with given splits."""

    def __init__(self, splits: list[tuple[np.ndarray, np.ndarray]]) -> None:
        self.splits = splits

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: N803
        return len(self.splits)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:  # noqa: N803
        return iter(self.splits)


def fold_of_rows(y: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """Return the fold of each row: folds of equal size, stratified by class."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    if classes:
        order = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(len(y), int)
    fold[order] = np.arange(len(y)) % FOLDS
    return fold


def build(network: Network, inputs: int, classes: int) -> Any:
    """Return the compiled network, as `bridle.tune` builds it."""
    import keras

    hidden = [keras.layers.Dense(units, "relu", name=f"hidden{n}") for n, units in enumerate(network.hidden, 1)]
    last = {0: "linear", 2: "sigmoid"}.get(classes, "softmax")
    loss = {0: "mse", 2: "binary_crossentropy"}.get(classes, "sparse_categorical_crossentropy")
    out = keras.layers.Dense(classes if classes > 2 else 1, activation=last, name="out")
    model = keras.Sequential([keras.Input((inputs,)), *hidden, out])
    model.compile("adam", loss, metrics=["accuracy"] if classes else [])
    return model


def strengths(network: Network) -> dict[tuple[str, str], np.ndarray]:
    """Return the strengths of each arm."""
    penalties = {
        arm: 10 ** (first + np.arange(STEPS) / 2 + (0 if arm[1] == "weights" else network.shift))
        for arm, (_, first) in ARMS.items()
    }
    return penalties | {arm: np.array(values) for arm, (_, values) in KINDS.items()}


class Lab:
    """Runs studies; networks with rows of the same shape share their compiled programs."""

    def __init__(self) -> None:
        self.prepared: dict[tuple, Any] = {}

    def run(self, entry: Entry) -> dict[str, np.ndarray] | None:
        """Return the numbers of one study; None if the table is too short."""
        import bridle
        from bridle.study.data import Rows
        from bridle.study.design import Question, prepare
        from bridle.study.design._prepare import with_rows

        drawn = entry.source.draw(entry.rows, entry.draw)
        if drawn is None:
            return None
        (x, y), fresh = drawn
        folds = fold_of_rows(y, entry.source.classes, entry.draw)
        splits = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(FOLDS)]
        paths = {arm: path for arm, path in strengths(entry.network).items() if arm in entry.arms}
        targets = {arm: target for arm, (target, _) in (ARMS | KINDS).items()}
        arms = {
            " ".join(arm): {targets[arm]: getattr(bridle, arm[0])(sorted(path.tolist()))} for arm, path in paths.items()
        }
        key = (entry.network.name, entry.arms, x.shape, entry.source.classes, len(fresh[1]))
        question = Question(
            build(entry.network, x.shape[1], entry.source.classes),
            arms,
            seeds=tuple(range(3 * entry.draw, 3 * entry.draw + entry.seeds)),
            folds=Cuts(splits),
            epochs=entry.network.epochs,
            curve_points=1,
            score="pooled:loss",
        )
        rows = Rows(x, y, held_out={"fresh": fresh})
        if key not in self.prepared:
            self.prepared[key] = prepare(question, rows)
        base = self.prepared[key]
        prepared = with_rows(replace(base, question=question), rows)
        return measure(prepared, entry, paths, y, folds, fresh[1])


def measure(
    prepared: Any,
    entry: Entry,
    paths: dict[tuple[str, str], np.ndarray],
    y: np.ndarray,
    folds: np.ndarray,
    fresh: np.ndarray,
) -> dict[str, np.ndarray]:
    """Train refits of every candidate and cross-validation fits of some; return all numbers."""
    from bridle.study.design._prepare import refit_rows
    from bridle.study.execution._requests import RowSet, make_request
    from bridle.study.execution._run import ExecutionContext, run_requests

    table = [(-1, 0.0)] + [(arm, s) for arm, path in enumerate(paths.values()) for s in path]
    order = list(paths)
    slots, seeds = len(paths), prepared.question.seed_numbers
    began = process_time()

    def row(arm: int, strength: float) -> np.ndarray:
        values = np.zeros(slots)
        if arm >= 0:
            values[arm] = strength
        return values

    def train(keys: list[tuple[int, int, int]], row_set: Any) -> dict:
        results = {}
        run_requests(
            prepared,
            [[make_request(row(*table[c]), None, seed, fold)] for c, seed, fold in keys],
            row_set,
            deliver=lambda index, result: results.__setitem__(keys[index], result),
            watch=lambda progress: None,
            context=ExecutionContext(1),
        )
        return results

    refit = refit_rows(prepared)
    keys = [(c, seed, -1) for c in range(len(table)) for seed in seeds]
    results = train(keys, RowSet([refit.fold], refit.held_out))
    count = len(table)

    def gather(read: Any) -> np.ndarray:
        return np.array([[read(results[c, seed, -1]) for seed in seeds] for c in range(count)], np.float32)

    numbers: dict[str, np.ndarray] = {
        "arm": np.array([-1 if arm < 0 else list(ARMS | KINDS).index(order[arm]) for arm, _ in table], np.int8),
        "strength": np.array([s for _, s in table]),
        "fresh": gather(lambda result: np.where(result.diverged_at < 0, result.measures["fresh"], np.nan)),
        "spread": gather(lambda result: result.diagnostics[-1]),
        "train": gather(lambda result: result.curves[-1]),
        "y": y,
        "variance": np.array(np.var(fresh) if not entry.source.classes else np.nan),
    }
    if set(order) <= set(ARMS):
        numbers |= scales(prepared, refit.fold, slots)
    else:
        engine = prepared.engine
        numbers["train_column"] = np.array(engine.quantities(engine.sides).index("train/loss"))
    known = {*entry.network.validated, *KINDS}
    validated = [c for c in range(count) if table[c][0] < 0 or order[table[c][0]] in known]
    if entry.rows >= 100:
        validated = validated[:1] + validated[2::2]
    keys = [(c, seed, fold) for c in validated for seed in seeds for fold in range(FOLDS)]
    results = train(keys, RowSet(prepared.folds, {}))
    width = entry.source.classes if entry.source.classes > 2 else 1
    predictions = np.full((len(validated), len(seeds), len(y), width), np.nan, np.float32)
    for (c, seed, fold), result in results.items():
        side = np.flatnonzero(folds == fold)
        if result.diverged_at < 0:
            rows = np.asarray(result.predictions[0])[-len(side) :]
            predictions[validated.index(c), seeds.index(seed), side] = rows.reshape(-1, width)
    numbers |= {"validated": np.array(validated), "predictions": predictions, "fold": folds.astype(np.int8)}
    numbers["seconds"] = np.array(process_time() - began)
    return numbers


def scales(prepared: Any, fold: Any, slots: int) -> dict[str, np.ndarray]:
    """Return the loss, each penalty, and the norms of their gradients, at the initial weights of the first seed."""
    import jax
    import jax.numpy as jnp

    objective, start = prepared.engine.objective, prepared.engine.start(prepared.question.seed_numbers[0])
    rows = fold.rows
    x, y = (jax.tree.map(lambda leaf: leaf[: fold.train], part) for part in (rows.x, rows.y))

    def loss(trainable: Any, strengths: Any) -> Any:
        return objective.loss(trainable, start.other, strengths, x, y, None)

    def gradient_of(trainable: Any, strengths: Any) -> Any:
        return jax.grad(loss, has_aux=True)(trainable, strengths)[0]

    def flat(gradients: Any) -> np.ndarray:
        return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(gradients)])

    total, parts = jax.jit(loss)(start.trainable, jnp.ones(slots))
    shares = np.asarray(parts.parts)
    gradient = jax.jit(gradient_of)
    plain = flat(gradient(start.trainable, jnp.zeros(slots)))
    penalties = [np.linalg.norm(flat(gradient(start.trainable, jnp.eye(slots)[n])) - plain) for n in range(slots)]
    return {
        "initial_loss": np.array(float(total) - shares.sum()),
        "initial_penalty": shares[1:],
        "loss_gradient": np.array(np.linalg.norm(plain)),
        "penalty_gradient": np.array(penalties),
    }


def grow(minutes: float, kinds: bool = False, rounds: int = 100) -> None:
    """Run studies of penalties, or of the other kinds, that are missing until the time is over.

    Each is saved as it ends.
    """
    FOLDER.mkdir(exist_ok=True, parents=True)
    end, lab = perf_counter() + 60 * minutes, Lab()
    for entry in (schedule_of_kinds if kinds else schedule)(rounds):
        if perf_counter() > end:
            return
        if entry.path.is_file():
            continue
        began = perf_counter()
        numbers = lab.run(entry)
        if numbers is None:
            continue
        temporary = entry.path.with_suffix(".tmp.npz")
        np.savez_compressed(temporary, allow_pickle=False, **numbers)
        temporary.rename(entry.path)
        print(f"{entry.path.name} {perf_counter() - began:.1f} s, cpu {numbers['seconds']:.1f} s", flush=True)
