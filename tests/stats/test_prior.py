"""The learned prior: its algebra against NumPy, its interpolation, its file."""

import json
import subprocess
import sys

import numpy as np
import pytest

from bridle.stats._prior import (
    LOG_LOSS,
    PRIOR_FILE,
    SHARE,
    SQUARE,
    Curves,
    condition,
    correlate,
    expect_gains,
    load_prior,
    noise_scale,
    prior_from_json,
    prior_to_json,
    train_position,
)

PATH = correlate(np.array([-4.0, -3.0, -2.0, -1.0]), np.zeros(4, int), 1.0)


def normal(rng: np.random.Generator, size: int) -> np.ndarray:
    """A random covariance."""
    root = rng.normal(size=(size, size))
    return root @ root.T + 0.1 * np.eye(size)


def test_conditioning_equals_the_product_of_two_normals() -> None:
    """In terms of precisions: S⁻¹ + Hᵀ V⁻¹ H, and the mean that they weight."""
    rng = np.random.default_rng(0)
    mean, prior, noise, seen = rng.normal(size=5), normal(rng, 5), normal(rng, 3), np.array([0, 2, 4])
    values, pick = rng.normal(size=3), np.eye(5)[seen]
    precision = np.linalg.inv(prior) + pick.T @ np.linalg.inv(noise) @ pick
    expected = np.linalg.solve(precision, np.linalg.inv(prior) @ mean + pick.T @ np.linalg.inv(noise) @ values)
    after, covariance = condition(mean, prior, seen, values, noise)
    np.testing.assert_allclose(after, expected, rtol=1e-6)
    np.testing.assert_allclose(covariance, np.linalg.inv(precision), rtol=1e-5, atol=1e-8)


def test_without_scores_the_expectation_is_that_of_the_curves() -> None:
    """And nothing of it comes from the data."""
    curves = Curves(np.array([0.0, 0.1, 0.2, -0.3]), np.full(4, 0.2), np.full(4, 0.1))
    unknown = np.full(4, np.nan)
    alone = expect_gains(curves, PATH, unknown, unknown, degrees=4.0)
    np.testing.assert_array_equal(alone.gain, curves.mean)
    np.testing.assert_allclose(alone.data_share, 0, atol=1e-12)


def test_exact_scores_replace_the_curves_and_noisy_ones_do_not() -> None:
    """With noise far below and far above the spread between data sets."""
    mean, gains = np.array([0.0, 0.1, 0.2, -0.3]), np.array([0.3, -0.1, 0.0, 0.5])
    variance = np.full(4, np.nan)
    for noise, target, share in ((1e-4, gains, 1.0), (1e3, mean, 0.0)):
        curves = Curves(mean, np.full(4, 0.2), np.full(4, noise))
        expected = expect_gains(curves, PATH, gains, variance, degrees=4.0)
        np.testing.assert_allclose(expected.gain, target, atol=1e-3)
        np.testing.assert_allclose(expected.data_share, share, atol=1e-3)


def test_a_study_that_contradicts_the_curves_is_believed_more() -> None:
    """Its share of the precision grows with the distance of its gains from the curves."""
    curves, unknown = Curves(np.zeros(4), np.full(4, 0.1), np.full(4, 0.1)), np.full(4, np.nan)
    near, far = (expect_gains(curves, PATH, np.full(4, gain), unknown, degrees=4.0).data_share for gain in (0.01, 0.9))
    np.testing.assert_allclose(near, 0.5, rtol=1e-6)
    assert (far > 0.9).all()


def test_noise_counts_more_with_few_rows() -> None:
    """The expected gain moves from the curves to the scores as the rows grow."""
    curves, gains = Curves(np.zeros(4), np.full(4, 0.2), np.full(4, 0.1)), np.full(4, 0.1)
    expected = [
        expect_gains(curves, PATH, gains, np.full(4, np.nan), degrees=4.0, scale=noise_scale(rows)).gain[0]
        for rows in (30, 60, 100, 300, 1000)
    ]
    assert expected[0] < expected[1] < expected[2] < expected[3] == expected[4]
    np.testing.assert_allclose(expected[3], 0.1 * 0.04 / (0.04 + 0.0001), rtol=1e-6)


