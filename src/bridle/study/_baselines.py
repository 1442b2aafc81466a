"""Baselines of a study: a constant, a linear model and gradient boosting, on the rows of each fold."""

import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from time import perf_counter
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from bridle._errors import raise_if_interrupted
from bridle.engine import Fold, blocks_of, is_stored, row_bytes, spread_out, take
from bridle.results import Baseline
from bridle.study._pooled import Scorer
from bridle.study._provenance import ABSOLUTES, LOG_LOSSES
from bridle.study.data._folds import RefitRows
from bridle.study.design._prepare import refit_rows
from bridle.study.design._prepared import Prepared

NAMES = (CONSTANT, LINEAR, BOOSTING) = ("constant", "linear model", "gradient boosting")
"""The baselines."""
MAX_SECONDS = 30.0
"""Time after which no further fit of a baseline begins, if the last one would not have ended in time."""
MIN_PARALLEL_ROWS = 10_000
"""Fewer training rows are fitted by one thread: several would mostly wait for each other."""
MIN_STOPPING_ROWS = 100
"""Gradient boosting stops early from this number of training rows on; below, a tenth of them is too few to decide.

On ten small tables this lowers the log loss (0.66 to 0.54 on pima) and lifts r2 (0.40 to 0.43 on diabetes).
"""
STOPPING_SHARE = 0.1
"""The share of training rows on which gradient boosting decides when to stop."""
MAX_ITERATIONS = 100
"""Iterations of gradient boosting."""
MAX_TREES = 1000
"""Trees of gradient boosting, which fits one for each of several classes in each iteration."""
SEVERAL_CLASSES = {"max_leaf_nodes": 15, "max_bins": 127, "n_iter_no_change": 5}
"""Options of gradient boosting for three and more classes: half the default leaves, bins and patience.

On eight tables with 3 to 10 classes, they take 0.53 of the time of the defaults; the mean accuracy is 0.718 instead of
0.715, the log loss 0.860 instead of 0.878.
"""
MAX_GCV_SIZE = 1000
"""The number of rows or of features up to which leave-one-out chooses the strength of ridge regression."""
RIDGE_STRENGTHS = np.logspace(-3, 3, 13)
"""Strengths of ridge regression that leave-one-out chooses from."""
MAX_STORED_BYTES = 2**25
"""Size of the training rows of a fold that baselines see where the rows are on disk."""
NUMBER_LOSSES = ("mse", "meansquarederror", "mae", "meanabsoluteerror", "huber", "logcosh")
"""Losses of targets of numbers."""
TINY = 1e-7
"""The smallest probability that becomes a logit, as in Keras."""


@dataclass(frozen=True)
class Task:
    """The kind of a prediction: classes or a number, and the form of the network's output."""

    classes: bool
    outputs: int
    from_logits: bool = False
    absolute: bool = False
    """True if the score is an absolute error, which a median and not a mean makes smallest."""
    scaled: bool = True
    """True if the linear model has to scale the features."""
    stops_early: bool = False
    """True if gradient boosting stops early, on training rows that it sets aside."""
    several: bool = False
    """True if there are several targets, each with a model of its own; `outputs` are those of one."""


@dataclass(frozen=True)
class Side:
    """Rows of one side of a fold as arrays: features, classes or numbers of one target or several, weights."""

    x: Float[np.ndarray, "row feature"]
    y: Int[np.ndarray, "row ..."] | Float[np.ndarray, "row ..."]
    weight: Float[np.ndarray, "row"] | None


def fit_baselines(
    prepared: Prepared, *, max_seconds: float = MAX_SECONDS, flat: bool = False, several: bool = False
) -> tuple[Baseline, ...]:
    """Train a constant, a linear model and gradient boosting on every fold, and score them as the network is scored.

    They see the rows, features and weights that the network trains on, after the preparation of each fold, and are
    scored on the same validation rows by the same measure, in the same units. Where there are held-out rows, they are
    trained once more on all other rows.

    Args:
        prepared: the study.
        max_seconds: time limit; folds that it leaves out have the score NaN, and `text` says so.
        flat: True if rows may have steps; each is then one row of the features of all its steps.
        several: True if y may have several columns, the targets; each then has models of its own.

    Returns: the baselines; none for rows that are no table of numbers, and for several outputs.

    """
    task = find_task(prepared, flat=flat) or (find_tasks(prepared) if several else None)
    if task is None:
        return ()
    task = replace(task, stops_early=_enough_to_stop(prepared, task))
    scorer, end = RefitScorer(prepared), perf_counter() + max_seconds
    threads = threadpool_limits(1) if prepared.folds[0].train < MIN_PARALLEL_ROWS else nullcontext()
    with threads:
        return tuple(_fit_baseline(scorer, task, name, end) for name in NAMES)


