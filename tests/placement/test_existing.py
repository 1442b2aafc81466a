"""Models that exist already: applications, subclassed, frozen, penalized before; and back again."""

import keras
import numpy as np
import pytest

import bridle
from bridle import BridleError
from bridle.placement import Regularized

L = keras.layers


@keras.saving.register_keras_serializable("tests")
class Own(keras.Model):
    """A subclassed model with a configuration."""

    def __init__(self, units: int = 3, **kwargs) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.hidden = L.Dense(units, "relu", name="hidden")
        self.out = L.Dense(1, name="out")

    def call(self, x, training=None):
        return self.out(self.hidden(x))

    def get_config(self) -> dict:
        return {"units": self.units}


def test_a_subclassed_model_is_penalized_saved_and_loaded(tmp_path) -> None:
    """Its weights are kept, and the original trains on untouched."""
    x, y = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")
    model = Own()
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    penalized = bridle.regularize(model, {"hidden/kernel": bridle.L2(0.5), "hidden/output": bridle.L1(0.1)})
    assert all(np.array_equal(a, b) for a, b in zip(penalized.get_weights(), model.get_weights(), strict=True))
    kernel, bias = (np.asarray(weight, float) for weight in (model.hidden.kernel, model.hidden.bias))
    expected = 0.5 * (kernel**2).sum() + 0.1 * np.maximum(x @ kernel + bias, 0).sum() / 8
    assert penalized.evaluate(x, y, verbose=0) - model.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-4)
    penalized.save(tmp_path / "own.keras")
    again = keras.models.load_model(tmp_path / "own.keras")
    assert again.evaluate(x, y, verbose=0) == pytest.approx(penalized.evaluate(x, y, verbose=0), rel=1e-6)
    assert isinstance(bridle.strip(again), Own)
    before = penalized.get_weights()
    model.fit(x, y, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(penalized.get_weights(), before, strict=True))


def test_applications_are_penalized() -> None:
    """A frozen MobileNetV2 with a new head: every convolution kernel counts, no normalisation does."""
    base = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, include_top=False, weights=None, pooling="avg")
    base.trainable = False
    model = keras.Sequential([keras.Input((32, 32, 3)), base, L.Dense(2, "softmax", name="head")])
    model.compile("adam", "sparse_categorical_crossentropy")
    penalized = bridle.regularize(model, {"*/kernel": bridle.L2(1e-3), "head/output": bridle.Confidence(0.1)})
    kernels = [weight for weight in model.weights if weight.name == "kernel"]
    charged = penalized.penalties(np.zeros((2, 32, 32, 3), "float32"))
    assert len(charged) == len(kernels) + 1
    total = sum(float(value) for name, value in charged.items() if name.endswith("/kernel"))
    assert total == pytest.approx(1e-3 * sum(np.square(np.asarray(w, float)).sum() for w in kernels), rel=1e-4)
    assert len(penalized.trainable_variables) == 2


def test_a_penalized_model_looks_like_the_model() -> None:
    """Layers, weights, shapes and the count of parameters are those of the model inside."""
    model = keras.Sequential([keras.Input((2,)), L.Dense(3, name="hidden"), L.Dense(1, name="out")])
    penalized = bridle.regularize(model, {"hidden/kernel": "l2(0.1)"})
    assert [layer.name for layer in penalized.layers] == ["hidden", "out"]
    assert penalized.get_layer("hidden").units == 3
    assert penalized.count_params() == model.count_params()
    assert penalized.output_shape == model.output_shape
    assert keras.Model(penalized.inputs[0], penalized.get_layer("hidden").output)(np.ones((1, 2))).shape == (1, 3)


def test_a_regularized_model_shows_the_name_of_its_class() -> None:
    """Not the one by which Keras stores it."""
    model = bridle.regularize(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), {"*/kernel": "l2(0.1)"})
    assert repr(model) == f"<Regularized name={model.name}, built=True>"
    with pytest.raises(AttributeError, match="'Regularized' object has no attribute 'missing'"):
        _ = model.missing
    assert keras.saving.get_registered_name(type(model)) == "bridle>Penalized"


