"""The outcome of nested cross-validation: a selection inside each outer fold, judged on rows outside of it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Nested:
    """The selections and scores by outer fold; NaN where nothing was selected or finished, with arm -1."""

    arm: Int[np.ndarray, "outer"]
    """The index of the arm selected inside; 0 for `none`."""
    strengths: Float[np.ndarray, "outer slot"]
    """The strengths selected inside."""
    chosen: Float[np.ndarray, "outer"]
    """The mean inner validation score of the selected candidate."""
    scores: Float[np.ndarray, "seed outer"]
    """The scores of its refits on the rows of the outer fold."""
    none: Float[np.ndarray, "seed outer"]
    """The scores of the refits without a regularizer."""
    rows: Int[np.ndarray, "outer 2"]
    """The number of rows to select and train on, and of rows to judge."""
