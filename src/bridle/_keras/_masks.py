"""Masks of predictions. Keras attaches them to tensors, and transformations of JAX drop them."""

from typing import Any, NamedTuple

import jax

from bridle._keras._internals import get_mask, set_mask


class Masked(NamedTuple):
    """Predictions and their masks, as one tree of arrays that all have the same rows."""

    values: Any
    masks: tuple[Any, ...]
    """The mask of each output, or None, in the order of the leaves of `values`."""


def detach_masks(prediction: Any) -> Masked:
    """Return the masks of a prediction beside its values, so that slices and loops keep both."""
    return Masked(prediction, tuple(get_mask(leaf) for leaf in jax.tree.leaves(prediction)))


def attach_masks(prediction: Masked) -> Any:
    """Return the values with their masks where Keras's losses and metrics read them."""
    leaves, structure = jax.tree.flatten(prediction.values)
    for leaf, mask in zip(leaves, prediction.masks, strict=True):
        if mask is not None:
            set_mask(leaf, mask)
    return jax.tree.unflatten(structure, leaves)
