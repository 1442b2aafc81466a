"""The parts of a model's loss as `fit` adds them up, and the parts of Keras that a wrapping model needs."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from bridle._keras._internals import (
    compile_arguments,
    compiled_loss,
    flatten_layers,
    get_mask,
    inbound_nodes,
    is_from_keras,
    scaled_loss,
    tracked_metrics,
    trainable_here,
    untrainable_here,
)


def data_and_added(model: keras.Model, y: Any, prediction: Any, sample_weight: Any) -> tuple[list[Any], list[Any]]:
    """Return the compiled loss as a list, empty if there is none; and the losses that layers and weights add."""
    data = None if compiled_loss(model) is None else compiled_loss(model)(y, prediction, sample_weight)
    return [] if data is None else [data], [scaled_loss(model, loss) for loss in model.losses]


def loss_name(model: keras.Model) -> str:
    """Return the name of the compiled loss, as it was given."""
    if compiled_loss(model) is None:
        return "compute_loss"
    loss = compile_arguments(model)["loss"]
    return loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", str(loss))


def sum_losses(losses: Sequence[Any]) -> Any:
    """Return the sum of losses, as Keras forms it."""
    if not losses:
        return ops.zeros(())
    return losses[0] if len(losses) == 1 else ops.sum(ops.stack([ops.cast(loss, losses[0].dtype) for loss in losses]))


def output_shape(layer: keras.Layer) -> tuple[int | None, ...] | None:
    """Return the shape of a layer's output in a functional or Sequential model; None elsewhere."""
    return tuple(inbound_nodes(layer)[0].output_tensors[0].shape) if inbound_nodes(layer) else None


def gives_mask(layer: keras.Layer) -> bool:
    """Return True if the output of a layer in a functional model has a mask."""
    return get_mask(inbound_nodes(layer)[0].output_tensors[0]) is not None


Splitter = Callable[..., tuple[Any, dict[str, Any]]]
"""(model, x, y, predictions, sample weight, training) → (total loss, its parts by name)."""


def split_losses(
    model: keras.Model, x: Any, y: Any, prediction: Any, sample_weight: Any, training: bool
) -> tuple[Any, Any, list[Any]]:
    """Return the total loss of a batch, the data loss, and the added losses, regularized weights last."""
    if type(model).compute_loss is keras.Model.compute_loss:
        data, added = data_and_added(model, y, prediction, sample_weight)
        return sum_losses([*data, *added]), sum_losses(data), added
    total = type(model).compute_loss(model, x, y, prediction, sample_weight, training)
    added = [scaled_loss(model, loss) for loss in model.losses]
    return total, total - sum_losses(added), added


def with_compute_loss(
    model: keras.Model,
    split: Splitter,
    record: Callable[[dict[str, Any], Any], None],
    metrics: Sequence[keras.metrics.Metric],
) -> Callable[[], None]:
    """Let a model pass the parts of its loss to `record`, batch by batch; return the function that undoes it."""

    def compute_loss(
        x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        total, parts = split(model, x, y, y_pred, sample_weight, training)
        record(parts, x)
        return total

    def undo() -> None:
        vars(model).pop("compute_loss", None)
        remaining = [metric for metric in tracked_metrics(model) if not any(metric is added for added in metrics)]
        tracked_metrics(model).clear()
        tracked_metrics(model).extend(remaining)

    left = vars(model).get("compute_loss")
    if left is not None:  # of a fit that was stopped before its end
        left.undo()
    compute_loss.undo = undo
    vars(model)["compute_loss"] = compute_loss
    tracked_metrics(model).extend(metrics)
    return undo


def forget_functions(model: keras.Model) -> None:
    """Let a model build its compiled steps again at the next batch."""
    model.train_function = model.test_function = None


def count_own_variables(layer: keras.Layer) -> int:
    """Count the variables that a layer holds itself, without those of the layers inside it."""
    return len(trainable_here(layer)) + len(untrainable_here(layer))


def batch_size_of(x: Any) -> Any:
    """Return the number of samples in a batch, as Keras counts them."""
    return ops.shape(next(leaf for leaf in keras.tree.flatten(x) if leaf is not None))[0]


def regularized_weights(model: keras.Model) -> list[keras.Variable]:
    """Return the weights whose own regularizers a model charges, in the order of its losses."""
    return [weight for weight in model.trainable_weights if weight.regularizer is not None]


def adds_losses(model: keras.Model) -> bool:
    """Return True for a model that may add losses besides those of bridle and of regularized weights."""
    foreign = [layer for layer in flatten_layers(model) if not is_from_keras(type(layer))]
    charged = any(layer.activity_regularizer is not None for layer in flatten_layers(model))
    adding = any(isinstance(layer, keras.layers.ActivityRegularization) for layer in flatten_layers(model))
    return bool(foreign) or charged or adding
