"""Ranking of kinds of regularizers by `bridle.search`, and the best cocktail against the best single kind.

`python -m benchmarks.ranking --data FOLDER` writes benchmarks/ranking.json, one line for each data set and part; a run
that is stopped goes on where it was. `--markdown` writes docs/ranking.md.

Part 0 is one search of 60 seconds on all rows. The ranking shows its arms with their intervals.

Parts 1 to 5 are the outer folds of a nested comparison: a search on four fifths of the rows, and the score of its
refits on the last fifth. In each, the single kind and the cocktail with the best cross-validated scores are compared
with each other and with no regularizer.

The machine runs other programs too, so the clock of a search counts CPU time, divided by the number of cores.
"""

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")

NUMBERS = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).parents[1] / "docs" / "ranking.md"
SECONDS, OUTER = 60, 5
CORES = 2
MNIST_ROWS = 1000
CLOCKED = {
    "bridle._api._search": CORES,
    "bridle._api._search_time": CORES,
    "bridle.study._stages": CORES,
    "bridle.study.design._plan": CORES,
    "bridle.engine._programs": 1,
}
"""The modules whose clock a search reads, and the cores that are busy meanwhile: one while a single call is timed."""
Line = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """Data set with its network."""

    title: str
    read: Callable[[Path], tuple[np.ndarray, np.ndarray]]
    network: Callable[[np.ndarray, np.ndarray], Any]
    epochs: int = 100
    scale: bool = True
    """Scale the features, and the target of a regression, by the training rows of each fold."""


def of_sklearn(name: str) -> Callable[[Path], tuple[np.ndarray, np.ndarray]]:
    """Return the function that reads a table of scikit-learn."""

    def read(data: Path) -> tuple[np.ndarray, np.ndarray]:
        from sklearn import datasets

        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        return x.astype("float32"), y if name != "diabetes" else y.astype("float32")[:, None]

    return read


