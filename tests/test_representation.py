"""Codes of the trained networks of a study, against Keras's own predictions."""

import warnings
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

import bridle
from bridle._api._preparation import count_study_rows, study_order
from bridle.representations import StudiedCodes, fvu, match_features, noise_like, probe
from bridle.sources._fingerprint import row_hashes
from bridle.stats import mean_interval

DIGITS, LABELS = load_digits(return_X_y=True)
X, Y = DIGITS[:120] / 16, LABELS[:120] > 4


def autoencoder(seed: int) -> keras.Model:
    """An untrained autoencoder with a code of twelve units."""
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(12, "relu", name="code"), keras.layers.Dense(64, name="out")]
    model = keras.Sequential([keras.Input((64,)), *layers])
    model.compile("adam", "mse")
    return model


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> bridle.Result:
    """Two strengths on the code of twelve units, three seeds, loaded from its folder with the networks of its folds."""
    model = autoencoder(0)
    arms = {"L1": {"code/output": bridle.L1([0.003, 0.1])}, "L2": {"code/output": bridle.L2(0.01)}}
    study = bridle.Study(model, arms, seeds=3, folds=3, epochs=8, shuffle=False)
    folder = tmp_path_factory.mktemp("codes")
    options = {"refit": "all", "keep": "folds", "store": folder, "progress": False}
    study.run(X, preprocessor=StandardScaler(with_std=False), **options)
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


def test_networks_of_folds_are_measured_on_rows_that_they_did_not_train_on(result) -> None:
    """That of a fold and seed is the network of Keras's fit on the fold's training rows, less their mean."""
    codes = result.representation("code", X, Y, over="folds")
    assert codes.out_of_fold
    assert (codes.folds, codes.seeds) == ((0, 1, 2) * 3, (0, 0, 0, 1, 1, 1, 2, 2, 2))
    fold, seed = 2, 1
    validation = result.data.fold_networks.validation[fold]
    assert sorted(np.concatenate(result.data.fold_networks.validation)) == list(range(120))
    train = np.delete(X, validation, axis=0)
    model, centred = autoencoder(seed), train - train.mean(axis=0)
    model.fit(centred, centred, epochs=8, shuffle=False, verbose=0)
    x = X[validation] - train.mean(axis=0)
    code = keras.Model(model.inputs, model.get_layer("code").output).predict(x, verbose=0)
    expected = {"fvu": fvu(x, model.predict(x, verbose=0)), "l0": (code != 0).sum(1).mean()}
    expected["probe"] = probe(code, Y[validation]).mean
    place = 0, codes.seeds.index(seed) + fold
    for name, value in expected.items():
        assert codes.measures[name][place] == pytest.approx(value, rel=1e-3), name
    np.testing.assert_allclose(codes.dictionaries[place], model.get_layer("out").get_weights()[0], atol=1e-5)
    row = codes.table().query("candidate == 'none' and fold == 2 and seed == 1")
    assert row["fvu"].tolist() == [codes.measures["fvu"][place]]
    by_fold = codes.measures["fvu"][0].reshape(3, 3).mean(axis=0)
    line = codes.frontier().loc[0, ["fvu", "fvu_low", "fvu_high"]]
    assert line.tolist() == pytest.approx(list(mean_interval(by_fold, test_share=0.5)))
    assert codes.plot.features("none", (2, 1)).get_title(loc="left").startswith("none, fold 2, seed 1")


def test_stability_over_folds_seeds_and_both(result) -> None:
    """The mean cosine of networks that differ so, and the jackknife that leaves out a fold or a seed."""
    codes = result.representation("code", X, over="folds")
    networks = [(seed, fold) for seed in range(3) for fold in range(3)]
    cosines = {
        (one, two): match_features(codes.dictionaries[1, a], codes.dictionaries[1, b]).mean
        for a, one in enumerate(networks)
        for b, two in enumerate(networks)
        if a < b
    }

    def mean(over: str, without: int | None = None, unit: int = 1) -> float:
        used = {"folds": (True, False), "seeds": (False, True), "both": (False, False)}[over]
        pairs = [pair for pair in cosines if (pair[0][0] == pair[1][0], pair[0][1] == pair[1][1]) == used]
        return float(np.mean([cosines[a, b] for a, b in pairs if without not in (a[unit], b[unit])]))

    def interval(over: str, unit: int) -> tuple[float, float]:
        pseudo = np.array([3 * mean(over) - 2 * mean(over, one, unit) for one in range(3)])
        return mean_interval(pseudo, test_share=0.5 * unit)[1:]

    for over, unit in (("folds", 1), ("seeds", 0)):
        found = codes.stability(1, live_only=False, over=over)
        assert found.mean == pytest.approx(mean(over))
        assert (found.low, found.high) == pytest.approx(interval(over, unit))
        assert found.over == over
    both = codes.stability(1, live_only=False, over="both")
    assert both.mean == pytest.approx(mean("both"))
    assert both.high - both.low == pytest.approx(max(np.ptp(interval("both", unit)) for unit in (0, 1)))
    assert codes.stability(1).mean == codes.stability(1, over="folds").mean


