"""Functions on arrays of scores: summaries, selection rules, paired comparisons."""

from bridle.stats._baselines import BaselineEvidence, compare_baselines
from bridle.stats._calibration import (
    ClassRows,
    CrossFit,
    calibration_error,
    cross_fit_temperature,
    fit_temperature,
    log_loss,
    logits_of,
)
from bridle.stats._compare import EVEN, SAME, WIDE, Comparison, compare, compare_all, is_share
from bridle.stats._ensembles import compare_predictors
from bridle.stats._equal_zeros import (
    LEVEL,
    MORE_ZEROS,
    TENSOR,
    ArmAtZeros,
    SparseAnswer,
    compare_at_zeros,
    find_crossing,
    one_strength_arms,
    path_from_none,
    sparse_answer,
    zeros_by_fit,
)
from bridle.stats._evidence import (
    COLLAPSE_SHARE,
    MOSTLY_DATA,
    RECOMMENDED,
    Evidence,
    choose_candidates,
    find_collapsed,
    prediction_spread,
    rank_arms,
    weigh_evidence,
)
from bridle.stats._fold_errors import CROSS_ENTROPY, DATA_LOSS, SQUARED_ERROR
from bridle.stats._held_out import HeldOutCheck
from bridle.stats._intervals import exact_interval, mean_interval, pseudo_values, widest_difference
from bridle.stats._looks import LOOKS, read_looks
from bridle.stats._prior import Prior, load_prior
from bridle.stats._race import MIN_ARMS, MIN_STRENGTHS, near_best, still_racing
from bridle.stats._recommend import Recommendation
from bridle.stats._rows import DEPENDENT_ROWS, LOG_LOSS, SET_ASIDE, RowTable, Rule, best_of, compare_rows, read_rows
from bridle.stats._select import Choice, HandOver, choose_hand_over, cross_select, select_strength, survivors
from bridle.stats._summary import Summary, nan_mean, nan_sd, summarize

__all__ = [
    "COLLAPSE_SHARE",
    "CROSS_ENTROPY",
    "DATA_LOSS",
    "DEPENDENT_ROWS",
    "EVEN",
    "LEVEL",
    "LOG_LOSS",
    "LOOKS",
    "MIN_ARMS",
    "MIN_STRENGTHS",
    "MORE_ZEROS",
    "MOSTLY_DATA",
    "RECOMMENDED",
    "SAME",
    "SET_ASIDE",
    "SQUARED_ERROR",
    "TENSOR",
    "WIDE",
    "ArmAtZeros",
    "BaselineEvidence",
    "Choice",
    "ClassRows",
    "Comparison",
    "CrossFit",
    "Evidence",
    "HandOver",
    "HeldOutCheck",
    "Prior",
    "Recommendation",
    "RowTable",
    "Rule",
    "SparseAnswer",
    "Summary",
    "best_of",
    "calibration_error",
    "choose_candidates",
    "choose_hand_over",
    "compare",
    "compare_all",
    "compare_at_zeros",
    "compare_baselines",
    "compare_predictors",
    "compare_rows",
    "cross_fit_temperature",
    "cross_select",
    "exact_interval",
    "find_collapsed",
    "find_crossing",
    "fit_temperature",
    "is_share",
    "load_prior",
    "log_loss",
    "logits_of",
    "mean_interval",
    "nan_mean",
    "nan_sd",
    "near_best",
    "one_strength_arms",
    "path_from_none",
    "prediction_spread",
    "pseudo_values",
    "rank_arms",
    "read_looks",
    "read_rows",
    "select_strength",
    "sparse_answer",
    "still_racing",
    "summarize",
    "survivors",
    "weigh_evidence",
    "widest_difference",
    "zeros_by_fit",
]