def read_digits(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the digits with values from 0 to 1."""
    x, y = of_sklearn("digits")(data)
    return x / 16, y


def read_digit_images(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the digits as images."""
    x, y = read_digits(data)
    return x.reshape(-1, 8, 8, 1), y


def read_mnist(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the first 1,000 rows of MNIST, from a local file."""
    with np.load(data / "mnist.npz") as arrays:
        x, y = arrays["x_train"][:MNIST_ROWS], arrays["y_train"][:MNIST_ROWS]
    return x.reshape(MNIST_ROWS, -1).astype("float32") / 255, y.astype(int)


def dense(*units: int) -> Callable[[np.ndarray, np.ndarray], Any]:
    """Return the function that builds a dense network with these hidden layers."""

    def build(x: np.ndarray, y: np.ndarray) -> Any:
        import keras

        layers = [keras.layers.Dense(size, "relu", name=f"hidden{index}") for index, size in enumerate(units, 1)]
        return compiled(x, y, layers)

    return build


def convolutional(x: np.ndarray, y: np.ndarray) -> Any:
    """Return a small convolutional network."""
    import keras

    layers = [
        keras.layers.Conv2D(16, 3, activation="relu", name="conv"),
        keras.layers.MaxPooling2D(name="pool"),
        keras.layers.Flatten(name="flat"),
        keras.layers.Dense(32, "relu", name="hidden"),
    ]
    return compiled(x, y, layers)


def compiled(x: np.ndarray, y: np.ndarray, layers: list[Any]) -> Any:
    """Return a compiled network for the labels: classes if they are integers, else numbers."""
    import keras

    if y.dtype.kind == "f":
        last, loss, metric = keras.layers.Dense(1, name="out"), "mse", keras.metrics.R2Score(name="r2")
    else:
        classes = len(np.unique(y))
        last, loss = keras.layers.Dense(classes, "softmax", name="out"), "sparse_categorical_crossentropy"
        metric = "accuracy"
    model = keras.Sequential([keras.Input(x.shape[1:]), *layers, last])
    model.compile("adam", loss, metrics=[metric])
    return model


PROBLEMS = {
    "iris": Problem("iris, MLP 64-32", of_sklearn("iris"), dense(64, 32)),
    "wine": Problem("wine, MLP 64-32", of_sklearn("wine"), dense(64, 32)),
    "breast cancer": Problem("breast cancer, MLP 64-32", of_sklearn("breast_cancer"), dense(64, 32)),
    "diabetes": Problem("diabetes, MLP 64-32", of_sklearn("diabetes"), dense(64, 32)),
    "mnist": Problem("MNIST (1,000 rows), MLP 128", read_mnist, dense(128), 30, scale=False),
    "digits": Problem("digits, MLP 64", read_digits, dense(64), 50, scale=False),
    "digits cnn": Problem("digits, CNN 16-32", read_digit_images, convolutional, 20, scale=False),
}


def count_cpu_time() -> None:
    """Let the clock of a search count CPU time, divided by the number of cores."""
    import importlib

    for name, cores in CLOCKED.items():
        vars(importlib.import_module(name))["perf_counter"] = lambda cores=cores: process_time() / cores


def search(problem: Problem, x: np.ndarray, y: np.ndarray, test: Any = None) -> Any:
    """Return the result of a search of 60 seconds."""
    from sklearn.preprocessing import StandardScaler

    import bridle

    scalers: dict[str, Any] = {"preprocessor": StandardScaler()} if problem.scale else {}
    if problem.scale and y.dtype.kind == "f":
        scalers["target_preprocessor"] = StandardScaler()
    model = problem.network(x, y)
    return bridle.search(
        model, x, y, seconds=SECONDS, epochs=problem.epochs, batch_size=32, test=test, progress=False, **scalers
    )


def outer_split(y: np.ndarray, part: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to search on and those to score on, in outer fold `part` from 1 on."""
    from sklearn.model_selection import KFold, StratifiedKFold

    kind = KFold if y.dtype.kind == "f" else StratifiedKFold
    return list(kind(OUTER, shuffle=True, random_state=0).split(np.zeros(len(y)), y.ravel()))[part - 1]


def measure(problem: Problem, part: int, data: Path) -> Line:
    """Return the line of one part."""
    x, y = problem.read(data)
    began = process_time()
    if part == 0:
        result = search(problem, x, y)
        line: Line = {"ranking": ranking(result), "none": none_score(result), "verdict": result.verdict()}
    else:
        rows, others = outer_split(y, part)
        result = search(problem, x[rows], y[rows], (x[others], y[others]))
        line = {"rows": [len(rows), len(others)], "finals": outer_scores(result)}
    facts = {name: result.data.provenance[name] for name in ("screened", "not screened")}
    return line | facts | {"seeds": len(result.data.seeds), "cpu": round(process_time() - began, 1)}


def ranking(result: Any) -> list[Line]:
    """Return the ranking as JSON."""
    return json.loads(result.ranking().rename(columns={result.data.score.name: "score"}).to_json(orient="records"))


def none_score(result: Any) -> float:
    """Return the cross-validated score without a regularizer."""
    evidence = result.evidence
    return float(evidence.validation.mean[evidence.choices[0].best])


def outer_scores(result: Any) -> list[Line]:
    """Return for each arm of the second stage its cross-validated score, and that of its refits on the outer rows."""
    evidence, data = result.evidence, result.data
    outer = np.nanmean(data.held_out_scores("test"), axis=1)
    lines = []
    for arm, choice in evidence.choices.items():
        score = float(evidence.validation.mean[choice.best] if arm == 0 else evidence.quoted[arm])
        name = data.arms[arm].name
        lines.append(
            {"arm": name, "parts": 1 + name.count(" with "), "score": score, "outer": float(outer[choice.best])}
        )
    return lines


def main() -> None:
    """Run what is missing; each line is written when it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder with mnist.npz")
    parser.add_argument("--sets", nargs="+", default=list(PROBLEMS))
    parser.add_argument("--parts", type=int, default=1 + OUTER)
    parser.add_argument("--out", type=Path, default=NUMBERS)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    lines: list[Line] = json.loads(options.out.read_text()) if options.out.is_file() else []
    if options.markdown:
        from benchmarks.ranking_page import markdown

        PAGE.write_text(markdown(lines))
        return
    count_cpu_time()
    done = {(line["set"], line["part"]) for line in lines}
    for part in range(options.parts):
        for name in options.sets:
            if (name, part) in done:
                continue
            line = {"set": name, "part": part} | measure(PROBLEMS[name], part, options.data)
            lines.append(line)
            print(name, part, line["seeds"], line["cpu"], flush=True)
            options.out.write_text("[\n" + ",\n".join(map(json.dumps, lines)) + "\n]\n")


if __name__ == "__main__":
    main()
