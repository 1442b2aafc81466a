"""Does `"auto"` find the range? On seven data sets, beside a grid of 61 strengths from 1e-10 to 1e5.

`python -m benchmarks.ranges` writes benchmarks/ranges.json; with `--markdown` the table of docs/statistics.md follows.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

NUMBERS = Path(__file__).parent / "ranges.json"
SEEDS, FOLDS = 3, 5
FINE, COARSE = 61, 13
LOW, HIGH = 1e-10, 1e5
ARMS = {"L2 weights": ("*/kernel", "l2"), "L1 activity": ("hidden/output", "l1")}


def rows(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Scaled rows and labels of one data set."""
    from sklearn import datasets
    from sklearn.preprocessing import StandardScaler

    drawn = {
        "moons": lambda: datasets.make_moons(100, noise=0.2, random_state=1),
        "circles": lambda: datasets.make_circles(100, noise=0.1, random_state=1),
    }
    loaders = {"breast cancer": "load_breast_cancer"}
    x, y = drawn[name]() if name in drawn else getattr(datasets, loaders.get(name, f"load_{name}"))(return_X_y=True)
    x = StandardScaler().fit_transform(x).astype("float32") if name != "digits" else (x / 16).astype("float32")
    return x, (y - y.mean()) / y.std() if name == "diabetes" else y


def network(x: np.ndarray, y: np.ndarray) -> object:
    """One hidden layer, for the kind of label that there is."""
    import keras

    classes = len(np.unique(y))
    outputs, last, loss = (1, None, "mse") if classes > 20 else (classes, "softmax", "sparse_categorical_crossentropy")
    if classes == 2:
        outputs, last, loss = 1, "sigmoid", "binary_crossentropy"
    hidden = keras.layers.Dense(64, "relu", name="hidden")
    model = keras.Sequential([keras.Input(x.shape[1:]), hidden, keras.layers.Dense(outputs, last, name="out")])
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"] if last else None)
    return model


EPOCHS = {"moons": 300, "circles": 300, "iris": 100, "digits": 30, "breast cancer": 60, "wine": 100, "diabetes": 100}


def measure(name: str, say: Callable[[str], None] = print) -> list[dict]:
    """Both arms of one data set, by the data loss, which has no ties, and by accuracy where there are classes."""
    import bridle
    from bridle.results import Score

    x, y = rows(name)
    model = network(x, y)
    options = {"seeds": SEEDS, "folds": FOLDS, "epochs": EPOCHS[name], "curve_points": 20}
    found = []
    for arm, (where, kind) in ARMS.items():
        fine = {arm: {where: f"{kind}({np.geomspace(LOW, HIGH, FINE).tolist()})"}}
        whole = bridle.Study(model, fine, **options).run(x, y, progress=False).data
        for score in ("loss", "accuracy") if len(np.unique(y)) <= 20 else ("loss",):
            auto = bridle.Study(model, {arm: {where: f"{kind}(auto)"}}, score=score, **options)
            ours = auto.run(x, y, progress=False).data
            whole = replace(whole, score=Score(score, score != "loss"))
            found.append({"data": name, "arm": arm, "score": score, **compared(ours, whole)})
            say(str(found[-1]))
    return found


def compared(ours: object, whole: object) -> dict:
    """The range that was found, the best of the fine grid, and how many fits the range took."""
    from bridle.stats import select_strength, summarize

    means = summarize(whole.scores())
    path = whole.path(1)
    sign = 1 if whole.score.maximize else -1
    best = select_strength(path, means, maximize=whole.score.maximize).best
    none = float(means.mean[0])
    helps = sign * (means.mean[best] - none) > 0
    own = summarize(ours.scores())
    chosen = select_strength(ours.path(1), own, maximize=ours.score.maximize).best
    tried = ours.setting_strengths[ours.path(1), 0]
    fits = int((ours.members.fold >= 0).sum()) + int(ours.provenance["pilot"])
    coarse = (COARSE + 1) * SEEDS * FOLDS
    strength = float(whole.setting_strengths[best, 0])
    return {
        "low": float(tried.min()),
        "high": float(tried.max()),
        "best": strength if helps else 0.0,
        "inside": bool(tried.min() <= strength <= tried.max()) if helps else True,
        "none": none,
        "fine": float(means.mean[best]),
        "auto": float(own.mean[chosen]),
        "error": float(means.error[best]),
        "fits": fits,
        "coarse": coarse,
    }


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=list(EPOCHS))
    found = [line for name in parser.parse_args().data for line in measure(name)]
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n")
    inside, most = sum(line["inside"] for line in found), max(line["fits"] / line["coarse"] for line in found)
    print(
        f"{inside} of {len(found)} ranges hold the best of {FINE}; fits at most {most:.2f} of a {COARSE}-point grid's"
    )


if __name__ == "__main__":
    main()
