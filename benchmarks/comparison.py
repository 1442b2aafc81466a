"""bridle beside Keras, KerasTuner, Optuna, scikit-learn, glmnet and LassoNet on the same tasks.

`python -m benchmarks.comparison` writes benchmarks/comparison.json, one line for each tool, task and draw; a run that
is stopped goes on where it was. `--markdown` writes docs/comparison.md. Each fit of a tool runs in its own process, and
its CPU time counts, since other programs share the machine. Tools that are not installed are left out, with a word.

Keras, KerasTuner and Optuna train a network of the default widths of bridle, as their guides show: strengths of L2 on
all kernels (KerasTuner and Optuna also the rate of a dropout layer), judged on one held-out quarter of the rows.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

os.environ.setdefault("KERAS_BACKEND", "jax")

NUMBERS = Path(__file__).with_suffix(".json")
TEXT = NUMBERS.with_suffix(".md")
"""The page with gaps for the numbers."""
PAGE = Path(__file__).parents[1] / "docs" / "comparison.md"
EPOCHS, TRIALS, DRAWS, BATCH = 100, 20, 3, 32
STRENGTHS = tuple(10.0**power for power in range(-6, 1))


class Rows(NamedTuple):
    """Rows to learn from, rows to score on, and whether the target is a class."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: bool


def digits(draw: int) -> Rows:
    """Return 200 images of digits, and 1,000 others."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, train_size=200, test_size=1000, stratify=y, random_state=draw)
    return Rows(x, y, x_test, y_test, True)


def diabetes(draw: int) -> Rows:
    """Return 300 patients, and the 142 others."""
    from sklearn.datasets import load_diabetes
    from sklearn.model_selection import train_test_split

    x, x_test, y, y_test = train_test_split(*load_diabetes(return_X_y=True), train_size=300, random_state=draw)
    return Rows(x, y, x_test, y_test, False)


def friedman(draw: int) -> Rows:
    """Return 200 rows of 50 columns of which 5 matter, three of them not linearly, and 2,000 others."""
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(2200, n_features=50, noise=1.0, random_state=draw)
    return Rows(x[:200], y[:200], x[200:], y[200:], False)


TASKS: dict[str, tuple[str, Callable[[int], Rows]]] = {
    "digits": ("digits, 200 rows, accuracy", digits),
    "diabetes": ("diabetes, 300 rows, r²", diabetes),
    "friedman": ("Friedman, 200 rows, 5 of 50 columns matter, r²", friedman),
}


def score(predicted: np.ndarray, rows: Rows) -> float:
    """Return the accuracy or r² on the other rows."""
    from sklearn.metrics import accuracy_score, r2_score

    return float((accuracy_score if rows.classes else r2_score)(rows.y_test, predicted))


def scaled(rows: Rows) -> tuple[Rows, float, float]:
    """Return rows with features and numbers to predict at mean 0 and deviation 1, and both of the latter."""
    mean, deviation = rows.x.mean(axis=0), rows.x.std(axis=0)
    deviation[deviation == 0] = 1
    center, spread = (0.0, 1.0) if rows.classes else (float(rows.y.mean()), float(rows.y.std()))
    y = rows.y if rows.classes else (rows.y - center) / spread
    return rows._replace(x=(rows.x - mean) / deviation, x_test=(rows.x_test - mean) / deviation, y=y), center, spread


class Network:
    """The plain network of a task, with a strength of L2 and a rate of dropout, judged on a quarter of the rows."""

    def __init__(self, rows: Rows) -> None:
        import keras
        from sklearn.model_selection import train_test_split

        self.rows = rows
        self.prepared, self.center, self.spread = scaled(rows)
        stratify = rows.y if rows.classes else None
        self.parts = train_test_split(self.prepared.x, self.prepared.y, random_state=0, stratify=stratify)
        keras.utils.set_random_seed(0)

    def build(self, strength: float, rate: float = 0.0) -> Any:
        """Return the compiled network."""
        import keras

        def dense(units: int, activation: str | None) -> Any:
            return keras.layers.Dense(units, activation, kernel_regularizer=keras.regularizers.L2(strength))

        outputs = len(np.unique(self.rows.y)) if self.rows.classes else 1
        layers = [dense(64, "relu"), dense(32, "relu"), *([keras.layers.Dropout(rate)] if rate else [])]
        last = dense(outputs, "softmax" if self.rows.classes else None)
        network = keras.Sequential([keras.Input(self.rows.x.shape[1:]), *layers, last])
        network.compile("adam", "sparse_categorical_crossentropy" if self.rows.classes else "mse")
        return network

    def loss(self, strength: float, rate: float = 0.0) -> float:
        """Return the validation loss after training, without the penalty."""
        x, x_held, y, y_held = self.parts
        network = self.build(strength, rate)
        network.fit(x, y, epochs=EPOCHS, batch_size=BATCH, verbose=0)
        predicted = network.predict(x_held, verbose=0)
        if self.rows.classes:
            return float(-np.log(np.clip(predicted[np.arange(len(y_held)), y_held.astype(int)], 1e-7, 1)).mean())
        return float(((predicted[:, 0] - y_held) ** 2).mean())

    def final(self, strength: float, rate: float = 0.0) -> float:
        """Return the score on the other rows after training on all."""
        network = self.build(strength, rate)
        network.fit(self.prepared.x, self.prepared.y, epochs=EPOCHS, batch_size=BATCH, verbose=0)
        predicted = network.predict(self.prepared.x_test, verbose=0)
        values = predicted.argmax(1) if self.rows.classes else predicted[:, 0] * self.spread + self.center
        return score(values, self.rows)


def run_none(rows: Rows) -> tuple[float, int]:
    """Train without a regularizer."""
    return Network(rows).final(0.0), 1


def run_keras(rows: Rows) -> tuple[float, int]:
    """Loop over seven strengths of L2."""
    network = Network(rows)
    best = min(STRENGTHS, key=network.loss)
    return network.final(best), len(STRENGTHS) + 1


def run_kerastuner(rows: Rows) -> tuple[float, int]:
    """Search at random for a strength and a rate."""
    import tempfile

    import keras_tuner

    network = Network(rows)

    class Hypermodel(keras_tuner.HyperModel):
        def build(self, hp: Any) -> Any:
            return network.build(hp.Float("strength", 1e-6, 1.0, sampling="log"), hp.Float("rate", 0.0, 0.6))

    x, x_held, y, y_held = network.parts
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.RandomSearch(
            Hypermodel(), objective="val_loss", max_trials=TRIALS, seed=0, directory=folder, overwrite=True
        )
        fit = {"epochs": EPOCHS, "batch_size": BATCH, "verbose": 0}
        tuner.search(x, y, validation_data=(x_held, y_held), **fit)
        best = tuner.get_best_hyperparameters()[0]
    return network.final(best.get("strength"), best.get("rate")), TRIALS + 1


def run_optuna(rows: Rows) -> tuple[float, int]:
    """Search for a strength and a rate by the default sampler."""
    import optuna

    network = Network(rows)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(
        lambda trial: network.loss(
            trial.suggest_float("strength", 1e-6, 1.0, log=True), trial.suggest_float("rate", 0.0, 0.6)
        ),
        n_trials=TRIALS,
    )
    return network.final(**study.best_params), TRIALS + 1


def run_sklearn(rows: Rows) -> tuple[float, int]:
    """Search a grid of seven values of `alpha` of scikit-learn's network, by five folds."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    warnings.simplefilter("ignore", ConvergenceWarning)
    prepared, center, spread = scaled(rows)
    network = (MLPClassifier if rows.classes else MLPRegressor)(hidden_layer_sizes=(64, 32), random_state=0)
    search = GridSearchCV(network, {"alpha": [10.0**power for power in range(-5, 2)]}).fit(prepared.x, prepared.y)
    predicted = search.predict(prepared.x_test)
    return score(predicted if rows.classes else predicted * spread + center, rows), 36


