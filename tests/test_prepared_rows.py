"""Rows that a study prepares: predictions for rows as they are, the fitted transformers, and the lines to paste."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

import bridle

OPTIONS = {"seeds": 1, "folds": 2, "batch_size": 16}
ARMS = {"L2": {"*/kernel": bridle.L2(1e-3)}}


def regression(width: int = 2) -> keras.Model:
    """Predicts one number."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((width,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.02), "mse", metrics=["mae", keras.metrics.R2Score(name="r2")])
    return model


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    """Inputs and a target far from zero mean and unit deviation."""
    generator = np.random.default_rng(5)
    x = generator.normal([1000.0, -3.0], [50.0, 0.1], (64, 2))
    return x, 500.0 + 77.0 * np.sin((x[:, 0] - 1000) / 50) + generator.normal(size=64)


@pytest.fixture(scope="module")
def studied(rows, tmp_path_factory) -> tuple[bridle.Result, object]:
    """A study with both preparations, and its folder."""
    folder = tmp_path_factory.mktemp("study")
    study = bridle.Study(regression(), ARMS, **OPTIONS, epochs=60)
    options = {"preprocessor": StandardScaler(), "target_preprocessor": MinMaxScaler((-1, 1)), "test": rows}
    return study.run(*rows, **options, store=folder, progress=False), folder


def test_predictions_are_for_rows_as_they_are_in_the_targets_units(studied, rows) -> None:
    """As scikit-learn's transformers and Keras's `predict` give them by hand."""
    result, _ = studied
    x, y = rows
    scaler, target = StandardScaler().fit(x), MinMaxScaler((-1, 1)).fit(y[:, None])
    by_hand = target.inverse_transform(result.model().predict(scaler.transform(x).astype("float32"), verbose=0))
    got = result.predict(x)
    assert got.shape == (64, 1)
    np.testing.assert_allclose(got, by_hand, rtol=1e-5)
    assert np.corrcoef(got[:, 0], y)[0, 1] > 0.9
    assert np.abs(got[:, 0] - y).mean() < 40
    np.testing.assert_array_equal(result.preprocessor.scale_, scaler.scale_)
    np.testing.assert_array_equal(result.target_preprocessor.scale_, target.scale_)


def test_a_loaded_study_predicts_as_before(studied, rows) -> None:
    """Without pickle in the folder."""
    result, folder = studied
    again = bridle.load(folder)
    np.testing.assert_array_equal(again.preprocessor.mean_, result.preprocessor.mean_)
    np.testing.assert_allclose(again.predict(rows[0], "none"), result.predict(rows[0], "none"), rtol=1e-6)
    assert again.code() == result.code()
    words = json.loads((folder / "study.json").read_text())["preparation"]
    assert words["x"]["words"]["class"] == "sklearn.preprocessing.StandardScaler"


def test_the_lines_to_paste_prepare_the_rows(studied, rows) -> None:
    """They run, and give the rows that the network was trained on; the report shows them."""
    result, _ = studied
    x, y = rows
    names = {"x": x, "y": y}
    exec(result.code().partition("import keras")[0].partition("import bridle")[0], names)
    np.testing.assert_allclose(names["x"], result.preprocessor.transform(x))
    np.testing.assert_allclose(names["y"], result.target_preprocessor.transform(y[:, None]))
    assert "preprocessor = StandardScaler().fit(x)" in result.section("Study").code
    assert "rows prepared by StandardScaler() and the target by MinMaxScaler(feature_range=(-1, 1))" in (
        result.data.protocol
    )


def test_a_table_of_numbers_and_text_is_predicted_as_it_is(tmp_path) -> None:
    """Data frames go through a ColumnTransformer, whose sparse output is taken."""
    generator = np.random.default_rng(1)
    table = pd.DataFrame({"size": generator.normal(50, 9, 60), "kind": generator.choice(["a", "b", "c"], 60)})
    y = ((table["kind"] == "a") ^ (table["size"] > 50)).to_numpy().astype(int)
    prepare = make_column_transformer((OneHotEncoder(), ["kind"]), (StandardScaler(), ["size"]), sparse_threshold=1.0)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    study = bridle.Study(model, {}, **OPTIONS, epochs=5)
    result = study.run(table, y, preprocessor=prepare, store=tmp_path, progress=False)
    dense = prepare.fit(table).transform(table).toarray().astype("float32")
    np.testing.assert_allclose(result.predict(table), result.model().predict(dense, verbose=0), rtol=1e-6)
    np.testing.assert_array_equal(bridle.load(tmp_path).predict(table), result.predict(table))
    assert "OneHotEncoder" in result.code()


def test_a_preparation_of_ones_own_is_named_where_a_folder_cannot_hold_it(rows, tmp_path) -> None:
    """In memory it works; loaded, the sentence says what to set."""
    x, y = np.exp(rows[0] / 1000), (rows[1] > 500).astype("float32")
    study = bridle.Study(regression(), {}, **OPTIONS, epochs=2)
    result = study.run(x, y, preprocessor=FunctionTransformer(np.log1p), store=tmp_path, progress=False)
    expected = result.model().predict(np.log1p(x).astype("float32"), verbose=0)
    np.testing.assert_allclose(result.predict(x), expected, rtol=1e-5)
    compile(result.code(), "pasted", "exec")
    again = bridle.load(tmp_path)
    assert "# x goes through FunctionTransformer" in again.code()
    with pytest.raises(bridle.BridleError, match="and set result"):
        again.predict(x)
    again.preprocessor = FunctionTransformer(np.log1p).fit(x)
    np.testing.assert_allclose(again.predict(x), expected, rtol=1e-5)
    with pytest.raises(bridle.BridleError, match="fitted transformer as preprocessor, got int"):
        again.preprocessor = 3


