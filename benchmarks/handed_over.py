"""Score of what `bridle tune` hands over on held-out rows, against a grid search of scikit-learn and no penalty.

`python -m benchmarks.handed_over --data FOLDER` writes benchmarks/handed_over.json, one line for each table, split and
way; a run that is stopped goes on where it was. `--markdown` prints the table of docs/tables.md.

A split shuffles a table and holds a fifth out. Of a table with more than 1,250 rows, 1,000 drawn ones are for learning
and all others are held out. The ways get the same learning rows, the same features and the same folds:

* `grid`: `GridSearchCV` over seven values of `alpha` of `MLPClassifier` or `MLPRegressor`; the target of a regression
  is scaled, which helps it.
* `bridle`: what `bridle tune` hands over with its defaults. It is run in one process, without report and baselines.
* `none`: the mean of the refits of the same study without a penalty.
* `best`: the mean of the refits of what the rule `best` selects in the same study.

The scores are accuracy and r². The grid search does not depend on bridle, so its lines are kept when the defaults
change; the others have the version of the defaults.
"""

import argparse
import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

NUMBERS = Path(__file__).parent / "handed_over.json"
TARGETS = {
    "iris": "target",
    "wine": "target",
    "breast_cancer": "target",
    "diabetes": "target",
    "abalone": "rings",
    "banknote_authentication": "forged",
    "glass": "type",
    "haberman": "survived",
    "mpg": "mpg",
    "penguins": "species",
    "phoneme": "nasal",
    "pima-indians-diabetes": "diabetes",
    "tips": "tip",
    "wheat-seeds": "variety",
    "winequality-red": "quality",
}
"""Target of each table; the first four are scikit-learn's."""
ALPHAS = tuple(float(f"1e{power}") for power in range(-5, 2))
RULE = "recommended"
"""The rule that selects what is handed over; lines without it were measured with `best`."""
LEARNING, HELD_OUT = 1000, 0.2
"""The largest number of rows to learn from, and the least share of rows held out."""
Line = dict[str, Any]


@dataclass(frozen=True)
class Split:
    """Shuffled table with the job of `tune`, and the rows as scikit-learn takes them."""

    job: Any
    target: str
    x: np.ndarray
    y: np.ndarray
    x_test: Any
    y_test: np.ndarray


def read_table(name: str, data: Path) -> pd.DataFrame:
    """Return a table of scikit-learn, or that of a CSV file of a folder."""
    if (data / f"{name}.csv").is_file():
        from bridle.tables import read_file

        return read_file(data / f"{name}.csv").rows
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = bunch.frame.rename(columns=lambda column: column.replace(" ", "_"))
    if frame["target"].nunique() < 20:
        frame["target"] = bunch.target_names[frame["target"]]
    return frame


def draw_split(name: str, number: int, data: Path) -> Split:
    """Shuffle a table, hold rows out and prepare the study of `tune`."""
    from bridle.tuning import TableStudy, prepare_table

    target = TARGETS[name]
    frame = read_table(name, data).dropna(subset=[target])
    frame = frame.sample(frac=1, random_state=number).reset_index(drop=True)
    job = prepare_table(frame, TableStudy(target, test_share=max(HELD_OUT, 1 - LEARNING / len(frame))))
    rows = job.prepared.rows
    x_test, y_test = rows.held_out["test"][:2]
    x = rows.preprocessor.fit(rows.x).transform(rows.x)
    return Split(job, target, x, np.ravel(rows.y), x_test, np.ravel(y_test))


