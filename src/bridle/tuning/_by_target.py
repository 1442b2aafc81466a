"""Scores of single targets of a table with several: accuracies or r2, out of fold and on held-out rows."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped
from sklearn.metrics import r2_score

from bridle._api import Result
from bridle.report import Sheet
from bridle.study.design import Prepared
from bridle.tables import Problem, decode_target
from bridle.tuning._applied import Applied, prediction_columns
from bridle.tuning._scale import Scale

DECIMALS = 3
"""Decimals of an accuracy or an r2."""


def score_targets(problem: Problem, prepared: Prepared, result: Result, applied: Applied) -> pd.DataFrame | None:
    """Return the score of each of several targets; None for one target.

    Columns: `target`; `score`, accuracy or r2; `no penalty` and `selected`, out of fold, by the mean over seeds of
    networks that did not train on a row; and for held-out rows, by the model that is handed over, their name. Each row
    counts once. NaN out of fold where the predictions are not stored, as for more than 32 outputs.
    """
    if not problem.targets:
        return None
    y, predicted = np.asarray(prepared.rows.y), result.data.validation_predictions
    winner = result.evidence.winner
    candidates = {"no penalty": 0, "selected": 0 if winner is None else result.evidence.candidate(winner)}
    columns = {name: _out_of_fold(problem, predicted.get(index), y) for name, index in candidates.items()}
    for name, (x, target, *_) in prepared.rows.held_out.items():
        columns[name] = _scores(problem, applied.predict(x), np.asarray(target))
    measure = "accuracy" if problem.parts else "r2"
    return pd.DataFrame({"target": problem.targets, "score": measure, **columns})


def targets_sheet(scores: pd.DataFrame | None) -> tuple[Sheet, ...]:
    """Return the scores of single targets as a table of a report; nothing for one target."""
    if scores is None:
        return ()
    caption = (
        f"{scores['score'].iloc[0].capitalize()} of each target: out of fold without a penalty and with the selected "
        "one, by the mean over seeds, and on held-out rows by the final model"
    )
    return (Sheet(caption, tuple(scores.columns), tuple(map(tuple, target_rows(scores)))),)


def target_rows(scores: pd.DataFrame) -> list[list[str]]:
    """Return the cells of the table of single targets as text.

    >>> target_rows(pd.DataFrame({"target": ["a"], "score": ["r2"], "selected": [0.5], "test": [float("nan")]}))
    [['a', 'r2', '0.500', '']]
    """
    return [[_text(value) for value in row] for row in scores.itertuples(index=False)]


def _text(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return "" if np.isnan(value) else f"{value:.{DECIMALS}f}"


def _out_of_fold(
    problem: Problem, predictions: Float[np.ndarray, "row ..."] | None, y: Shaped[np.ndarray, "row target"]
) -> Sequence[float]:
    """Return the score of each target over the rows that folds validate; NaN without predictions."""
    if predictions is None:
        return [np.nan] * len(problem.targets)
    y = y[: len(predictions)]  # later rows are validated in no fold
    known = np.isfinite(predictions).reshape(len(predictions), -1).all(axis=1)
    return _scores(problem, prediction_columns(problem, Scale(), predictions[known]), y[known])


def _scores(
    problem: Problem, predicted: Mapping[str, np.ndarray] | pd.DataFrame, y: Shaped[np.ndarray, "row target"]
) -> list[float]:
    """Return the accuracy or r2 of each target."""
    if not problem.parts:
        return [float(r2_score(y[:, n], predicted[name])) for n, name in enumerate(problem.targets)]
    labels = [decode_target(part, y[:, n]) for n, part in enumerate(problem.parts)]
    pairs = zip(problem.targets, labels, strict=True)
    return [float(np.mean(np.asarray(predicted[name]) == truth)) for name, truth in pairs]
