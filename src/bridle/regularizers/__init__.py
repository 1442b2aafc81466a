"""Penalties: pure functions of one tensor, independent of models and training.

The package imports every file in it, and exports every class that the decorator `penalty` has registered.
"""

from importlib import import_module
from pkgutil import iter_modules

from bridle.regularizers._base import Penalty, describe_strength
from bridle.regularizers._custom import Custom
from bridle.regularizers._kinds import ActivationPenalty, Entrywise, WeightPenalty
from bridle.regularizers._norms import L1, L1L2, L2
from bridle.regularizers._registry import KINDS, parse_penalty
from bridle.regularizers._schedule import Schedule
from bridle.regularizers._strength import AUTO, Grid, Strength, grid

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
globals().update({_kind.__name__: _kind for _kind in KINDS.values()})

__all__ = [
    "AUTO",
    "KINDS",
    "L1",
    "L1L2",
    "L2",
    "ActivationPenalty",
    "Custom",
    "Entrywise",
    "Grid",
    "Penalty",
    "Schedule",
    "Strength",
    "WeightPenalty",
    "describe_strength",
    "grid",
    "parse_penalty",
]