def find_task(prepared: Prepared, *, flat: bool = False) -> Task | None:
    """Return the task of a study if the baselines can do it, else None; rows have steps only with `flat`."""
    fold, program = prepared.folds[0], prepared.engine.program
    loss = prepared.preparer.loss.lower().replace("_", "")
    leaves = jax.tree.leaves(fold.rows.x), jax.tree.leaves(fold.rows.y), jax.tree.leaves(fold.rows.weight)
    if (
        program.has_own_loss
        or any(len(part) > 1 for part in leaves)
        or leaves[0][0].ndim not in ((2, 3) if flat else (2,))
    ):
        return None
    weights = [leaf for fold in prepared.folds for leaf in jax.tree.leaves(_training_weights(fold))]
    if any(weight.ndim > 1 or not weight.sum() > 0 for weight in weights):
        return None
    y, outputs = np.asarray(leaves[1][0]), prepared.preparer.outputs
    width = outputs[-1] if len(outputs) == 2 else None
    scaled = prepared.rows.preprocessor is None
    if loss in LOG_LOSSES and width is not None and (y.size == len(y) or (width == y.shape[-1] and width > 1)):
        if not np.array_equal(y, np.round(y)) or (loss == "binarycrossentropy" and width > 1):
            return None
        return Task(True, width, bool(getattr(program.model.loss, "from_logits", False)), scaled=scaled)
    if loss in NUMBER_LOSSES and y.size == len(y) and width == 1:
        return Task(False, 1, absolute=_is_absolute(prepared, loss), scaled=scaled)
    return None


def find_tasks(prepared: Prepared) -> Task | None:
    """Return the task of each of several targets, the columns of y, if the baselines can do it, else None."""
    rows, outputs = prepared.folds[0].rows, prepared.preparer.outputs
    x, y, weight = (jax.tree.leaves(part) for part in (rows.x, rows.y, rows.weight))
    program = prepared.engine.program
    if program.has_own_loss or len(x) != 1 or x[0].ndim != 2 or len(y) != 1 or any(leaf.ndim > 1 for leaf in weight):
        return None
    loss, targets = prepared.preparer.loss.lower().replace("_", ""), np.shape(y[0])[1:]
    options: dict[str, Any] = {"scaled": prepared.rows.preprocessor is None, "several": True}
    if loss in NUMBER_LOSSES and targets == outputs[1:]:
        return Task(False, 1, absolute=_is_absolute(prepared, loss), **options)
    options["from_logits"] = bool(getattr(program.model.loss, "from_logits", False))
    if loss == "binarycrossentropy" and targets == outputs[1:] and np.isin(y[0], (0, 1)).all():
        return Task(True, 1, **options)
    if loss == "sparsecategoricalcrossentropy" and len(outputs) == 3 and targets == outputs[1:2]:
        return Task(True, int(outputs[2] or 0), **options)
    return None


def _is_absolute(prepared: Prepared, loss: str) -> bool:
    """Return True if the score is an absolute error."""
    measure = loss if prepared.score.measure == "loss" else prepared.score.measure
    return measure in (*ABSOLUTES, "meanabsoluteerror")


class RefitScorer(Scorer):
    """The score of a study on every fold and on held-out rows."""

    @cached_property
    def refit(self) -> tuple[RefitRows, float]:
        """All rows with the held-out ones, and the factor of their score; the study itself does not change."""
        prepared = replace(self.prepared, preparer=replace(self.prepared.preparer, final=[]))
        rows = refit_rows(prepared)
        return rows, float(prepared.units.factors[-1, self.column])

    def held_out(self, predict_rows: Callable[[Any, int, int], np.ndarray]) -> dict[str, float]:
        """Return the score on each part of the held-out rows."""
        rows, factor = self.refit
        return {
            part: factor * self.score(side.y, (predict_rows(side.x, 0, len(side.x)),), side.weight)
            for part, side in rows.held_out.items()
        }


def _training_weights(fold: Fold) -> Any:
    return jax.tree.map(lambda leaf: np.asarray(leaf)[: fold.train], fold.rows.weight)


