"""Activations and weights that a study stores for pictures."""

import keras
import numpy as np
import pytest
from tests.conftest import network

import bridle
from bridle import L1, L2, Study
from bridle.results import UNIT_SHARES


@pytest.fixture(scope="module")
def result(moons) -> bridle.Result:
    """One arm on an activation, one on the kernel before it."""
    arms = {"L1": {"hidden/output": L1([0.01, 0.1])}, "L2": {"hidden/kernel": L2([0.1])}}
    return Study(network(), arms, seeds=2, folds=2, epochs=20).run(*moons, progress=False)


def test_variables_have_the_names_a_person_writes(result) -> None:
    """In the order in which trained ones are kept."""
    data = result.data
    assert data.weight_names == ("hidden/kernel", "hidden/bias", "out/kernel", "out/bias")
    assert [value.shape for value in next(iter(data.weights.values()))] == [(2, 8), (8,), (8, 1), (1,)]


def test_activations_are_those_of_the_chosen_models(result, moons) -> None:
    """The layer's output in the refit of the first seed, for `none` and for the best of the arm that charges it."""
    (kept,) = result.data.activations
    assert (kept.tensor, kept.entries) == ("hidden/output", 8)
    assert len(kept.settings) == 2
    x, y = moons
    rows = np.argsort(y, kind="stable")
    assert kept.classes.tolist() == np.sort(y).tolist()
    for arm, values in zip(("none", "L1"), kept.values, strict=True):
        hidden = result.model(arm, single=True).get_layer("hidden")
        np.testing.assert_allclose(values, keras.ops.convert_to_numpy(hidden(x[rows])), atol=1e-6)


def test_networks_of_one_fold_show_the_whole_path(result, moons) -> None:
    """Of the first seed, for every candidate: the weights that were measured, and the surfaces of these weights."""
    data, networks = result.data, result.data.path_networks
    assert (networks.seed, networks.settings.tolist()) == (0, [0, 1, 2, 3])
    assert set(networks.weights) == {"hidden/kernel", "out/kernel"}
    first = (data.members.seed == 0) & (data.members.fold == 0)
    norms = [np.linalg.norm(value) for value in networks.weights["hidden/kernel"]]
    np.testing.assert_allclose(norms, data.diagnostic("norm/hidden/kernel")[first], rtol=1e-5)
    assert networks.surfaces.shape == (4, 60, 60)
    assert np.ptp(networks.surfaces, axis=0).max() > 0.01
    large = Study(network(9000), {"L2": {"*/kernel": L2(0.01)}}, seeds=1, folds=2, epochs=1).run(*moons, progress=False)
    assert large.data.path_networks is None


def test_unit_quantiles_are_those_of_the_trained_kernel(result) -> None:
    """Over the norms of the columns, from the smallest to the largest."""
    data = result.data
    for member, variables in data.weights.items():
        expected = np.quantile(np.linalg.norm(variables[0], axis=0), np.array(UNIT_SHARES) / 100)
        got = [data.diagnostic(f"unit{share}/hidden/kernel")[member] for share in UNIT_SHARES]
        np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_large_activations_are_thinned_evenly(moons) -> None:
    """64 of the rows and 128 of the units, so that a store stays small."""
    x, y = (np.repeat(each, 3, axis=0) for each in moons)
    result = Study(network(200), {"L1": {"hidden/output": L1(0.01)}}, seeds=1, folds=2, epochs=1)
    (kept,) = result.run(x, y, progress=False).data.activations
    assert kept.values.shape == (2, 64, 128)
    assert kept.values.dtype == np.float32
    assert kept.entries == 200


def test_an_arm_without_activations_keeps_none(moons) -> None:
    """Only what is penalized is kept."""
    result = Study(network(), {"L2": {"*/kernel": L2(0.1)}}, seeds=1, folds=2, epochs=1).run(*moons, progress=False)
    assert result.data.activations == ()
