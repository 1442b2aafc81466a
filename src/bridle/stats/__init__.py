"""Functions on arrays of scores: summaries, selection rules, paired comparisons."""

from bridle.stats._binomial import exact_interval
from bridle.stats._bounds import widest_difference
from bridle.stats._collapse import COLLAPSE_SHARE, find_collapsed, prediction_spread
from bridle.stats._compare import EVEN, SAME, WIDE, Comparison, compare, compare_all, is_share
from bridle.stats._evidence import Evidence, choose_candidates, rank_arms, weigh_evidence
from bridle.stats._jackknife import pseudo_values
from bridle.stats._nan import nan_mean, nan_sd
from bridle.stats._race import survivors
from bridle.stats._select import Choice, cross_select, select_strength
from bridle.stats._summary import Summary, summarize

__all__ = [
    "COLLAPSE_SHARE",
    "EVEN",
    "SAME",
    "WIDE",
    "Choice",
    "Comparison",
    "Evidence",
    "Summary",
    "choose_candidates",
    "compare",
    "compare_all",
    "cross_select",
    "exact_interval",
    "find_collapsed",
    "is_share",
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
