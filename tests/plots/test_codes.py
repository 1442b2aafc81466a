"""Pictures of codes: their numbers, and drawings in both themes."""

import io
from dataclasses import replace

import numpy as np
import pytest

from bridle import BridleError
from bridle.plots import (
    along_time_data,
    code_drawings,
    code_frontier_data,
    densities_data,
    draw_along_time,
    draw_code_frontier,
    draw_densities,
    draw_tiles,
    features_data,
    matched_data,
    reconstructions_data,
)
from bridle.representations import StudiedCodes, match_features

RNG = np.random.default_rng(0)
STEPS = np.zeros((4, 6, 5), np.float32)
"""Activations of four rows: of the steps 0 to 4, in the third row from 2 on, and in the last one none."""
STEPS[:, 3:5, 0], STEPS[:, 0, 1], STEPS[:2, 2:4, 3] = 1.0, -2.0, 0.5
STEPS[:, 5], STEPS[2, :2], STEPS[3] = np.nan, np.nan, np.nan


@pytest.fixture(scope="module")
def codes() -> StudiedCodes:
    """`none` and two strengths, two seeds, five units for images of 3 × 3; the last unit is dead."""
    densities = RNG.random((3, 2, 5))
    densities[:, :, 4] = 0
    measures = {"l0": np.array([[4, 4], [2, 2.2], [1, 1.2]]), "fvu": np.array([[0.1, 0.12], [0.2, 0.3], [0.5, 0.6]])}
    return StudiedCodes(
        layer="code",
        arms=("none", "L1", "L1"),
        names=("none", "L1: 0.1", "L1: 1"),
        seeds=(0, 7),
        units=5,
        measures=measures,
        densities=densities,
        dictionaries={(candidate, seed): RNG.normal(size=(5, 9)) for candidate in range(3) for seed in range(2)},
        dictionary_name="decoder/kernel",
        rows=RNG.random((4, 9)),
        reconstructions={candidate: RNG.random((4, 9)) for candidate in range(3)},
        activations={1: STEPS, 2: STEPS},
    )


def test_the_frontier_has_a_point_for_each_candidate(codes) -> None:
    """Each arm is one line through the means over seeds, in the order of L0."""
    ax = draw_code_frontier(code_frontier_data(codes))
    lines = {line.get_label(): line.get_xydata() for line in ax.lines}
    np.testing.assert_allclose(lines["L1"], [[1.1, 0.55], [2.1, 0.25]])
    np.testing.assert_allclose(lines["none"], [[4, 0.11]])
    assert ax.get_xscale() == "log"


def test_densities_count_units_once(codes) -> None:
    """Live units in bins and the dead ones beside them are all units."""
    data = densities_data(codes, [0, 2])
    assert data.names == ("none", "L1: 1")
    np.testing.assert_allclose(data.shares.sum(axis=1) + data.dead, 1)
    np.testing.assert_allclose(data.dead, 0.2)
    label = draw_densities(data).get_legend_handles_labels()[1][1]
    assert label == "L1: 1, 20 % dead"
    with pytest.raises(BridleError, match="positions from 0 to 2"):
        densities_data(codes, [3])


def test_features_stand_in_the_order_of_use(codes) -> None:
    """Of live units, each over its largest magnitude, as a square image; the grid is filled up with nothing."""
    data = features_data(codes, 1, 1)
    order = np.argsort(-codes.densities[1, 1])
    first = codes.dictionaries[1, 1][order[0]]
    np.testing.assert_allclose(data.images[0, 0], (first / np.abs(first).max()).reshape(3, 3))
    assert data.images.shape == (2, 2, 3, 3)
    assert data.title == "L1: 0.1, seed 7: 4 of 4 live"
    three = replace(codes, densities=codes.densities * (np.arange(5) < 3))
    assert np.isnan(features_data(three, 1, 1).images[1, 1]).all()
    with pytest.raises(BridleError, match=r"image=\(height, width\) with 9 entries in all, got \(2, 4\)"):
        features_data(codes, 1, 1, image=(2, 4))


