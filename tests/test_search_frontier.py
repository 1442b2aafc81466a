"""`bridle.search(…, frontier=…)`: which layer makes a code sparse at the least cost of the score?"""

from dataclasses import replace

import keras
import numpy as np
import pytest

import bridle
from bridle._api._search_arms import frontier_arms
from bridle._api._search_frontier import ScreenedPath, choose_goal, find_knee, frontier_finalists, screened_paths
from bridle._api._search_time import Pace
from bridle.exporting._runs import study_run
from bridle.plots import counted_tensors, frontier_data
from bridle.report import Section, page, to_json, verdict
from bridle.stats import compare_at_zeros, find_crossing, weigh_evidence, zeros_by_fit

TENSOR = "code/output"


def autoencoder(activation: str = "relu") -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, "relu", name="wide"), keras.layers.Dense(6, activation, name="code")]
    model = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(6, name="out")])
    model.compile(keras.optimizers.Adam(0.02), "mse", metrics=[bridle.metrics.FVU()])
    return model


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.normal(size=(60, 3)) @ rng.normal(size=(3, 6))).astype("float32")


@pytest.fixture(scope="module")
def found(rows):
    """A search whose time is counted, not measured."""
    with pytest.MonkeyPatch.context() as patch:
        name = "bridle._api._search_frontier."
        patch.setattr(f"{name}measure_pace", lambda prepared, folds, traced: Pace(0.1, 0.01, len(folds), 2))
        patch.setattr(f"{name}trace", lambda prepared: 0.0)
        patch.setattr(f"{name}MAX_SEEDS", 2)
        patch.setattr("bridle._api._search_time.perf_counter", lambda: 0.0)
        return bridle.search(
            autoencoder(), rows, seconds=9, frontier=TENSOR, folds=3, epochs=12, score="fvu", progress=False
        )


def test_arms_act_on_the_code_on_all_layers_and_on_each() -> None:
    """The code first, since time may be short; the output of the last layer is what is learned."""
    where = {name: next(iter(terms)) for name, terms in frontier_arms(autoencoder(), TENSOR).items()}
    assert where == {
        "L1 activations of code": TENSOR,
        "L1 all activations": f"{TENSOR}, wide/output",
        "L1 all weights": "wide/kernel, code/kernel, out/kernel",
        "L1 activations of wide": "wide/output",
        "L1 weights of wide": "wide/kernel",
        "L1 weights of code": "code/kernel",
        "L1 weights of out": "out/kernel",
        "Hoyer activations of code": TENSOR,
    }


@pytest.mark.parametrize(
    ("tensor", "activation", "message"),
    [
        (TENSOR, "tanh", "has none before training: its activation is 'tanh'.*Give the layer the activation 'relu'"),
        ("cod/output", "relu", "matches nothing"),
        ("*/output", "relu", r"Expected frontier as one activation.*got '\*/output'"),
        ("code/kernel", "relu", "Expected frontier as one activation"),
    ],
)
def test_a_tensor_without_zeros_is_refused_before_training(rows, monkeypatch, tensor, activation, message) -> None:
    monkeypatch.setattr("bridle._api._search_frontier.run_prepared", lambda *given, **more: pytest.fail("trained"))
    with pytest.raises(bridle.BridleError, match=message):
        bridle.search(autoencoder(activation), rows, seconds=1, frontier=tensor, folds=2, epochs=1, progress=False)


def test_zeros_of_the_code_are_counted_in_every_arm(found) -> None:
    """Also where an arm does not charge it: the kernels of another layer."""
    for data in (found.screen.data, found.data):
        assert TENSOR in counted_tensors(data)
        assert np.isfinite(zeros_by_fit(data, TENSOR)).all()
    assert {arm.name for arm in found.screen.data.arms} >= {"none", "L1 activations of code", "L1 all weights"}
    assert not set(found.data.seeds) & set(found.screen.data.seeds)


def test_finalists_make_the_code_sparser_and_span_the_frontier(found) -> None:
    """The best at the goal comes first; strengths reach the goal, and weaker and stronger ones surround it."""
    screen = found.screen.data
    paths, goal = screened_paths(screen, TENSOR), choose_goal(screen, TENSOR)
    names = list(frontier_finalists(paths, goal))
    gains = [paths[name].gain_at(goal) for name in names]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] > -np.inf
    assert all(paths[name].adds > 0 for name in names)
    assert {arm.name for arm in found.data.arms[1:]} <= set(names)
    first = [arm.name for arm in found.data.arms].index(names[0])
    zeros = zeros_by_fit(found.data, TENSOR)[found.data.path(first)].mean(axis=(1, 2))
    assert np.abs(zeros - goal).min() < 0.1
    assert np.ptp(zeros) > 0.1


