"""Studies without labels: the target is what the model reads."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

import bridle

X = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32) * [1, 2, 3, 4, 5]
OPTIONS = {"seeds": 2, "folds": 2, "epochs": 3, "batch_size": 8}


def autoencoder(output: str = "linear", loss: str = "mse", inputs: int = 5) -> keras.Model:
    """Five inputs, a code of three, five outputs."""
    keras.utils.set_random_seed(0)
    code = keras.layers.Dense(3, "relu", name="code")
    model = keras.Sequential([keras.Input((inputs,)), code, keras.layers.Dense(5, output, name="out")])
    model.compile("adam", loss)
    return model


def test_the_target_is_x_after_its_preparation(tmp_path) -> None:
    """Rows as with y = x, prepared alike; held-out and validation rows need no labels, and a folder goes on."""
    study = bridle.Study(autoencoder(), {}, **OPTIONS)
    scaled = {"preprocessor": StandardScaler(), "test": X[:7]}
    alone = study.prepare(X, **scaled)
    both = study.prepare(X, X, **{**scaled, "test": (X[:7], X[:7])}, target_preprocessor=StandardScaler())
    for one, two in zip(alone.folds, both.folds, strict=True):
        np.testing.assert_array_equal(one.rows.y, two.rows.y)
        np.testing.assert_array_equal(one.rows.y, one.rows.x)
    result = study.run(X, store=tmp_path, nested=2, progress=False, **scaled)
    rest = StandardScaler().fit(X).transform(X)[:7] - result.predict(X[:7], "none", seed=0)
    assert result.data.held_out_scores("test")[0, 0] == pytest.approx(np.mean(rest**2), rel=1e-4)
    again = study.run(X, store=tmp_path, nested=2, progress=False, **scaled)
    assert again.data.provenance["fits from the store"] >= len(result.data.members)
    np.testing.assert_array_equal(again.data.curves, result.data.curves)
    table = pd.DataFrame(X, columns=list("abcde"))
    assert study.prepare(table, validation=table[:9]).fold_rows.tolist() == [[40, 9]]


def test_every_candidate_is_refitted_on_request() -> None:
    """With `refit="all"` the weights and held-out scores of the whole path are there, with "none" only scores."""
    study = bridle.Study(autoencoder(), {"L1": {"code/output": bridle.L1([0.01, 0.1, 1.0, 10.0])}}, **OPTIONS)
    no, few, every = (study.run(X, test=X, refit=refit, progress=False).data for refit in ("none", "selected", "all"))
    assert len(every.weights) == 5 * 2
    assert np.isfinite(every.held_out_scores("test")).all()
    assert len(no.weights) == 0 < len(few.weights) < len(every.weights)
    np.testing.assert_array_equal(no.scores(), every.scores())
    np.testing.assert_array_equal(few.scores(), every.scores())
    with pytest.raises(bridle.BridleError, match="Expected refit='selected', 'all' or 'none', got 'best'"):
        study.run(X, refit="best")


@pytest.mark.parametrize(
    ("model", "rows", "words"),
    [
        (
            autoencoder(loss="categorical_crossentropy"),
            {},
            "loss 'categorical_crossentropy', which compares classes",
        ),
        (autoencoder(inputs=4), {"x": X[:, :4]}, r"has the shape \(5,\) for rows of the shape \(4,\)"),
        (autoencoder("sigmoid"), {}, r"from 0 to 1, got 5 values a row in .* against the sigmoid of layer 'out'"),
        (autoencoder(), {"class_weight": "balanced"}, "Expected no class_weight without y"),
        (autoencoder(), {"target_preprocessor": StandardScaler()}, "Expected no target_preprocessor without y"),
        (autoencoder(), {"test": (X, X)}, "Expected test as rows alone, since the study has no y"),
    ],
)
def test_refusals(model, rows, words) -> None:
    """Each in a sentence, before any fit."""
    with pytest.raises(bridle.BridleError, match=words):
        bridle.Study(model, {}, **OPTIONS).prepare(**{"x": X, **rows})


def test_a_target_out_of_reach_is_noted() -> None:
    """With a target of its own: 255 against a sigmoid."""
    y = (255 * np.random.default_rng(0).random((40, 5))).astype(np.float32)
    prepared = bridle.Study(autoencoder("sigmoid"), {}, **OPTIONS).prepare(X, y)
    assert "5 values a row in" in prepared.notes[-1]
    assert "against the sigmoid of layer 'out'" in prepared.notes[-1]
    for target, output in ((y / 255, "sigmoid"), (y, "linear"), (y, "relu")):
        assert bridle.Study(autoencoder(output), {}, **OPTIONS).prepare(X, target).notes == ()
