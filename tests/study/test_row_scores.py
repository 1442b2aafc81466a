"""Scores of single rows: a row's own loss or hit for means, its influence for other measures."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.metrics import log_loss, r2_score, roc_auc_score
from sklearn.model_selection import KFold, RepeatedKFold
from sklearn.preprocessing import StandardScaler
from tests._same import equal
from tests.conftest import network

from bridle import L2, EarlyStopping
from bridle._keras import detach_masks, make_program, read_blueprint
from bridle.engine import Programs, run_fits
from bridle.results import ALL_ROWS, StudyResult
from bridle.study import RunOptions, run_study
from bridle.study._row_scores import collect_row_scores
from bridle.study.data import Rows
from bridle.study.design import Question, prepare
from bridle.study.design import _row_scores as design
from bridle.study.design._prepare import refit_rows
from bridle.study.execution import study_facts
from bridle.study.execution._facts import fits_of
from bridle.study.execution._requests import RowSet, from_record, make_request, to_record

L, M = keras.layers, keras.metrics
RNG = np.random.default_rng(0)
ROWS = 40
X = RNG.normal(size=(ROWS, 2)).astype("float32")
Y = (X[:, 0] + RNG.normal(size=ROWS) > 0).astype("float32")[:, None]
SHARES = np.clip(0.3 + 0.4 * Y + RNG.normal(scale=0.2, size=(ROWS, 1)), 0.01, 0.99).astype("float32")
NUMBERS = (2 + Y + RNG.normal(size=(ROWS, 1))).astype("float32")
GUESSES = (NUMBERS + RNG.normal(size=(ROWS, 1))).astype("float32")
WEIGHT = RNG.uniform(0.5, 2.0, ROWS).astype("float32")


def model_of(loss: str, **metrics: list) -> keras.Model:
    model = keras.Sequential([keras.Input((2,)), L.Dense(1, "sigmoid" if "entropy" in loss else None)])
    model.compile("sgd", loss, **metrics)
    return model


def scores_of(model: keras.Model, name: str, y: np.ndarray, predictions: np.ndarray, weight=None) -> np.ndarray:
    """Return the row scores of some predictions."""
    program = make_program(read_blueprint(model), X, y, weight)
    return np.asarray(design.row_scorer(program, name)(y, detach_masks(ops.convert_to_tensor(predictions)), weight))


def influence(score: Callable[[np.ndarray], float], weight: np.ndarray) -> np.ndarray:
    """Return s + W ∂s/∂wᵢ by central differences."""
    step, slopes = 1e-4, []
    for row in range(len(weight)):
        moved = [weight + sign * step * (np.arange(len(weight)) == row) for sign in (1, -1)]
        slopes.append((score(moved[0]) - score(moved[1])) / (2 * step))
    return score(weight) + weight.sum() * np.array(slopes)


def test_a_row_of_a_mean_has_its_own_loss_or_hit() -> None:
    """Log loss by row, and 1 for a hit, against NumPy."""
    model = model_of("binary_crossentropy", metrics=["accuracy"])
    losses = -np.log(np.where(Y > 0, SHARES, 1 - SHARES))[:, 0]
    np.testing.assert_allclose(scores_of(model, "loss", Y, SHARES), losses, rtol=1e-4, atol=1e-5)
    hits = (SHARES > 0.5) == (Y > 0)
    np.testing.assert_allclose(scores_of(model, "accuracy", Y, SHARES), hits[:, 0], atol=1e-6)


def test_rows_of_a_constant_have_a_score() -> None:
    """The r² of the mean is 0, and so is every influence on it, up to rounding."""
    model = model_of("mse", metrics=[M.R2Score(name="r2")])
    centred = NUMBERS - NUMBERS.mean()
    np.testing.assert_allclose(scores_of(model, "r2", centred, np.zeros_like(centred)), np.zeros(ROWS), atol=1e-6)


def test_the_weighted_mean_of_row_scores_is_the_weighted_score() -> None:
    """Keras's loss grows with the weights, a weighted metric does not, a plain metric ignores them."""
    model = model_of("binary_crossentropy", metrics=["accuracy"], weighted_metrics=[M.AUC(name="auc")])
    losses = -np.log(np.where(Y > 0, SHARES, 1 - SHARES))[:, 0]
    got = scores_of(model, "loss", Y, SHARES, WEIGHT)
    np.testing.assert_allclose(got, losses * WEIGHT.mean(), rtol=1e-4, atol=1e-5)
    total = log_loss(Y[:, 0], SHARES[:, 0], sample_weight=WEIGHT, normalize=False) / ROWS
    assert np.average(got, weights=WEIGHT) == pytest.approx(total, rel=1e-4)
    hits = (SHARES > 0.5) == (Y > 0)
    np.testing.assert_allclose(scores_of(model, "accuracy", Y, SHARES, WEIGHT), hits[:, 0], atol=1e-6)
    metric = M.AUC()
    metric.update_state(Y, SHARES, WEIGHT)
    mean = np.average(scores_of(model, "auc", Y, SHARES, WEIGHT), weights=WEIGHT)
    assert mean == pytest.approx(float(metric.result()), rel=1e-4)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_other_measures_have_the_influence_of_each_row(weight: np.ndarray | None) -> None:
    """R² of scikit-learn and the root mean squared error of NumPy, by finite differences."""
    kind = "metrics" if weight is None else "weighted_metrics"
    model = model_of("mse", **{kind: [M.R2Score(name="r2"), M.RootMeanSquaredError(name="rmse")]})
    given = np.ones(ROWS) if weight is None else weight.astype(float)
    y, guesses = NUMBERS.astype(float), GUESSES.astype(float)
    expected = influence(lambda w: r2_score(y, guesses, sample_weight=w), given)
    np.testing.assert_allclose(scores_of(model, "r2", NUMBERS, GUESSES, weight), expected, rtol=1e-3, atol=1e-3)
    expected = influence(lambda w: np.sqrt(np.average((y - guesses)[:, 0] ** 2, weights=w)), given)
    np.testing.assert_allclose(scores_of(model, "rmse", NUMBERS, GUESSES, weight), expected, rtol=1e-3, atol=1e-3)


