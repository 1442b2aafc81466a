"""Comparison of the selected network with models that are no networks."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bridle.results import StudyResult
from bridle.stats._compare import Comparison, compare_all, is_share
from bridle.stats._evidence import Evidence
from bridle.stats._gains import fold_table
from bridle.stats._intervals import widest_difference
from bridle.stats._select import cross_select
from bridle.stats._summary import Summary, summarize


@dataclass(frozen=True)
class BaselineEvidence:
    """Scores of the selected network and of the baselines on the same folds, and their differences."""

    arm: int
    """The arm of the selected network; 0 for no regularization."""
    network: Summary
    """The score of the procedure, each fold at the candidate that the other folds choose; one entry."""
    baselines: Summary
    """The scores of the baselines, one entry each."""
    gains: tuple[Comparison, ...]
    """`network - baseline`, Holm-corrected over the baselines; positive where the network is better."""

    @property
    def clearly_better(self) -> list[int]:
        """The baselines that are better than the network with an interval that excludes zero, the best first.

        A single validation set varies the seed only, which says nothing about other rows: none is clear there.
        """
        clear = [index for index, gain in enumerate(self.gains) if gain.high < 0 and gain.over == "folds"]
        return sorted(clear, key=lambda index: self.gains[index].difference)


def compare_baselines(result: StudyResult, evidence: Evidence, *, level: float = 0.95) -> BaselineEvidence | None:
    """Compare the selected network with each baseline, paired by fold; None without baselines or a finished fit.

    With `n_f` the network's score in fold f, averaged over seeds, at the candidate that the other folds choose (the
    strength of the selected arm where `best` chooses), and
    `b_f` the score of a baseline there: the difference is `mean_f (n_f - b_f)`, with the interval of `compare` over
    folds. A baseline without a score in some fold is compared on the others.

    Args:
        result: a study with baselines.
        evidence: `weigh_evidence(result)`.
        level: the confidence level of the intervals together.

    """
    arm = evidence.winner
    if not result.baselines or arm is None:
        return None
    maximize, sign = result.score.maximize, 1.0 if result.score.maximize else -1.0
    if evidence.selected:
        network = fold_table(result, list(evidence.selected))
    else:
        network = cross_select(result.path(arm), result.scores(), maximize=maximize)
    tables: list[Float[np.ndarray, "seed fold"]] = [baseline.scores[None, :] for baseline in result.baselines]
    share = all(is_share(scores, result.fold_rows) for scores in (network, *tables))
    widest = widest_difference(result.score.measure, np.concatenate([network, *tables]))
    pairs = compare_all(
        [-sign * table for table in tables],
        -sign * network,
        result.fold_rows,
        level=level,
        share=share,
        widest=widest,
    )
    return BaselineEvidence(arm, summarize(network[None]), summarize(np.stack(tables)), tuple(pairs))
