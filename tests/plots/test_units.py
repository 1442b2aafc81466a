"""Quantiles over units along the strengths."""

import numpy as np
import pytest

from bridle._errors import InputError
from bridle.plots import draw_units, units_data
from bridle.results import UNIT_SHARES
from bridle.stats import weigh_evidence

PAIR = {"hidden/output l1": [1e-4, 1e-3], "hidden/kernel l2": [1e-4, 1e-3]}


def test_quantiles_are_averaged_over_seeds_and_folds(study):
    """Along the path of the arm, from the smallest unit to the largest; refits are left out."""
    result = study(insides=True)
    data = units_data(result)
    inside = result.members.fold >= 0
    for column, share in enumerate(UNIT_SHARES):
        values = result.diagnostic(f"unit{share}/hidden/output")
        expected = [values[inside & (result.members.setting == setting)].mean() for setting in result.path(1)]
        np.testing.assert_allclose(data.sizes[:, column], expected)
        assert data.none[column] == pytest.approx(values[inside & (result.members.setting == 0)].mean())
    assert data.tensor == "hidden/output"
    assert data.measure == "mean magnitude of each unit"
    assert data.marks["best"] == 1e-3


def test_the_tensor_that_the_arm_charges_comes_first(study):
    """Another one can be asked for; a wrong name lists near ones."""
    result = study(arms={"L2": {"out/kernel l2": [1e-3, 1e-2]}}, insides=True)
    data = units_data(result)
    assert (data.tensor, data.measure) == ("out/kernel", "norm of each unit's weights")
    assert units_data(result, tensor="hidden/output").tensor == "hidden/output"
    with pytest.raises(InputError, match="Nearest: 'hidden/output'"):
        units_data(result, tensor="hiden/output")


def test_a_study_without_units_is_said(study):
    """As one that was stored before they were measured."""
    with pytest.raises(InputError, match="measured the units"):
        units_data(study())


def test_the_fan_is_what_was_computed(study):
    """The median is a line with markers, the extremes are dashed, the two bands lie inside."""
    data = units_data(study(insides=True))
    ax = draw_units(data)
    lines = {line.get_label(): line for line in ax.get_lines()}
    np.testing.assert_allclose(lines["median"].get_ydata(), data.sizes[:, 3])
    np.testing.assert_allclose(lines["smallest and largest"].get_ydata(), data.sizes[:, 6])
    low, high = ax.collections[0].get_datalim(ax.transData).intervaly
    assert (low, high) == pytest.approx((data.sizes[:, 1].min(), data.sizes[:, 5].max()))


def test_several_strengths_are_seen_along_the_one_that_charges_the_tensor(study):
    """The others stay where the best setting has them, so that the points can be joined."""
    result = study(arms={"both": PAIR}, insides=True)
    best = result.setting_strengths[weigh_evidence(result).choices[1].best]
    data = units_data(result, tensor="hidden/kernel")
    own = [setting for setting in result.path(1) if result.setting_strengths[setting, 0] == best[0]]
    assert data.slot == "hidden/kernel l2"
    assert data.strengths.tolist() == [1e-4, 1e-3]
    inside = result.members.fold >= 0
    median = result.diagnostic("unit50/hidden/kernel")
    expected = [median[inside & (result.members.setting == setting)].mean() for setting in own]
    np.testing.assert_allclose(data.sizes[:, 3], expected)
    assert units_data(result, tensor="hidden/output").slot == "hidden/output l1"


def test_one_strength_is_a_post(study):
    """It has no neighbour to be joined with."""
    ax = draw_units(units_data(study(arms={"one": {"hidden/output l1": [1e-3]}}, insides=True), 1))
    assert "smallest to largest" in [text.get_text() for text in ax.get_legend().get_texts()]
