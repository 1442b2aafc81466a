"""Methods with which a model changes its training: the loss that a study traces, and those that it refuses."""

from collections.abc import Sequence
from typing import Any

import keras

from bridle._errors import KindError
from bridle._keras._internals import is_from_keras, losses_overridden

LOSS = "compute_loss"
BATCH_METHODS = (
    *("train_step", "test_step", "compute_loss_and_updates", "stateless_compute_loss"),
    *("compute_metrics", "fit", "evaluate", "train_on_batch", "make_train_function", "make_test_function"),
)
"""Methods other than `compute_loss` that change the training or evaluation of a model."""


def own_training(model: keras.Model) -> str | None:
    """Return the name of a method, other than `compute_loss`, that changes training or evaluation."""
    return next((name for name in BATCH_METHODS if _is_own(model, name)), None)


def has_own_loss(model: keras.Model) -> bool:
    """Return True for a model that overrides `compute_loss`."""
    return _is_own(model, LOSS)


def _is_own(model: keras.Model, name: str) -> bool:
    if name in vars(model) and not hasattr(vars(model)[name], "undo"):  # PenaltyLog places one for a fit
        return True
    home = next((kind for kind in type(model).__mro__ if name in vars(kind)), keras.Model)
    return not (is_from_keras(home) or f"{home.__module__}.".startswith("bridle."))


def check_training(model: keras.Model) -> None:
    """Refuse a model whose own training a study would not run.

    Errors: `KindError` that names the method.
    """
    method = own_training(model)
    if method is not None:
        raise KindError(
            f"Expected a model with the training step of Keras, got {type(model).__name__} with a custom "
            f"{method}, which a study would not run. Write the loss as compute_loss(self, x, y, y_pred, "
            "sample_weight, training) with functions of keras.ops, which a study runs; or leave the method out."
        )


def loss_of(
    model: keras.Model,
    variables: tuple[Sequence[Any], Sequence[Any]],
    batch: tuple[Any, Any, Any, Any],
    added: Sequence[Any],
    *,
    training: bool,
) -> tuple[Any, list[Any]]:
    """Call a model's own `compute_loss` as `fit` does.

    Args:
        model: the template, which stays as it is.
        variables: the values of its trainable variables, and of the others.
        batch: x, y, predictions and sample weights.
        added: the losses that the call of the model added, which `compute_loss` reads as `self.losses`.
        training: False at evaluation.

    Returns the loss, and the variables that are not trained after it.

    """
    x, y, prediction, weight = batch
    metrics = [variable.value for variable in model.metrics_variables]
    with losses_overridden(model, list(added)):
        loss, after = model.stateless_compute_loss(
            *map(list, variables), metrics, x=x, y=y, y_pred=prediction, sample_weight=weight, training=training
        )
    return loss, after[1]
