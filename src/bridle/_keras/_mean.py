"""The mean of trained copies of a model as one Keras model, and the temperature of a classifier."""

from collections.abc import Mapping
from typing import Any

import keras

from bridle._errors import InputError
from bridle._keras._builds import calls_of, has_own_code
from bridle._keras._internals import (
    compile_arguments,
    dense_kernel,
    functional_of,
    has_functional_constructor,
    inputs_structure,
    is_from_keras,
)

CONVEX_LOSSES = (
    *("mse", "meansquarederror", "mae", "meanabsoluteerror", "mape", "meanabsolutepercentageerror"),
    *("huber", "logcosh", "poisson", "kld", "kldivergence", "hinge", "squaredhinge", "categoricalhinge"),
    *("binarycrossentropy", "categoricalcrossentropy", "sparsecategoricalcrossentropy"),
)
"""Losses that are convex in the predictions: that of a mean is never above the mean of the losses (Jensen)."""
PROBABILITIES = ("sigmoid", "softmax")
"""Activations whose outputs are probabilities."""


def mean_obstacle(model: keras.Model) -> str:
    """Return why the mean of copies of a model cannot be one plain Keras model; empty if it can."""
    if not is_from_keras(type(model)) or not _has_graph(model):
        return "the model is subclassed"
    if has_own_code(model):
        return "the model has custom code"
    if any("float" not in str(tensor.dtype) for tensor in _graph_of(model).outputs):
        return "an output of the model is not a floating-point number"
    return ""


def has_convex_loss(model: keras.Model) -> bool:
    """Return True if every compiled loss is convex in the predictions."""
    losses = [loss for loss in keras.tree.flatten(compile_arguments(model)["loss"]) if loss is not None]
    return bool(losses) and all(_loss_name(loss) in CONVEX_LOSSES for loss in losses)


def mean_model(copies: Mapping[str, keras.Model], like: keras.Model) -> keras.Model:
    """Return a functional model whose outputs are the means of the outputs of several models, by their new names.

    Inputs, outputs and their names are those of `like`. The result is not compiled. It holds no custom code, so that
    its file loads with Keras alone.
    """
    graph = _graph_of(like)
    inputs = keras.tree.map_structure(
        lambda tensor: keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name),
        inputs_structure(graph),
    )
    predictions = []
    for name, copy in copies.items():
        copy.name = name
        predictions.append(copy(inputs))
    ends = [keras.tree.flatten(prediction) for prediction in predictions]
    means = [
        keras.layers.Average(name=name, dtype=parts[0].dtype)(list(parts))
        for name, parts in zip(_output_names(graph), zip(*ends, strict=True), strict=True)
    ]
    return keras.Model(inputs, keras.tree.pack_sequence_as(predictions[0], means), name=like.name)


def divide_logits(model: keras.Model, temperature: float) -> None:
    """Divide the logits of a classifier by a temperature: scale kernel and bias of its last dense layer.

    Errors: `InputError` if no dense layer gives the logits.
    """
    layer = _logit_layer(model)
    if layer is None:
        raise InputError(
            f"Expected a dense layer that gives the logits of {model.name!r}, with a sigmoid or softmax after it, got "
            "another last layer. Leave temperature out."
        )
    for variable in (dense_kernel(layer), layer.bias):
        if variable is not None:
            variable.assign(variable.value / temperature)


def _logit_layer(model: keras.Model) -> keras.layers.Dense | None:
    """Return the dense layer at the end of a model; None if there is another one."""
    if not _has_graph(model) or len(_graph_of(model).outputs) > 1:
        return None
    operations = [call.operation for call in calls_of(model)]
    last, activations = operations.pop(), ("linear", *PROBABILITIES)
    is_dense = isinstance(last, keras.layers.Dense)
    if operations and not is_dense and (isinstance(last, keras.layers.Softmax) or _activation(last) in PROBABILITIES):
        last, activations = operations.pop(), ("linear",)
    fits = isinstance(last, keras.layers.Dense) and _activation(last) in activations and last not in operations
    return last if fits else None


def _activation(layer: Any) -> str:
    """Return the name of the activation of a layer; empty if it has none."""
    return getattr(getattr(layer, "activation", None), "__name__", "")


def _has_graph(model: Any) -> bool:
    return functional_of(model) is not None or has_functional_constructor(model)


def _graph_of(model: Any) -> Any:
    """Return the functional model that a model is, or that is inside a Sequential one."""
    return functional_of(model) or model


def _output_names(graph: Any) -> list[str]:
    """Return a name for each output, by which losses and metrics may know it."""
    names = list(graph.output_names)
    return names if len(set(names)) == len(names) else [f"mean_{index}" for index in range(len(names))]


def _loss_name(loss: Any) -> str:
    """Return the name of a loss of Keras in small letters; empty for another one."""
    if not isinstance(loss, str):
        loss = type(loss) if isinstance(loss, keras.Loss) else loss
        loss = loss.__name__ if is_from_keras(loss) else ""
    return loss.lower().replace("_", "")