def test_rows_of_an_area_under_the_curve_have_their_influence() -> None:
    """That of scikit-learn, where Keras's thresholds tell predictions apart."""
    shares = ((SHARES.argsort(axis=0).argsort(axis=0) + 1) / (ROWS + 1)).astype("float32")
    model = model_of("binary_crossentropy", metrics=[M.AUC(num_thresholds=5000, name="auc")])
    expected = influence(lambda w: roc_auc_score(Y[:, 0], shares[:, 0], sample_weight=w), np.ones(ROWS))
    np.testing.assert_allclose(scores_of(model, "auc", Y, shares), expected, atol=2e-3)


class _Squared(M.MeanSquaredError):
    """A measure that grows with the square of the weights."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        weight = 1.0 if sample_weight is None else ops.reshape(sample_weight, (-1, 1))
        self.total.assign(ops.sum(weight * ops.square(y_true - y_pred)) ** 2)
        self.count.assign(1.0)


class _Loop(M.MeanSquaredError):
    """A measure with a loop, which has no gradient."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        weight = ops.ones(len(y_true)) if sample_weight is None else sample_weight
        self.total.assign(ops.while_loop(lambda total: total < 1.0, lambda total: total + ops.sum(weight), 0.0))
        self.count.assign(1.0)


@pytest.mark.parametrize("kind", [_Squared, _Loop])
def test_measures_without_row_scores_give_none(kind: type) -> None:
    """They are NaN, not an error."""
    model = model_of("mse", metrics=[kind(name="own")])
    assert np.isnan(scores_of(model, "own", NUMBERS, GUESSES)).all()


def test_rows_of_sequences_count_as_a_whole() -> None:
    """Padded steps do not count; the mean over rows is Keras's loss over the real steps."""
    steps = np.arange(5) < RNG.integers(1, 6, ROWS)[:, None]
    tokens = np.where(steps, RNG.integers(1, 4, steps.shape), 0)
    keras.utils.set_random_seed(0)
    layers = [L.Embedding(4, 3, mask_zero=True), L.Dense(4, "softmax")]
    model = keras.Sequential([keras.Input((5,), dtype="int32"), *layers])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    program = make_program(read_blueprint(model), tokens, tokens)
    outputs = detach_masks(model(tokens))
    shares = np.asarray(outputs.values)
    losses = np.where(steps, -np.log(np.take_along_axis(shares, tokens[..., None], axis=2)[..., 0]), 0)
    got = design.row_scorer(program, "loss")(tokens, outputs, None)
    np.testing.assert_allclose(got, losses.sum(axis=1) * ROWS / steps.sum(), rtol=1e-3)
    accuracy = design.row_scorer(program, "accuracy")(tokens, outputs, None)
    assert np.mean(accuracy) == pytest.approx((shares.argmax(axis=2) == tokens)[steps].mean(), rel=1e-4)


