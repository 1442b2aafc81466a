"""Models that train in a way of their own: a traceable `compute_loss` is trained as `fit` does, the rest is refused."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers, ops

import bridle
from bridle._errors import BridleError


class _Weighted(keras.Model):
    """A loss of inputs, predictions, weights of a layer and `self.losses`, told apart by `training`."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        loss += 0.3 * ops.mean(ops.square(y_pred - x[:, :1])) + 0.1 * ops.sum(ops.square(self.layers[-1].kernel))
        return loss if training else 2.0 * loss


class _Bare(keras.Model):
    """A loss without a compiled one, in the form of before Keras 3.3."""

    def compute_loss(self, x, y, y_pred, sample_weight):
        return ops.mean(ops.log(1 + ops.square(y - y_pred)))


def _model(kind=keras.Model, loss="mse", regularizer=None):
    inputs = keras.Input((2,))
    hidden = layers.Dense(4, activation="tanh", kernel_regularizer=regularizer, name="hidden")(inputs)
    model = kind(inputs, layers.Dense(1, name="out")(hidden))
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["mae"])
    return model


@pytest.fixture
def line():
    x = np.random.RandomState(0).normal(size=(48, 2)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def _study(model, **options):
    return bridle.Study(
        model, {"L2": {"out/kernel": "l2(0.01)"}}, seeds=[3], epochs=6, batch_size=8, shuffle=False, **options
    )


@pytest.mark.parametrize(
    ("kind", "loss", "regularizer"), [(_Weighted, "mse", None), (_Weighted, "mse", "l2"), (_Bare, None, None)]
)
@pytest.mark.parametrize("as_function", [True, False])
def test_a_compute_loss_of_my_own_is_trained_as_fit_trains_it(kind, loss, regularizer, as_function, line):
    x, y = line
    build = lambda: _model(kind, loss, regularizer)  # noqa: E731
    result = _study(build if as_function else build(), folds=2).run(x, y, validation=(x[:12], y[:12]), progress=False)
    keras.utils.set_random_seed(3)
    model = build()
    fitted = model.fit(x, y, epochs=6, batch_size=8, shuffle=False, verbose=0)
    none = [member for member in result.data.weights if result.data.members.setting[member] == 0]
    for ours, theirs in zip(result.data.weights[none[0]], model.trainable_variables, strict=False):
        np.testing.assert_allclose(ours, theirs.value, rtol=2e-4, atol=2e-5)
    refit = result.data.quantity("fit/loss")[0]
    np.testing.assert_allclose(refit, fitted.history["loss"], rtol=1e-4)


def test_validation_of_a_compute_loss_of_my_own_equals_evaluate(line):
    x, y = line
    result = _study(lambda: _model(_Weighted)).run(x, y, validation=(x[:12], y[:12]), progress=False)
    keras.utils.set_random_seed(3)
    model = _model(_Weighted)
    model.fit(x, y, epochs=6, batch_size=8, shuffle=False, verbose=0)
    judged = model.evaluate(x[:12], y[:12], batch_size=12, verbose=0, return_dict=True)
    data = result.data
    for name in ("loss", "mae"):
        np.testing.assert_allclose(data.quantity(f"validation/{name}")[0, -1], judged[name], rtol=1e-4)


def _own(name):
    """A model class that overrides one method and calls Keras's own there."""
    parent = getattr(keras.Model, name)
    return type("Own", (keras.Model,), {name: lambda self, *args, **options: parent(self, *args, **options)})


METHODS = ("train_step", "test_step", "stateless_compute_loss", "compute_metrics", "fit")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("door", ["study", "function", "search", "tune", "regularize"])
def test_training_of_my_own_that_no_study_runs_is_refused_before_training(method, door, line):
    doors = {
        "study": lambda: _study(_model(_own(method))).prepare(*line),
        "function": lambda: _study(lambda: _model(_own(method))).prepare(*line),
        "search": lambda: bridle.search(_model(_own(method)), *line),
        "tune": lambda: bridle.tune(_table(line), "y", model=lambda inputs, outputs: _model(_own(method))),
        "regularize": lambda: bridle.regularize(_model(_own(method)), {"out/kernel": "l2(0.1)"}),
    }
    with pytest.raises(BridleError, match=f"Own with a custom {method}"):
        doors[door]()


def _table(rows):
    return pd.DataFrame({"a": rows[0][:, 0], "b": rows[0][:, 1], "y": rows[1][:, 0]})


def test_a_method_that_i_put_on_the_model_itself_is_seen_too(line):
    model = _model()
    model.train_step = lambda *args: keras.Model.train_step(model, *args)
    with pytest.raises(BridleError, match="a custom train_step"):
        _study(model).prepare(*line)


def _branching(self, x, y, y_pred, sample_weight=None, training=True):
    return ops.mean(y_pred) if float(ops.mean(y_pred)) > 0 else ops.mean(y)


def _by_row(self, x, y, y_pred, sample_weight=None, training=True):
    return ops.mean(ops.square(y - y_pred), axis=-1)


@pytest.mark.parametrize(("loss", "said"), [(_branching, "can be traced"), (_by_row, "one number")])
def test_a_compute_loss_that_cannot_be_trained_is_refused_before_training(loss, said, line):
    with pytest.raises(BridleError, match=said):
        _study(lambda: _model(type("Own", (keras.Model,), {"compute_loss": loss}))).prepare(*line)


@pytest.mark.parametrize("kind", [_own("train_step"), _Weighted])
def test_the_audit_says_that_training_of_my_own_may_not_charge_what_keras_would(kind):
    assert f"has a custom {'compute_loss' if kind is _Weighted else 'train_step'}" in " ".join(
        bridle.audit(_model(kind, regularizer="l2")).notes
    )
    assert not bridle.audit(_model(regularizer="l2")).notes
