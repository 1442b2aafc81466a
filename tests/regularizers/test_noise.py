"""Noise obeys its laws, and has the distribution of Keras's layers."""

from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest
from tests.regularizers._noise_cases import NOISES

import bridle
from bridle.regularizers import KINDS, Noise
from bridle.regularizers._noise_contract import NumPyDraw
from bridle.testing import check_noise


def test_every_noise_is_in_the_list() -> None:
    """New noise runs the contract."""
    assert {kind for kind, cls in KINDS.items() if issubclass(cls, Noise)} == {noise.kind for noise in NOISES}


@pytest.mark.parametrize("noise", NOISES, ids=repr)
def test_obeys_the_laws(noise: Noise) -> None:
    """The contract that ships in the package."""
    check_noise(noise)


class Biased(bridle.Dropout):
    """Dropout that does not scale what it keeps."""

    def sample(self, shape: Any, strengths: Any, draw: Any) -> Any:
        return keras.ops.cast(draw.uniform(shape) < 1 - strengths[0], "float32")


class Careless(bridle.Dropout):
    """Dropout that takes its random numbers from NumPy."""

    def sample(self, shape: Any, strengths: Any, draw: Any) -> Any:
        return super().sample(shape, strengths, NumPyDraw(np.random.default_rng().integers(2**31)))


@pytest.mark.parametrize(("noise", "law"), [(Biased(0.3), "keeps the expectation"), (Careless(0.3), "function of its")])
def test_finds_broken_noise(noise: Noise, law: str) -> None:
    """Each law can fail."""
    with pytest.raises(AssertionError, match=law):
        check_noise(noise)


def test_masks_of_smaller_rates_hold_those_of_larger_ones() -> None:
    """What a rate drops, a larger one drops too: arms are paired."""
    kept = [np.asarray(bridle.Dropout(r).sample((50, 40), (r,), NumPyDraw(0))) > 0 for r in (0.1, 0.4, 0.8)]
    assert all(np.all(larger <= smaller) for smaller, larger in pairwise(kept))
    assert [round(float(mask.mean()), 1) for mask in kept] == [0.9, 0.6, 0.2]


@pytest.mark.parametrize(
    ("shared", "shape", "alike"),
    [
        ("none", (4, 5, 6, 3), (4, 5, 6, 3)),
        ("time", (4, 5, 6, 3), (4, 1, 6, 3)),
        ("space", (4, 5, 6, 3), (4, 1, 1, 3)),
        ("space", (4, 5, 3), (4, 1, 3)),
    ],
)
def test_shares_draws(shared: Any, shape: tuple[int, ...], alike: tuple[int, ...]) -> None:
    """Over time or over space, as the spatial layers of Keras."""
    assert bridle.Dropout(0.5, shared=shared).sample(shape, (0.5,), NumPyDraw(0)).shape == alike


def moments(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return mean and variance of each unit, and the correlation of the first two."""
    return draws.mean(axis=0), draws.var(axis=0), float(np.corrcoef(draws[:, 0], draws[:, 1])[0, 1])


@pytest.mark.parametrize(
    ("noise", "layer"),
    [
        (bridle.Dropout(0.3), keras.layers.Dropout(0.3, seed=1)),
        (bridle.GaussianNoise(0.5), keras.layers.GaussianNoise(0.5, seed=1)),
        (bridle.GaussianNoise(0.5, multiplicative=True), keras.layers.GaussianDropout(0.2, seed=1)),
    ],
    ids=repr,
)
def test_has_the_distribution_of_the_layer(noise: Noise, layer: keras.Layer) -> None:
    """Mean, variance and correlation between units over 10,000 draws."""
    x = np.tile(np.array([[1.0, -2.0, 0.5]], "float32"), (10_000, 1))
    ours = np.asarray(noise.apply(keras.ops.convert_to_tensor(x), noise.sample(x.shape, noise.fixed(), NumPyDraw(3))))
    theirs = np.asarray(layer(x, training=True))
    for left, right in zip(moments(ours), moments(theirs), strict=True):
        np.testing.assert_allclose(left, right, atol=0.06)
    np.testing.assert_allclose(ours.mean(axis=0), x[0], atol=0.05)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: bridle.Dropout(1.0), "below 1 in dropout"),
        (lambda: bridle.Dropout([0.1, 1.2]), "below 1 in dropout"),
        (lambda: bridle.DropConnect(bridle.schedule.warmup(1.5, 3)), "below 1 in dropconnect"),
        (lambda: bridle.Dropout(-0.1), "≥ 0"),
        (lambda: bridle.Dropout(0.1, shared="rows"), "'none' or 'time' or 'space'"),
        (lambda: bridle.GaussianNoise(0.1, multiplicative=1), "True or False"),
    ],
)
def test_refuses_rates_outside_their_range(make: Any, said: str) -> None:
    """A sentence before anything is trained."""
    with pytest.raises(bridle.BridleError, match=said):
        make()


def test_auto_rates_are_even() -> None:
    """From 0.1 to 0.8, without a pilot."""
    (rates,) = bridle.Dropout().strengths
    assert isinstance(rates, bridle.Grid)
    assert rates.values == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    assert (rates.open, rates.linear) == (True, True)
    assert repr(bridle.Dropout()) == "Dropout(rate=auto)"
