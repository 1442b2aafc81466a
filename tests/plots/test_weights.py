"""Weights before and after."""

from dataclasses import replace

import numpy as np
import pytest

from bridle._errors import InputError
from bridle.plots import draw_weights, weights_data
from bridle.plots._pair import block_means, colour_limit
from bridle.results import ALL_ROWS
from bridle.stats import weigh_evidence

KERNEL = {"L1": {"hidden/kernel l1": [1e-4, 1e-3, 1e-2]}}


def refit(result, setting, seed):
    members = result.members
    return int(np.flatnonzero((members.fold == ALL_ROWS) & (members.setting == setting) & (members.seed == seed))[0])


def test_the_refits_of_one_seed_are_shown(study):
    """`none` on the left, the best on the right; 500 columns become 125 means over blocks of four."""
    result = study(arms=KERNEL, insides=True)
    data = weights_data(result)
    best = weigh_evidence(result).choices[1].best
    before, after = (result.weights[refit(result, setting, 0)][0] for setting in (0, best))
    np.testing.assert_allclose(data.images[0].image, before.reshape(2, 125, 4).mean(axis=2), rtol=1e-5)
    np.testing.assert_allclose(data.images[1].image, after.reshape(2, 125, 4).mean(axis=2), rtol=1e-5)
    assert data.images[1].zeros == pytest.approx((after == 0).mean())
    assert (data.tensor, data.shape, data.seed) == ("hidden/kernel", (2, 500), 0)
    assert data.note == "means over blocks of 1 × 4"


def test_a_seed_whose_refit_diverged_is_passed_over(study):
    """Both pictures come from the next seed, so that they stay comparable."""
    whole = study(arms=KERNEL, insides=True)
    result = study(arms=KERNEL, insides=True, diverged=[refit(whole, 0, 0)])
    assert weights_data(result).seed == 1


def test_filters_stand_side_by_side(study):
    """Six filters of 3 × 3 in two rows of three, each entry a square of 3 × 3 dots, one empty dot apart."""
    result = study(arms=KERNEL, insides=True)
    data = weights_data(result, tensor="conv/kernel")
    image, kernel = data.images[0].image, result.weights[refit(result, 0, 0)][2]
    assert data.filters
    assert image.shape == (19, 29)
    np.testing.assert_allclose(image[1:9:3, 1:9:3], kernel[:, :, 0, 0])
    np.testing.assert_allclose(image[10:19:3, 20:29:3], kernel[:, :, 0, 5])
    assert np.isnan(image[9]).all()
    assert np.isnan(image[:, 9]).all()


def test_filters_over_many_channels_are_cut_to_a_grid(study):
    """Input channels go down, filters to the right, and what is left out is said."""
    result = study(arms=KERNEL, insides=True)
    big = {member: (*values[:2], np.ones((3, 3, 12, 20))) for member, values in result.weights.items()}
    data = weights_data(replace(result, weights=big), tensor="conv/kernel")
    assert data.images[0].image.shape == (8 * 10 - 1, 16 * 10 - 1)
    assert data.note == "16 of 20 filters, 8 of 12 input channels"


def test_what_cannot_be_shown_is_said(study):
    """Without names, without refits, and for a tensor that has no second axis."""
    result = study(arms=KERNEL, insides=True)
    with pytest.raises(InputError, match="and their names"):
        weights_data(replace(result, weight_names=()))
    with pytest.raises(InputError, match="trained weights"):
        weights_data(study(refits=False))
    with pytest.raises(InputError, match="two or more axes, got 'hidden/bias'"):
        weights_data(result, tensor="hidden/bias")


def test_block_means_of_ragged_edges():
    """By hand: blocks of two, the last of one."""
    image, size = block_means(np.array([[1.0, 2.0, 6.0], [3.0, 4.0, 8.0]]), 2)
    assert size == (1, 2)
    assert image.tolist() == [[1.5, 6.0], [3.5, 8.0]]
    small, size = block_means(np.ones((3, 3)), 3)
    assert (small.shape, size) == ((3, 3), (1, 1))


def test_both_images_share_a_scale_around_zero(study):
    """Symmetric, with a limit that a single large weight does not move."""
    data = weights_data(study(arms=KERNEL, insides=True))
    ax = draw_weights(data)
    assert len(ax.images) == 2
    assert {image.norm.vmin for image in ax.images} == {-image.norm.vmax for image in ax.images}
    assert ax.images[0].cmap(0.5) == pytest.approx((0.56, 0.56, 0.56, 1), abs=0.02)
    values = np.r_[np.linspace(0, 1, 1000), 50.0]
    assert colour_limit((values[None],)) < 1.01
    assert colour_limit((np.zeros((2, 2)),)) == 1.0
