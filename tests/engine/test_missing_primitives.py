"""A JAX without a primitive that a rewrite needs: no rewrite, and a note of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import primitives

from bridle.engine.rewrites import for_loops, gradient_for_loops


def total(x, w):
    """Sum of squares of a convolution and a dense layer."""
    out = jax.lax.conv_general_dilated(x, w, (1,), "VALID")
    return jnp.sum(jax.checkpoint(jax.nn.relu)(out) ** 2), out.shape


@pytest.mark.parametrize("name", ["conv_general_dilated_p", "remat_p", "dot_general_p"])
def test_a_missing_primitive_means_no_rewrite_and_a_note(name: str, monkeypatch) -> None:
    """Values and gradients are those of the function as it is written."""
    x = np.random.default_rng(0).normal(size=(4, 2, 9)).astype("float32")
    w = np.random.default_rng(1).normal(size=(3, 2, 3)).astype("float32")
    monkeypatch.delattr(primitives, name)
    forms: list[str] = []
    function = for_loops(lambda w: total(x, w), forms.append)
    np.testing.assert_allclose(function(w)[0], total(x, w)[0], rtol=1e-5)
    found, _ = gradient_for_loops(function)(w)
    expected, _ = jax.grad(lambda w: total(x, w), has_aux=True)(w)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert f"{name}: not in this JAX, no rewrite" in forms
    assert any("convolution" in form for form in forms) == (name == "dot_general_p")
