"""Comparison of dictionaries, against scikit-learn and against every permutation."""

from itertools import combinations, permutations

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from bridle import BridleError
from bridle.representations import match_features, max_cosines, mean_max_cosine, stability

RNG = np.random.default_rng(1)
A, B = RNG.normal(size=(5, 7)), RNG.normal(size=(5, 7))


@pytest.mark.parametrize("signed", [True, False])
def test_cosines_are_those_of_scikit_learn(signed: bool) -> None:
    """With sign and without; a zero feature is like nothing; dictionaries may differ in size."""
    cosines = cosine_similarity(A, B) if signed else np.abs(cosine_similarity(A, B))
    np.testing.assert_allclose(max_cosines(A, B, signed=signed), cosines.max(axis=1))
    assert mean_max_cosine(A, B[:2], signed=signed) == pytest.approx(cosines[:, :2].max(axis=1).mean())
    assert max_cosines([np.zeros(7)], B, signed=signed).tolist() == [0.0]


def test_the_matching_is_the_best_of_all() -> None:
    """Of 120 permutations; the pairs go from the best to the worst."""
    cosines = cosine_similarity(A, B)
    best = max(cosines[range(5), list(order)].mean() for order in permutations(range(5)))
    match = match_features(A, B)
    assert match.mean == pytest.approx(best)
    np.testing.assert_allclose(match.cosines, cosines[match.first, match.second])
    assert (np.diff(match.cosines) <= 0).all()
    shuffled = match_features(A, 3 * A[[2, 0, 1, 4, 3]])
    assert shuffled.mean == pytest.approx(1)
    assert np.array([2, 0, 1, 4, 3])[shuffled.second].tolist() == shuffled.first.tolist()


def test_stability_over_seeds() -> None:
    """The mean over pairs; its interval is the jackknife's, and covers what many seeds give."""
    shared = RNG.normal(size=(4, 30))

    def seeds(count: int) -> list[np.ndarray]:
        return [(shared + 0.7 * RNG.normal(size=shared.shape))[RNG.permutation(4)] for _ in range(count)]

    dictionaries = seeds(5)
    result = stability(dictionaries)
    pairs = [match_features(a, b).mean for a, b in combinations(dictionaries, 2)]
    assert result.mean == pytest.approx(np.mean(pairs))
    assert result.low < result.mean < result.high
    truth = stability(seeds(40)).mean
    covered = [one.low <= truth <= one.high for one in (stability(seeds(6)) for _ in range(60))]
    assert np.mean(covered) > 0.85
    wide = stability([A, A[:3]], one_to_one=False)
    assert wide.pairs[0, 1] == pytest.approx((mean_max_cosine(A, A[:3]) + 1) / 2)
    assert np.isnan(wide.low)


def test_refusals() -> None:
    """Dictionaries of another width, and a single one."""
    with pytest.raises(BridleError, match=r"the same number of inputs, got \(5, 7\) and \(5, 6\)"):
        match_features(A, B[:, :6])
    with pytest.raises(BridleError, match="at least two seeds, got 1"):
        stability([A])
