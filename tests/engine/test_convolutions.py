"""Convolutions and max pooling in a training loop: the same numbers as Keras computes, by other operations."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from jax import lax

from bridle.engine.rewrites import _im2col as _patches
from bridle.engine.rewrites import for_loops, in_loops
from bridle.engine.rewrites._im2col import convolve, max_pool
from bridle.engine.rewrites._interpreter import equations, rewritten

CONFIGURATIONS = 40


def close(one, other, relative: float = 1e-5) -> None:
    """Equal up to `relative` of the largest entry."""
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
        assert a.shape == b.shape
        assert np.abs(a - b).max(initial=0) <= relative * max(1.0, np.abs(b).max(initial=0))


def names(function, *arguments) -> set[str]:
    """The names of all operations of a traced function."""
    return {equation.primitive.name for equation in equations(jax.make_jaxpr(function)(*arguments))}


def arranged(spec, first: int, second: int, space) -> tuple[int, ...]:
    """A shape with its axes where `spec` puts them."""
    shape = dict(zip(spec, (first, second, *space), strict=True))
    return tuple(shape[axis] for axis in range(len(spec)))


def drawn(seed: int):
    """Operands and parameters of a random convolution."""
    rng = np.random.default_rng(seed)
    dims = seed % 3 + 1
    several = lambda low, high: tuple(int(v) for v in rng.integers(low, high + 1, dims))  # noqa: E731
    features, batches = [(1, 1), (2, 1), (1, 1), (1, 2), (3, 1)][seed % 5]
    rows, channels, filters = (int(v) for v in rng.integers(1, 4, 3))
    kernel, gaps = several(1, 4), several(1, 2)
    strides = several(1, 3) if seed % 2 else (1,) * dims
    spread = several(1, 3) if rng.random() < 0.5 else (1,) * dims
    padding = tuple((int(low), int(high)) for low, high in rng.integers(0, 4, (dims, 2)))
    needed = [(k - 1) * g + 1 - low - high for k, g, (low, high) in zip(kernel, gaps, padding, strict=True)]
    space = [max(int(rng.integers(4, 8)), size) for size in needed]
    orders = [tuple(int(v) for v in rng.permutation(dims + 2)) for _ in range(3)]
    params = {
        "window_strides": strides,
        "padding": padding,
        "lhs_dilation": spread,
        "rhs_dilation": gaps,
        "dimension_numbers": lax.ConvDimensionNumbers(*orders),
        "feature_group_count": features,
        "batch_group_count": batches,
        "precision": None,
        "preferred_element_type": None,
    }
    lhs = rng.normal(size=arranged(orders[0], rows * batches, channels * features, space))
    rhs = rng.normal(size=arranged(orders[1], filters * features * batches, channels, kernel))
    return lhs.astype("float32"), rhs.astype("float32"), params


def with_gradients(function):
    """(lhs, rhs, weights) → the value and both gradients of Σ weights · value."""

    def both(lhs, rhs, weights):
        value, pull = jax.vjp(function, lhs, rhs)
        return value, *pull(weights)

    return jax.jit(both, compiler_options={"xla_backend_optimization_level": 0})


@pytest.mark.parametrize("seed", range(CONFIGURATIONS))
def test_value_and_gradients_are_those_of_the_convolution(seed: int):
    """For strides, dilations, paddings, groups, dimensions and axis orders drawn at random."""
    lhs, rhs, params = drawn(seed)
    plain = lambda lhs, rhs: lax.conv_general_dilated(lhs, rhs, **params)  # noqa: E731
    shape = jax.eval_shape(plain, lhs, rhs).shape
    weights = np.random.default_rng(seed).normal(size=shape).astype("float32")
    other = with_gradients(lambda lhs, rhs: convolve(lhs, rhs, **params))
    close(other(lhs, rhs, weights), with_gradients(plain)(lhs, rhs, weights))


def test_negative_padding_crops():
    """Value and gradients are those after cropping; XLA's own gradient of the kernel is wrong there in jax 0.10.2."""
    lhs, rhs, params = drawn(12)
    cropped = {**params, "padding": ((0, 0),)}
    axis = params["dimension_numbers"].lhs_spec[2]
    crop = lambda lhs: lax.slice_in_dim(lhs, 1, lhs.shape[axis] - 1, axis=axis)  # noqa: E731
    plain = lambda lhs, rhs: lax.conv_general_dilated(crop(lhs), rhs, **cropped)  # noqa: E731
    other = lambda lhs, rhs: convolve(lhs, rhs, **{**params, "padding": ((-1, -1),)})  # noqa: E731
    lhs = np.concatenate([lhs] * 3, axis)
    weights = np.ones(jax.eval_shape(plain, lhs, rhs).shape, "float32")
    close(with_gradients(other)(lhs, rhs, weights), with_gradients(plain)(lhs, rhs, weights))


