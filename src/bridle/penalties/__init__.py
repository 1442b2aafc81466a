"""WHAT is charged: pure functions of one tensor that know no model and no training."""

from bridle.penalties._base import Entrywise, Penalty, describe
from bridle.penalties._norms import L1, L1L2, L2
from bridle.penalties._parse import KINDS, parse_penalty
from bridle.penalties._strength import AUTO, Grid, Strength, grid

__all__ = [
    "AUTO",
    "KINDS",
    "L1",
    "L1L2",
    "L2",
    "Entrywise",
    "Grid",
    "Penalty",
    "Strength",
    "describe",
    "grid",
    "parse_penalty",
]