def run_glmnet(rows: Rows) -> tuple[float, int]:
    """Fit the lasso's path by cross-validation."""
    import glmnet

    if rows.classes:
        path = glmnet.LogitNet(alpha=1, n_splits=5, random_state=0)
    else:
        path = glmnet.ElasticNet(alpha=1, n_splits=5, random_state=0)
    prepared, center, spread = scaled(rows)
    predicted = path.fit(prepared.x, prepared.y).predict(prepared.x_test)
    return score(predicted if rows.classes else np.ravel(predicted) * spread + center, rows), 6


def run_lassonet(rows: Rows) -> tuple[float, int]:
    """Fit a network that drops inputs along a path; the best point is that of a held-out quarter."""
    import lassonet

    prepared, center, spread = scaled(rows)
    estimator = lassonet.LassoNetClassifier if rows.classes else lassonet.LassoNetRegressor
    network = estimator(hidden_dims=(64, 32), random_state=0, torch_seed=0, val_size=0.25)
    target = prepared.y if rows.classes else prepared.y.astype("float32")
    path = network.path(prepared.x.astype("float32"), target, return_state_dicts=True)
    network.load(min(path, key=lambda point: point.val_loss))
    predicted = np.asarray(network.predict(prepared.x_test.astype("float32")))
    return score(predicted if rows.classes else np.ravel(predicted) * spread + center, rows), len(path)