def _fit_baseline(scorer: RefitScorer, task: Task, name: str, end: float) -> Baseline:
    """Return the scores of one baseline on every fold and on held-out rows, as far as the time allows."""
    prepared, predictions, slowest = scorer.prepared, [], 0.0
    for fold in prepared.folds:
        raise_if_interrupted()
        began = perf_counter()
        if began + slowest > end and name != CONSTANT:
            break
        model = fit_model(name, task, _side(task, fold))
        predictions.append((predict_side(model, task, fold.rows.x, fold.cuts[-1], len(fold.rows.x)),))
        slowest = max(slowest, perf_counter() - began)
    missing, text, held_out = len(prepared.folds) - len(predictions), _describe(name, task), {}
    if name != CONSTANT and (count := _rows_on_disk(prepared.folds[0])):
        text += f"; trained on {count:,} of {prepared.folds[0].train:,} rows of a fold, which are on disk"
    is_late = perf_counter() + slowest > end and name != CONSTANT
    if missing or (is_late and prepared.rows.held_out):
        what = f"{missing} of {len(prepared.folds)} folds" if missing else "the held-out rows"
        text += f"; the time limit left out {what}"
        held_out = dict.fromkeys(prepared.rows.held_out, float("nan"))
    elif prepared.rows.held_out:
        rows = scorer.refit[0].fold
        model = fit_model(name, task, _side(task, rows))
        held_out = scorer.held_out(partial(predict_side, model, task))
    return Baseline(name, text, scorer.folds(predictions), held_out)


