"""A limit is stronger where it is smaller: paths, rules, ties, edges and lines of pictures follow that."""

import numpy as np
from tests.plots._synthetic import study

from bridle.plots._strengths import is_monotone
from bridle.report._notes import find_edges
from bridle.results import Arm, StudyResult, weak_to_strong
from bridle.stats import select_strength, summarize, weigh_evidence

LIMITS = [0.5, 1.0, 2.0, 4.0]


def limited(text: str = "maxnorm(limit={hidden/kernel maxnorm})", **options: object) -> StudyResult:
    """A study of four strengths of one arm, whose text says if they are limits."""
    result = study(arms={"norm": {"hidden/kernel maxnorm": LIMITS}}, **options)
    arm = Arm("norm", (("hidden/kernel", text),), result.arms[1].slots)
    return StudyResult(**{**vars(result), "arms": (result.arms[0], arm)})


def of_path(result: StudyResult) -> list[float]:
    return result.setting_strengths[result.path(1), 0].tolist()


def test_a_path_runs_from_the_largest_limit_to_the_smallest() -> None:
    """And the penalty of the former name from the smallest strength to the largest, as before."""
    assert of_path(limited()) == LIMITS[::-1]
    assert of_path(limited("maxnorm(limit=warmup({hidden/kernel maxnorm}, 20))")) == LIMITS[::-1]
    assert of_path(limited("maxnorm(strength={hidden/kernel maxnorm}, limit=2.0)")) == LIMITS
    assert is_monotone(limited(), limited().path(1), 1)


def test_beside_another_strength_and_without_a_limit() -> None:
    """Reciprocals of limits are added to strengths; 0 is no limit, and the weakest."""
    strengths = np.array([[0.1, 0.0], [0.1, 2.0], [0.1, 4.0], [0.2, 4.0], [0.0, 1.0]])
    assert weak_to_strong(strengths, [False, True]).tolist() == [0, 2, 3, 1, 4]
    assert weak_to_strong(strengths).tolist() == [0, 4, 1, 2, 3]


def test_rules_take_the_larger_limit_on_a_tie_and_the_smaller_one_within_an_error() -> None:
    """`best` is the weaker of equals, `1se` the strongest within one standard error."""
    result = limited()
    scores = np.full((5, 2, 3), 0.5)
    scores[1:] = np.array([0.795, 0.80, 0.80, 0.6])[:, None, None] + np.array([-0.02, 0.0, 0.02])
    choice = select_strength(result.path(1), summarize(scores), maximize=True)
    assert choice is not None
    assert result.setting_strengths[[choice.best, choice.one_se], 0].tolist() == [2.0, 0.5]


def test_the_edge_of_the_grid_is_named_by_its_strength() -> None:
    """The smallest limit is the strongest tried, with smaller numbers beyond it."""
    result = limited(lift=0.0)
    curves = result.curves.copy()
    curves[result.members.setting == 1, -1, result.quantities.index("validation/accuracy")] += 0.1
    result = StudyResult(**{**vars(result), "curves": curves})
    edges = find_edges(result, weigh_evidence(result))
    assert [(edge.value, edge.strongest, edge.largest) for edge in edges] == [(0.5, True, False)]
