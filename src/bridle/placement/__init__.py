"""WHERE penalties go: targets, terms, and what they charge."""

from bridle.placement._charges import Charges, charges
from bridle.placement._targets import Place, match, places
from bridle.placement._terms import Term, distinct, read_terms

__all__ = ["Charges", "Place", "Term", "charges", "distinct", "match", "places", "read_terms"]
