"""WHERE penalties go: targets, terms, what they charge, and models that carry them."""

from bridle.placement._callbacks import Monitor, PenaltyLog, StrengthSchedule
from bridle.placement._code import code_lines
from bridle.placement._files import unwrapped
from bridle.placement._penalty_terms import PenaltyTerms, bind_terms, diagnosed_sites, scale_by_strength
from bridle.placement._regularize import check_plain, plain_copy, regularize, strip
from bridle.placement._regularized import Regularized, last_call, measuring, penalty_terms, schedule_overrides
from bridle.placement._sites import Site, find_sites
from bridle.placement._targets import match_target
from bridle.placement._terms import Term, distinct_terms, read_terms

__all__ = [
    "Monitor",
    "PenaltyLog",
    "PenaltyTerms",
    "Regularized",
    "Site",
    "StrengthSchedule",
    "Term",
    "bind_terms",
    "check_plain",
    "code_lines",
    "diagnosed_sites",
    "distinct_terms",
    "find_sites",
    "last_call",
    "match_target",
    "measuring",
    "penalty_terms",
    "plain_copy",
    "read_terms",
    "regularize",
    "scale_by_strength",
    "schedule_overrides",
    "strip",
    "unwrapped",
]  # fmt: skip