def test_new_rows_are_measured_by_all_networks_of_folds(result) -> None:
    """Rows of the study in part are refused, since most folds trained on them."""
    new = DIGITS[200:260] / 16
    codes = result.representation("code", new, over="folds")
    assert not codes.out_of_fold
    folds, fold = result.data.fold_networks, result.data.members.fold
    kernel, bias = next(weights for fit, weights in folds.weights.items() if fold[fit] == 1)[:2]
    centred = new - np.delete(X, folds.validation[1], axis=0).mean(axis=0)
    active = (centred @ kernel + bias > 0).sum(axis=1)
    assert codes.measures["l0"][0, 1] == pytest.approx(active.mean(), rel=1e-2)
    for rows, count in ((X[:60], 60), (np.concatenate([X, new[:1]]), 120)):
        with pytest.raises(bridle.BridleError, match=f"got some rows of the study, {count} of 120"):
            result.representation("code", rows, over="folds")
    for over in ("folds", "both"):
        with pytest.raises(bridle.BridleError, match=f"for over='{over}', got those of refits"):
            result.representation("code", X).stability(0, over=over)
    with pytest.raises(bridle.BridleError, match="Expected over='seeds' or 'folds', got 'fold'"):
        result.representation("code", X, over="fold")


def test_rows_of_a_study_come_in_any_order(result) -> None:
    """As after `time=`, by which a study sorts its rows; labels go with them."""
    order = np.random.default_rng(0).permutation(120)
    codes, mixed = (result.representation("code", X[one], Y[one], over="folds") for one in (np.arange(120), order))
    assert mixed.out_of_fold
    np.testing.assert_array_equal(mixed.measures["fvu"], codes.measures["fvu"])
    np.testing.assert_array_equal(mixed.measures["probe"], codes.measures["probe"])


def test_rows_of_a_study_are_told_from_new_ones() -> None:
    """Whatever holds them; and rows with few values, whose equals are chance, count as new."""
    rng = np.random.default_rng(0)
    rows, new = rng.normal(size=(2, 50, 3))
    hashes = row_hashes(rows)
    assert count_study_rows(np.concatenate([rows, new[:1]]), hashes) == 50
    assert count_study_rows(new, hashes) == 0
    assert study_order(new, hashes) is None
    np.testing.assert_array_equal(study_order(rows[::-1], hashes), np.arange(50)[::-1])
    assert count_study_rows([rows, new], row_hashes({"b": new, "z": rows})) == 50
    frame = pd.DataFrame({"flag": rows[:, 0] > 0, "size": rows[:, 1]})
    assert count_study_rows(frame.to_numpy(float), row_hashes(frame)) == 50
    for columns in (3, 8):  # of 8 and of 256 distinct rows
        flags = rng.integers(2, size=(150, columns))
        assert count_study_rows(flags[100:], row_hashes(flags[:100])) == 0


def test_a_study_with_validation_rows_takes_these_over_folds() -> None:
    """Its rows trained every network, and the message names those that did not."""
    study = bridle.Study(autoencoder(0), {}, seeds=2, epochs=1)
    kept = study.run(X[:60], validation=X[60:], keep="folds", refit="none", progress=False)
    with pytest.raises(bridle.BridleError, match=r"got 60 rows of the study, .* Give those of validation="):
        kept.representation("code", X[:60], over="folds")
    assert not kept.representation("code", X[60:], over="folds").out_of_fold


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
    folds = replace(codes, folds=(0, 1), seeds=(0, 0), test_share=0.5).at_equal_l0("a", "b", 5.0)
    assert folds.high - folds.low == pytest.approx((equal.high - equal.low) * 2**0.5)  # 1 / 2 + 0.5 instead of 1 / 2
    lost = {name: values.repeat(2, axis=1) for name, values in codes.measures.items()}
    lost["l0"][3:, 0] = 100.0  # one pair of fold 0 does not reach the L0
    uneven = replace(codes, measures=lost, folds=(0, 0, 1, 1), seeds=(0, 1) * 2).at_equal_l0("a", "b", 5.0)
    assert uneven.first - uneven.second == pytest.approx(uneven.difference)
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


