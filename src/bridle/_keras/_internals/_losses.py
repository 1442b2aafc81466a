"""Private parts of compiled losses, metrics and training steps."""

import contextlib
import copy
import functools
from collections.abc import Iterator
from typing import Any

import keras

from bridle._keras._internals._access import load_internal, read_private, replaced

_LOSS_FUNCTION = load_internal("losses.losses", "LossFunctionWrapper")


def compiled_loss(model: keras.Model) -> Any:
    """Return the compiled loss of a model; None if there is none."""
    return read_private(model, "_compile_loss")


def without_compiled_loss(model: keras.Model) -> contextlib.AbstractContextManager[None]:
    """Hide the compiled loss of a model inside the block."""
    return replaced(model, "_compile_loss", None)


def compiled_metrics(model: keras.Model) -> Any:
    """Return the compiled metrics of a model; None if there are none."""
    return read_private(model, "_compile_metrics")


def compile_arguments(model: keras.Model) -> dict[str, Any]:
    """Return loss, loss weights and metrics as they were given to `compile`."""
    loss, metrics = compiled_loss(model), compiled_metrics(model)
    return {
        "loss": None if loss is None else read_private(loss, "_user_loss"),
        "loss_weights": None if loss is None else read_private(loss, "_user_loss_weights"),
        "metrics": None if metrics is None else read_private(metrics, "_user_metrics"),
        "weighted_metrics": None if metrics is None else read_private(metrics, "_user_weighted_metrics"),
    }


def compile_config(model: keras.Model) -> dict[str, Any]:
    """Return the configuration that `compile` recorded; empty for a model that is not compiled."""
    recorded = getattr(model, "_compile_config", None)
    return recorded.config if recorded is not None else {}


def built_structures(loss: Any) -> tuple[Any, Any]:
    """Return the structures of predictions and labels that a compiled loss was built for."""
    return read_private(loss, "_y_pred_build_structure"), read_private(loss, "_y_true_build_structure")


def flat_losses(loss: Any) -> list[Any]:
    """Return the losses of a compiled loss as (path, loss, weight, name)."""
    return read_private(loss, "_flat_losses")


def with_losses(loss: Any, losses: list[Any]) -> contextlib.AbstractContextManager[None]:
    """Replace the losses of the outputs of a built compiled loss inside the block, in the order of `flat_losses`."""
    pairs = zip(flat_losses(loss), losses, strict=True)
    entries = [type(entry)(entry.path, other, entry.loss_weights, entry.name) for entry, other in pairs]
    return replaced(loss, "_flat_losses", entries)


def is_built(loss: Any) -> bool:
    """Return True for a compiled loss that knows the losses of its outputs."""
    return bool(read_private(loss, "built"))


def loss_function(loss: Any) -> tuple[Any, dict[str, Any]]:
    """Return the function that a loss of Keras averages, and its options; (None, {}) for a loss of another kind."""
    kind = type(loss)
    if not isinstance(loss, keras.losses.Loss):
        return loss, {}
    plain = isinstance(loss, _LOSS_FUNCTION) and kind.call is _LOSS_FUNCTION.call
    if not plain or kind.__call__ is not keras.losses.Loss.__call__:
        return None, {}
    return _wrapped_function(loss)


def _wrapped_function(loss: Any) -> tuple[Any, dict[str, Any]]:
    """Return the function that a loss of Keras holds, and its options; (None, {}) for another loss."""
    function = getattr(loss, "fn", None)
    return function, {} if function is None else read_private(loss, "_fn_kwargs")


def with_loss_options(loss: Any, **options: Any) -> Any:
    """Return a copy of a loss of Keras with other options of its function."""
    changed = copy.copy(loss)
    changed._fn_kwargs = {**read_private(loss, "_fn_kwargs"), **options}
    return changed


def loss_arguments(loss: Any) -> dict[str, Any]:
    """Return the arguments with which a loss calls its function, and the function as `fn`.

    A loss of Keras has them fixed when it is built, a `functools.partial` has its own.
    """
    if isinstance(loss, functools.partial):
        return {**loss.keywords, "fn": loss.func}
    function, options = _wrapped_function(loss)
    if function is None:
        return {}
    inner = loss_arguments(function) if isinstance(function, functools.partial) else {"fn": function}
    return {**inner, **options}


def flat_metrics(container: Any) -> list[Any]:
    """Return (output, group) of the compiled metrics, then of the weighted ones."""
    plain, weighted = (read_private(container, name) for name in ("_flat_metrics", "_flat_weighted_metrics"))
    return [*enumerate(plain), *enumerate(weighted)]


def count_plain(container: Any) -> int:
    """Return the number of compiled metrics that `fit` does not weigh; they come first."""
    return sum(len(group.metrics) for group in read_private(container, "_flat_metrics") if group)


def flatten_labels(container: Any, y: Any) -> list[Any]:
    """Return the labels of each output as compiled metrics pair them with outputs."""
    return read_private(container, "_flatten_y")(y)


def scaled_loss(model: keras.Model, loss: Any) -> Any:
    """Return an added loss as Keras scales it for the strategy that trains."""
    return read_private(model, "_aggregate_additional_loss")(loss)


def tracked_metrics(model: keras.Model) -> list[Any]:
    """Return the list in which a model tracks its metrics."""
    return read_private(model, "_metrics")


def metric_direction(metric: Any) -> Any:
    """Return the direction that a metric carries; None if it carries none."""
    return getattr(metric, "_direction", None)


def metric_function(metric: Any) -> Any:
    """Return the function that a metric averages; None if it averages none."""
    return getattr(metric, "_fn", None)


@contextlib.contextmanager
def losses_overridden(model: keras.Model, losses: list[Any]) -> Iterator[None]:
    """Let `model.losses` return other losses inside the block."""
    model._losses_override = losses
    try:
        yield
    finally:
        model._losses_override = []


def give_back_state(model: keras.Model, state: dict[str, Any]) -> None:
    """Give the values of a training step to a model, which writes them to its variables."""
    model._jax_state = state
