"""Defaults of `tune`, by their version: a folder goes on with those that it was started with."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

KINDS = ("L1", "L2", "L1+L2")
"""The penalties of default arms."""
PLACES = ("weights", "activations", "pre-activations")
"""The targets of default arms."""


@dataclass(frozen=True)
class Defaults:
    """Network, training and arms of `tune`, where nothing else is given."""

    hidden: tuple[int, ...]
    """The units of the hidden layers."""
    epochs: int
    batch_size: int
    learning_rate: float | None
    """None for that of Keras."""
    kinds: tuple[str, ...]
    places: tuple[str, ...]


VERSIONS: Mapping[int, Defaults] = MappingProxyType(
    {
        1: Defaults((64, 32), 200, 32, None, KINDS, PLACES),
        2: Defaults((64, 32), 100, 64, 2e-3, ("L1", "L2"), PLACES),
    }
)
"""All defaults that folders were started with. Those of a released version never change."""
NEWEST = max(VERSIONS)
"""The version for new folders, and in Python."""
OWN_MODEL = VERSIONS[1]
"""Epochs and batches for a given model, whose learning rate suits them."""