LENGTHS = np.array([6, 3, 4, 2] * 6)
SIGNALS = np.where(np.arange(6) < LENGTHS[:, None], np.random.default_rng(0).random((24, 6)) + 0.1, 0)[..., None]
SIGNALS = np.concatenate([SIGNALS, SIGNALS**2], axis=2)


@pytest.fixture(scope="module")
def sequences() -> bridle.Result:
    """An autoencoder of padded sequences: a recurrent layer with a mask, and a convolution that drops it."""
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Masking(),
        keras.layers.GRU(5, activation="relu", return_sequences=True, name="gru"),
        keras.layers.Conv1D(4, 3, padding="same", activation="relu", name="conv"),
        keras.layers.Dense(2, name="out"),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the convolution drops the mask, says Keras
        model = keras.Sequential([keras.Input((6, 2)), *layers])
        model.compile("adam", "mse")
        study = bridle.Study(model, {"L1": {"gru/output": bridle.L1(0.1)}}, seeds=2, folds=2, epochs=4)
        yield study.run(SIGNALS, refit="all", keep="folds", progress=False)


@pytest.mark.filterwarnings("ignore:.*was passed an input with a mask")
@pytest.mark.parametrize("layer", ["gru", "conv"])
def test_steps_of_sequences_are_observations(sequences, layer) -> None:
    """Padding counts nowhere, also after a convolution: in sparsity, in the reconstruction, in the picture."""
    codes = sequences.representation(layer, SIGNALS, LENGTHS > 3)
    model = sequences.model("L1", "best", seed=1)
    inside = keras.Model(model.inputs, [model.get_layer(layer).output, model.outputs[0]])
    code, restored = inside.predict(SIGNALS, verbose=0)
    real = np.arange(6) < LENGTHS[:, None]
    units = code.shape[2]
    assert codes.units == units
    np.testing.assert_allclose(codes.densities[1, 1], (code[real] != 0).mean(axis=0))
    assert codes.measures["l0"][1, 1] == pytest.approx((code[real] != 0).sum(axis=1).mean())
    assert not real.all()
    x = np.ma.MaskedArray(SIGNALS, np.broadcast_to(~real[..., None], SIGNALS.shape))
    expected = ((x - restored) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    assert codes.measures["fvu"][1, 1] == pytest.approx(expected, rel=1e-4)
    noise = noise_like(x)
    assert noise[real].std() == pytest.approx((x - x.mean(axis=0)).std(), rel=0.2)
    noise = np.ma.MaskedArray(noise, x.mask)
    of_noise = model.predict(np.where(x.mask, x.data, noise), verbose=0)
    noise_fvu = ((noise - of_noise) ** 2).sum() / ((noise - noise.mean(axis=0)) ** 2).sum()
    assert codes.measures["noise_fvu"][1, 1] == pytest.approx(noise_fvu, rel=1e-4)
    sizes = [
        np.sqrt((np.ma.filled(part, 0) ** 2).sum(axis=(1, 2))) for part in (x, np.ma.MaskedArray(restored, x.mask))
    ]
    assert codes.measures["norm_ratio"][1, 1] == pytest.approx((sizes[1] / sizes[0]).mean(), rel=1e-4)
    assert codes.measures["probe"][1, 1] == pytest.approx(probe(code, LENGTHS > 3).mean)
    shown = codes.activations[1]
    assert shown.shape == (12, 6, units)
    np.testing.assert_array_equal(np.isfinite(shown).all(axis=2), real[:12])
    first = sequences.model("L1", "best", seed=0)
    alone = keras.Model(first.inputs, first.get_layer(layer).output).predict(SIGNALS[:12], verbose=0)
    np.testing.assert_allclose(shown[real[:12]], alone[real[:12]], rtol=1e-5, atol=1e-6)
    ax = codes.plot.along_time("L1: 0.1", rows=[0, 3])
    assert [text.get_text() for text in ax.texts] == ["row 0", "row 3"]


@pytest.mark.filterwarnings("ignore:.*was passed an input with a mask")
def test_a_mask_replaces_that_of_the_model(sequences) -> None:
    """And has to fit the steps of the layer."""
    mask = np.arange(6) < np.ones((24, 1))
    codes = sequences.representation("gru", SIGNALS, mask=mask)
    np.testing.assert_array_equal(np.isfinite(codes.activations[0]).all(axis=2), mask[:12])
    with pytest.raises(bridle.BridleError, match=r"a mask of shape \(24, 6\) for a code of shape .*, got \(6,\)"):
        sequences.representation("gru", SIGNALS, mask=mask[0])
    with pytest.raises(bridle.BridleError, match="steps that are no padding"):
        sequences.representation("gru", SIGNALS, mask=mask & False)


@pytest.mark.filterwarnings("ignore:.*was passed an input with a mask")
def test_a_mask_of_other_steps_is_not_used() -> None:
    """Of a convolution with strides, a pooling and one without padding, where sequences have no fixed length."""
    layers = [
        keras.layers.Embedding(5, 3, mask_zero=True),
        keras.layers.Conv1D(4, 3, padding="same", name="same"),
        keras.layers.Conv1D(4, 3, strides=2, padding="same", name="strides"),
        keras.layers.MaxPooling1D(2, strides=1, name="pooling"),
        keras.layers.Conv1D(4, 3, name="valid"),
        keras.layers.GlobalMaxPooling1D(),
        keras.layers.Dense(1, name="out"),
    ]
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
    model.compile("adam", "mse")
    x = np.where(np.arange(10) < np.arange(12)[:, None] + 1, 1, 0).astype("int32")
    study = bridle.Study(model, {"L1": {"same/output": bridle.L1(0.1)}}, seeds=1, folds=2, epochs=1)
    result = study.run(x, np.ones(12), progress=False)
    for layer, steps in {"strides": 5, "pooling": 4, "valid": 2}.items():
        shown = result.representation(layer, x).activations[0]
        assert shown.shape == (12, steps, 4)
        assert np.isfinite(shown).all()
    shown = result.representation("same", x).activations[0]
    np.testing.assert_array_equal(np.isfinite(shown).all(axis=2), x > 0)


@pytest.mark.filterwarnings("ignore:.*was passed an input with a mask")
def test_masks_go_with_the_rows_of_each_fold(sequences) -> None:
    """The code of a fold's network on its validation rows, of the steps that their rows of the mask say."""
    mask = np.random.default_rng(1).random((24, 6)) < 0.5
    codes = sequences.representation("gru", SIGNALS, mask=mask, over="folds")
    folds, fits = sequences.data.fold_networks, sequences.data.members
    for place, (fold, seed) in enumerate(zip(codes.folds, codes.seeds, strict=True)):
        fit = int(np.flatnonzero((fits.setting == 0) & (fits.fold == fold) & (fits.seed == seed))[0])
        model, rows = sequences.model("none", seed=0), folds.validation[fold]
        variables = (*model.trainable_variables, *model.non_trainable_variables)
        for variable, value in zip(variables, folds.weights[fit], strict=True):
            variable.assign(value)
        code = keras.Model(model.inputs, model.get_layer("gru").output).predict(SIGNALS[rows], verbose=0)
        assert codes.measures["l0"][0, place] == pytest.approx((code[mask[rows]] != 0).sum(axis=1).mean())
    np.testing.assert_array_equal(np.isfinite(codes.activations[0]).all(axis=2), mask[folds.validation[0]][:12])
    assert codes.plot.along_time("none").get_title(loc="left").startswith("none, fold 0, seed 0: gru")
    with pytest.raises(bridle.BridleError, match="a row of mask for each of 24 rows, got 6"):
        sequences.representation("gru", SIGNALS, mask=mask[0], over="folds")


def test_codes_without_steps_take_no_mask(result) -> None:
    """And have no picture along time."""
    with pytest.raises(bridle.BridleError, match=r"Expected no mask for a code of shape \(120, 12\)"):
        result.representation("code", X, mask=np.ones((120, 12), bool))
    with pytest.raises(bridle.BridleError, match="'code' without steps"):
        result.representation("code", X).plot.along_time("none")