def grid_score(split: Split, cores: int) -> float:
    """Return the held-out score of the grid search of scikit-learn."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    network, name = MLPClassifier(random_state=0), "alpha"
    if split.job.problem.classes is None:
        network = TransformedTargetRegressor(MLPRegressor(random_state=0), transformer=StandardScaler())
        name = "regressor__alpha"
    validation = split.job.prepared.validation_indices
    folds = [(np.setdiff1d(np.arange(len(split.y)), rows), rows) for rows in validation]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = GridSearchCV(network, {name: ALPHAS}, cv=folds, n_jobs=cores).fit(split.x, split.y)
    features = split.job.prepared.rows.preprocessor.transform(split.x_test)
    return float(search.score(features, split.y_test))


def study_line(split: Split) -> Line:
    """Return held-out scores of the model of `tune`, of no penalty and of the best of each arm, and estimated gains.

    By cross-validation are `gain`, that of the selected arm, `gain of mean`, that of the mean of its seeds over that
    without a penalty, and `primary`, that of choosing among all candidates.
    """
    from sklearn.metrics import accuracy_score, r2_score

    from bridle._api import run_prepared
    from bridle.study import RunOptions, race_of
    from bridle.tuning._job import tuned

    race = race_of(split.job.prepared, None)
    answer = tuned(split.job, run_prepared(split.job.prepared, RunOptions(race=race, progress=False)))
    classes, predicted = split.job.problem.classes, answer.applied().predict(split.x_test)[split.target]
    if classes is None:
        score = r2_score(split.y_test, predicted)
    else:
        score = accuracy_score([str(classes[int(index)]) for index in split.y_test], predicted.astype(str))
    data, evidence = answer.result.data, answer.result.evidence
    assert data.seed_mean is not None
    held_out = data.seed_mean.held_out["test"]
    arms = {data.arms[arm].name: round(float(held_out[choice.best]), 5) for arm, choice in evidence.choices.items()}
    line: Line = {
        "rule": RULE,
        "score": round(float(score), 5),
        "none": arms.pop("none"),
        "best": round(float(held_out[evidence.choices[evidence.best_arm].best]), 5),
        "arm": answer.result.best().arm,
        "arms": arms,
    }
    if evidence.primary is not None:
        line["primary"] = round(evidence.primary.difference, 5)
    if evidence.winner:
        line["gain"] = round(evidence.gains[evidence.winner].difference, 5)
        means = [np.nanmean(data.seed_mean.scores[evidence.candidate(arm)]) for arm in (0, evidence.winner)]
        line["gain of mean"] = round(float(means[1] - means[0]), 5)
    return line


def main() -> None:
    """Run what is missing; each line is written when it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("tables"), help="folder of CSV files")
    parser.add_argument("--tables", nargs="+", default=list(TARGETS))
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--ways", nargs="+", default=["grid", "bridle"])
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=NUMBERS)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    lines = json.loads(options.out.read_text()) if options.out.is_file() else []
    if options.markdown:
        print(markdown(lines))
        return
    from bridle.tuning import NEWEST

    done = {(line["table"], line["split"], line["way"], *_version(line, NEWEST)) for line in lines}
    for number in range(options.splits):
        for name in options.tables:
            for way in options.ways:
                if (name, number, way, NEWEST, RULE) in done:
                    continue
                split = draw_split(name, number, options.data)
                began, cpu = perf_counter(), process_time()
                line: Line = {"table": name, "split": number, "way": way}
                if way == "grid":
                    line["score"] = grid_score(split, options.cores)
                else:
                    line |= {"defaults": NEWEST} | study_line(split)
                line |= {"seconds": round(perf_counter() - began, 2), "cpu": round(process_time() - cpu, 2)}
                line |= {"rows": len(split.y), "held out": len(split.y_test)}
                lines.append(line)
                print(line, flush=True)
                options.out.write_text("[\n" + ",\n".join(map(json.dumps, lines)) + "\n]\n")


def _version(line: Line, newest: int) -> tuple[int, str]:
    """Return the version of the defaults and the rule of a line; the newest for the grid search."""
    return (newest, RULE) if line["way"] == "grid" else (line["defaults"], line.get("rule", "best"))


def interval(difference: np.ndarray, held_out: float) -> float:
    """Return half the 95 % interval of the mean of differences of splits that share rows (Nadeau and Bengio 2003).

    `held_out` is the number of held-out rows over that of the rows to learn from.
    """
    count = len(difference)
    if count < 3:
        return float("nan")
    error = np.std(difference, ddof=1) * np.sqrt(1 / count + held_out)
    return float(error * stats.t.ppf(0.975, count - 1))


def paired(lines: list[Line]) -> pd.DataFrame:
    """Return one row for each table and split with all ways, of the newest defaults that it has."""
    frame = pd.DataFrame(lines)
    frame["is new"] = frame["rule"].notna() if "rule" in frame else False
    frame = frame.sort_values(["defaults", "is new"], kind="stable").groupby(["table", "split", "way"]).last()
    grid, tune = (frame.xs(way, level="way") for way in ("grid", "bridle"))
    return tune.join(grid[["score", "seconds", "cpu"]].add_suffix(" grid"), how="inner").reset_index()


def _with_interval(gain: np.ndarray, held_out: float, digits: int) -> str:
    """Return the mean of differences, with its interval if there are three of them."""
    half = interval(gain, held_out)
    mean = f"{round(float(gain.mean()), digits) + 0.0:+.{digits}f}"
    return f"{mean} ± {half:.{digits}f}" if np.isfinite(half) else mean


def markdown(lines: list[Line]) -> str:
    """Return the mean scores of each table and their paired differences in points, with 95 % intervals."""
    text = [
        "| table | rows | splits | grid search | no penalty | bridle tune | minus grid search | minus no penalty |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    frame, means = paired(lines), []
    for name in dict.fromkeys(line["table"] for line in lines):
        part = frame[frame["table"] == name]
        if not len(part):
            continue
        share = float((part["held out"] / part["rows"]).iloc[0])
        gains = [100 * (part["score"] - part[other]).to_numpy() for other in ("score grid", "none")]
        means.append([gain.mean() for gain in gains])
        shown = [f"{part[column].mean():.3f}" for column in ("score grid", "none", "score")]
        shown += [_with_interval(gain, share, 1) for gain in gains]
        text.append(f"| {' | '.join([name, str(part['rows'].iloc[0]), str(len(part)), *shown])} |")
    over = [_with_interval(np.array(gain), 0, 2) for gain in zip(*means, strict=True)]
    text.append(f"| {' | '.join(['mean over tables', '', str(len(frame)), '', '', '', *over])} |")
    return "\n".join(text)


if __name__ == "__main__":
    main()
