"""The bars on a mean score, and what to call them."""

import numpy as np
from jaxtyping import Float

from bridle.results import StudyResult
from bridle.stats import Evidence


def bars(result: StudyResult, evidence: Evidence) -> Float[np.ndarray, "setting"]:
    """The standard error over folds; with one fold, the standard deviation over seeds."""
    return evidence.validation.error if result.folds > 1 else evidence.validation.seed_sd


def bars_name(result: StudyResult) -> str:
    """What `bars` are, in words; empty where one fit each leaves nothing to vary."""
    if result.folds > 1:
        return f"± 1 standard error over {result.folds} folds"
    return f"± 1 standard deviation over {len(result.seeds)} seeds" if len(result.seeds) > 1 else ""
