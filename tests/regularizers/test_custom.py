"""A person's own function as a penalty."""

import warnings

import jax
import keras
import numpy as np
import pytest
from keras import ops
from tests.regularizers._cases import cubes, farthest

import bridle
from bridle.testing import check_penalty


def squares(x):
    return ops.square(x)


X = np.random.default_rng(0).normal(size=(4, 3, 2)).astype("float32")


def test_a_value_per_entry() -> None:
    """Summed on weights; on activations summed over units and averaged over samples, padded steps left out."""
    penalty = bridle.Custom(cubes, 0.1)
    charged = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 1, 1]], "float32")
    (got,) = penalty.activation_values(X, charged)
    assert float(got) == pytest.approx((np.abs(X) ** 3 * charged[..., None]).sum() / 3, rel=1e-5)


def test_a_value_per_sample() -> None:
    """The mean over the samples that count; the contract says that padded steps are seen."""
    (got,) = bridle.Custom(farthest, 0.1).activation_values(X, np.array([1.0, 0.0, 1.0, 1.0], "float32"))
    assert float(got) == pytest.approx(np.mean([np.max(X[i] ** 2) for i in (0, 2, 3)]), rel=1e-5)
    with pytest.raises(AssertionError, match="other entries in padded steps"):
        check_penalty(bridle.Custom(farthest, 0.1), on="activation")


def test_a_single_number() -> None:
    """As it is; and the contract says what that means on a batch with padding."""
    total = bridle.Custom(lambda x: ops.sum(ops.square(x)), 0.1, name="total")
    assert float(total.activation_values(X)[0]) == pytest.approx(np.sum(X**2), rel=1e-5)
    assert float(total(X)) == pytest.approx(0.1 * np.sum(X**2), rel=1e-5)
    with pytest.warns(UserWarning, match="not checked for saving"), pytest.raises(AssertionError, match="not charged"):
        check_penalty(total, on="activation")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: ops.sum(x, axis=-1), r"got shape \(4, 3\) for \(4, 3, 2\)"),
        (lambda x: "much", "got str"),
        (lambda x: None, "got NoneType"),
        (lambda x: ops.sum(ops.square(x)) - 1e6, "a value ≥ 0, got -"),
        (lambda x: x * float("nan"), "a value ≥ 0, got nan"),
    ],
)
def test_refuses_results(function, said: str) -> None:
    """The sentence names the function."""
    penalty = bridle.Custom(function, 0.1, name="mine")
    with pytest.raises(ValueError, match=said) as refused:
        penalty.weight_values(X)
    assert "'mine'" in str(refused.value)
    with pytest.raises(ValueError, match=said):
        penalty.activation_values(X)


def test_a_vector_per_sample_is_for_activations() -> None:
    """A weight has no samples."""
    with pytest.raises(ValueError, match=r"got shape \(4,\)"):
        bridle.Custom(farthest, 0.1).weight_values(X)


def test_values_are_not_looked_at_inside_compiled_code() -> None:
    """Unknown values are neither refused nor an error."""
    penalty = bridle.Custom(lambda x: ops.sum(x) - 1e6, 1.0, name="low")
    assert float(jax.jit(penalty)(X)) < 0
    assert np.all(np.array(jax.grad(lambda x: penalty(x))(X)) == 1.0)


def test_is_saved_where_its_function_is_registered() -> None:
    """Keras writes and reads it, in a model too."""
    penalty = bridle.Custom(cubes, 0.1, name="cubic")
    again = keras.regularizers.deserialize(keras.regularizers.serialize(penalty))
    assert repr(again) == repr(penalty) == "Custom(strength=0.1, function=cubes, name='cubic')"
    assert again.kind == "custom:cubic"
    assert float(again(X)) == float(penalty(X))


@pytest.mark.parametrize("function", [squares, lambda x: ops.square(x)])
def test_says_how_to_save_a_function(function) -> None:
    """Neither a lambda nor a function that Keras does not know."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="register_keras_serializable"):
            bridle.Custom(function, 0.1).get_config()
    with pytest.warns(UserWarning, match="not checked for saving"):
        check_penalty(bridle.Custom(function, 0.1), on="weight")


def test_takes_ranges_and_names() -> None:
    """As any penalty."""
    penalty = bridle.Custom(squares)
    assert penalty.kind == "custom:squares"
    assert penalty.at(0.5).fixed() == (0.5,)
    assert penalty.at(0.5).function is squares
    with pytest.raises(TypeError, match="Expected a function"):
        bridle.Custom("l1", 0.1)
    with pytest.raises(ValueError, match="Expected text"):
        bridle.Custom(squares, 0.1, name="")
