"""A study in a folder: nothing is trained twice, nothing is lost, and another study is refused in words."""

import keras
import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer
from tests._same import same
from tests.conftest import network

import bridle
from bridle import L1, L2, BridleError, Study
from bridle import store as stores
from bridle.engine import _scheduler as engine
from bridle.results import ALL_ROWS, StudyResult
from bridle.study import RunOptions, run_study
from bridle.study.execution import _stored as stored
from bridle.study.execution._facts import study_facts
from bridle.study.execution._requests import from_record


def arms() -> dict:
    return {"L2": {"*/kernel": L2([0.01, 0.1])}, "L1": {"hidden/output": L1("auto")}}


def study(**changed: object) -> Study:
    options = {"seeds": 2, "folds": 2, "epochs": 6, **changed}
    model = options.pop("model", None) or network()
    return Study(model, options.pop("arms", arms()), **options)


def ran(moons, folder, asked: Study, refit: str = "none", **options: object) -> StudyResult:
    """Without refits, whose program takes half of the time, unless a test looks at them."""
    x, y = moons
    rows = options.pop("rows", (x[:40], y[:40]))
    return asked.run(*rows, test=(x[40:], y[40:]), store=folder, progress=False, refit=refit, **options).data


def refitted(*arguments: object, **options: object) -> StudyResult:
    """With refits."""
    return ran(*arguments, "selected", **options)


@pytest.fixture
def trained(monkeypatch) -> list:
    """The fits that were really trained, to their end."""
    seen: list = []
    real = engine.train_batch

    def counting(training, shard, *rest):
        outcomes = real(training, shard, *rest)
        seen.extend((fit.seed, fit.fold, fit.strengths.tobytes()) for fit in shard)
        return outcomes

    monkeypatch.setattr(engine, "train_batch", counting)
    return seen


@pytest.fixture(scope="module")
def whole(moons) -> StudyResult:
    """Return the result of a run without a folder."""
    return refitted(moons, None, study())


def test_running_again_trains_nothing_and_gives_the_same(moons, whole, tmp_path, trained) -> None:
    first = refitted(moons, tmp_path, study())
    assert same(first, whole)
    assert len(trained) == len(set(trained))  # a pilot fit serves the study as well
    trained.clear()
    again = refitted(moons, tmp_path, study(model=network()))
    assert trained == []
    assert same(again, whole)
    assert again.provenance["fits from the store"] > 0
    assert again.provenance["compilations"] == 0
    assert stores.verify(tmp_path).wrong == []


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_run_that_was_stopped_goes_on(moons, whole, tmp_path, monkeypatch, trained, share) -> None:
    """Ctrl-C in the pilot, the fits, the refits: what finished is kept, the numbers are those of one run."""
    x, y = moons
    total = len(whole.members) + whole.provenance["pilot"]

    def watch(update) -> None:
        if len(trained) >= share * total:
            raise KeyboardInterrupt

    prepared = study().prepare(x[:40], y[:40], test=(x[40:], y[40:]))
    _, finished = run_study(prepared, RunOptions(store=tmp_path), watch=watch)
    assert not finished
    with stores.Store(tmp_path, create=False) as store:
        assert len(store) >= share * total - 5
        assert store.fact("finished") is False
    before = set(trained)
    trained.clear()
    assert same(refitted(moons, tmp_path, study()), whole)
    assert trained or share > 0.5  # the last fits may be done before anybody looks
    assert not before & set(trained)
    with stores.Store(tmp_path, create=False) as store:
        assert store.fact("finished") is True


def test_more_seeds_keep_what_is_there(moons, tmp_path, trained) -> None:
    """Refused unless it is said; then the fits of the old seeds are not made again."""
    ran(moons, tmp_path, study(seeds=1))
    old = set(trained)
    with pytest.raises(BridleError, match=r"seeds: \[0\] there, \[0, 1\] now.*extend=True"):
        ran(moons, tmp_path, study(seeds=2))
    trained.clear()
    extended = ran(moons, tmp_path, study(seeds=2), extend=True)
    assert trained
    assert not old & set(trained)
    assert same(extended, ran(moons, None, study(seeds=2)))