def question(model: keras.Model | None = None, seeds: int = 2, **options: object) -> Question:
    settings = {"folds": KFold(3, shuffle=True, random_state=2), "epochs": 4, "batch_size": 16} | options
    return Question(model or network(), {"L2": {"*/kernel": L2([0.01])}}, seeds, **settings)


def ran(moons, asked: Question, options: RunOptions | None = None, **rows: object) -> StudyResult:
    x, y = moons
    return run_study(prepare(asked, Rows(x, rows.pop("y", y), **rows)), options or RunOptions(refit=False))[0]


def check_means(result: StudyResult) -> None:
    """Each fit has row scores, whose weighted mean is its score."""
    rows = result.row_scores
    assert rows is not None
    weights = rows.weights[folds(result)]
    means = np.nansum(rows.values * weights, axis=1) / weights.sum(axis=1)
    last = result.quantity(f"validation/{result.score.name}")[:, -1]
    inside = result.members.fold != ALL_ROWS
    np.testing.assert_allclose(means[inside], last[inside], rtol=1e-4, atol=1e-6)
    assert np.isnan(rows.values[~inside]).all()


def folds(result: StudyResult) -> np.ndarray:
    return np.maximum(result.members.fold, 0)


CASES = {
    "accuracy": {},
    "loss": {"score": "loss"},
    "best weights restored": {
        "score": "loss",
        "epochs": 9,
        "early_stopping": EarlyStopping(patience=2),
        "model": lambda: network(optimizer=keras.optimizers.Adam(0.5)),
    },
    "averaged weights": {"score": "loss", "model": lambda: network(optimizer=keras.optimizers.Adam(use_ema=True))},
    "warm start": {"score": "loss", "warm_start": "decreasing"},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_fit_of_a_study_has_the_scores_of_its_rows(moons, case: dict) -> None:
    """The same measure as the fit's score, of the same weights; refits have none."""
    options = dict(case)
    model = options.pop("model", network)()
    result = ran(moons, question(model, **options), RunOptions(refit=True))
    check_means(result)
    if "early_stopping" in case:
        assert (result.members.kept < result.members.epochs).any()
    splits = KFold(3, shuffle=True, random_state=2).split(moons[0])
    assert all(np.array_equal(rows, split) for rows, (_, split) in zip(result.row_scores.rows, splits, strict=True))


def test_side_by_side_and_one_by_one_give_the_same(moons) -> None:
    alone, many = (ran(moons, question(score="loss"), RunOptions(refit=False, width=width)) for width in (None, 4))
    np.testing.assert_allclose(alone.row_scores.values, many.row_scores.values, rtol=1e-4)


class _Eager(keras.Model):
    """A model that looks at a value in Python."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = L.Dense(3, name="hidden"), L.Dense(1, "sigmoid")

    def call(self, x):
        return self.out(self.hidden(x) * (1.0 if float(ops.max(x)) > -1e9 else 2.0))


def _eager() -> keras.Model:
    model = _Eager()
    model(np.ones((2, 2), "float32"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
    return model


def test_models_that_cannot_be_traced_have_row_scores(moons) -> None:
    x, y = moons
    result = ran((x[:24], y[:24]), question(_eager, seeds=1, epochs=1, folds=2))
    assert result.provenance["compilations"] == 0
    check_means(result)


def test_a_prepared_target_gives_scores_in_the_units_of_the_study() -> None:
    """The mean squared error and its row scores are in the units of the target as it was given."""
    model = model_of("mse", metrics=["mse"])
    asked = question(model, score="mse")
    result = ran((X, None), asked, y=100 * NUMBERS, target_preprocessor=StandardScaler(), sample_weight=WEIGHT)
    check_means(result)
    assert result.row_scores.weights[0, 0] == 1  # a plain metric has no weights
    assert np.nanmedian(result.row_scores.values) > 100
    weighted = ran((X, None), question(model, score="loss"), y=NUMBERS, sample_weight=WEIGHT)
    check_means(weighted)
    first = weighted.row_scores.rows[0, 0]
    assert weighted.row_scores.weights[0, 0] == WEIGHT[first]


def test_a_pooled_score_has_rows_with_respect_to_all_rows(moons) -> None:
    """Their mean over the rows of all folds is the score over all rows."""
    model = network()
    model.compile("adam", "binary_crossentropy", metrics=[M.AUC(name="auc")])
    x, y = moons
    result = ran(moons, question(model, score="pooled:auc", seeds=1))
    prepared = prepare(question(model, score="pooled:auc", seeds=1), Rows(x, y))
    row_set, predictions = RowSet(prepared.folds, {}), {}
    fits = fits_of(prepared, [[make_request(np.zeros(1), None, 0, fold)] for fold in range(3)], row_set)
    run_fits(
        prepared.engine.training,
        fits,
        held_out={},
        deliver=lambda fit, outcome: predictions.update({fit.fold: outcome.predictions[0]}),
        watch=lambda progress: None,
    )
    metric = M.AUC()
    rows = np.concatenate(prepared.validation_indices)
    metric.update_state(y[rows].reshape(-1, 1), np.concatenate([predictions[fold] for fold in range(3)]))
    assert result.row_table()[0, 0].mean() == pytest.approx(float(metric.result()), rel=1e-4)


def test_the_table_of_rows_averages_repeated_folds(moons) -> None:
    """By candidate, seed and row; a fit that is missing leaves NaN or the other repeat."""
    result = ran(moons, question(score="loss", seeds=[3, 5], folds=RepeatedKFold(n_splits=3, n_repeats=2)))
    table, rows, members = result.row_table(), result.row_scores, result.members
    assert table.shape == (2, 2, 60)
    assert np.isfinite(table).all()
    fits = [member for member in range(len(members)) if members.setting[member] == 1 and members.seed[member] == 5]
    own = [rows.values[fit][rows.rows[members.fold[fit]] == 7] for fit in fits]
    assert table[1, 1, 7] == pytest.approx(np.concatenate(own).mean(), rel=1e-6)
    values = rows.values.copy()
    values[fits[0]] = np.nan
    fewer = replace(result, row_scores=replace(rows, values=values)).row_table()
    assert np.isfinite(fewer).all()
    values[fits] = np.nan
    assert np.isnan(replace(result, row_scores=replace(rows, values=values)).row_table()[1, 1]).all()
    assert replace(result, row_scores=None).row_table().shape == (2, 2, 0)


def _two_outputs() -> keras.Model:
    inputs = keras.Input((2,))
    model = keras.Model(inputs, [L.Dense(1, name="a")(inputs), L.Dense(1, name="b")(inputs)])
    model.compile("sgd", "mse")
    return model


class _OwnLoss(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(ops.square(y - y_pred))


def _own_loss() -> keras.Model:
    inputs = keras.Input((2,))
    model = _OwnLoss(inputs, L.Dense(1)(inputs))
    model.compile("sgd")
    return model


class _Ignoring(M.MeanSquaredError):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, y_pred)


def _ignoring() -> keras.Model:
    return model_of("mse", metrics=[_Ignoring(name="own")])


@pytest.mark.parametrize(
    ("build", "targets", "reason"),
    [
        (_two_outputs, 2, "several outputs"),
        (_own_loss, 1, "its own loss"),
        (_ignoring, 1, "no gradient with respect to sample weights"),
    ],
)
def test_studies_without_row_scores_say_why(build: Callable, targets: int, reason: str) -> None:
    """The result has none, and its provenance has the reason."""
    y = NUMBERS if targets == 1 else (NUMBERS, NUMBERS)
    asked = question(build(), seeds=1, epochs=1, score="min:own" if build is _ignoring else "loss")
    result = ran((X, None), asked, y=y)
    assert result.row_scores is None
    assert reason in result.provenance["row scores"]


def test_many_rows_have_no_row_scores_and_no_predictions(moons, monkeypatch) -> None:
    """Each has a limit of memory of its own."""
    monkeypatch.setattr(design, "MAX_PREDICTION_BYTES", 0)
    x, y = moons
    prepared = prepare(question(), Rows(x, y))
    assert prepared.engine.objective.score_rows is not None
    assert not prepared.engine.recipe.row_predictions
    check_means(run_study(prepared, RunOptions(refit=False))[0])
    monkeypatch.setattr(design, "MAX_ROW_SCORE_BYTES", 4 * 12 * 20 - 1)
    result = ran(moons, question())
    assert result.row_scores is None
    assert result.provenance["row scores"].startswith("none: 12 fits would take")


def test_programs_and_facts_are_those_of_a_study_without_row_scores(moons) -> None:
    """So that the fits of older folders are found again: the program of row scores is no part of a key."""
    x, y = moons
    prepared = prepare(question(), Rows(x, y))
    bare = prepare(question(), Rows(x, y))
    bare.engine.objective = replace(bare.engine.objective, score_rows=None)
    programs = [study.engine.programs(study.folds[0], {}) for study in (prepared, bare)]
    assert programs[0].identity == programs[1].identity
    assert (programs[0].trace_rows is None, programs[1].trace_rows is None) == (False, True)
    assert study_facts(prepared, False, None) == study_facts(bare, False, None)


def test_one_program_is_traced_at_a_time(moons) -> None:
    """A trace replaces methods of layers, which threads that compile other shapes of rows share."""
    x, y = moons
    prepared = prepare(question(), Rows(x, y))
    programs = [prepared.engine.programs(fold, {}) for fold in (prepared.folds[0], refit_rows(prepared).fold)]
    ready, tracing, overlaps = threading.Barrier(4), [], []

    def watched(trace: Callable[[], Callable]) -> Callable[[], Callable]:
        def run() -> Callable:
            tracing.append(1)
            time.sleep(0.2)
            overlaps.append(len(tracing))
            tracing.pop()
            return trace()

        return run

    for each in programs:
        each.trace_rows = watched(each.trace_rows or (lambda: programs[0].read))

    def compile_one(each: Programs) -> None:
        ready.wait()
        each.compile()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(compile_one, programs * 2))
    assert overlaps == [1, 1]


def test_row_scores_are_stored_with_the_fits(moons, tmp_path) -> None:
    """A study that is run again has the same row scores, without training; a record keeps predictions."""
    options = RunOptions(refit=False, store=tmp_path)
    first, again = (ran(moons, question(score="loss"), options) for _ in range(2))
    assert again.provenance["compilations"] == 0
    assert equal(first.row_scores, again.row_scores)
    assert first.row_scores is not None


def test_fits_without_row_scores_are_read_as_they_are(moons, tmp_path, monkeypatch) -> None:
    """A folder of an older version trains nothing again and has no row scores; new seeds have theirs."""
    options = RunOptions(refit=False, store=tmp_path, extend=True)
    prepared = prepare(question(seeds=1, score="loss"), Rows(*moons))
    prepared.engine.objective = replace(prepared.engine.objective, score_rows=None)
    run_study(prepared, options)
    again = ran(moons, question(seeds=1, score="loss"), options)
    assert again.provenance["compilations"] == 0
    assert again.row_scores is None
    more = ran(moons, question(seeds=2, score="loss"), options)
    assert np.isnan(more.row_table()[:, 0]).all()
    assert np.isfinite(more.row_table()[:, 1]).all()


def test_a_record_with_other_rows_is_left_out(moons) -> None:
    """A length that is not that of the fold, as a damaged file may have it."""
    prepared = prepare(question(seeds=1, folds=2), Rows(*moons))
    run = {}
    fits = fits_of(prepared, [[make_request(np.zeros(1), None, 0, 0)]], RowSet(prepared.folds, {}))
    run_fits(
        prepared.engine.training,
        fits,
        held_out={},
        deliver=lambda fit, outcome: run.update(result=outcome),
        watch=lambda progress: None,
    )
    record = to_record(run["result"], variables=False)
    assert record["row_scores"].shape == (30,)
    assert record["predictions/0/float32"].shape == (30, 1)
    damaged = from_record(record | {"row_scores": np.zeros(7, np.float32)}, ())
    assert np.isnan(collect_row_scores(prepared, [(0, 0, 0)], [damaged.row_scores], np.array([np.nan])).values).all()
