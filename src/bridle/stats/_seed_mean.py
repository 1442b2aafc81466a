"""Choice between the mean of the refits of all seeds and a single one."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from bridle.results import ALL_ROWS, MAX_AVERAGED, StudyResult
from bridle.stats._summary import nan_mean


@dataclass(frozen=True)
class HandOver:
    """Choice of the network that is handed over for a candidate: the mean of the refits, or one of them."""

    refits: Int[np.ndarray, "member"]
    """The refits to average, in the order of their seeds; the first one alone if the mean is not handed over."""
    single: float
    """The mean validation score of networks of one seed."""
    mean: float
    """The mean validation score of the mean over seeds; NaN if it is not known."""
    obstacle: str = ""
    """The reason why the mean of several refits is not handed over."""


def choose_hand_over(result: StudyResult, candidate: int) -> HandOver | None:
    """Choose between the mean of the refits of a candidate and the first of them; None if no refit finished.

    The mean is chosen if its score on the validation rows, averaged over folds, is at least that of single seeds. If
    that score is not known, it is chosen if the loss is convex in the predictions, since its loss is then at most the
    mean of their losses (Jensen's inequality).
    """
    members, seed_mean = result.members, result.seed_mean
    of_candidate = (members.setting == candidate) & (members.fold == ALL_ROWS)
    refits = np.flatnonzero(of_candidate & members.finished)
    refits = refits[np.argsort(members.seed[refits], kind="stable")]
    if not len(refits):
        return None
    single = float(nan_mean(nan_mean(result.scores()[candidate], axis=0), axis=0))
    if seed_mean is None or len(refits) < 2:
        return HandOver(refits[:1], single, np.nan)
    mean = float(nan_mean(seed_mean.scores[candidate], axis=0))
    if seed_mean.obstacle:
        return HandOver(refits[:1], single, mean, seed_mean.obstacle)
    gain = result.score.better(mean - single)
    if gain < 0 or (np.isnan(gain) and not seed_mean.is_convex):
        reason = "it does not score better" if gain < 0 else "its loss can be larger than that of one refit"
        return HandOver(refits[:1], single, mean, reason)
    return HandOver(refits[:MAX_AVERAGED], single, mean)
