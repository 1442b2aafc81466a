"""WHAT is charged: pure functions of one tensor that know no model and no training."""

from bridle.penalties._anchor import L2SP
from bridle.penalties._base import Penalty, describe
from bridle.penalties._batch import KL, Decorrelation, MeanActivation
from bridle.penalties._confidence import Confidence
from bridle.penalties._custom import Custom
from bridle.penalties._groups import GroupLasso, SparseGroupLasso
from bridle.penalties._kinds import Entrywise, OfActivations, OfWeights
from bridle.penalties._matrices import MaxNorm, Nuclear, Orthogonality, SpectralNorm
from bridle.penalties._norms import L1, L1L2, L2
from bridle.penalties._parse import KINDS, parse_penalty
from bridle.penalties._ratio import Hoyer
from bridle.penalties._recurrent import AR, TAR
from bridle.penalties._schedule import Schedule
from bridle.penalties._smooth import Binarizing, Log, SmoothL1
from bridle.penalties._strength import AUTO, Grid, Strength, grid

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
    "OfActivations",
    "OfWeights",
    "Orthogonality",
    "Penalty",
    "Schedule",
    "SmoothL1",
    "SparseGroupLasso",
    "SpectralNorm",
    "Strength",
    "describe",
    "grid",
    "parse_penalty",
]