def test_large_patches_are_made_for_fewer_rows_at_a_time(monkeypatch):
    """With little memory for patches, value and gradients stay."""
    rng = np.random.default_rng(0)
    lhs, rhs = rng.normal(size=(7, 6, 6, 4)).astype("float32"), rng.normal(size=(3, 3, 4, 5)).astype("float32")
    plain = lambda lhs, rhs: lax.conv_general_dilated(  # noqa: E731
        lhs, rhs, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    weights = rng.normal(size=(7, 6, 6, 5)).astype("float32")
    wanted = with_gradients(plain)(lhs, rhs, weights)
    monkeypatch.setattr(_patches, "PATCH_BYTES", 3 * 6 * 6 * 9 * 4 * 4)
    other = rewritten(plain, in_loops)
    assert "scan" in names(other, lhs, rhs)
    close(with_gradients(other)(lhs, rhs, weights), wanted)


@pytest.mark.parametrize("element", [None, "float32"])
def test_half_precision(element):
    """bfloat16 operands, with and without a wider element type for the sums."""
    lhs, rhs, params = drawn(3)
    lhs, rhs = lhs.astype("bfloat16"), rhs.astype("bfloat16")
    params["preferred_element_type"] = element and np.dtype(element)
    got, wanted = convolve(lhs, rhs, **params), lax.conv_general_dilated(lhs, rhs, **params)
    assert got.dtype == wanted.dtype
    close(got, wanted, 1e-2)


def test_over_members():
    """`vmap` over both operands."""
    lhs, rhs, params = drawn(6)
    lhs, rhs = np.stack([lhs, 2 * lhs]), np.stack([rhs, -rhs])
    plain = lambda lhs, rhs: lax.conv_general_dilated(lhs, rhs, **params)  # noqa: E731
    close(jax.vmap(rewritten(plain, in_loops))(lhs, rhs), jax.vmap(plain)(lhs, rhs))


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize(("width", "stride"), [(2, 2), (3, 2), (3, 1), (2, 3)])
def test_max_pooling_sends_the_gradient_to_the_first_of_equal_maxima(padding: str, width: int, stride: int):
    """Values and gradients are XLA's exactly, on rows full of ties."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (5, 7, 8, 2)).astype("float32")
    window, steps = (1, width, width, 1), (1, stride, stride, 1)
    plain = lambda x: lax.reduce_window(x, -jnp.inf, lax.max, window, steps, padding)  # noqa: E731
    weights = rng.integers(-4, 5, jax.eval_shape(plain, x).shape).astype("float32")
    other = rewritten(plain, in_loops)
    assert "reduce_window_max" not in names(other, x)
    for function in (plain, other):
        value, pull = jax.vjp(function, x)
        np.testing.assert_array_equal(value, plain(x))
        np.testing.assert_array_equal(pull(weights)[0], jax.vjp(plain, x)[1](weights)[0])


def test_max_pooling_keeps_what_is_not_a_number():
    """A window with a NaN has the maximum NaN, as in XLA; integers are pooled too."""
    x = np.array([1.0, np.nan, 2.0, 3.0, -np.inf, -np.inf], "float32")
    plain = lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2,), (2,), "VALID")  # noqa: E731
    np.testing.assert_array_equal(rewritten(plain, in_loops)(x), [np.nan, 3.0, -np.inf])
    params = {"window_strides": (2,), "padding": ((0, 0),), "base_dilation": (1,), "window_dilation": (1,)}
    np.testing.assert_array_equal(max_pool(np.array([3, 1, 2, 7], "int32"), window_dimensions=(2,), **params), [3, 7])


def blurred(x, kernel):
    """A one-dimensional convolution over rows of shape (batch, place, channel)."""
    return lax.conv_general_dilated(x, kernel, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC"))


@jax.custom_jvp
def own_jvp(x, kernel):
    """A convolution whose derivative is, by its own rule, three times the true one."""
    return blurred(x, kernel)


@own_jvp.defjvp
def _own_jvp(primals, tangents):
    return blurred(*primals), 3 * jax.jvp(blurred, primals, tangents)[1]


@jax.custom_vjp
def own_vjp(x, kernel):
    """A convolution whose gradient is, by its own rule, twice the true one."""
    return blurred(x, kernel)


own_vjp.defvjp(
    lambda x, kernel: (blurred(x, kernel), (x, kernel)),
    lambda kept, g: tuple(2 * part for part in jax.vjp(blurred, *kept)[1](g)),
)

INSIDE = {
    "jit": jax.jit(blurred),
    "remat": jax.checkpoint(blurred),
    "own jvp": own_jvp,
    "own vjp": own_vjp,
    "scan": lambda x, k: lax.scan(lambda carry, _: (jnp.tanh(blurred(carry, k)), carry.sum()), x, None, 3)[0],
    "fori": lambda x, k: lax.fori_loop(0, 3, lambda _, carry: jnp.tanh(blurred(carry, k)), x),
    "cond": lambda x, k: lax.cond(x.sum() > 0, blurred, lambda x, k: x, x, k),
    "nested": lambda x, k: lax.map(lambda row: jax.jit(jax.checkpoint(own_jvp))(row[None], k)[0], x),
}


@pytest.mark.parametrize("place", INSIDE)
def test_inside_other_operations(place: str):
    """Value and gradient stay and no convolution is left, whatever it stands in; rules of one's own are kept."""
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(4, 6, 2)).astype("float32"), rng.normal(size=(3, 2, 2)).astype("float32")
    loss = lambda function: lambda x, kernel: jnp.sum(function(x, kernel) ** 2)  # noqa: E731
    plain, other = (jax.value_and_grad(loss(f), (0, 1)) for f in (INSIDE[place], rewritten(INSIDE[place], in_loops)))
    assert "conv_general_dilated" in names(plain, x, kernel)
    assert "conv_general_dilated" not in names(other, x, kernel)
    close(jax.jit(other)(x, kernel), plain(x, kernel))


