"""A pooled score: one measure over the predictions of all folds, for measures that single folds do not define."""

from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import LeaveOneGroupOut, LeaveOneOut
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

import bridle
from bridle import L2, EarlyStopping
from bridle._errors import InputError
from bridle.engine import run_fits
from bridle.results import ALL_ROWS, Score
from bridle.study import RunOptions, run_study
from bridle.study.data import Rows
from bridle.study.design import Question, prepare
from bridle.study.execution._facts import fits_of, study_facts
from bridle.study.execution._requests import RowSet, make_request
from bridle.tuning import prepare_study, read_study

L, M = keras.layers, keras.metrics
RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 3)).astype("float32")
SUBJECTS = np.repeat(np.arange(6), 8)
Y = np.isin(SUBJECTS, (1, 2, 5)).astype(int)
"""Every subject has one class."""
X[:, 0] += 0.9 * Y
WEIGHT = RNG.uniform(0.5, 2.0, 48).astype("float32")


def network(**options: object) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), L.Dense(4, "tanh"), L.Dense(1, "sigmoid")])
    metrics = [M.AUC(name="auc", num_thresholds=2000)]
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", **({"metrics": metrics} | options))
    return model


def question(model: keras.Model, **options: object) -> Question:
    settings = {"folds": LeaveOneGroupOut(), "epochs": 5, "score": "pooled:auc", "batch_size": 16} | options
    return Question(model, {"L2": {"*/kernel": L2([0.3])}}, settings.pop("seeds", 2), **settings)


def by_hand(model: keras.Model, seed: int, y: np.ndarray = Y, weight: np.ndarray | None = None) -> list[np.ndarray]:
    """Predictions for each subject by a network that Keras fits on the others."""
    predictions = []
    for subject in range(6):
        keras.utils.set_random_seed(seed)
        fresh = keras.models.clone_model(model)
        fresh.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
        train = subject != SUBJECTS
        given = None if weight is None else weight[train]
        fresh.fit(X[train], y[train], sample_weight=given, epochs=5, batch_size=16, shuffle=False, verbose=0)
        predictions.append(fresh.predict(X[~train], verbose=0))
    return predictions


def keras_auc(parts: list[np.ndarray], y: np.ndarray, weight: np.ndarray | None = None) -> float:
    metric = M.AUC(num_thresholds=2000)
    metric.update_state(y[:, None], np.concatenate(parts), weight)
    return float(metric.result())


