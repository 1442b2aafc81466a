"""Values and gradients of a function of one tensor, on whichever backend Keras runs."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from bridle._errors import BackendError


def with_gradient(function: Callable[[Any], Any]) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Turn a scalar function of one tensor into one that returns its value and gradient at an array.

    JAX and TensorFlow compile it, once per shape; PyTorch, which needs a C++ compiler for that, runs it as it is.

    Errors: `BackendError` on a backend without gradients.
    """
    backend = keras.backend.backend()
    if backend not in _GRADIENTS:
        raise BackendError(
            f"Expected a Keras backend with gradients, got {backend!r}. Set the environment variable KERAS_BACKEND to "
            "jax, tensorflow or torch before Python starts."
        )
    both = _GRADIENTS[backend](function)

    def at(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = both(ops.convert_to_tensor(x))
        return float(value), np.asarray(ops.convert_to_numpy(gradient))

    return at


def is_float(value: Any) -> bool:
    """Return True for a tensor of real floating-point numbers."""
    return "float" in keras.backend.standardize_dtype(value.dtype)


def as_float(value: Any) -> float | None:
    """Return a scalar tensor as a number; None inside compiled or differentiated code, where it has no value yet."""
    if isinstance(value, keras.KerasTensor):
        return None
    backend = keras.backend.backend()
    if backend == "jax":
        from jax.core import Tracer

        return None if isinstance(value, Tracer) else float(value)
    if backend == "tensorflow":
        import tensorflow

        return None if tensorflow.is_symbolic_tensor(value) else float(value)
    if backend == "torch":
        import torch  # pyright: ignore[reportMissingImports] - an optional backend

        inside = torch.compiler.is_compiling() or torch._C._functorch.is_functorch_wrapped_tensor(value)
        return None if inside or value.is_meta else float(value.detach())
    return float(value)


def _jax(function: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, Any]]:
    import jax

    return jax.jit(jax.value_and_grad(function))


def _tensorflow(function: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, Any]]:
    import tensorflow

    @tensorflow.function
    def both(x: Any) -> tuple[Any, Any]:
        with tensorflow.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        return value, tape.gradient(value, x, unconnected_gradients=tensorflow.UnconnectedGradients.ZERO)

    return both


def _torch(function: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, Any]]:
    import torch  # pyright: ignore[reportMissingImports] - an optional backend

    def both(x: Any) -> tuple[Any, Any]:
        x = x.detach().clone().requires_grad_()
        value = function(x)
        if not value.requires_grad:
            return value, torch.zeros_like(x)
        (gradient,) = torch.autograd.grad(value, x, allow_unused=True)
        return value.detach(), torch.zeros_like(x) if gradient is None else gradient

    return both


_GRADIENTS = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}