def _rows_on_disk(fold: Fold) -> int:
    """Return the number of training rows of a fold that are used if they are on disk; 0 if all are in memory."""
    return min(fold.train, max(1, MAX_STORED_BYTES // row_bytes(fold.rows.x))) if fold.is_stored else 0


def _side(task: Task, fold: Fold) -> Side:
    """Return the training rows of a fold; if they are on disk, as many evenly spaced ones as fit in memory."""
    rows, count = fold.rows, _rows_on_disk(fold)
    used = spread_out(fold.train, count) if count else slice(fold.train)
    x = take(rows.x, used) if isinstance(used, np.ndarray) else np.asarray(rows.x)[used]
    y, weight = (None if leaf is None else np.asarray(leaf)[used] for leaf in (rows.y, rows.weight))
    labels = np.asarray(y)
    if not task.several:
        labels = labels.argmax(axis=1) if task.classes and labels.size > len(labels) else labels.reshape(-1)
    return Side(_flat(x), labels.astype(int) if task.classes else labels.astype(float), weight)


def _flat(x: Any) -> Float[np.ndarray, "row feature"]:
    """Return the features of all steps of a row side by side."""
    x = np.asarray(x, float)
    return x.reshape(len(x), -1)


def fit_model(name: str, task: Task, side: Side) -> Any:
    """Return a fitted scikit-learn model; for several targets a list of them."""
    if task.several:
        return [fit_model(name, replace(task, several=False), replace(side, y=column)) for column in side.y.T]
    model = make_model(name, task, side)
    weights = {} if side.weight is None else {"sample_weight": np.asarray(side.weight, float)}
    if hasattr(model, "steps"):
        weights = {f"{model.steps[-1][0]}__{key}": value for key, value in weights.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a linear model that has not converged is a baseline all the same
        return model.fit(side.x, side.y, **weights)


def make_model(name: str, task: Task, side: Side) -> Any:
    """Return an unfitted scikit-learn model: a constant, a linear model, or gradient boosting."""
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if name == CONSTANT or (task.classes and len(np.unique(side.y)) == 1):
        average = "median" if task.absolute else "mean"
        return DummyClassifier(strategy="prior") if task.classes else DummyRegressor(strategy=average)
    if name == LINEAR:
        ridge = RidgeCV(RIDGE_STRENGTHS) if min(side.x.shape) <= MAX_GCV_SIZE else Ridge()
        model = LogisticRegression(max_iter=500) if task.classes else ridge
        return make_pipeline(StandardScaler(), model) if task.scaled else model
    options = _boosting_options(task, side)
    if task.classes:
        return HistGradientBoostingClassifier(random_state=0, **options)
    loss = "absolute_error" if task.absolute else "squared_error"
    return HistGradientBoostingRegressor(loss=loss, random_state=0, **options)


def _boosting_options(task: Task, side: Side) -> Mapping[str, Any]:
    """Return the size of the trees of gradient boosting, and when it ends: after at most 100 iterations."""
    classes = len(np.unique(side.y)) if task.classes else 1
    iterations = max(10, min(MAX_ITERATIONS, MAX_TREES // (classes if classes > 2 else 1)))
    ends = {"early_stopping": task.stops_early, "validation_fraction": STOPPING_SHARE, "max_iter": iterations}
    return ends | SEVERAL_CLASSES if classes > 2 else ends


def _enough_to_stop(prepared: Prepared, task: Task) -> bool:
    """Return True if the smallest training rows can spare some of each class, so that every fit does the same."""
    sides = [_side(task, fold) for fold in prepared.folds]
    columns = [column for side in sides for column in side.y.reshape(len(side.y), -1).T]
    counts = [np.unique(y, return_counts=True)[1] if task.classes else np.full(1, len(y)) for y in columns]
    rows = min(len(side.y) for side in sides)
    rarest, classes = min(int(count.min()) for count in counts), max(len(count) for count in counts)
    return rows >= MIN_STOPPING_ROWS and rarest > 1 and STOPPING_SHARE * rows >= classes


def predict_side(model: Any, task: Task, x: Any, begin: int, end: int) -> Float[np.ndarray, "row ..."]:
    """Return predictions for some rows of x, which may be on disk."""
    if not is_stored(x):
        return predict(model, task, _flat(np.asarray(x)[begin:end]))
    return np.concatenate([predict(model, task, _flat(block)) for block in blocks_of(x, begin, end)])


def predict(model: Any, task: Task, x: np.ndarray) -> Float[np.ndarray, "row ..."]:
    """Return predictions in the form of the network's output: numbers, probabilities, or their logits."""
    if task.several:
        parts = [predict(one, replace(task, several=False), x) for one in model]
        return np.concatenate(parts, axis=1) if task.outputs == 1 else np.stack(parts, axis=1)
    if not task.classes:
        return np.asarray(model.predict(x), np.float32).reshape(-1, 1)
    shares = np.zeros((len(x), max(task.outputs, 2)))
    shares[:, model.classes_] = model.predict_proba(x)
    return _as_output(shares, task)


def _as_output(shares: Float[np.ndarray, "row class"], task: Task) -> Float[np.ndarray, "row output"]:
    """Return probabilities of classes in the form of the network's output."""
    logs = np.log(np.clip(shares, TINY, None))
    if task.outputs == 1:
        return (logs[:, 1:] - logs[:, :1] if task.from_logits else shares[:, 1:]).astype(np.float32)
    return (logs if task.from_logits else shares).astype(np.float32)


def score_predictions(
    prepared: Prepared, label: str, text: str, values: Float[np.ndarray, "row"], held_out: Mapping[str, np.ndarray]
) -> Baseline:
    """Return the scores of predictions that need no training, such as naive forecasts, as those of a baseline.

    Args:
        prepared: the study.
        label, text: the name of the model, and the model in words.
        values: the prediction of each row: a number in the units of the target, or the index of a class.
        held_out: likewise for each part of the held-out rows.

    """
    task, scorer = find_task(prepared, flat=True), RefitScorer(prepared)
    if task is None:
        return Baseline(label, text, np.full(len(prepared.folds), np.nan))
    pairs = zip(prepared.validation_indices, prepared.targets, strict=True)
    scores = scorer.folds([(_given(values[rows], task, target),) for rows, target in pairs])
    rows, factor = scorer.refit
    target = prepared.preparer.fitted(None)[1]
    parts = {
        part: factor * scorer.score(side.y, (_given(held_out[part], task, target),), side.weight)
        for part, side in rows.held_out.items()
    }
    return Baseline(label, text, scores, parts)


def _given(values: np.ndarray, task: Task, target: Any) -> Float[np.ndarray, "row output"]:
    """Return predictions in the form of the network's output, in the units that it sees."""
    if task.classes:
        return _as_output(np.eye(max(task.outputs, 2))[values.astype(int)], task)
    column = np.asarray(values, float).reshape(-1, 1)
    return np.asarray(column if target is None else target.transform(column), np.float32)


def _describe(name: str, task: Task) -> str:
    """Return a baseline in words."""
    if task.several:
        return f"{_describe(name, replace(task, several=False))}, for each target"
    if name == CONSTANT:
        numbers = "the median" if task.absolute else "the mean"
        return f"{'the shares of the classes' if task.classes else numbers} for every row"
    if name == LINEAR:
        return "logistic regression with C = 1" if task.classes else "ridge regression, strength by leave-one-out"
    return f"scikit-learn's HistGradientBoosting{'Classifier' if task.classes else 'Regressor'}"