def test_arms_share_what_their_folds_have_in_common() -> None:
    """Scores of one arm move the other, by less than its own; strengths far apart do not."""
    decades, arms = np.array([-3.0, -3.0, 9.0]), np.array([0, 1, 1])
    gains = np.array([0.4, np.nan, np.nan])
    curves = Curves(np.zeros(3), np.full(3, 0.2), np.full(3, 0.1))
    options = {"variance": np.full(3, np.nan), "degrees": 4.0}
    expected = expect_gains(curves, correlate(decades, arms, 1.0), gains, **options).gain
    np.testing.assert_allclose(expected[1], expected[0] / 2, rtol=1e-6)
    assert 0 < expected[0] < 0.4
    np.testing.assert_allclose(expected[2], 0, atol=1e-4)


def test_folds_that_disagree_count_less() -> None:
    """The variance between folds joins that of the bank by degrees of freedom."""
    curves, gains = Curves(np.zeros(4), np.full(4, 0.2), np.full(4, 0.1)), np.full(4, 0.4)
    calm, wild = (expect_gains(curves, PATH, gains, np.full(4, variance), degrees=4.0) for variance in (0.0, 0.25))
    assert (calm.gain > wild.gain).all()
    same = expect_gains(curves, PATH, gains, np.full(4, 0.01), degrees=4.0)
    spread = 0.04 * 0.16 / (0.04 + 0.01)
    np.testing.assert_allclose(same.gain, 0.4 * spread / (spread + 0.01), rtol=1e-6)


@pytest.mark.parametrize("measure", [SHARE, LOG_LOSS, SQUARE])
def test_curves_are_those_of_a_node_and_constant_beyond_the_ends(measure: str) -> None:
    """At the rows, level and training losses of a node they are its numbers, far from the training loss of none."""
    prior = load_prior()
    assert prior is not None
    index = prior.measures.index(measure)
    levels = prior.levels[index]
    at = prior.curves(index, 1, prior.rows[1], levels[2], prior.positions, -99)
    np.testing.assert_allclose(at.spread, prior.spread[index, 1, 2, 1])
    few, fewest = (prior.curves(index, 1, rows, levels[0] / 9, prior.positions - 9, -99) for rows in (prior.rows[0], 2))
    np.testing.assert_allclose(few.noise, fewest.noise)
    np.testing.assert_allclose(few.noise, prior.noise[index, 0, 0, 1, 0])
    unknown = prior.curves(index, 1, prior.rows[0], np.nan, prior.positions, -99)
    np.testing.assert_allclose(unknown.noise, prior.noise[index, 0, :, 1].mean(0))


def test_curves_that_do_not_transfer_can_only_warn() -> None:
    """Their mean is cut at 0, their spread is not."""
    prior = load_prior()
    assert prior is not None
    words = prior_to_json(prior)
    cut = prior_from_json({**words, "transfers": np.zeros_like(prior.transfers).tolist()})
    one, other = (each.curves(2, 0, 30, 1.0, prior.positions, -99) for each in (prior, cut))
    assert one.mean.max() > 0 >= other.mean.max()
    np.testing.assert_array_equal(one.spread, other.spread)


def test_a_candidate_that_trains_like_none_gains_nothing() -> None:
    """Mean and spread grow with the training loss that a strength gives up."""
    prior = load_prior()
    assert prior is not None
    place = train_position(np.array([1e-3, 1e-3, 1.0]))
    at = prior.curves(2, 0, 30, 1.0, place, float(place[0]))
    np.testing.assert_allclose(at.mean[:2], 0)
    np.testing.assert_allclose(at.spread[:2], 0.005)
    assert at.spread[2] > 0.05
    np.testing.assert_allclose(train_position(np.array([0.0, 50.0])), np.log10([1e-4, 3.0]))


def test_the_file_is_plain_json_and_reads_back_the_same(tmp_path) -> None:
    """Every number survives, and a missing file is no error."""
    prior = load_prior()
    assert prior is not None
    again = prior_from_json(json.loads(json.dumps(prior_to_json(prior))))
    np.testing.assert_array_equal(prior.mean, again.mean)
    assert again.about["made by"] == "python -m benchmarks.prior"
    assert PRIOR_FILE.stat().st_size < 250_000
    assert load_prior(tmp_path / "missing.json") is None


def test_curves_load_without_jax_and_keras() -> None:
    """They are read where results are, on machines that train nothing."""
    code = "import sys; from bridle.stats import load_prior; load_prior(); print({'jax', 'keras'} & {*sys.modules})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "set()"
