"""The mean score over two strengths."""

from dataclasses import fields, replace

import numpy as np
import pytest

from bridle._errors import InputError
from bridle.plots import draw_heatmap, heatmap_data
from bridle.plots._heatmap import _positions
from bridle.stats import weigh_evidence

PAIR = {"hidden/output l1": [1e-4, 1e-3, 1e-2], "hidden/kernel l2": [1e-5, 1e-4]}


def test_cells_hold_the_means_of_their_settings(study):
    """The first strength runs to the right, the second upward; the marks are what the rules take."""
    result = study(arms={"both": PAIR})
    data = heatmap_data(result)
    assert data.slots == ("hidden/output l1", "hidden/kernel l2")
    assert data.mean.shape == (2, 3)
    mean = result.scores().mean(axis=(1, 2))
    for setting in result.path(1):
        right, up = result.setting_strengths[setting]
        at = list(data.up).index(up), list(data.right).index(right)
        assert data.mean[at] == pytest.approx(mean[setting], rel=1e-6)
    choice = weigh_evidence(result).choices[1]
    assert data.marks["best"] == tuple(result.setting_strengths[choice.best])
    assert data.marks["1se"] == tuple(result.setting_strengths[choice.one_se])
    assert data.between.shape == (0, 3)


def test_settings_beside_the_grid_become_dots(study):
    """A grid of 3 × 3 with four settings between its lines keeps its nine cells."""
    slots = ("a/kernel l1", "b/kernel l2")
    whole = study(arms={"both": dict.fromkeys(slots, (1e-4, 3e-4, 1e-3, 3e-3, 1e-2))}, seeds=2, folds=2)
    strengths = whole.setting_strengths
    main = np.isin(strengths, [1e-4, 1e-3, 1e-2]).all(axis=1)
    near = (np.isin(strengths, [3e-4, 3e-3]) & (strengths[:, ::-1] == 1e-3)).any(axis=1)
    result = thinned(whole, main | near | (whole.setting_arm == 0))
    data = heatmap_data(result)
    assert data.right.tolist() == data.up.tolist() == [1e-4, 1e-3, 1e-2]
    assert np.isfinite(data.mean).all()
    assert sorted(map(tuple, data.between[:, :2])) == [(3e-4, 1e-3), (1e-3, 3e-4), (1e-3, 3e-3), (3e-3, 1e-3)]
    assert np.isfinite(data.between[:, 2]).all()
    ax = draw_heatmap(data)
    assert "candidate between" in [text.get_text() for text in ax.get_legend().get_texts()]


def thinned(result, keep):
    """The same result with only some of its settings."""
    settings = np.flatnonzero(keep)
    rows = np.isin(result.members.setting, settings)
    members = {each.name: getattr(result.members, each.name)[rows] for each in fields(result.members)}
    members["setting"] = np.searchsorted(settings, members["setting"])
    return replace(
        result,
        setting_arm=result.setting_arm[settings],
        setting_strengths=result.setting_strengths[settings],
        members=type(result.members)(**members),
        curves=result.curves[rows],
        diagnostics=result.diagnostics[rows],
        held_out={name: values[rows] for name, values in result.held_out.items()},
    )


def test_a_third_strength_that_is_fixed_does_no_harm(study):
    """Only the two that vary make the axes."""
    data = heatmap_data(study(arms={"both": {"out/bias l1": [0.5], **PAIR}}))
    assert data.slots == ("hidden/output l1", "hidden/kernel l2")


def test_arms_without_two_strengths_are_refused_in_a_sentence(study):
    """With how many there are, and what to plot instead."""
    with pytest.raises(InputError, match=r"two strengths that vary.*'L1 activity' has 1.*sweep"):
        heatmap_data(study())
    with pytest.raises(InputError, match=r"got 'L1 activity' with 1"):
        heatmap_data(study(), 1)


def test_cells_without_a_finished_fit_are_hatched(study):
    """And not filled with a colour."""
    data = heatmap_data(study(arms={"both": PAIR}, diverged=range(36, 72)))
    assert np.isnan(data.mean).sum() == 1
    ax = draw_heatmap(data)
    assert [patch.get_hatch() for patch in ax.patches] == ["///"]
    assert "not finished" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_values_are_written_into_few_cells(study):
    """One text for each."""
    data = heatmap_data(study(arms={"both": PAIR}))
    written = [text.get_text() for text in draw_heatmap(data).texts]
    assert sorted(written) == sorted(f"{value:.3f}" for value in data.mean.ravel())
    many = {slot: list(np.logspace(-6, 0, 9)) for slot in PAIR}
    assert not draw_heatmap(heatmap_data(study(arms={"both": many}, seeds=1, folds=2))).texts


def test_strengths_lie_between_their_neighbours_on_a_log_scale():
    """Zero is a decade below the weakest; what lies outside stays on the edge."""
    grid = np.array([1e-4, 1e-2, 1.0])
    np.testing.assert_allclose(_positions(np.array([1e-4, 1e-3, 1e-2, 0.1, 10.0]), grid), [0, 0.5, 1, 1.5, 2.45])
    np.testing.assert_allclose(_positions(np.array([0.0, 1e-3]), np.array([0.0, 1e-3])), [0, 1])