def test_while_loop():
    """A loop of unknown length has no gradient, but a value."""
    x, kernel = np.ones((1, 4, 1), "float32"), np.full((3, 1, 1), 0.5, "float32")
    plain = lambda x: lax.while_loop(lambda x: blurred(x, kernel).sum() < 90, lambda x: blurred(x, kernel), x)  # noqa: E731
    other = rewritten(plain, in_loops)
    assert "conv_general_dilated" not in names(other, x)
    close(other(x), plain(x))


def test_a_function_without_convolutions_is_unchanged():
    """Its jaxpr is the same, rules of derivatives of its own included."""

    def function(x, tree):
        return {"a": jax.nn.relu(x) + tree[0], "b": (lax.scan(lambda c, r: (c + r, c), 0.0, x), None)}

    arguments = np.ones(3, "float32"), [np.float32(2)]
    assert str(jax.make_jaxpr(rewritten(function, in_loops))(*arguments)) == str(jax.make_jaxpr(function)(*arguments))


def test_effects_are_kept(capsys):
    """A function prints once while it runs."""

    def function(x, kernel):
        jax.debug.print("sum {}", x.sum())
        return blurred(x, kernel)

    jax.block_until_ready(
        jax.jit(rewritten(function, in_loops))(np.ones((1, 4, 1), "float32"), np.ones((3, 1, 1), "float32"))
    )
    jax.effects_barrier()
    assert capsys.readouterr().out == "sum 4.0\n"


layers = keras.layers
NETWORKS = {
    "Conv1D, causal": ((9, 2), lambda: [layers.Conv1D(3, 3, padding="causal", dilation_rate=2)]),
    "Conv2D": ((8, 8, 2), lambda: [layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")]),
    "Conv2D, groups": ((8, 8, 4), lambda: [layers.Conv2D(6, 3, groups=2)]),
    "Conv3D": ((5, 5, 5, 1), lambda: [layers.Conv3D(2, 2), layers.MaxPooling3D(2)]),
    "transposed": ((5, 5, 2), lambda: [layers.Conv2DTranspose(3, 3, strides=2, padding="same")]),
    "depthwise": ((6, 6, 3), lambda: [layers.DepthwiseConv2D(3, depth_multiplier=2)]),
    "separable": ((6, 6, 3), lambda: [layers.SeparableConv2D(4, 3), layers.MaxPooling2D(2)]),
    "recurrent": ((3, 6, 6, 2), lambda: [layers.ConvLSTM2D(2, 3)]),
    "batch normalization": ((8, 8, 1), lambda: [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU()]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_keras_layers(name: str):
    """One gradient step has the same loss, gradients and state, and no convolution is left in it."""
    keras.utils.set_random_seed(0)
    shape, stack = NETWORKS[name]
    network = keras.Sequential([keras.Input(shape), *stack(), layers.Flatten(), layers.Dense(1)])
    trainable, other = (
        [v.value for v in part] for part in (network.trainable_variables, network.non_trainable_variables)
    )
    x = np.random.default_rng(0).normal(size=(4, *shape)).astype("float32")

    def loss(trainable, other, x):
        prediction, other = network.stateless_call(trainable, other, x, training=True)
        return jnp.mean(prediction**2), other

    plain = jax.value_and_grad(loss, has_aux=True)
    changed = jax.value_and_grad(rewritten(loss, in_loops), has_aux=True)
    assert not names(changed, trainable, other, x) & {"conv_general_dilated", "reduce_window_max"}
    close(jax.jit(changed)(trainable, other, x), jax.jit(plain)(trainable, other, x))


def test_what_is_replaced_is_named():
    """Each distinct operation once, in words."""
    x, kernel = np.ones((2, 8, 8, 32), "float32"), np.ones((3, 3, 32, 64), "float32")
    function = lambda x: lax.conv_general_dilated(  # noqa: E731
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    forms: dict = {}
    for_loops(lambda x: (function(x), function(2 * x), jnp.sin(x)), forms.setdefault)(x)
    assert list(forms) == ["3x3 convolution 32 to 64 channels: patches"]
