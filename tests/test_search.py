"""`bridle.search`: arms from the model, two stages, one ranking, within the time given."""

import keras
import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.model_selection import KFold

import bridle
from bridle._api import search_arms
from bridle._api._search_finalists import choose_finalists
from bridle._api._search_time import Pace, common_folds, with_arms
from bridle.engine import core_count
from bridle.plots import counted_tensors, frontier_data
from bridle.stats import compare_all
from bridle.study.design import _prepared as engine
from tests.conftest import network


def deep() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(6, "relu", name="first"), keras.layers.Dense(4, "tanh", name="second")]
    model = keras.Sequential([keras.Input((2,)), *layers, keras.layers.Dense(1, "sigmoid", name="out")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def test_one_arm_of_each_kind_comes_first() -> None:
    """On all layers; then penalties and dropout by layer. The output layer's activation is what is learned."""
    x = np.zeros((120, 2), "float32")
    arms = search_arms(deep(), x)
    where = {name: next(iter(terms)) for name, terms in arms.all.items()}
    assert list(arms.kinds) == [
        "L2 all weights", "Dropout all activations", "L1 all weights", "L2 all activations", "L1 all activations",
        "WeightDecay all weights", "GaussianNoise inputs", "LabelSmoothing", "Mixup", "MaxNorm all weights",
        "WeightAveraging", "EarlyStopping",
    ]  # fmt: skip
    assert where["L1 all weights"] == "first/kernel, second/kernel, out/kernel"
    assert where["Dropout all activations"] == "first/output, second/output"
    assert where["L2 weights of out"] == "out/kernel"
    assert list(arms.by_layer["L1 all weights"]) == [f"L1 weights of {layer}" for layer in ("first", "second", "out")]
    assert list(arms.by_layer["Dropout all activations"]) == [
        "Dropout activations of first", "Dropout activations of second",
    ]  # fmt: skip
    assert "L1 activations of out" not in arms.all
    assert len(arms.all) == 12 + 2 * (3 + 2) + 2
    assert "EarlyStopping" not in search_arms(deep(), x[:60]).all


def test_arms_that_a_model_does_not_allow_are_left_out() -> None:
    """Labels of numbers, noise on words, averages of an optimizer that averages; rates of its own dropout."""
    layers = [keras.layers.Embedding(9, 4, name="words"), keras.layers.LSTM(3, name="lstm", dropout=0.1)]
    model = keras.Sequential([keras.Input((5,), dtype="int32"), *layers, keras.layers.Dense(1, name="out")])
    model.compile(keras.optimizers.Adam(use_ema=True, ema_overwrite_frequency=5), "mse")
    where = {name: next(iter(terms)) for name, terms in search_arms(model, np.zeros((9, 5), "int32")).all.items()}
    assert where["L2 weights of lstm"] == "lstm/kernel, lstm/recurrent_kernel"
    assert where["L1 weights of words"] == "words/embeddings"
    assert where["own dropout rates"] == "lstm/dropout, lstm/recurrent_dropout"
    kinds = {name.partition(" ")[0] for name in where}
    assert not kinds & {"Dropout", "GaussianNoise", "LabelSmoothing", "Mixup", "WeightAveraging"}
    with pytest.raises(bridle.BridleError, match="Expected a model with kernels"):
        search_arms(keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.1)]))