def test_matched_features_stand_above_each_other(codes) -> None:
    """Live ones only, from the best cosine to the worst, which stands above each pair."""
    data = matched_data(codes, 0)
    match = match_features(codes.dictionaries[0, 0][:4], codes.dictionaries[0, 1][:4])
    assert data.columns == tuple(f"{cosine:.2f}" for cosine in match.cosines)
    partner = codes.dictionaries[0, 1][match.second[0]]
    np.testing.assert_allclose(data.images[1, 0].ravel(), partner / np.abs(partner).max())
    assert data.rows == ("seed 0", "seed 7")


def test_reconstructions_stand_below_the_rows(codes) -> None:
    """The original first; with the L0 of each candidate."""
    data = reconstructions_data(codes)
    assert data.rows == ("original", "none, L0 4", "L1: 0.1, L0 2.1", "L1: 1, L0 1.1")
    np.testing.assert_allclose(data.images[2].reshape(4, 9), codes.reconstructions[1])
    with pytest.raises(BridleError, match="a model that reconstructs its input"):
        reconstructions_data(replace(codes, reconstructions={}))


def test_units_along_time_stand_in_the_order_of_their_activity(codes) -> None:
    """By the mean step of their magnitude, those without any last; steps that no row has are left out."""
    data = along_time_data(codes, 1)
    np.testing.assert_array_equal(data.values, STEPS[:3, :5][:, :, [1, 3, 0, 2, 4]].transpose(0, 2, 1))
    assert data.real.tolist() == [[True] * 5, [True] * 5, [False] * 2 + [True] * 3]
    assert (data.rows, data.title) == ((0, 1, 2), "L1: 0.1, seed 0: code")
    ax = draw_along_time(data)
    assert [image.get_array().mask.any(axis=0).tolist() for image in ax.images] == (~data.real).tolist()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "4", "0", "4", "2", "4"]
    widths = [patch.get_width() for patch in ax.patches]
    assert widths == [5, 5, 3]
    assert "padding" in draw_along_time(along_time_data(codes, 1, [3])).texts[0].get_text()
    many = replace(codes, units=200, activations={1: np.repeat(STEPS, 40, axis=2)})
    shown = along_time_data(many, 1, [0, 1])
    assert shown.values.shape == (2, 128, 5)
    assert (np.abs(shown.values).max(axis=(0, 2)) > 0).sum() == 120
    assert draw_along_time(shown).get_ylabel() == "← 128 of 200 units, early ones first"


def test_refused_pictures_along_time(codes) -> None:
    """Of a layer without steps, a candidate without a network, rows that were not kept."""
    with pytest.raises(BridleError, match=r"output of shape \(row, step, unit\), got 'code' without steps"):
        along_time_data(replace(codes, activations={}), 1)
    with pytest.raises(BridleError, match="whose first network, seed 0, finished, got 'none'"):
        along_time_data(codes, 0)
    with pytest.raises(BridleError, match=r"rows from 0 to 3, the first of those measured, got \[4\]"):
        along_time_data(codes, 1, [4])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_pictures_are_drawn(codes, theme) -> None:
    """Each with a caption and an alternative text; what has no data is left out."""
    pictures = code_drawings(codes, theme=theme)
    names = ["code-frontier", "densities", "reconstructions", "features", "matched", "along-time"]
    assert [one.name for one in pictures] == names
    assert pictures[-1].alt == "L1: 1, seed 0: code: 5 units along 5 steps, 82 % exactly zero."
    for one in pictures:
        assert one.caption
        assert one.alt
        one.figure.savefig(io.BytesIO(), format="png")
    bare = replace(codes, activations={}, dictionaries={}, reconstructions={}, measures={"l0": codes.measures["l0"]})
    assert [one.name for one in code_drawings(bare, theme=theme)] == ["densities"]
    assert draw_tiles(matched_data(codes, 0), theme=theme).images