@pytest.mark.parametrize(
    ("zeros", "gain", "goal"),
    [
        ([0.2, 0.6, 0.8, 0.9], [1.0, 0.9, 0.7, 0.1], 0.8),
        ([0.2, 0.6, 0.8, 0.9, 1.0], [1.0, 0.9, 0.7, 0.1, -40.0], 0.8),  # without the collapsed one
        ([0.2, 0.4, 0.6, 0.8], [1.0, 0.5, 0.2, 0.0], 0.5),  # the first zeros cost the most
        ([0.2, 0.8], [1.0, 0.0], 0.5),
        ([0.2, 0.4, 0.6, 0.8], [1.0, 0.91, 0.61, 0.1], 0.6),  # of two knees
        ([0.5, 0.3, 0.2], [1.0, 0.9, 0.8], 0.5),
        ([0.4, 0.999], [0.9, 1.0], 0.99),
        ([1.0, np.nan], [1.0, 1.0], 0.0),
    ],
)
def test_the_goal_is_the_knee_of_what_did_not_collapse(zeros, gain, goal) -> None:
    """Where the frontier has none, its middle, which no order of the candidates changes."""
    for order in (1, -1):
        assert find_knee(np.array(zeros)[::order], np.array(gain)[::order]) == pytest.approx(goal)


def test_strengths_surround_the_goal() -> None:
    """Also where everything is zero one step later: that counts as nearly everything."""
    path = ScreenedPath(np.array([0.2, 0.5, 0.99]), -np.array([1.0, 1.1, 3.0]), np.array([0.0, 0.01, 0.1]))
    assert path.gain_at(0.5) == pytest.approx(-1.1)
    assert path.gain_at(0.1) == -1.0
    assert path.gain_at(0.995) == -np.inf
    strengths = path.strengths_around(0.6, 6)
    assert len(strengths) == 6
    assert strengths[0] <= 0.01
    assert 0.02 < strengths[-1] < 0.1
    stays = ScreenedPath(np.array([0.2, 0.4, 0.3]), -np.ones(3), np.array([0.0, 0.01, 0.1]))
    assert stays.strengths_around(0.6, 4)[0] < 0.01 < stays.strengths_around(0.6, 4)[-1]


def test_the_answer_is_the_best_arm_at_equal_zeros(found) -> None:
    """Its candidate is handed over; its row is what the verdict says; other arms are behind it."""
    table, sparse = found.at_equal_zeros(), found.evidence.sparse
    assert table["arm"][0] == found.data.arms[sparse.arm].name == found.best().arm
    assert table["fvu"][1:].dropna().is_monotonic_increasing
    scores = found.data.scores()
    assert table["fvu"][0] == pytest.approx(scores[sparse.candidate].mean()) == pytest.approx(found.best().mean)
    assert table["cost"][0] == pytest.approx(table["fvu"][0] - scores[0].mean(), abs=1e-6)
    assert table["cost low"][0] < table["cost"][0] < table["cost high"][0]
    assert table["behind"].dropna().to_numpy() == pytest.approx(table["fvu"][1:].dropna() - table["fvu"][0])
    zeros = zeros_by_fit(found.data, TENSOR).mean(axis=(1, 2))
    assert sparse.level == pytest.approx(zeros[sparse.candidate])
    assert not table["behind"].dropna().lt(0).any()
    lines = found.verdict().splitlines()
    assert len(found.verdict().split()) <= 60
    assert lines[0].startswith(f"Use {table['arm'][0]} at strength ")
    assert f"{100 * sparse.level:.0f} % exact zeros in {TENSOR} with FVU {table['fvu'][0]:.3f}"[:-1] in lines[0]
    assert str(found).count(table["arm"][0]) >= 2
    assert set(found.regularizers()) == {found.data.arms[sparse.arm].terms[0][0]}


