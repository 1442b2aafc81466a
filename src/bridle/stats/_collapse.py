"""Candidates whose network predicts the same for every row."""

import numpy as np
from jaxtyping import Bool, Float

from bridle.results import StudyResult
from bridle.stats._nan import nan_mean

COLLAPSE_SHARE = 0.01
"""Predictions that differ between rows by less than this share of what they do without a penalty are constant."""
SPREAD = "spread/prediction"


def prediction_spread(result: StudyResult) -> Float[np.ndarray, "setting"]:
    """Return how far predictions differ between rows, over seeds and folds; NaN where that was not measured."""
    if SPREAD not in result.diagnostic_names:
        return np.full(len(result.setting_arm), np.nan)
    return nan_mean(result.by_candidate(result.diagnostic(SPREAD)), (1, 2))


def find_collapsed(result: StudyResult) -> Bool[np.ndarray, "setting"]:
    """Return which candidates predict the same for every row, measured by those without a penalty."""
    spread = prediction_spread(result)
    none = spread[(result.setting_arm == 0) & np.isfinite(spread)]
    if not len(none):
        return np.zeros(len(spread), bool)
    return np.isfinite(spread) & (spread <= COLLAPSE_SHARE * none.max())
