"""Time of `bridle tune` against scikit-learn's grid search over the strength of its own network.

`python -m benchmarks.answer` writes benchmarks/answer.json; `--markdown` prints the table of docs/tables.md.
`benchmarks.handed_over` compares scores over many splits in less time.

Each turn shuffles a table, and both ways get the same rows to learn from and the same ones held out. Both are commands
of their own on the same cores: `bridle tune` from its start to its report, and a script from its imports to the score
of `GridSearchCV(MLPClassifier() or MLPRegressor())` over seven values of `alpha` on five folds; the target of a
regression is scaled, which helps it. If Optuna is there, a third one lets it drive Keras as long as `bridle tune` took.
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from benchmarks.handed_over import ALPHAS, TARGETS, read_table

NUMBERS = Path(__file__).parent / "answer.json"
TABLES = ("iris", "wine", "breast_cancer", "diabetes")
FOLDS, HELD_OUT = 5, 0.2
COMMAND = "from bridle.cli import run; raise SystemExit(run())"
GRID = """
import sys
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
import warnings
warnings.filterwarnings("ignore")
rows = np.load(sys.argv[1])
network, name = MLPClassifier(random_state=0), "alpha"
if not rows["classes"]:
    network = TransformedTargetRegressor(MLPRegressor(random_state=0), transformer=StandardScaler())
    name = "regressor__alpha"
search = GridSearchCV(network, {{name: {alphas}}}, cv={folds}, n_jobs={cores})
search.fit(rows["x"], rows["y"])
print(search.score(rows["x_test"], rows["y_test"]))
""".format
OPTUNA = """
import os, sys
os.environ["KERAS_BACKEND"] = "jax"
import keras, numpy as np, optuna
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
rows = dict(np.load(sys.argv[1]))
classes = bool(rows["classes"])
outputs = int(rows["y"].max()) + 1 if classes else 1
shift, scale = (0, 1) if classes else (rows["y"].mean(), rows["y"].std())
def build(strength):
    penalty = keras.regularizers.L2(strength)
    layers = [keras.layers.Dense(n, "relu", kernel_regularizer=penalty) for n in (64, 32)]
    last = keras.layers.Dense(outputs, "softmax" if classes else None, kernel_regularizer=penalty)
    network = keras.Sequential([keras.Input(rows["x"].shape[1:]), *layers, last])
    network.compile("adam", "sparse_categorical_crossentropy" if classes else "mse")
    return network
def score(network, x, y):
    predicted = network.predict(x, verbose=0)
    return accuracy_score(y, predicted.argmax(1)) if classes else r2_score(y, predicted[:, 0] * scale + shift)
x, x_val, y, y_val = train_test_split(rows["x"], rows["y"], random_state=0, stratify=rows["y"] if classes else None)
def objective(trial):
    network = build(trial.suggest_float("strength", 1e-6, 1.0, log=True))
    network.fit(x, (y - shift) / scale, epochs=200, verbose=0)
    return score(network, x_val, y_val)
optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
study.optimize(objective, timeout={seconds})
network = build(study.best_params["strength"])
network.fit(rows["x"], (rows["y"] - shift) / scale, epochs=200, verbose=0)
print(score(network, rows["x_test"], rows["y_test"]))
""".format


@dataclass(frozen=True)
class Timed:
    """A command that ended: seconds, seconds of CPU, seconds to its first answer, and its output."""

    seconds: float
    cpu: float
    first: float
    output: str


def timed(words: list[str]) -> Timed:
    """Run a command to its end."""
    before, began, first = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter(), float("nan")
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("After ") and not np.isfinite(first):
                first = perf_counter() - began
        if process.wait():
            raise RuntimeError(f"{words} failed")
        seconds, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        output.seek(0)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Timed(seconds, cpu, first, output.read())


def turn(name: str, split: int, data: Path, folder: Path) -> dict[str, float | str]:
    """Return times and held-out scores of both ways for one order of the rows."""
    from sklearn.metrics import r2_score

    from bridle.tuning import TableStudy, load_applied, prepare_table

    target = TARGETS[name]
    frame = read_table(name, data).dropna(subset=[target])
    frame = frame.sample(frac=1, random_state=split).reset_index(drop=True)
    job = prepare_table(frame, TableStudy(target))
    rows = job.prepared.rows
    x_test, y_test = rows.held_out["test"][:2]
    preparation = rows.preprocessor.fit(rows.x)
    classes = job.problem.classes is not None
    arrays = {"x": preparation.transform(rows.x), "x_test": preparation.transform(x_test)}
    arrays |= {"y": np.ravel(rows.y), "y_test": np.ravel(y_test), "classes": classes}
    np.savez(folder / "rows.npz", **arrays)
    frame.to_csv(folder / "table.csv", index=False)
    line: dict[str, float | str] = {"table": name, "split": split, "rows": len(frame)}

    def enter(way: str, run: Timed, score: float) -> None:
        line.update({f"{way} seconds": run.seconds, f"{way} cpu": run.cpu, f"{way} score": score})

    script = GRID(alphas=ALPHAS, folds=FOLDS, cores=os.cpu_count())
    grid = timed([sys.executable, "-c", script, str(folder / "rows.npz")])
    enter("grid", grid, float(grid.output))
    words = ["-c", COMMAND, "tune", str(folder / "table.csv"), "--target", target, "--out", str(folder / "out")]
    tune = timed([sys.executable, *words])
    predicted = load_applied(folder / "out").predict(x_test)[target]
    actual = predicted.to_numpy() if classes else np.ravel(y_test)
    measured = _accuracy(actual, y_test, job.problem.classes) if classes else r2_score(np.ravel(y_test), predicted)
    enter("bridle", tune, float(measured))
    line["bridle first answer"] = tune.first
    if importlib.util.find_spec("optuna"):
        seconds = max(1.0, tune.seconds - 5)
        driven = timed([sys.executable, "-c", OPTUNA(seconds=seconds), str(folder / "rows.npz")])
        enter("optuna", driven, float(driven.output))
    return line


def _accuracy(predicted: np.ndarray, y: np.ndarray, classes: tuple[object, ...]) -> float:
    right = [str(classes[int(number)]) == str(label) for number, label in zip(np.ravel(y), predicted, strict=True)]
    return float(np.mean(right))


def markdown(lines: list[dict[str, float | str]]) -> str:
    """Return the means of each table as a table."""
    frame = pd.DataFrame(lines)
    text = [
        "| table | rows | first answer | bridle tune | grid search | score of bridle | of the search | difference |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, part in frame.groupby("table", sort=False):
        difference = part["bridle score"] - part["grid score"]
        error = difference.std(ddof=1) / np.sqrt(len(part)) if len(part) > 1 else float("nan")
        text.append(
            f"| {name} | {part['rows'].iloc[0]} | {part['bridle first answer'].median():.0f} s "
            f"| {part['bridle seconds'].median():.0f} s | {part['grid seconds'].median():.0f} s "
            f"| {part['bridle score'].mean():.3f} | {part['grid score'].mean():.3f} "
            f"| {difference.mean():+.3f} ± {error:.3f} |"
        )
    if "optuna seconds" not in frame:
        text.append("\nOptuna was not installed, and is left out.")
    return "\n".join(text)


def main() -> None:
    """Run all turns; those that a stopped run wrote are not repeated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("tables"), help="folder of CSV files")
    parser.add_argument("--tables", nargs="+", default=TABLES)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--out", type=Path, default=NUMBERS)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    lines = json.loads(options.out.read_text()) if options.out.is_file() else []
    if options.markdown:
        print(markdown(lines))
        return
    done = {(line["table"], line["split"]) for line in lines}
    for split in range(options.splits):
        for name in options.tables:
            if (name, split) not in done:
                with tempfile.TemporaryDirectory() as folder:
                    lines.append(turn(name, split, options.data, Path(folder)))
                print(lines[-1], flush=True)
                options.out.write_text(json.dumps(lines, indent=1))


if __name__ == "__main__":
    main()