def run_bridle(rows: Rows) -> tuple[float, int]:
    """Fit the estimator with its defaults."""
    import bridle

    kind = bridle.RegularizedClassifier if rows.classes else bridle.RegularizedRegressor
    network = kind().fit(rows.x, rows.y)
    data = network.result_.data
    return score(network.predict(rows.x_test), rows), len(data.members)


TOOLS: dict[str, tuple[str, str, Callable[[Rows], tuple[float, int]]]] = {
    "none": ("Keras, no regularizer", "keras", run_none),
    "keras": ("Keras, a loop over 7 strengths", "keras", run_keras),
    "kerastuner": ("KerasTuner, 20 random trials", "keras_tuner", run_kerastuner),
    "optuna": ("Optuna, 20 trials", "optuna", run_optuna),
    "sklearn": ("scikit-learn, grid over `MLP*`", "sklearn", run_sklearn),
    "glmnet": ("glmnet, lasso of a linear model", "glmnet", run_glmnet),
    "lassonet": ("LassoNet, path of a network", "lassonet", run_lassonet),
    "bridle": ("bridle, its defaults", "bridle", run_bridle),
}
"""Name in the table, the package, and the function that returns the score and the number of fits."""


def measure(tool: str, task: str, draw: int) -> dict[str, Any]:
    """Return the line of one fit, made in its own process."""
    words = [sys.executable, "-m", "benchmarks.comparison", "--one", tool, task, str(draw)]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(run.stderr[-2000:])
    return json.loads(run.stdout.splitlines()[-1])


def one(tool: str, task: str, draw: int) -> dict[str, Any]:
    """Return the line of one fit: score, fits, and seconds of CPU without those of imports."""
    rows, (_, package, run) = TASKS[task][1](draw), TOOLS[tool]
    importlib.import_module(package)
    began = process_time()
    value, fits = run(rows)
    return {"tool": tool, "task": task, "draw": draw, "score": value, "fits": fits, "seconds": process_time() - began}


def main() -> None:
    """Measure what is missing, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=3, metavar=("TOOL", "TASK", "DRAW"))
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    if given.one:
        tool, task, draw = given.one
        print(json.dumps(one(tool, task, int(draw))))
        return
    lines = json.loads(NUMBERS.read_text()) if NUMBERS.exists() else []
    if not given.markdown:
        known = {(line["tool"], line["task"], line["draw"]) for line in lines}
        for draw in range(given.draws):
            for task in TASKS:
                for tool, (_, package, _) in TOOLS.items():
                    if (tool, task, draw) in known:
                        continue
                    if importlib.util.find_spec(package) is None:
                        print(f"{tool}: the package {package!r} is not installed, left out")
                        continue
                    lines.append(measure(tool, task, draw))
                    print(lines[-1], flush=True)
                    NUMBERS.write_text("[\n" + ",\n".join(map(json.dumps, lines)) + "\n]\n")
    PAGE.write_text(markdown(lines))


def markdown(lines: list[dict[str, Any]]) -> str:
    """Return the page."""
    frame = pd.DataFrame(lines)
    count = frame["draw"].nunique()
    heads = ["tool", *(f"{title} (fits; CPU)" for title, _ in TASKS.values())]
    table = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    measured = {tool: title for tool, (title, _, _) in TOOLS.items() if (frame["tool"] == tool).any()}
    for tool, title in measured.items():
        cells = []
        for task in TASKS:
            part = frame[(frame["tool"] == tool) & (frame["task"] == task)]
            fewer = f"; {len(part)} of {count} draws" if len(part) < count else ""
            costs = f"{part['fits'].median():.0f}; {part['seconds'].median():.0f} s"
            cells.append(f"{part['score'].mean():.3f} ({costs}{fewer})" if len(part) else "–")
        table.append(f"| {title} | {' | '.join(cells)} |")
    draws = f"{count} draw" if count == 1 else f"{count} draws"
    return TEXT.read_text().format(table="\n".join(table), draws=draws, differences=differences(frame))


def differences(frame: pd.DataFrame) -> str:
    """Return the differences of bridle to each tool, paired over draws, with their range."""
    wide = frame.pivot_table(index=["task", "draw"], columns="tool", values="score").reindex(columns=list(TOOLS))
    heads = ["bridle minus", *(title.partition(",")[0] for title, _ in TASKS.values())]
    rows = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for tool, (title, _, _) in TOOLS.items():
        if tool == "bridle" or wide[tool].isna().all():
            continue
        cells = []
        for task in TASKS:
            gain = (wide["bridle"] - wide[tool])[wide.index.get_level_values("task") == task].dropna()
            cells.append(f"{gain.mean():+.3f} ({gain.min():+.3f} to {gain.max():+.3f})" if len(gain) else "–")
        rows.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
