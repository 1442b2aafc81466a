"""Functions on arrays of scores: summaries, selection rules, paired comparisons."""

from bridle.stats._binomial import exact_interval
from bridle.stats._bounds import widest_difference
from bridle.stats._collapse import COLLAPSED, collapsed, prediction_spread
from bridle.stats._compare import EVEN, SAME, WIDE, Comparison, compare, compare_all, is_share
from bridle.stats._evidence import Evidence, choose, order, weigh
from bridle.stats._jackknife import pseudo_values
from bridle.stats._nan import nan_mean, nan_sd
from bridle.stats._race import survivors
from bridle.stats._select import Choice, crossed, select
from bridle.stats._summary import Summary, summarize

__all__ = [
    "COLLAPSED",
    "EVEN",
    "SAME",
    "WIDE",
    "Choice",
    "Comparison",
    "Evidence",
    "Summary",
    "choose",
    "collapsed",
    "compare",
    "compare_all",
    "crossed",
    "exact_interval",
    "is_share",
    "nan_mean",
    "nan_sd",
    "order",
    "prediction_spread",
    "pseudo_values",
    "select",
    "summarize",
    "survivors",
    "weigh",
    "widest_difference",
]