@pytest.fixture(scope="module")
def found(moons):
    """A search whose time is counted, not measured: as many arms and seeds on a slow machine as on a fast one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "bridle._api._search.measure_pace", lambda prepared, folds, traced: Pace(0.1, 0.004, len(folds), 2)
        )
        for module in ("_api._search", "_api._search_time", "study._stages"):
            patch.setattr(f"bridle.{module}.perf_counter", lambda: 0.0)
        patch.setattr("bridle._api._search.trace", lambda prepared: 0.0)
        patch.setattr("bridle._api._search.MAX_SEEDS", 2)
        return bridle.search(deep(), *moons, seconds=6, folds=3, epochs=8, test=moons, progress=False)


def test_the_ranking_holds_every_arm_once(found) -> None:
    """Finalists first, from best to worst; the screened ones after them."""
    ranking = found.ranking()
    assert sorted(ranking["stage"].unique()) == ["final", "screen"]
    assert ranking["arm"].is_unique
    last = ranking[ranking["stage"] == "final"]
    assert last["accuracy"].is_monotonic_decreasing
    pairs = last.loc[[" with " in name for name in last["arm"]], "kind"]
    assert [len(set(kind.split(" + "))) for kind in pairs] == [2, 2]
    layers = [name for name in last["arm"] if " of " in name]
    assert len(layers) in {2, 3}
    assert len(last) == 3 + 2 + len(layers)
    assert len(found.screen.data.arms) - 1 == 12 - 1  # 60 rows: no early stopping
    assert not set(found.data.seeds) & set(found.screen.data.seeds)


def test_every_arm_of_the_first_stage_has_all_folds(found) -> None:
    """Halving stops strengths, never a whole arm: every arm has a score over all folds."""
    screen, scores = found.screen.data, np.isfinite(found.screen.data.scores())
    for arm in range(1, len(screen.arms)):
        path = screen.path(arm)
        assert scores[path].all(axis=(1, 2)).any()
    assert not scores.all()


def test_finalists_get_the_strengths_that_the_first_stage_left(found) -> None:
    """Near the best without a fold; no pilot runs again, and pairs combine at most three of each."""
    last = found.data
    for arm, item in enumerate(last.arms[1:], 1):
        before = np.isfinite(last.scores()[last.path(arm)][:, 0]).all(axis=1).sum()
        assert before <= 9 + 8, item.name
    assert "pilot" not in last.provenance
    assert "pilot" in found.screen.data.provenance


def test_intervals_pay_for_all_arms_that_were_looked_at(found) -> None:
    """Holm over the screened arms too, not over the finalists alone; the verdict says how many."""
    count = found.data.provenance["screened"]
    assert count >= 13
    evidence = found.evidence
    assert max(gain.level for gain in evidence.gains.values()) == pytest.approx(1 - 0.05 / count)
    assert f"{count} arms were screened on these rows" in found.details()
    assert "95 %" in found.details()


def test_a_larger_family_widens_every_interval() -> None:
    rng = np.random.default_rng(0)
    none, rows = rng.normal(0.7, 0.02, (3, 5)), np.array([[80, 20]] * 5)
    arms = [none + rng.normal(0.01, 0.02, none.shape) for _ in range(2)]
    for one, more in zip(compare_all(arms, none, rows), compare_all(arms, none, rows, family=9), strict=True):
        assert more.high - more.low > one.high - one.low
        assert more.p_value >= one.p_value


def test_a_short_search_compiles_for_two_shapes_of_rows(monkeypatch, tmp_path) -> None:
    """Folds and all rows, once each: compiling is in the time; what does not fit any more is left out."""
    x, y = make_moons(60, noise=0.2, random_state=2)
    compiled, real = [], engine.compile_programs
    monkeypatch.setattr(engine, "compile_programs", lambda *given, **more: compiled.append(1) or real(*given, **more))
    short = bridle.search(deep(), x, y, seconds=0.1, folds=2, epochs=3, progress=False)
    assert len(compiled) == 2
    assert len(short.screen.data.arms) == 3
    assert [" with " in arm.name for arm in short.data.arms] == [False, False, True]
    assert (len(short.screen.data.seeds), len(short.data.seeds)) == (1, 1)
    assert (short.screen.data.members.fold >= 0).all()
    assert short.model().predict(x[:2], verbose=0).shape == (2, 1)
    assert "screened" in short.data.provenance
    assert set(short.regularizers(short.data.arms[1].name)) == set(short.data.arms[1].terms[0][:1])
    assert short.report(tmp_path / "report.html").stat().st_size > 1000
    assert len(bridle.load(short.save(tmp_path / "kept")).table()) == len(short.table())


def test_an_autoencoder_is_searched_without_labels() -> None:
    """Its inputs are what it learns."""
    layers = [keras.layers.Dense(3, "relu", name="code"), keras.layers.Dense(4, name="out")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
    found = bridle.search(model, x, seconds=0.1, folds=2, epochs=3, progress=False)
    assert found.data.score.name == "loss"
    assert len(found.ranking()) >= 2


def test_the_frontier_of_both_stages(found) -> None:
    """No candidate of it is beaten in both; every other one is; the least zeros come with the best score."""
    for tensor in (None, "first/output"):
        front = found.frontier(tensor)
        assert front["zeros"].is_monotonic_increasing
        assert front["accuracy"].is_monotonic_decreasing
        stages = [data for data in (found.screen.data, found.data) if tensor in (None, *counted_tensors(data))]
        assert stages[0] is found.screen.data
        every = [frontier_data(data, tensor=tensor) for data in stages]
        zeros, means = (np.concatenate([getattr(part, name) for part in every]) for name in ("zeros", "mean"))
        assert front["accuracy"][0] == means.max()
        assert front["zeros"].iloc[-1] == zeros.max()
        above = [((front["zeros"] >= z) & (front["accuracy"] >= m)).any() for z, m in zip(zeros, means, strict=True)]
        assert all(above)
    with pytest.raises(bridle.BridleError, match=r"got 'second'\. Counted: .*'first/output'"):
        found.frontier("second")


def test_time_is_divided_by_what_was_measured() -> None:
    """Shapes compile on all cores at once; an arm of the first stage is cheap; a seed has its refits; one at least."""
    pace = Pace(4.0, 0.01, 3, shapes=2)
    assert pace.waiting == 4.0 * 2 / min(2, core_count())
    assert pace.arms(2.81, folds=3) == 10
    assert pace.cost(42, 5) == pytest.approx(0.01 * (3 * 42 + 11))
    assert pace.seeds(4.2, 42, 5, 10) == 3
    assert pace.seeds(-5, 42, 5, 10) == 1
    assert pace.after(4.0, 100).fit_seconds == 0.04


def test_arms_are_screened_on_folds_of_one_shape(moons) -> None:
    """Two of five folds have one row less, and so would need a program of their own."""
    x, y = np.resize(moons[0], (58, 2)), np.resize(moons[1], 58)
    prepared = bridle.Study(deep(), {"L2": {"*/kernel": bridle.L2([1e-3])}}, seeds=1, folds=KFold(5)).prepare(x, y)
    common = common_folds(prepared)
    assert [len(rows) for rows in common.validation_indices] == [12, 12, 12]
    assert [fold.shape for fold in common.folds] == [prepared.folds[0].shape] * 3
    assert common_folds(with_arms(common, {}, [], (0,))).fold_rows.tolist() == [[46, 12]] * 3
    few = bridle.Study(deep(), {"L2": {"*/kernel": bridle.L2([1e-3])}}, seeds=1, folds=KFold(4)).prepare(x, y)
    assert common_folds(few) is few


def test_pairs_come_before_further_arms(found) -> None:
    """Where time is short, the best arm and its pair are the last to go."""
    names = list(choose_finalists(found.screen.data, {}))
    assert names[1] == f"{names[0]} with {names[1].partition(' with ')[2]}"
    assert [" with " in name for name in names] == [False, True, False, False, True]


def test_what_is_printed_of_a_search_is_short(found) -> None:
    """The answer and the best arms: at most sixteen lines; the report has everything."""
    lines = str(found).splitlines()
    assert len(lines) < 17
    assert lines[:3] == found.verdict().splitlines()
    assert found.ranking()["arm"][0] in str(found)
    assert "ranking()" in lines[-1]


def test_a_notebook_shows_the_ranking_too(found) -> None:
    """In a folded part of the card of the second stage."""
    page = found._repr_html_()
    assert "All arms of the search" in page
    assert all(name in page for name in found.ranking()["arm"].str.partition(" ")[0])


def test_nonsense_is_refused() -> None:
    x = np.zeros((20, 2), "float32")
    with pytest.raises(bridle.BridleError, match="Expected seconds as a number above 0"):
        bridle.search(network(), x, np.arange(20) % 2, seconds=0)
