"""A penalized activation before and after."""

from dataclasses import replace

import numpy as np
import pytest

from bridle._errors import InputError
from bridle.plots import activations_data, draw_activations
from bridle.stats import weigh_evidence


def test_units_are_ordered_by_what_is_left_of_them(study):
    """The same rows and units before and after, the largest after the penalty first."""
    result = study(insides=True)
    data = activations_data(result)
    kept = result.activations[0].values
    best = weigh_evidence(result).choices[1].best
    order = np.argsort(-np.abs(kept[best]).mean(axis=0), kind="stable")
    np.testing.assert_allclose(data.images[0].image, kept[0][:, order])
    np.testing.assert_allclose(data.images[1].image, kept[best][:, order])
    assert data.images[1].zeros == (kept[best] == 0).mean()
    assert data.entries == 500


def test_histograms_count_what_is_not_exactly_zero(study):
    """Bins are shared; with the zeros the shares of each side sum to one."""
    data = activations_data(study(insides=True))
    for shares, shown in zip(data.shares, data.images, strict=True):
        assert shares.sum() + shown.zeros == pytest.approx(1.0)
    assert data.edges[-1] == pytest.approx(max(shown.image.max() for shown in data.images))
    ax = draw_activations(data, kind="histogram")
    stairs = ax.patches[1].get_data()
    np.testing.assert_allclose(stairs.values, 100 * data.shares[1])
    assert "% exactly zero" in ax.get_legend().get_texts()[0].get_text()


def test_an_activation_without_any_value_is_said(study):
    """A sentence, where a histogram would be empty."""
    result = study(insides=True)
    dead = replace(result.activations[0], values=np.zeros_like(result.activations[0].values))
    data = activations_data(replace(result, activations=(dead,)))
    assert any(text.get_text().startswith("Every value") for text in draw_activations(data, kind="histogram").texts)
    assert draw_activations(data).images[0].norm.vmax == 1.0


def test_a_study_without_activations_is_said(study):
    """As where only weights were penalized; an unknown name lists those that there are."""
    with pytest.raises(InputError, match=r"'L1 activity'.*keeps the activations"):
        activations_data(study())
    with pytest.raises(InputError, match="'hidden/output'"):
        activations_data(study(insides=True), tensor="out/output")


def test_positive_values_begin_light_and_classes_are_parted(study):
    """A scale from zero, and one line between the two classes."""
    ax = draw_activations(activations_data(study(insides=True)))
    assert ax.images[0].norm.vmin == 0.0
    assert ax.images[0].cmap(0.0)[0] > 0.95
    assert {segment[0, 1] for lines in ax.collections for segment in lines.get_segments()} == {0.5}
