"""Tables with a model function whose model needs code that no file holds."""

import numpy as np
import pandas as pd
import pytest
from tests.test_own_objects import BUILDS, _compiled
from typer.testing import CliRunner

import bridle
from bridle._errors import StoreError
from bridle.cli._app import app
from bridle.tuning import load_applied

MODULE = """
import keras
from keras import layers, ops

class Whole(keras.Model):
    def __init__(self, activation):
        super().__init__()
        self.hidden = layers.Dense(4, activation=activation, name="hidden")
        self.out = layers.Dense(1, activation="sigmoid", name="out")

    def call(self, x):
        return self.out(self.hidden(x))

def build(inputs, outputs):
    model = Whole(lambda x: ops.maximum(x, 0.1 * x))
    model(ops.zeros((1, inputs)))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model
"""


@pytest.fixture
def table():
    x = np.random.RandomState(0).normal(size=(40, 2))
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": np.where(x.sum(axis=1) > 0, "p", "q")})


@pytest.mark.parametrize("name", ["activation", "class", "lambda", "subclassed model"])
def test_a_table_is_tuned_with_any_model_of_my_function_and_predicts_again(name, table, tmp_path):
    assert name in BUILDS
    build = lambda inputs, outputs: _compiled(name)  # noqa: E731
    arms = {"L2": {"out/kernel": "l2(0.01)"}}
    answer = bridle.tune(table, "y", model=build, arms=arms, seeds=1, folds=2, epochs=2, progress=False)
    assert "--model" in answer.notes[-1]
    answer.save(tmp_path)
    with pytest.raises(StoreError, match="--model module:function"):
        load_applied(tmp_path)
    again = load_applied(tmp_path, model=build).predict(table)
    pd.testing.assert_frame_equal(again, answer.applied().predict(table), atol=1e-6)


def test_the_command_takes_the_function_again_to_predict(table, tmp_path, monkeypatch):
    (tmp_path / "own_net.py").write_text(MODULE)
    table.to_csv(tmp_path / "rows.csv", index=False)
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    given = ["--model", "own_net:build", "--penalty", "out/kernel=l2(0.01)", "--seeds", "1", "--folds", "2"]
    tuned = run(app, ["tune", "rows.csv", "--target", "y", "--epochs", "2", "--out", "out", *given])
    assert tuned.exit_code == 0, tuned.output
    refused = run(app, ["predict", "out", "rows.csv"])
    assert refused.exit_code != 0
    assert "--model module:function" in refused.output
    predicted = run(app, ["predict", "out", "rows.csv", "--model", "own_net:build"])
    assert predicted.exit_code == 0, predicted.output
    assert len(predicted.output.strip().splitlines()) == len(table) + 1
    shown = run(app, ["show", "out"])
    assert shown.exit_code == 0, shown.output
    assert "no penalty" in " ".join(shown.output.split())