def jackknife(parts: list[np.ndarray], y: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Pseudo-values of Keras's AUC with one subject left out, by NumPy."""
    whole, values = keras_auc(parts, y, weight), []
    for left in range(6):
        rest = left != SUBJECTS
        kept = [part for number, part in enumerate(parts) if number != left]
        values.append(6 * whole - 5 * keras_auc(kept, y[rest], None if weight is None else weight[rest]))
    return np.array(values)


def test_pooled_auc_of_subjects_of_one_class_is_that_of_their_predictions_together() -> None:
    """For each setting and seed: Keras's AUC of hand-made fits, scikit-learn's nearly, NumPy's jackknife by folds."""
    model = network()
    prepared = prepare(question(model, shuffle=False), Rows(X, Y, groups=SUBJECTS))
    assert prepared.score == Score("pooled auc", maximize=True, pooled=True)
    assert prepared.notes == ()
    result, _ = run_study(prepared, RunOptions(refit=False))
    for seed in (0, 1):
        parts = by_hand(model, seed)
        values = result.scores()[0, seed]
        assert keras_auc(parts, Y) == pytest.approx(roc_auc_score(Y, np.concatenate(parts)[:, 0]), abs=0.01)
        np.testing.assert_allclose(values, jackknife(parts, Y), atol=2e-3)
    assert np.isfinite(result.scores()).all()
    assert np.isnan(result.quantity("validation/auc")[result.members.fold != ALL_ROWS]).all()
    assert "its jackknife pseudo-value" in result.protocol


def test_row_weights_count_in_a_pooled_score() -> None:
    """As sample weights of a weighted metric."""
    model = network(metrics=[], weighted_metrics=[M.AUC(name="auc", num_thresholds=2000)])
    asked = question(model, shuffle=False, seeds=(3,))
    result, _ = run_study(prepare(asked, Rows(X, Y, sample_weight=WEIGHT, groups=SUBJECTS)), RunOptions(refit=False))
    parts = by_hand(model, 3, weight=WEIGHT)
    np.testing.assert_allclose(result.scores()[0, 0], jackknife(parts, Y, WEIGHT), atol=2e-3)


def test_pooled_scores_travel_through_a_store(tmp_path: Path) -> None:
    """A second run reads predictions instead of training, and a folder without them is that of another study."""
    rows, options = Rows(X, Y, groups=SUBJECTS), RunOptions(store=tmp_path / "s", refit=False)
    first, again = (run_study(prepare(question(network(), seeds=1), rows), options)[0] for _ in range(2))
    assert again.provenance["fits from the store"] == len(first.members)
    np.testing.assert_array_equal(again.scores(), first.scores())
    with pytest.raises(bridle.BridleError, match="pooled:auc there, loss now"):
        run_study(prepare(question(network(), seeds=1, score="loss"), rows), options)


@pytest.mark.parametrize("width", [None, 3])
def test_predictions_of_validation_rows_come_with_every_fit(width: int | None) -> None:
    """With a width each fit brings those that it has alone; those of an ordinary study are the same."""
    prepared = prepare(question(network(), seeds=3), Rows(X, Y, groups=SUBJECTS))
    prepared.engine.set_width(width)
    outcomes = predictions(prepared)
    assert [part.shape for part in outcomes] == [(8, 1)] * 3
    alone = prepare(question(network(), seeds=3), Rows(X, Y, groups=SUBJECTS))
    for one, other in zip(outcomes, predictions(alone), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    ordinary = prepare(question(network(), seeds=3, score="loss"), Rows(X, Y, groups=SUBJECTS))
    ordinary.engine.set_width(width)
    for one, other in zip(outcomes, predictions(ordinary), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def predictions(prepared: object) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    chains = [[make_request(np.zeros(1, np.float32), None, seed, 0)] for seed in range(3)]
    fits = fits_of(prepared, chains, RowSet(prepared.folds, {}))
    options = {"held_out": {}, "watch": lambda progress: None, "threads": 1}
    run_fits(prepared.engine.training, fits, deliver=lambda fit, outcome: found.extend(outcome.predictions), **options)
    return found


def still(model: keras.Model, loss: object, **options: object) -> keras.Model:
    """Compiled so that training changes nothing."""
    model.compile(keras.optimizers.SGD(0.0), loss, **options)
    return model


def evaluated(model: keras.Model, x: object, y: object, name: str, folds: np.ndarray) -> np.ndarray:
    """NumPy's jackknife of what Keras evaluates over all rows and over all but those of a fold."""

    def over(rows: np.ndarray) -> float:
        part = [{key: leaf[rows] for key, leaf in v.items()} if isinstance(v, dict) else v[rows] for v in (x, y)]
        return model.evaluate(*part, verbose=0, return_dict=True)[name]

    numbers = np.unique(folds)
    whole = over(folds == folds)
    return np.array([len(numbers) * whole - (len(numbers) - 1) * over(folds != number) for number in numbers])


def sequences() -> tuple[keras.Model, np.ndarray, np.ndarray]:
    """A label for each step; padded steps are masked."""
    x = RNG.normal(size=(48, 4, 2)).astype("float32")
    for row, length in enumerate(RNG.integers(1, 5, 48)):
        x[row, length:] = 0
    model = keras.Sequential([keras.Input((4, 2)), L.Masking(), L.LSTM(3, return_sequences=True), L.Dense(1)])
    return still(model, "mse", metrics=["mae"]), x, RNG.normal(size=(48, 4, 1)).astype("float32")


def two_outputs() -> tuple[keras.Model, np.ndarray, dict[str, np.ndarray]]:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, {n: L.Dense(1, "sigmoid", name=n)(inputs) for n in ("a", "b")})
    y = {"a": Y, "b": RNG.integers(0, 2, 48)}
    return still(model, "binary_crossentropy", metrics={"b": [M.AUC(name="auc")]}), X, y


@pytest.mark.parametrize(("data", "name"), [(sequences, "mae"), (two_outputs, "b_auc"), (two_outputs, "loss")])
def test_masks_and_several_outputs_are_pooled_too(data: object, name: str) -> None:
    """As Keras evaluates them over all rows."""
    model, x, y = data()
    asked = question(model, score=f"pooled:{name}", initial_weights="model", seeds=1, epochs=1)
    result, _ = run_study(prepare(asked, Rows(x, y, groups=SUBJECTS)), RunOptions(refit=False))
    np.testing.assert_allclose(result.scores()[0, 0], evaluated(model, x, y, name, SUBJECTS), rtol=1e-4, atol=1e-5)


def test_rows_left_out_one_by_one_have_a_pooled_r2_in_units_of_the_target() -> None:
    """scikit-learn's over all rows, each prediction turned back by the scaler of its fold."""
    y = (X @ np.array([1.0, -2.0, 0.5]) * 30 + 500).astype("float32")[:12]
    model = keras.Sequential([keras.Input((3,)), L.Dense(1)])
    still(model, "mse", metrics=[M.R2Score(name="r2")])
    rows = Rows(X[:12], y, target_preprocessor=StandardScaler())
    with pytest.raises(InputError, match=r"Write pooled|score='pooled:r2'"):
        prepare(question(model, folds=LeaveOneOut(), score="r2", initial_weights="model"), rows)
    asked = question(model, folds=LeaveOneOut(), score="pooled:r2", initial_weights="model", seeds=1, epochs=1)
    result, _ = run_study(prepare(asked, rows), RunOptions(refit=False))
    guess = model.predict(X[:12], verbose=0)
    every = np.arange(12)
    scalers = [StandardScaler().fit(y[every != row, None]) for row in every]
    back = np.array([scalers[row].inverse_transform(guess[[row]])[0, 0] for row in every])
    whole = r2_score(y, back)
    wanted = [12 * whole - 11 * r2_score(y[every != row], back[every != row]) for row in every]
    np.testing.assert_allclose(result.scores()[0, 0], wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "options",
    [
        {"early_stopping": EarlyStopping(patience=1, validation_fraction=0.25)},
        {"warm_start": "decreasing"},
        {"warm_start": "increasing"},
    ],
)
def test_the_predictions_are_those_of_the_weights_that_are_kept(options: dict[str, object]) -> None:
    """Over folds of one size a pooled mean has the folds' own losses as pseudo-values."""
    asked = question(network(), score="pooled:loss", epochs=8, **options)
    result, _ = run_study(prepare(asked, Rows(X, Y, groups=SUBJECTS)), RunOptions(refit=False))
    np.testing.assert_allclose(result.scores(), result.scores_of("validation/loss"), rtol=1e-4, atol=1e-5)


def test_with_one_validation_set_it_is_the_plain_score() -> None:
    """One fold has nothing to be pooled with."""
    rows = Rows(X[:30], Y[:30], validation=(X[30:], Y[30:]))
    result, _ = run_study(prepare(question(network()), rows), RunOptions(refit=False))
    np.testing.assert_allclose(result.scores(), result.scores_of("validation/auc"), rtol=1e-5)


def test_what_cannot_be_pooled_is_refused_before_training() -> None:
    """A race, a monitor, classes that each fold encodes, one class in all, outer folds of one class."""
    rows = Rows(X, Y, groups=SUBJECTS)
    with pytest.raises(InputError, match=r"pooled auc, which needs the fits of all folds\. Leave race out"):
        run_study(prepare(question(network()), rows), RunOptions(race=True))
    with pytest.raises(InputError, match="got 'pooled:auc'"):
        prepare(question(network(), early_stopping=EarlyStopping(monitor="pooled:auc"), score="loss"), rows)
    for wrong in ("pooled:", "pooled:auk", "pooled:pooled:auc", "max:pooled:auc", "pooled:max:loss"):
        with pytest.raises(InputError, match=f"got '{wrong}'"):
            prepare(question(network(), score=wrong), rows)
    with pytest.raises(InputError, match="Expected a target_preprocessor that shifts and scales for a pooled score"):
        prepare(question(network()), Rows(X, Y, groups=SUBJECTS, target_preprocessor=OrdinalEncoder()))
    with pytest.raises(InputError, match="got 'pooled auc' over rows of one kind in the validation rows"):
        prepare(question(network()), Rows(X, Y, validation=(X[:5], np.ones(5, int))))
    with pytest.raises(InputError, match=r"outer folds over whose rows auc is defined.*nested=5"):
        run_study(prepare(question(network()), rows), RunOptions(nested=LeaveOneGroupOut()))


def test_the_refusal_of_undefined_folds_names_the_pooled_score() -> None:
    """And what it names is taken, also with a direction."""
    rows = Rows(X, Y, groups=SUBJECTS)
    with pytest.raises(InputError, match=r"score='pooled:auc' is computed over the rows of all folds together"):
        prepare(question(network(), score="auc"), rows)
    odd = prepare(question(network(), score="pooled:min:auc"), rows)
    assert odd.score == Score("pooled auc", maximize=False, pooled=True)
    assert study_facts(odd, False, None)["score"] == "pooled:min:auc"
    with pytest.raises(InputError, match="score='pooled:min:auc' is computed"):
        prepare(question(network(), score="min:auc"), rows)


def test_nested_selection_pools_inside_its_outer_folds() -> None:
    """Outer folds are judged by the plain measure."""
    rows = Rows(X, Y, groups=SUBJECTS)
    result, whole = run_study(prepare(question(network(), seeds=1), rows), RunOptions(nested=3))
    assert whole
    assert np.isfinite(result.nested.scores).all()
    assert np.isfinite(result.nested.chosen).all()


def test_verdict_table_and_report_name_the_pooled_score(tmp_path: Path) -> None:
    """Through `Study`, from its file, and with what a pseudo-value is under the table."""
    study = bridle.Study(
        network(), {"L2": {"*/kernel": L2([0.3])}}, seeds=1, folds=LeaveOneGroupOut(), epochs=3, score="pooled:auc"
    )
    study.run(X, Y, groups=SUBJECTS, test=(X, Y), store=tmp_path / "s", progress=False)
    result = bridle.load(tmp_path / "s")
    assert "validation pooled auc" in result.details().lower()
    assert "On the 48 test rows: auc" in result.details()
    assert "AUC over all rows together" in result.verdict()
    assert "jackknife pseudo-value" in " ".join(str(result).split())
    result.report(tmp_path / "r.html")
    assert "pooled auc" in (tmp_path / "r.html").read_text()


def test_a_study_file_and_a_search_take_it(tmp_path: Path) -> None:
    """The default network is compiled with the measure; a search screens without a race."""
    header = "a,b,c,subject,sick"
    table = np.c_[X, SUBJECTS, np.arange(48) % 2]
    np.savetxt(tmp_path / "t.csv", table, delimiter=",", header=header, comments="")
    path = tmp_path / "study.toml"
    path.write_text(
        '[data]\ntable = "t.csv"\ntarget = "sick"\ngroup = "subject"\n[study]\nseeds = 1\nepochs = 2\n'
        'score = "pooled:auc"\n'
    )
    assert prepare_study(read_study(path)).prepared.score == Score("pooled auc", maximize=True, pooled=True)
    found = bridle.search(
        network(), X, Y, groups=SUBJECTS, seconds=1, folds=LeaveOneGroupOut(), epochs=2, score="pooled:auc",
        progress=False,
    )  # fmt: skip
    assert "pooled auc" in found.ranking().columns