def test_penalties_add_up_and_come_off() -> None:
    """Penalize twice, then take everything off; the same target twice is refused."""
    model = keras.Sequential([keras.Input((2,)), L.Dense(3, name="hidden", bias_regularizer="l2")])
    model.compile("adam", "mse")
    once = bridle.regularize(model, {"hidden/kernel": "l2(0.1)"})
    twice = bridle.regularize(once, {"hidden/output": "l1(0.1)"})
    assert list(twice.terms) == ["hidden/kernel", "hidden/output"]
    with pytest.raises(BridleError, match="without a penalty"):
        bridle.regularize(once, {"hidden/kernel": "l1(0.1)"})
    plain = bridle.strip(twice)
    assert type(plain) is keras.Sequential
    assert plain.compiled
    assert not isinstance(plain, Regularized)
    assert plain.layers[0].bias_regularizer is not None
    with pytest.raises(BridleError, match="no penalties"):
        bridle.strip(plain)


def test_anchors_stay_where_they_were_when_more_is_placed() -> None:
    """A model that has moved away from its pretrained weights is still pulled back to them."""
    model = keras.Sequential([keras.Input((2,)), L.Dense(3, name="hidden"), L.Dense(1, name="out")])
    once = bridle.regularize(model, {"hidden/kernel": bridle.L2SP(1.0)})
    once.get_layer("hidden").kernel.assign(once.get_layer("hidden").kernel + 1.0)
    twice = bridle.regularize(once, {"out/kernel": "l2(0.1)"})
    x = np.ones((1, 2), "float32")
    assert float(once.penalties(x)["penalty/hidden/kernel"]) == pytest.approx(6, rel=1e-5)
    assert float(twice.penalties(x)["penalty/hidden/kernel"]) == pytest.approx(6, rel=1e-5)


def test_models_that_train_in_their_own_way_are_refused() -> None:
    """Their train_step would not run, and saying nothing would be worse."""

    class Trains(Own):
        def train_step(self, *args):
            return super().train_step(*args)

    model = Trains()
    model(np.ones((1, 2)))
    with pytest.raises(BridleError, match="a custom train_step"):
        bridle.regularize(model, {"hidden/kernel": "l2(0.1)"})


def test_models_without_a_configuration_are_refused() -> None:
    """With what to write."""

    class Bare(keras.Model):
        def __init__(self, layer) -> None:
            super().__init__()
            self.inside = layer

        def call(self, x):
            return self.inside(x)

    model = Bare(L.Dense(2))
    model(np.ones((1, 2)))
    with pytest.raises(BridleError, match="get_config"):
        bridle.regularize(model, {"*/kernel": "l2(0.1)"})


def test_mixed_precision_is_charged_in_float32() -> None:
    """Keras's own activity penalty is infinite here, and half-precision weights would be rounded."""
    layers = [L.Dense(64, name="hidden", dtype="mixed_float16"), L.Dense(1, name="out", dtype="float32")]
    model = keras.Sequential([keras.Input((2,)), *layers])
    x = np.full((256, 2), 30, "float32")
    charged = bridle.regularize(model, {"hidden/output": "l2(1)", "hidden/kernel": "l2(1)"}).penalties(x)
    kernel = np.asarray(model.get_layer("hidden").kernel, float)
    assert float(charged["penalty/hidden/kernel"]) == pytest.approx((kernel**2).sum(), rel=1e-6)
    assert float(charged["penalty/hidden/output"]) == pytest.approx(np.square(x @ kernel).sum() / 256, rel=1e-2)


def test_a_penalized_model_inside_another_is_charged() -> None:
    """Its penalties belong to its call."""
    inner = bridle.regularize(
        keras.Sequential([keras.Input((2,)), L.Dense(3, name="hidden")]), {"hidden/kernel": "l2(0.5)"}
    )
    outer = keras.Sequential([keras.Input((2,)), inner, L.Dense(1)])
    outer.compile("sgd", "mse")
    x, y = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
    data = float(np.mean(np.square(np.asarray(outer(x)))))
    kernel = np.asarray(inner.get_layer("hidden").kernel, float)
    assert outer.evaluate(x, y, verbose=0) == pytest.approx(data + 0.5 * (kernel**2).sum(), rel=1e-5)
