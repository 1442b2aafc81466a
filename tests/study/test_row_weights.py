"""Weights of rows go with the rows wherever they judge; the expected numbers are those of Keras's `evaluate`."""

import keras
import numpy as np
import pytest
from sklearn.model_selection import KFold

import bridle

ARMS = {"L2": {"*/kernel": bridle.L2(1e-2)}}
OPTIONS = {"seeds": 1, "folds": 2, "epochs": 8, "batch_size": 16}


def weighted_network() -> keras.Model:
    """Measures an accuracy with and one without weights."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(6, "relu"), keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["mae"], weighted_metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """60 rows of two classes; one class weighs twenty times as much."""
    generator = np.random.default_rng(3)
    x = generator.normal(size=(60, 2)).astype("float32")
    y = (x[:, 0] + generator.normal(size=60) > 0).astype(int)
    return x, y, np.where(y == 1, 20.0, 1.0) * generator.uniform(0.5, 1.5, 60)


def evaluated(model: keras.Model, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Measures of the plain network with these weights by Keras's own `evaluate`."""
    plain = weighted_network()
    plain.set_weights(model.get_weights())
    return plain.evaluate(x, y, sample_weight=weight, batch_size=len(x), verbose=0, return_dict=True)


def measured(result: bridle.Result, name: str, arm: str = "none") -> dict[str, float]:
    """Measures of the refit of one arm on held-out rows."""
    data = result.data
    number = [each.name for each in data.arms].index(arm)
    refit = np.flatnonzero((data.members.fold == -1) & (data.setting_arm[data.members.setting] == number))[0]
    return dict(zip(data.held_out_names, data.held_out[name][refit].tolist(), strict=True))


def test_held_out_rows_are_judged_with_their_weights(rows) -> None:
    """`test=(x, y, w)`, also beside rows without weights."""
    x, y, weight = rows
    test = {"weighted": (x[40:], y[40:], weight[40:]), "plain": (x[40:], y[40:])}
    result = bridle.Study(weighted_network(), ARMS, **OPTIONS).run(x[:40], y[:40], test=test, progress=False)
    for name, own in {"weighted": weight[40:], "plain": np.ones(20)}.items():
        expected = evaluated(result.model("none"), x[40:], y[40:], own)
        for measure, value in measured(result, name).items():
            assert value == pytest.approx(expected[measure], rel=1e-5), (name, measure)


def test_validation_rows_are_judged_with_their_weights(rows) -> None:
    """`validation=(x, y, w)`: the scores on them are those of the same rows held out, and those of Keras."""
    x, y, weight = rows
    given = (x[40:], y[40:], weight[40:])
    result = bridle.Study(weighted_network(), ARMS, **OPTIONS, shuffle=False).run(
        x[:40], y[:40], sample_weight=weight[:40], validation=given, test=given, progress=False
    )
    expected = evaluated(result.model("none"), *given)
    none = result.data.path(0)[0]
    for measure in ("loss", "accuracy", "mae"):
        validation = result.data.by_candidate(result.data.quantity(f"validation/{measure}")[:, -1])[none].item()
        assert validation == pytest.approx(expected[measure], rel=1e-4), measure
        assert measured(result, "test")[measure] == pytest.approx(expected[measure], rel=1e-4), measure


def test_nested_outer_rows_are_judged_with_their_weights(rows) -> None:
    """Each outer fold by hand, judged by Keras."""
    x, y, weight = rows
    outer = KFold(3, shuffle=True, random_state=1)
    study = bridle.Study(weighted_network(), ARMS, **OPTIONS, score="accuracy")
    nested = study.run(x, y, sample_weight=weight, nested=outer, progress=False).data.nested
    for number, (train, rest) in enumerate(outer.split(x)):
        own = study.run(x[train], y[train], sample_weight=weight[train], progress=False)
        expected = evaluated(own.model("none"), x[rest], y[rest], weight[rest])
        assert nested.none[0, number] == pytest.approx(expected["accuracy"], abs=1e-5)
        chosen = evaluated(own.model(own.best().arm), x[rest], y[rest], weight[rest])
        assert nested.scores[0, number] == pytest.approx(chosen["accuracy"], abs=1e-5)


def test_watched_rows_are_weighted(rows) -> None:
    """Rows that early stopping watches in a refit keep their own weights."""
    x, y, weight = rows
    study = bridle.Study(
        weighted_network(), {}, **OPTIONS, early_stopping=bridle.EarlyStopping(patience=None, restore_best_weights=True)
    )
    prepared = study.prepare(x, y, sample_weight=weight)
    for fold in prepared.folds:
        for row, own in zip(np.asarray(fold.rows.x), np.asarray(fold.rows.weight), strict=True):
            assert own == np.float32(weight[(x == row).all(axis=1)].item())


def test_weights_of_held_out_rows_are_part_of_the_study(rows, tmp_path) -> None:
    """Another weight of a test row is another study for its store."""
    x, y, weight = rows
    study = bridle.Study(weighted_network(), {}, **OPTIONS)
    study.run(x[:40], y[:40], test=(x[40:], y[40:], weight[40:]), store=tmp_path, refit="none", progress=False)
    with pytest.raises(bridle.BridleError, match="held-out rows"):
        study.run(x[:40], y[:40], test=(x[40:], y[40:], weight[40:] * 2), store=tmp_path, progress=False)


@pytest.mark.parametrize("wrong", ["short", "negative", "text"])
def test_wrong_weights_of_held_out_rows_are_refused_by_name(rows, wrong: str) -> None:
    x, y, weight = rows
    weights = {"short": weight[40:50], "negative": -weight[40:], "text": ["heavy"] * 20}
    with pytest.raises(bridle.BridleError, match="weight ≥ 0 for each of 20 test rows"):
        bridle.Study(weighted_network(), {}, **OPTIONS).run(
            x[:40], y[:40], test=(x[40:], y[40:], weights[wrong]), progress=False
        )