def test_without_a_preparation_predictions_are_the_models(rows) -> None:
    x, y = (rows[0] - 1000) / 50, rows[1] / 500
    result = bridle.Study(regression(), {}, **OPTIONS, epochs=2).run(x, y, progress=False)
    assert (result.preprocessor, result.target_preprocessor) == (None, None)
    np.testing.assert_array_equal(result.predict(x), result.model().predict(x.astype("float32"), verbose=0))
    with pytest.raises(bridle.BridleError, match="Expected numbers in rows"):
        result.predict(np.array([["a", "b"]]))


def test_scaling_images_is_refused_with_a_sentence() -> None:
    """scikit-learn's scalers take tables only."""
    images = np.zeros((20, 4, 4, 1), "float32")
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(bridle.BridleError, match=r"shape \(20, 4, 4, 1\).*StandardScaler.*keras.layers.Rescaling"):
        bridle.Study(model, {}, **OPTIONS).run(images, np.arange(20.0), preprocessor=StandardScaler())


def test_the_result_of_a_tuned_table_predicts_as_the_tuned_model_does() -> None:
    """One preparation for both: that of the refits."""
    generator = np.random.default_rng(2)
    table = pd.DataFrame({"size": generator.normal(50, 9, 60), "kind": generator.choice(["a", "b"], 60)})
    table["price"] = 1000 + 20 * table["size"] + 100 * (table["kind"] == "a")
    tuned = bridle.tune(table, "price", arms=ARMS, seeds=1, folds=2, epochs=3, progress=False)
    expected = tuned.applied().predict(table)["price"]
    np.testing.assert_allclose(tuned.result.predict(table)[:, 0], expected, rtol=1e-5)
    assert tuned.preparation is tuned.result.preprocessor


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((-1, 1)), RobustScaler()], ids=lambda s: str(s))
def test_scores_are_in_the_targets_own_units(rows, scaler) -> None:
    """Mean squared and absolute errors by NumPy on the target as it was given, r2 by scikit-learn."""
    x, y = (rows[0] - 1000) / 50, rows[1]
    test = x[::2], y[::2]
    study = bridle.Study(regression(), {}, **OPTIONS, epochs=5)
    result = study.run(x, y, target_preprocessor=scaler, test=test, validation=test, progress=False)
    predicted = result.predict(test[0], "none")[:, 0]
    error = predicted - test[1]
    expected = {"loss": (error**2).mean(), "mae": np.abs(error).mean(), "r2": r2_score(test[1], predicted)}
    got = dict(zip(result.data.held_out_names, result.data.held_out["test"][-1].tolist(), strict=True))
    assert got == pytest.approx(expected, rel=1e-4)
    assert "Score: mae in the units of the target as it was given" in result.data.protocol
    assert "scores are in the units" not in result.details()


def test_scores_of_each_fold_are_in_the_targets_own_units(rows) -> None:
    """Each fold by hand, scaled by the deviation of its own training rows."""
    x, y = (rows[0] - 1000) / 50, rows[1]
    options = {**OPTIONS, "epochs": 5, "shuffle": False}
    folds = KFold(2, shuffle=True, random_state=0)
    study = bridle.Study(regression(), {}, **{**options, "folds": folds}, score="loss")
    scores = study.run(x, y, target_preprocessor=StandardScaler(), refit="none", progress=False).data.scores()
    for number, (train, rest) in enumerate(folds.split(x)):
        scaled = (y - y[train].mean()) / y[train].std()
        own = bridle.Study(regression(), {}, **options, score="loss").run(
            x[train], scaled[train], validation=(x[rest], scaled[rest]), progress=False
        )
        assert scores[0, 0, number] == pytest.approx(own.data.scores().item() * y[train].var(), rel=1e-5)


def test_scores_that_cannot_be_turned_back_say_their_units(rows, tmp_path) -> None:
    """Beyond a shift and a scale, and for measures that are not known."""
    x, y = (rows[0] - 1000) / 50, rows[1]
    study = bridle.Study(regression(), ARMS, **OPTIONS, epochs=3)
    result = study.run(x, y, target_preprocessor=QuantileTransformer(n_quantiles=9), store=tmp_path, progress=False)
    words = "in units of the target as QuantileTransformer(n_quantiles=9) gives it"
    transformed = "in the units of the target after QuantileTransformer(n_quantiles=9)"
    assert f"The scores are {transformed}, not in its original units." in result.details()
    assert f"Score: mae {words}" in result.data.protocol
    assert bridle.load(tmp_path).details() == result.details()
    assert result.data.prepared_units == ("loss", "mae", "r2")


def test_a_measure_of_ones_own_stays_in_trained_units(rows) -> None:
    model = regression()
    model.compile("adam", "mse", metrics=[keras.metrics.MeanAbsolutePercentageError(name="mape"), "mae"])
    x, y = (rows[0] - 1000) / 50, rows[1]
    study = bridle.Study(model, {}, **OPTIONS, epochs=2, score="mae")
    result = study.run(x, y, target_preprocessor=StandardScaler(), progress=False)
    assert result.data.prepared_units == ("mape",)
