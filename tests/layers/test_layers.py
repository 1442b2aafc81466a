"""Layers for sparse representations: values and gradients against NumPy, files, backends, the engine, bad input."""

import keras
import numpy as np
import pytest
from tests.engine._member import parity
from tests.layers._elsewhere import Z, autoencoder

import bridle
from bridle import layers

RNG = np.random.default_rng(0)


def gradients(layer: keras.layers.Layer, z: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Gradients of `sum out^2 / 2` plus the losses of the layer, to its input and its trainable weights."""
    import jax

    layer.build(z.shape)

    def loss(z, weights):
        others = [variable.value for variable in layer.non_trainable_variables]
        out, _, losses = layer.stateless_call(weights, others, z, training=True, return_losses=True)
        return (out**2).sum() / 2 + sum(losses)

    weights = [variable.value for variable in layer.trainable_variables]
    to_input, to_weights = jax.grad(loss, argnums=(0, 1))(z, weights)
    return np.asarray(to_input), [np.asarray(gradient) for gradient in to_weights]


def test_top_k_is_that_of_numpy() -> None:
    """The k largest of each position, positive, the first where they tie; the rest is exactly 0, as is its gradient."""
    z = np.round(RNG.normal(size=(50, 3, 12)), 1).astype("float32")
    order = np.argsort(-z, axis=-1, kind="stable")[..., :4]
    expected = np.zeros_like(z)
    np.put_along_axis(expected, order, np.maximum(np.take_along_axis(z, order, -1), 0), -1)
    np.testing.assert_array_equal(layers.TopK(4)(z), expected)
    np.testing.assert_allclose(gradients(layers.TopK(4), z)[0], expected, rtol=1e-6)


def test_batch_top_k_keeps_k_on_average() -> None:
    """The largest of the batch in training; in prediction those above the mean level, whatever rows are around."""
    layer, levels = layers.BatchTopK(3, momentum=0.5), []
    for _ in range(3):
        z = RNG.normal(size=(40, 10)).astype("float32")
        level = np.sort(z, axis=None)[-120]
        np.testing.assert_array_equal(layer(z, training=True), np.where(z >= level, z, 0))
        levels.append(level)
    mean = (levels[0] / 2 + levels[1] / 2) / 2 + levels[2] / 2
    np.testing.assert_allclose(float(layer.level.value), mean, rtol=1e-6)
    np.testing.assert_array_equal(layer(z[:1]), np.where(z[:1] >= float(layer.level.value), z[:1], 0))


def test_jump_relu_has_the_gradient_of_its_estimate() -> None:
    """Formulas of Rajamanoharan et al.: the identity above the threshold, and a window around the step for it."""
    z = RNG.normal(size=(30, 5)).astype("float32")
    theta, width, l0 = 0.3, 0.4, 0.2
    out = np.where(z > theta, z, 0)
    window = (np.abs(z - theta) < width / 2) / width
    np.testing.assert_array_equal(layers.JumpReLU(threshold=theta)(z), out)
    to_input, (to_log,) = gradients(layers.JumpReLU(threshold=theta, bandwidth=width, l0=l0), z)
    np.testing.assert_allclose(to_input, out, rtol=1e-5)
    to_theta = (-theta * window * out - l0 * window / len(z)).sum(axis=0)
    np.testing.assert_allclose(to_log, theta * to_theta, rtol=1e-4)


def test_units_that_stay_silent_are_raised() -> None:
    """Only they, by `revive` for each position below the level, and only after `patience` batches."""
    z = np.array([[3.0, 2.0, -1.0], [3.0, 1.0, 0.5]], "float32")
    layer = layers.TopK(1, revive=0.5, patience=2)
    expected = np.array([[3.0, 0, 0], [3.0, 0, 0]])
    np.testing.assert_allclose(gradients(layer, z)[0], expected)
    layer(z, training=True), layer(z, training=True)
    np.testing.assert_array_equal(layer.silent.value, [0, 2, 2])
    np.testing.assert_allclose(gradients_again(layer, z), expected - 0.25 * np.array([[0, 1, 1], [0, 1, 1]]))
    layer(z)
    np.testing.assert_array_equal(layer.silent.value, [0, 2, 2])


def gradients_again(layer: keras.layers.Layer, z: np.ndarray) -> np.ndarray:
    """Gradients to the input of a layer that is built."""
    layer.build = lambda shape: None
    return gradients(layer, z)[0]


def test_what_is_no_number_stays() -> None:
    """A diverged network is not hidden behind zeros."""
    z = np.array([[np.nan, 1.0, 2.0]], "float32")
    for layer in (layers.TopK(1), layers.BatchTopK(1)):
        assert np.isnan(np.asarray(layer(z, training=True))[0, 0])


def test_a_fit_is_that_of_keras() -> None:
    """The engine trains the layers, their counters and levels as `model.fit` does."""
    x = np.random.default_rng(0).normal(size=(60, 5)).astype("float32")
    parity(autoencoder, x, x, validate=False)


def test_row_codes_solve_the_lasso() -> None:
    """With given atoms, the codes are those of scikit-learn's lasso, and the same ones are exactly zero."""
    from sklearn.decomposition import sparse_encode

    rng = np.random.default_rng(1)
    atoms = rng.normal(size=(8, 6))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    x, alpha = rng.normal(size=(20, 6)), 0.3
    decoder = layers.UnitNormDense(6, use_bias=False, trainable=False, name="decoder")
    model = keras.Sequential([keras.Input((1,)), layers.RowCodes(20, 8, name="rows"), decoder])
    decoder.set_weights([atoms])
    model.compile(keras.optimizers.SGD(10.0), "mse")
    # scikit-learn: |x - s D|^2 / 2 + alpha |s|_1 for each row; here the mean over 20 rows and 6 features of squares
    model = bridle.regularize(model, {"rows/codes": bridle.L1(2 * alpha / (20 * 6), exact=True)})
    model.fit(np.arange(20)[:, None], x, batch_size=20, epochs=2000, shuffle=False, verbose=0)
    codes = np.asarray(model.weights[0].value)
    expected = sparse_encode(x, atoms, algorithm="lasso_cd", alpha=alpha, max_iter=10000)
    np.testing.assert_allclose(codes, expected, atol=2e-3)
    assert ((codes == 0) == (expected == 0)).mean() > 0.98
    assert (expected == 0).mean() > 0.2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.TopK(0), "whole number of at least 1 for `k` of TopK, got 0"),
        (lambda: layers.TopK(2.5), "whole number of at least 1 for `k` of TopK, got 2.5"),
        (lambda: layers.TopK("many"), "for `k` of TopK, got 'many'"),
        (lambda: layers.TopK(9, name="code")(Z), "at least k = 9 units at 'code', got 5"),
        (lambda: layers.BatchTopK(9)(Z), r"got 5\. Give the layer before it 9 units or more, or write BatchTopK\(5\)"),
        (lambda: layers.BatchTopK(1, momentum=1.0), "between 0 and 1 for `momentum`"),
        (lambda: layers.TopK(1, revive=-1), "≥ 0 for `revive` of TopK, got -1"),
        (lambda: layers.JumpReLU(threshold=0), "> 0 for `threshold` of JumpReLU, got 0"),
        (lambda: layers.JumpReLU(l0=float("nan")), "≥ 0 for `l0` of JumpReLU, got nan"),
        (lambda: layers.UnitNormDense(3, kernel_constraint="non_neg"), "no kernel_constraint for UnitNormDense"),
        (lambda: layers.RowCodes(3, 0), "for `units` of RowCodes, got 0"),
        (lambda: layers.RowCodes(3, 2)(Z), r"row numbers of shape \(batch,\) or \(batch, 1\)"),
    ],
)
def test_bad_arguments_get_a_sentence(make, message: str) -> None:
    """What was expected, what came, and what to do."""
    with pytest.raises(bridle.BridleError, match=message):
        make()
