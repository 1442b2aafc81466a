"""What nested cross-validation found: a whole selection inside each outer fold, judged on rows without a say in it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Nested:
    """One entry for each outer fold. What could not be chosen or did not finish is NaN, its arm -1."""

    arm: Int[np.ndarray, "outer"]
    """The number of the arm that was chosen inside; 0 where none was."""
    strengths: Float[np.ndarray, "outer slot"]
    """The strengths that were chosen inside."""
    chosen: Float[np.ndarray, "outer"]
    """The mean inner validation score that chose them."""
    scores: Float[np.ndarray, "seed outer"]
    """The scores of their refits on the outer fold's rows."""
    none: Float[np.ndarray, "seed outer"]
    """Those of the refits without a penalty."""
    rows: Int[np.ndarray, "outer 2"]
    """Rows to select and train on, and rows to judge."""
