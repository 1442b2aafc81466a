"""Detection of candidates whose network predicts the same for every row."""

import numpy as np
from jaxtyping import Bool, Float

from bridle.results import SPREAD_DIAGNOSTIC, StudyResult
from bridle.stats._nan import nan_mean

COLLAPSE_SHARE = 0.01
"""Predictions are constant where their spread is below this share of the spread without a penalty."""


def prediction_spread(result: StudyResult) -> Float[np.ndarray, "candidate"]:
    """Return the mean spread of predictions between rows, over seeds and folds; NaN where it was not measured."""
    if SPREAD_DIAGNOSTIC not in result.diagnostic_names:
        return np.full(len(result.setting_arm), np.nan)
    return nan_mean(result.by_candidate(result.diagnostic(SPREAD_DIAGNOSTIC)), (1, 2))


def find_collapsed(result: StudyResult) -> Bool[np.ndarray, "candidate"]:
    """Return a mask of candidates that predict the same for every row, relative to those without a penalty."""
    spread = prediction_spread(result)
    none = spread[(result.setting_arm == 0) & np.isfinite(spread)]
    if not len(none):
        return np.zeros(len(spread), bool)
    return np.isfinite(spread) & (spread <= COLLAPSE_SHARE * none.max())
