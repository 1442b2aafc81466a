"""`bridle.search`: arms from the model, two stages, one ranking, within the time given."""

import keras
import numpy as np
import pytest

import bridle
from bridle._front import search_arms
from bridle.stats import compare_all
from tests.conftest import network


def deep() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(6, "relu", name="first"), keras.layers.Dense(4, "tanh", name="second")]
    model = keras.Sequential([keras.Input((2,)), *layers, keras.layers.Dense(1, "sigmoid", name="out")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def test_arms_are_found_from_the_model() -> None:
    """Weights and activations, of all layers and of each; the output layer's activation is what is learned."""
    arms = search_arms(deep())
    where = {name: next(iter(terms)) for name, terms in arms.items()}
    assert where["L1 all weights"] == "first/kernel, second/kernel, out/kernel"
    assert where["L2 all activations"] == "first/output, second/output"
    assert where["L2 weights of out"] == "out/kernel"
    assert "L1 activations of out" not in arms
    assert len(arms) == 2 * (2 + 3 + 2)
    assert list(arms)[:4] == ["L1 all weights", "L2 all weights", "L1 all activations", "L2 all activations"]


def test_arms_of_recurrent_layers_and_embeddings() -> None:
    """A layer's kernels are one arm."""
    layers = [keras.layers.Embedding(9, 4, name="words"), keras.layers.LSTM(3, name="lstm")]
    model = keras.Sequential([keras.Input((5,)), *layers, keras.layers.Dense(1, name="out")])
    where = {name: next(iter(terms)) for name, terms in search_arms(model).items()}
    assert where["L2 weights of lstm"] == "lstm/kernel, lstm/recurrent_kernel"
    assert where["L1 weights of words"] == "words/embeddings"
    with pytest.raises(bridle.BridleError, match="Expected a model with kernels"):
        search_arms(keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.1)]))


@pytest.fixture(scope="module")
def found(moons):
    """A search whose time is counted, not measured: as many arms and seeds on a slow machine as on a fast one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bridle._front._search._seconds_each", lambda prepared: 0.004)
        return bridle.search(deep(), *moons, seconds=6, folds=3, epochs=15, test=moons, progress=False)


def test_the_ranking_holds_every_arm_once(found) -> None:
    """Finalists first, from best to worst; the screened ones after them."""
    ranking = found.ranking()
    assert sorted(ranking["stage"].unique()) == ["final", "screen"]
    assert ranking["arm"].is_unique
    last = ranking[ranking["stage"] == "final"]
    assert last["accuracy"].is_monotonic_decreasing
    assert len(last) == 4
    assert any(" with " in name for name in last["arm"])
    assert not set(found.data.seeds) & set(found.screen.data.seeds)


def test_intervals_pay_for_all_arms_that_were_looked_at(found) -> None:
    """Holm over the screened arms too, not over the finalists alone; the verdict says how many."""
    count = found.data.provenance["screened"]
    assert count >= 13
    evidence = found.evidence
    assert max(gain.level for gain in evidence.gains.values()) == pytest.approx(1 - 0.05 / count)
    assert f"{count} arms were looked at on these rows" in found.verdict()
    assert "95 %" in found.verdict()


def test_a_larger_family_widens_every_interval() -> None:
    rng = np.random.default_rng(0)
    none, rows = rng.normal(0.7, 0.02, (3, 5)), np.array([[80, 20]] * 5)
    arms = [none + rng.normal(0.01, 0.02, none.shape) for _ in range(2)]
    for one, more in zip(compare_all(arms, none, rows), compare_all(arms, none, rows, family=9), strict=True):
        assert more.high - more.low > one.high - one.low
        assert more.p_value >= one.p_value


def test_nonsense_is_refused() -> None:
    x = np.zeros((20, 2), "float32")
    with pytest.raises(bridle.BridleError, match="Expected seconds as a number above 0"):
        bridle.search(network(), x, np.arange(20) % 2, seconds=0)