def test_exported_numbers_are_those_of_the_answer(found) -> None:
    """In trackers, the card and the file of the report: of its candidate, and of other arms at its zeros."""
    sparse, scores = found.evidence.sparse, found.data.scores()
    score, gain = scores[sparse.candidate].mean(), scores[0].mean() - scores[sparse.candidate].mean()
    name, metrics = found.data.arms[sparse.arm].name, study_run(found, "A").metrics
    assert (metrics["score"], metrics["gain"]) == (pytest.approx(score), pytest.approx(gain))
    assert metrics[f"arms/{name}/score"] == metrics["score"] == pytest.approx(metrics["score without a penalty"] - gain)
    assert metrics["exact zeros"] == sparse.level
    assert found.evidence.quoted[sparse.arm] != pytest.approx(score)
    facts = to_json(replace(found.data, held_out_rows={"test": 60}, held_out={"test": found.data.curves[:, -1]}))
    assert facts["held_out_checks"] == {}
    assert facts["recommended"]["gain"] == pytest.approx(gain)
    assert facts["arms"][sparse.arm]["quoted"] == pytest.approx(score)


def test_the_handed_over_network_has_the_zeros_that_are_said(found, rows) -> None:
    """Counted by Keras alone, in the refit of the first seed."""
    model = found.model(single=True)
    code = keras.Model(model.inputs, model.get_layer("code").output).predict(rows, verbose=0)
    member = found.data.members
    refit = (member.setting == found.evidence.sparse.candidate) & (member.fold == -1) & (member.seed == 1)
    assert (code == 0).mean() == pytest.approx(float(found.data.diagnostic(f"zeros/{TENSOR}")[refit][0]), abs=0.01)


def test_a_share_or_tensor_that_makes_no_sense_is_refused(found) -> None:
    assert np.isnan(found.at_equal_zeros(0.9999)["fvu"]).all()
    with pytest.raises(bridle.BridleError, match="Expected zeros as a share"):
        found.at_equal_zeros(1.0)
    with pytest.raises(bridle.BridleError, match="whose exact zeros are counted, got 'none/output'"):
        found.at_equal_zeros(0.5, "none/output")


def test_without_a_sparser_arm_none_is_handed_over(found) -> None:
    """As where every network has the same zeros; the verdict says so."""
    diagnostics = found.data.diagnostics.copy()
    diagnostics[:, found.data.diagnostic_names.index(f"zeros/{TENSOR}")] = 0.3
    data = replace(found.data, diagnostics=diagnostics)
    evidence = weigh_evidence(data)
    assert (evidence.winner, evidence.sparse.arm, evidence.candidate(0)) == (0, 0, 0)
    lines = verdict(data).splitlines()
    assert lines[0] == f"No arm of the search makes {TENSOR} sparser: the most is 30 %."
    assert lines[2].startswith("Next: ")
    assert Section("A", data).details


def test_report_picture_and_folder_have_the_answer(found, tmp_path) -> None:
    """The frontier is the first picture, of this tensor for all arms; a stored study gives the same verdict."""
    section = Section("A", found.data)
    assert section.drawings[0].name == "frontier"
    assert f"exact zeros in {TENSOR}, %" in found.plot.frontier().get_xlabel()
    assert len(frontier_data(found.data, tensor=TENSOR).setting) == len(found.data.setting_arm)
    text = page("A", [section])
    assert section.equal_zeros[0].caption[:30] in text
    again = bridle.load(found.save(tmp_path / "kept"))
    assert again.verdict() == found.verdict()
    assert again.best() == found.best()
    assert "frontier" in again.details()
    assert found.verdict().splitlines()[0].split(":")[0] in found._repr_html_()


def test_a_crossing_is_the_weakest_strength_that_reaches_the_zeros() -> None:
    """Linear in the logarithm of what is left; nowhere if the path ends before, or jumps to nothing left."""
    zeros, strengths = np.array([0.2, 0.6, 0.5, 0.9, 1.0]), np.array([0.0, 0.1, 0.2, 1.0, 3.0])
    scores = np.array([1.0, 2.0, 2.5, 4.0, 9.0])
    assert find_crossing(zeros, strengths, 0.6).strength == pytest.approx(0.1)
    assert find_crossing(zeros, strengths, 0.4).of(scores) == pytest.approx(1 + np.log(0.75) / np.log(0.5))
    assert find_crossing(zeros, strengths, 0.95) is None
    assert find_crossing(zeros, strengths, 0.1).of(scores) == 1.0


def test_an_arm_that_does_not_reach_the_zeros_has_no_score(found) -> None:
    """It follows the others, those with the most zeros first."""
    most = [one.most for one in compare_at_zeros(found.data, TENSOR, 0.3)]
    table = compare_at_zeros(found.data, TENSOR, sorted(most)[0] + 1e-6)
    assert np.isnan(table[-1].score)
    assert table[-1].most == min(most)
    assert np.isfinite(table[0].score)
