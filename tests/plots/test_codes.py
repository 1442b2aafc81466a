"""Pictures of codes: their numbers, and drawings in both themes."""

import io
from dataclasses import replace

import numpy as np
import pytest

from bridle import BridleError
from bridle.plots import (
    code_drawings,
    code_frontier_data,
    densities_data,
    draw_code_frontier,
    draw_densities,
    draw_tiles,
    features_data,
    matched_data,
    reconstructions_data,
)
from bridle.representations import StudiedCodes, match_features

RNG = np.random.default_rng(0)


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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_pictures_are_drawn(codes, theme) -> None:
    """Each with a caption and an alternative text; what has no data is left out."""
    pictures = code_drawings(codes, theme=theme)
    assert [one.name for one in pictures] == ["code-frontier", "densities", "reconstructions", "features", "matched"]
    for one in pictures:
        assert one.caption
        assert one.alt
        one.figure.savefig(io.BytesIO(), format="png")
    bare = replace(codes, dictionaries={}, reconstructions={}, measures={"l0": codes.measures["l0"]})
    assert [one.name for one in code_drawings(bare, theme=theme)] == ["densities"]
    assert draw_tiles(matched_data(codes, 0), theme=theme).images