def test_networks_of_one_seed_are_stored(moons, tmp_path) -> None:
    """One of the first fold for each candidate, which the report explores; the others are never read."""
    asked = study(seeds=3, arms={"L2": {"*/kernel": L2([0.01, 0.1])}})
    result = refitted(moons, tmp_path, asked)
    with stores.Store(tmp_path, create=False, write=False) as store:
        keys = [row[0] for row in store._index.execute("SELECT key FROM members")]
        records = list(store.find(keys).values())
    refits = len(records) - 3 * 2 * len(result.setting_arm)
    networks = [record for record in records if any(name.startswith("variables/") for name in record)]
    assert len(networks) == refits + len(result.setting_arm)
    assert result.path_networks.seed == 0
    assert len(result.path_networks.settings) == len(result.setting_arm)


def test_networks_of_folds_are_stored_where_they_are_asked_for(moons, tmp_path, trained, monkeypatch) -> None:
    """A folder without them trains its folds again; with them it serves both, and more seeds as well."""
    read: list[bool] = []

    def reading(record, names):
        read.append(any(name.startswith("variables/") for name in record))
        return from_record(record, names)

    monkeypatch.setattr(stored, "from_record", reading)
    asked = {"arms": {"L2": {"*/kernel": L2([0.01, 0.1])}}, "seeds": 1}
    plain = refitted(moons, tmp_path, study(**asked))
    trained.clear()
    kept = ran(moons, tmp_path, study(**asked), keep="folds", refit="all")
    again = {(0, fold, strengths) for _, fold, strengths in trained if fold >= 0}
    assert len(again) == 2 * 3
    trained.clear()
    networks = kept.fold_networks.weights
    assert sorted(networks) == np.flatnonzero(kept.members.fold != ALL_ROWS).tolist()
    assert same(ran(moons, tmp_path, study(**asked), keep="folds", refit="all"), kept)
    assert same(stores.load(tmp_path), kept)
    assert same(refitted(moons, tmp_path, study(**asked)), plain)
    assert trained == []
    again = stores.load(tmp_path).fold_networks  # a run without them leaves them there
    assert again is not None
    assert all(np.array_equal(a, b) for fit in networks for a, b in zip(again.weights[fit], networks[fit], strict=True))
    more = refitted(moons, tmp_path, study(**{**asked, "seeds": 2}), keep="folds", extend=True)
    assert {seed for seed, *_ in trained} == {1}
    assert set(more.members.seed[list(more.fold_networks.weights)]) == {0, 1}
    chosen = set(more.members.setting[more.members.fold == ALL_ROWS])
    assert set(more.members.setting[list(more.fold_networks.weights)]) == chosen
    trained.clear()
    fresh = tmp_path / "fresh"
    refitted(moons, fresh, study(**asked), keep="folds")
    trained.clear()
    read.clear()
    assert same(refitted(moons, fresh, study(**asked)), plain)
    assert trained == []
    assert sum(read) == len(plain.weights) + 3  # the refits, and of each candidate the one that the report explores


def test_more_strengths_and_other_epochs_extend(moons, tmp_path, trained) -> None:
    few, more = ({"arms": {"L2": {"*/kernel": L2(grid)}}, "seeds": 1} for grid in ([0.01], [0.01, 0.1, 1.0]))
    ran(moons, tmp_path, study(**few))
    old = set(trained)
    trained.clear()
    ran(moons, tmp_path, study(**more), extend=True)
    assert {strengths for *_, strengths in trained}.isdisjoint(strengths for *_, strengths in old)
    ran(moons, tmp_path, study(**more, epochs=3), extend=True)
    trained.clear()
    ran(moons, tmp_path, study(**few), extend=True)
    assert trained == []


PLAIN = {"seeds": 1, "epochs": 1, "arms": {"L2": {"*/kernel": L2([0.01, 0.1])}}}


@pytest.fixture(scope="module")
def plain(moons, tmp_path_factory):
    """A folder with a small study, which tests only look at."""
    folder = tmp_path_factory.mktemp("plain")
    ran(moons, folder, study(**PLAIN))
    return folder


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"batch_size": 8}, "batch size: 32 there, 8 now"),
        ({"shuffle": False}, "shuffle: true there, false now"),
        ({"folds": 3}, "folds: 2 there, 3 now"),
        ({"arms": {"L2": {"hidden/kernel": L2([0.01, 0.1])}}}, "arms: L2: "),
        ({"model": network(9)}, "model: layers: "),
        ({"model": network(optimizer=keras.optimizers.Adam(0.1))}, "learning_rate: 0.001.* there, 0.1"),
        ({"early_stopping": bridle.EarlyStopping(3)}, "early stopping: none there"),
    ],
)
def test_another_study_is_refused_with_the_difference(moons, plain, changed, said) -> None:
    """Also with extend=True, for these are other fits under another question."""
    for extend in (False, True):
        with pytest.raises(BridleError, match=said):
            ran(moons, plain, study(**{**PLAIN, **changed}), extend=extend)


