"""Codes of the trained networks of a study, against Keras's own predictions."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

import bridle
from bridle.representations import StudiedCodes, fvu, match_features, noise_like, probe

DIGITS, LABELS = load_digits(return_X_y=True)
X, Y = DIGITS[:120] / 16, LABELS[:120] > 4


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> bridle.Result:
    """Two strengths on the code of twelve units, three seeds, loaded from its folder."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(12, "relu", name="code"), keras.layers.Dense(64, name="out")]
    model = keras.Sequential([keras.Input((64,)), *layers])
    model.compile("adam", "mse")
    arms = {"L1": {"code/output": bridle.L1([0.003, 0.1])}, "L2": {"code/output": bridle.L2(0.01)}}
    study = bridle.Study(model, arms, seeds=3, folds=2, epochs=8)
    folder = tmp_path_factory.mktemp("codes")
    study.run(X, refit="all", preprocessor=StandardScaler(with_std=False), store=folder, progress=False)
    return bridle.load(folder)


def test_measures_are_those_of_the_models(result) -> None:
    """Of a refit, by Keras's predict."""
    codes = result.representation("code", X, Y)
    assert codes.names == ("none", "L1: 0.003", "L1: 0.1", "L2: 0.01")
    assert codes.measures["l0"].shape == (4, 3)
    model = result.model("L1", "1se", seed=1)
    x = X - X.mean(axis=0)
    code = keras.Model(model.inputs, model.get_layer("code").output).predict(x, verbose=0)
    place = codes.names.index(f"L1: {next(iter(result.best('L1', '1se').strengths.values())):g}"), 1
    rest = x - model.predict(x, verbose=0)
    expected = {"fvu": np.sum(rest**2) / np.sum(x**2), "l0": (code != 0).sum(1).mean(), "probe": probe(code, Y).mean}
    noise = noise_like(x.astype(np.float32))
    expected |= {"noise_fvu": fvu(noise, model.predict(noise, verbose=0)), "live": (code != 0).any(0).mean()}
    for name, value in expected.items():
        assert codes.measures[name][place] == pytest.approx(value, rel=1e-4), name
    np.testing.assert_allclose(codes.dictionaries[place], model.get_layer("out").get_weights()[0], rtol=1e-6)
    assert codes.dictionary_name == "out/kernel"
    assert len(codes.table()) == 12
    few = result.representation("code", X, Y, per_class=5).measures["probe"][place]
    assert few == pytest.approx(probe(code, Y, per_class=5).mean)
    agreement = codes.stability(0, live_only=False)
    two = [codes.dictionaries[0, seed] for seed in (0, 2)]
    assert agreement.pairs[0, 2] == pytest.approx(match_features(*two).mean)
    assert result.representation("code", X, dictionary="code/kernel").dictionaries[0, 0].shape == (12, 64)


def test_pictures_take_names_and_seeds(result) -> None:
    """Of candidates and seeds as a user writes them."""
    codes = result.representation("code", X)
    assert codes.plot.features("L1: 0.003", 2).get_title(loc="left").startswith("L1: 0.003, seed 2")
    labels = [text.get_text() for text in codes.plot.matched("none", (1, 2)).get_yticklabels()]
    assert labels == ["seed 1", "seed 2"]
    assert codes.plot.frontier(error="noise_fvu").get_ylabel().startswith("noise_fvu")
    assert codes.plot.densities(candidates=["none", 2]).get_legend_handles_labels()[1][1].startswith("L1: 0.1, ")
    assert len(codes.plot.reconstructions(candidates=["none"]).get_yticklabels()) == 2
    assert codes.stability("none").pairs.shape == (3, 3)
    for call in (
        lambda: codes.plot.features("L3"),
        lambda: codes.plot.features(9),
        lambda: codes.plot.matched(0, (0, 9)),
    ):
        with pytest.raises(bridle.BridleError, match=r"Expected a (candidate by name or position|seed of this study)"):
            call()


def path(l0: list[list[float]], fvus: list[list[float]]) -> StudiedCodes:
    """Two arms of three candidates and two seeds."""
    measures = {"l0": np.array(l0), "fvu": np.array(fvus)}
    arms = ("a",) * 3 + ("b",) * 3
    names = tuple(f"{arm}{index}" for index, arm in enumerate(arms))
    return StudiedCodes("code", arms, names, (0, 1), 4, measures, np.zeros((6, 2, 4)))


def test_equal_sparsity_and_frontier() -> None:
    """The FVU of an arm falls with log L0; the other arm has 0.1 and 0.2 more at every L0."""
    sizes = np.array([[1, 1.5], [4, 6], [16, 20]], float)
    line, worse = 1 - 0.1 * np.log(sizes), np.array([0.1, 0.2])
    codes = path(np.concatenate([sizes, sizes * 1.2]).tolist(), np.concatenate([line, line + worse]).tolist())
    shift = 0.1 * np.log(1.2)
    equal = codes.at_equal_l0("a", "b", 5.0)
    assert equal.first == pytest.approx(1 - 0.1 * np.log(5))
    assert equal.difference == pytest.approx(-0.15 - shift)
    assert equal.low < equal.difference < equal.high
    assert codes.at_equal_l0("b", "a").l0 == pytest.approx(np.sqrt(1.8 * 16))
    frontier = codes.frontier()
    assert frontier["optimal"].tolist() == [True] * 3 + [False] * 3
    assert frontier["l0"].tolist() == pytest.approx(np.concatenate([sizes, sizes * 1.2]).mean(axis=1))
    with pytest.raises(bridle.BridleError, match="an L0 that both arms reach with one seed, got 50"):
        codes.at_equal_l0("a", "b", 50.0)
    with pytest.raises(bridle.BridleError, match="got 'c'"):
        codes.at_equal_l0("a", "c")


def test_white_noise_has_the_variance_of_the_rows() -> None:
    """In every direction the same."""
    noise = noise_like(np.tile(DIGITS, (3, 1)).astype(np.float32))
    assert noise.var(axis=0) == pytest.approx(np.full(64, DIGITS.var(axis=0).mean()), rel=0.1)
    assert noise.mean() == pytest.approx(DIGITS.mean(), rel=0.02)


@pytest.mark.parametrize(
    ("layer", "options", "words"),
    [
        ("cod", {}, "Expected a layer of the model, got 'cod'"),
        ("code", {"dictionary": "out/bias"}, "Expected a weight of two axes, got 'out/bias'"),
        ("code", {"labels": np.zeros(120)}, "at least two classes for a probe"),
    ],
)
def test_refusals(result, layer, options, words) -> None:
    """Each in a sentence."""
    with pytest.raises(bridle.BridleError, match=words):
        result.representation(layer, X, **options)
