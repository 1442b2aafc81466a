"""Functions on arrays of scores: summaries, selection rules, paired comparisons."""

from bridle.stats._binomial import exact_interval
from bridle.stats._compare import Comparison, compare, compare_all
from bridle.stats._evidence import Evidence, weigh
from bridle.stats._nan import nan_mean, nan_sd
from bridle.stats._race import survivors
from bridle.stats._select import Choice, crossed, select
from bridle.stats._summary import Summary, summarize

__all__ = [
    "Choice",
    "Comparison",
    "Evidence",
    "Summary",
    "compare",
    "compare_all",
    "crossed",
    "exact_interval",
    "nan_mean",
    "nan_sd",
    "select",
    "summarize",
    "survivors",
    "weigh",
]