def test_other_rows_are_refused(moons, plain) -> None:
    x, y = moons
    with pytest.raises(BridleError, match=r"rows: 40 rows, \w+ there, 40 rows, \w+ now"):
        ran(moons, plain, study(**PLAIN), rows=(x[:40] + 1, y[:40]))


@pytest.mark.parametrize(
    "options",
    [
        {"warm_start": "increasing"},
        {"early_stopping": bridle.EarlyStopping(2)},
        {"initial_weights": "model"},
        {"shuffle": False},
    ],
    ids=str,
)
def test_every_kind_of_fit_comes_back(moons, tmp_path, trained, options) -> None:
    """Warm paths, early stopping, given weights."""
    asked = {"seeds": 1, "arms": {"L2": {"*/kernel": L2([0.01, 0.1])}}, **options}
    first = ran(moons, tmp_path, study(**asked))
    trained.clear()
    assert same(ran(moons, tmp_path, study(**asked)), first)
    assert trained == []


def test_a_race_and_nested_folds_come_back(moons, tmp_path, trained) -> None:
    asked = {"arms": {"L2": {"*/kernel": L2([0.001, 0.1, 1e3])}}, "seeds": 2, "folds": 3, "epochs": 4}
    first = refitted(moons, tmp_path, study(**asked), race=True, nested=2)
    trained.clear()
    again = refitted(moons, tmp_path, study(**asked), race=True, nested=2)
    assert trained == []
    assert same(again, first)
    assert again.nested is not None


def test_a_fit_that_diverged_stays_diverged(moons, tmp_path, trained) -> None:
    asked = {"arms": {"L2": {"*/kernel": L2([1e30])}}, "seeds": 1, "model": network(optimizer="sgd")}
    first = ran(moons, tmp_path, study(**asked))
    assert (first.members.diverged_at >= 0).any()
    trained.clear()
    assert same(ran(moons, tmp_path, study(**{**asked, "model": network(optimizer="sgd")})), first)
    assert trained == []


@pytest.mark.filterwarnings("ignore:A store holds no code")
def test_changed_code_is_not_taken_for_the_same(moons, tmp_path, trained) -> None:
    """A layer of one's own that computes something else now: its fits are made anew, whatever the plan can say."""

    def build(factor: float):
        class Own(keras.layers.Layer):
            def call(self, x):
                return x * factor

        def model() -> keras.Model:
            return network(layers=[keras.layers.Dense(4, "relu", name="hidden"), Own()])

        return model

    asked = {"arms": {"L2": {"hidden/kernel": L2([0.01])}}, "seeds": 1, "epochs": 2}
    ran(moons, tmp_path, study(model=build(1.0), **asked))
    first, trained[:] = set(trained), []
    ran(moons, tmp_path, study(model=build(1.0), **asked))
    assert trained == []
    ran(moons, tmp_path, study(model=build(2.0), **asked))
    assert set(trained) == first


def test_a_damaged_shard_stops_the_study_until_it_is_repaired(moons, tmp_path, whole) -> None:
    refitted(moons, tmp_path, study())
    path = sorted((tmp_path / "shards").glob("??/*.npz"))[0]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BridleError, match=r"bridle verify .* --repair"):
        refitted(moons, tmp_path, study())
    stores.repair(tmp_path)
    assert same(refitted(moons, tmp_path, study()), whole)


def test_a_plan_holds_nothing_that_another_process_has_otherwise(moons) -> None:
    """A function inside a transformer is shown with its address, which is another one every time."""
    x, y = moons
    plans = [
        study_facts(study().prepare(x, y, preprocessor=FunctionTransformer(lambda rows: rows)), False, None)
        for _ in range(2)
    ]
    assert plans[0] == plans[1]
    assert "0x" not in str(plans[0]["preparation"])
