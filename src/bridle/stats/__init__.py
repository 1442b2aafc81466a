"""Functions on arrays of scores: summaries, selection rules, paired comparisons."""

from bridle.stats._baselines import BaselineEvidence, compare_baselines
from bridle.stats._compare import EVEN, SAME, WIDE, Comparison, compare, compare_all, is_share
from bridle.stats._evidence import (
    COLLAPSE_SHARE,
    Evidence,
    choose_candidates,
    find_collapsed,
    prediction_spread,
    rank_arms,
    weigh_evidence,
)
from bridle.stats._intervals import exact_interval, pseudo_values, widest_difference
from bridle.stats._prior import Prior, load_prior
from bridle.stats._recommend import Recommendation
from bridle.stats._select import Choice, cross_select, select_strength, survivors
from bridle.stats._summary import Summary, nan_mean, nan_sd, summarize

__all__ = [
    "COLLAPSE_SHARE",
    "EVEN",
    "SAME",
    "WIDE",
    "BaselineEvidence",
    "Choice",
    "Comparison",
    "Evidence",
    "Prior",
    "Recommendation",
    "Summary",
    "choose_candidates",
    "compare",
    "compare_all",
    "compare_baselines",
    "cross_select",
    "exact_interval",
    "find_collapsed",
    "is_share",
    "load_prior",
    "nan_mean",
    "nan_sd",
    "prediction_spread",
    "pseudo_values",
    "rank_arms",
    "select_strength",
    "summarize",
    "survivors",
    "weigh_evidence",
    "widest_difference",
]
