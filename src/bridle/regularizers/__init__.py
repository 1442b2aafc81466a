"""WHAT is charged: pure functions of one tensor that know no model and no training."""

from bridle.regularizers._anchor import L2SP
from bridle.regularizers._base import Penalty, describe
from bridle.regularizers._batch import KL, Decorrelation, MeanActivation
from bridle.regularizers._confidence import Confidence
from bridle.regularizers._custom import Custom
from bridle.regularizers._groups import GroupLasso, SparseGroupLasso
from bridle.regularizers._kinds import ActivationPenalty, Entrywise, WeightPenalty
from bridle.regularizers._matrices import MaxNorm, Nuclear, Orthogonality, SpectralNorm
from bridle.regularizers._norms import L1, L1L2, L2
from bridle.regularizers._parse import KINDS, parse_penalty
from bridle.regularizers._ratio import Hoyer
from bridle.regularizers._recurrent import AR, TAR
from bridle.regularizers._schedule import Schedule
from bridle.regularizers._smooth import Binarizing, Log, SmoothL1
from bridle.regularizers._strength import AUTO, Grid, Strength, grid

__all__ = [
    "AR",
    "AUTO",
    "KINDS",
    "KL",
    "L1",
    "L1L2",
    "L2",
    "L2SP",
    "TAR",
    "ActivationPenalty",
    "Binarizing",
    "Confidence",
    "Custom",
    "Decorrelation",
    "Entrywise",
    "Grid",
    "GroupLasso",
    "Hoyer",
    "Log",
    "MaxNorm",
    "MeanActivation",
    "Nuclear",
    "Orthogonality",
    "Penalty",
    "Schedule",
    "SmoothL1",
    "SparseGroupLasso",
    "SpectralNorm",
    "Strength",
    "WeightPenalty",
    "describe",
    "grid",
    "parse_penalty",
]
