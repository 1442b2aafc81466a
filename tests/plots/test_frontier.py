"""Score against sparsity."""

from dataclasses import replace

import numpy as np
import pytest

from bridle._errors import InputError
from bridle.plots import draw_frontier, frontier_data
from bridle.stats import LEVEL, TENSOR, compare_at_zeros, find_optimal, sparse_answer
from bridle.wording import regularized_tensors

TWO = {"weights": {"a/kernel l1": [1e-3, 1e-2]}, "activity": {"b/output l1": [1e-3]}}


def test_each_setting_lies_at_the_zeros_of_what_its_arm_penalizes(study):
    """Means over seeds and folds; `none` is at the mean over the tensors of all arms."""
    result = study(arms=TWO)
    data = frontier_data(result)
    inside = result.members.fold >= 0

    def mean(tensor, setting):
        return result.diagnostic(f"zeros/{tensor}")[inside & (result.members.setting == setting)].mean()

    expected = [(mean("a/kernel", 0) + mean("b/output", 0)) / 2, mean("a/kernel", 1), mean("a/kernel", 2),
                mean("b/output", 3)]  # fmt: skip
    np.testing.assert_allclose(data.zeros, expected)
    np.testing.assert_allclose(data.mean, result.scores().mean(axis=(1, 2)), rtol=1e-6)
    assert data.arm.tolist() == [0, 1, 1, 2]
    assert data.error_name == "± 1 standard error over 5 folds"


def test_a_charged_pre_activation_counts_through_its_output(study):
    """A pre-activation is never zero, so a mean with it would halve every share."""
    result = study(arms={"L1": {"hidden/preactivation l1": [1e-3]}})
    shares = result.diagnostic("zeros/hidden/output")[(result.members.fold >= 0) & (result.members.setting == 1)]
    assert frontier_data(result).zeros[1] == pytest.approx(shares.mean())


def test_an_arm_on_several_layers_by_name(study):
    """Targets joined by commas are those of each; zeros of one tensor are taken for all arms."""
    result = study(arms=TWO)
    both = replace(result.arms[1], terms=(("a/kernel, b/output", "L1({x})"),))
    joined = replace(result, arms=(result.arms[0], both, result.arms[2]))
    assert regularized_tensors(joined, 1) == ["b/output", "a/kernel"]
    zeros = frontier_data(joined, tensor="b/output").zeros
    np.testing.assert_allclose(zeros, frontier_data(result, tensor="b/output").zeros)
    assert frontier_data(joined).zeros[1] == pytest.approx(np.mean([zeros[1], frontier_data(result).zeros[1]]))
    with pytest.raises(InputError, match=r"got 'c/kernel'\. Counted: 'a/kernel', 'b/output'"):
        frontier_data(result, tensor="c/kernel")


def test_optimal_points_are_beaten_in_both_by_none():
    """By hand: the third point has fewer zeros than the second at the same score."""
    share = np.array([0.0, 0.5, 0.3, 0.9, 0.9])
    gain = np.array([0.80, 0.82, 0.82, 0.70, 0.60])
    assert find_optimal(share, gain).tolist() == [False, True, False, True, False]
    assert find_optimal(share[:2], np.array([0.9, 0.8])).tolist() == [True, True]


def test_losses_are_better_when_smaller(study):
    """The best mean loss is always on the frontier, the worst with the fewest zeros never."""
    data = frontier_data(study(score="loss"))
    assert data.optimal[np.argmin(data.mean)]
    assert not data.optimal[np.argmax(data.mean)] or data.zeros[np.argmax(data.mean)] == data.zeros.max()


def test_the_line_runs_through_the_optimal_points(study):
    """From few zeros to many; the star is none."""
    data = frontier_data(study())
    lines = {line.get_label(): line for line in draw_frontier(data).get_lines()}
    x = lines["no candidate is better in both"].get_xdata()
    np.testing.assert_allclose(x, np.sort(100 * data.zeros[data.optimal]))
    assert lines["none"].get_marker() == "*"


def test_a_study_that_measured_no_zeros_is_said(study):
    """A sentence instead of an empty picture."""
    bare = study()
    result = replace(bare, diagnostic_names=(), diagnostics=np.zeros((len(bare.members), 0)))
    data = frontier_data(result)
    assert not data.varies
    assert any(text.get_text().endswith(".") for text in draw_frontier(data).texts)


def test_a_gap_on_the_path_of_the_best_arm_lets_no_worse_arm_win(study):
    """The nearest candidate is of an arm that is worse than the other one between its two strengths."""
    data = study(arms={"near": {"b/output l1": [1e-3]}, "best": {"b/output l2": [1e-3, 1e-2]}})
    zeros, scores = np.array([0.2, 0.55, 0.45, 0.7]), np.array([0.1, 0.3, 0.12, 0.2])
    column = data.diagnostic_names.index("zeros/b/output")
    diagnostics, curves = data.diagnostics.copy(), data.curves.copy()
    diagnostics[:, column] = zeros[data.members.setting]
    curves[:, -1, data.quantities.index(f"validation/{data.score.name}")] = scores[data.members.setting]
    data = replace(data, diagnostics=diagnostics, curves=curves, score=replace(data.score, maximize=False))
    answer = sparse_answer(data.with_provenance(**{TENSOR: "b/output", LEVEL: 0.55}))
    assert (data.arms[answer.arm].name, answer.candidate, answer.level) == ("best", 2, pytest.approx(0.45))
    assert compare_at_zeros(data, "b/output", 0.55)[0].arm == 2
