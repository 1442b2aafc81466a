"""Naive forecasts: the last value, and the value a number of seasons before the answer."""

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped

from bridle.sequences._windows import CutSeries


def naive_positions(cut: CutSeries, season: int | None = None) -> Int[np.ndarray, "row"]:
    """Return the position of the step whose value is the naive forecast of each row.

    Without a season, that is the last step of the window. With one, it is the last step before the forecast that is a
    whole number of seasons before the answer; the last step of the window where the series does not reach back so far.
    """
    if season is None:
        return cut.origin
    ahead = cut.answer - cut.origin
    before = cut.answer - season * -(-ahead // season)
    return np.where(before >= cut.run[cut.origin], before, cut.origin)


def naive_values(
    cut: CutSeries, values: Float[np.ndarray, "step"], season: int | None = None
) -> Shaped[np.ndarray, "row"]:
    """Return the naive forecast of each row from the encoded target of each step; NaN for a missing one.

    A missing value is replaced by the last one before it in the same series.
    """
    filled = pd.Series(values).groupby(cut.steps.series).ffill().to_numpy()
    return filled[naive_positions(cut, season)]
