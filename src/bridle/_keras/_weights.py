"""Weights of rows, steps and outputs in the shape that the losses and metrics of Keras take."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import keras
from keras import ops

from bridle._keras._internals import (
    built_structures,
    compiled_loss,
    flat_losses,
)


def loss_ranks(model: keras.Model, y: Any, prediction: Any) -> tuple[int, ...]:
    """Return the rank of each output's losses before they are averaged, once the compiled loss is built.

    It is 1 for one number a row, 2 for one number a time step; outputs of rank 2 are not looked at. Keras multiplies
    losses by weights without a look at their axes, so that weights of rows need axes of length one for the others.
    """
    leaves = keras.tree.flatten(prediction)
    ranks = [1] * len(leaves)
    compiled = compiled_loss(model)
    if compiled is None or all(len(leaf.shape) < 3 for leaf in leaves):
        return tuple(ranks)
    if len(keras.tree.flatten(y)) != len(leaves):  # some outputs have no loss
        return tuple(max(1, len(leaf.shape) - 1) for leaf in leaves)
    predictions, labels = built_structures(compiled)
    numbered = _packed(predictions, list(range(len(leaves))))
    answers = _packed(labels, keras.tree.flatten(y))
    for path, loss, _, _ in flat_losses(compiled):
        index = _at(numbered, path)
        pair = (ops.convert_to_tensor(tensor, dtype=loss.dtype) for tensor in (_at(answers, path), leaves[index]))
        ranks[index] = max(1, len(loss.call(*pair).shape))
    return tuple(ranks)


def loss_weights(model: keras.Model, weight: Any, prediction: Any, ranks: Sequence[int]) -> Any:
    """Return weights as the compiled loss takes them: one array, or a tree like the one it was built for."""
    if not _differ(weight, ranks):
        return weight
    return _packed(built_structures(compiled_loss(model))[0], _leaves(model, weight, prediction, ranks))


def metric_weights(model: keras.Model, weight: Any, prediction: Any, ranks: Sequence[int]) -> Any:
    """Return weights as the compiled metrics take them: one array, or a tree like the prediction."""
    return _packed(prediction, _leaves(model, weight, prediction, ranks)) if _differ(weight, ranks) else weight


def counted_rows(weight: Any) -> Any:
    """Return 1 for each row that some output or step gives a weight above 0, else 0, in shape (row,)."""
    counts = [
        jnp.any(jnp.reshape(leaf > 0, (leaf.shape[0], -1)), axis=1) if len(leaf.shape) > 1 else leaf > 0
        for leaf in keras.tree.flatten(weight)
    ]
    return jnp.asarray(counts[0] if len(counts) == 1 else jnp.any(jnp.stack(counts), axis=0), "float32")


def _differ(weight: Any, ranks: Sequence[int]) -> bool:
    """Return True if Keras would not take the weights as they are."""
    return weight is not None and (keras.tree.is_nested(weight) or any(len(weight.shape) < rank for rank in ranks))


def _leaves(model: keras.Model, weight: Any, prediction: Any, ranks: Sequence[int]) -> list[Any]:
    """Return the weights of each output, in the order of the prediction's leaves."""
    if not keras.tree.is_nested(weight):
        weights = [weight] * len(ranks)
    elif isinstance(weight, dict) and not isinstance(prediction, dict):
        weights = [weight[name] for name in model.output_names]
    else:
        weights = keras.tree.flatten(weight)
    return [
        leaf if len(leaf.shape) >= rank else jnp.reshape(leaf, (*leaf.shape, *[1] * (rank - len(leaf.shape))))
        for leaf, rank in zip(weights, ranks, strict=True)
    ]


def _packed(structure: Any, leaves: Sequence[Any]) -> Any:
    return keras.tree.pack_sequence_as(structure, list(leaves))


def _at(tree: Any, path: Sequence[Any]) -> Any:
    for step in path:
        tree = tree[step]
    return tree
