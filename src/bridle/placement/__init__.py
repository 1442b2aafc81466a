"""WHERE penalties go: targets, terms, what they charge, and models that carry them."""

from bridle.placement._callbacks import Monitor, PenaltyLog, StrengthSchedule
from bridle.placement._charges import Charges, charges, watched, weighted
from bridle.placement._code import code_lines
from bridle.placement._penalize import penalize, unpenalize
from bridle.placement._penalized import Penalized
from bridle.placement._places import Place, places
from bridle.placement._targets import match
from bridle.placement._terms import Term, distinct, read_terms

__all__ = [
    "Charges", "Monitor", "Penalized", "PenaltyLog", "Place", "StrengthSchedule", "Term", "charges", "code_lines",
    "distinct", "match", "penalize", "places", "read_terms", "unpenalize", "watched", "weighted",
]  # fmt: skip
