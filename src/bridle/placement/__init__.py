"""WHERE penalties go: targets, terms, what they charge, and models that carry them."""

from bridle.placement._charges import Charges, charges
from bridle.placement._code import code_lines
from bridle.placement._penalize import PenalizedActivation, Sum, penalize
from bridle.placement._targets import Place, match, places
from bridle.placement._terms import Term, distinct, read_terms

__all__ = [
    "Charges", "PenalizedActivation", "Place", "Sum", "Term", "charges", "code_lines", "distinct", "match", "penalize",
    "places", "read_terms",
]  # fmt: skip
