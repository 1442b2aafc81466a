"""Regularizers: pure functions of one tensor, independent of models and training.

The package imports every file in it, and exports every class that a decorator of `_registry` has registered.
"""

from importlib import import_module
from pkgutil import iter_modules

from bridle.regularizers._constraint import Constraint
from bridle.regularizers._custom import Custom
from bridle.regularizers._decay import Decay
from bridle.regularizers._kinds import ActivationPenalty, Entrywise, WeightPenalty
from bridle.regularizers._labels import LabelTreatment
from bridle.regularizers._noise import Draw, Noise
from bridle.regularizers._norms import L1, L1L2, L2
from bridle.regularizers._penalty import Penalty
from bridle.regularizers._rate import Rate
from bridle.regularizers._registry import KINDS, PENALTIES, parse_penalty, parse_regularizer
from bridle.regularizers._regularizer import On, Regularizer, describe_strength
from bridle.regularizers._schedule import Schedule
from bridle.regularizers._strength import AUTO, MAX_GRID_POINTS, RATES, Grid, Strength, grid
from bridle.regularizers._text import strength_from_config
from bridle.regularizers._whole_fit import EarlyStopping, WeightAveraging, WholeFit

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
globals().update({_kind.__name__: _kind for _kind in KINDS.values()})

__all__ = [
    "AUTO",
    "KINDS",
    "L1",
    "L1L2",
    "L2",
    "MAX_GRID_POINTS",
    "PENALTIES",
    "RATES",
    "ActivationPenalty",
    "Constraint",
    "Custom",
    "Decay",
    "Draw",
    "EarlyStopping",
    "Entrywise",
    "Grid",
    "LabelTreatment",
    "Noise",
    "On",
    "Penalty",
    "Rate",
    "Regularizer",
    "Schedule",
    "Strength",
    "WeightAveraging",
    "WeightPenalty",
    "WholeFit",
    "describe_strength",
    "grid",
    "parse_penalty",
    "parse_regularizer",
    "strength_from_config",
]
