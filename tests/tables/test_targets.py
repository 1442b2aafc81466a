"""Several targets of one table."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupShuffleSplit, train_test_split

import bridle
from bridle._errors import InputError
from bridle.cli._show import print_targets
from bridle.exporting._columns import _target
from bridle.study._nested import check_nested
from bridle.tables import Problem, Structure, encode_targets, find_problems, known_rows, strata, target_names
from bridle.tables._encoding import target_columns
from bridle.tuning import TableStudy, load_applied, own_network, prepare_table
from bridle.tuning._applied import prediction_columns
from bridle.tuning._by_target import _scores
from bridle.tuning._scale import Scale
from bridle.tuning._test_split import hold_out

TABLE = pd.DataFrame({"a": [1.5, 2, 3, 4], "b": [4.0, 5, None, 9], "c": list("xyxy"), "d,e": [1.0, 2, 3, 4]})


def test_names_with_commas():
    """Text is split, unless it is a column; a list is taken as it is."""
    assert target_names("a,b", TABLE.columns) == ("a", "b")
    assert target_names("d,e", TABLE.columns) == ("d,e",)
    assert target_names(["d,e", "a"], TABLE.columns) == ("d,e", "a")


def test_rows_without_any_of_the_targets_are_left_out():
    """The encoded targets have one column each, in the order of the names."""
    problem = find_problems(TABLE, ["b", "a"], "regression", min_rows=2)
    rows = known_rows(problem, TABLE)
    assert (problem.rows, problem.missing, problem.names) == (3, 1, ("b", "a"))
    assert encode_targets(problem, rows).tolist() == [[4, 1.5], [5, 2], [9, 4]]
    assert Problem.from_json(json.loads(json.dumps(problem.to_json()))) == problem
    one = find_problems(TABLE, ["a"], "regression", min_rows=2)
    assert "targets" not in one.to_json()
    assert np.array_equal(encode_targets(one, TABLE), TABLE.a)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("a,a", "Expected distinct columns as targets, got 'a,a'"),
        ([], "Expected distinct columns as targets"),
        ("a,z", "Expected the column 'z' in the table"),
        ("c,a", "Expected numbers in each of 2 targets, or classes in each, got numbers in 'a' and classes in others"),
    ],
)
def test_bad_targets_get_a_sentence(names, sentence):
    """Repeated, none, no column, and numbers beside classes."""
    table = pd.concat([TABLE] * 3, ignore_index=True)
    with pytest.raises(InputError, match=sentence):
        find_problems(table, target_names(names, table.columns), None if "c" in names else "regression", min_rows=2)


def test_several_targets_of_two_classes(tmp_path):
    """One network with a probability for each, saved and applied; the score is the mean accuracy."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(120, 3))
    table = pd.DataFrame(x, columns=list("uvw"))
    table["ill"], table["old"] = np.where(x[:, 0] > 0, "yes", "no"), (x[:, 1] > 0).astype(int)
    table["place"] = draw.choice([f"place {number}" for number in range(40)], 120)
    options = {"seeds": 1, "folds": 2, "epochs": 60, "arms": {"L2": {"*/kernel": "l2(1e-4)"}}, "progress": False}
    answer = bridle.tune(table, ["ill", "old"], **options)
    assert "Classification of 'ill, old', two classes each. 96 rows to learn from, 24 held out." in answer.notes
    assert answer.result.best().mean > 0.8
    answer.save(tmp_path)
    found = load_applied(tmp_path).predict(table.drop(columns=["ill", "old"]))
    assert found.columns.tolist() == ["ill", "old", "p(ill=yes)", "p(old=1)"]
    assert (found["ill"] == table["ill"]).mean() > 0.8
    assert (found["old"] == table["old"]).mean() > 0.8
    problem = answer.problem
    assert Problem.from_json(json.loads(json.dumps(problem.to_json()))) == problem
    with pytest.raises(InputError, match="run `bridle tune` again"):
        Problem.from_json({**problem.to_json(), "targets": ["ill", "place"]})
    with pytest.raises(InputError, match=r"a target with classes for class_weight, got several \(ill, old\)"):
        bridle.tune(table, "ill,old", class_weight="balanced", **options)


@pytest.fixture(scope="module")
def several():
    """A table with targets of three and of two classes, its study, and the options of a study of it."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(120, 3))
    table = pd.DataFrame(x, columns=list("uvw"))
    table["kind"] = np.array(["low", "mid", "top"])[np.digitize(x[:, 0], [-0.5, 0.5])]
    table["old"], table["place"] = (x[:, 1] > 0).astype(int), draw.choice([f"place {n}" for n in range(40)], 120)
    options = {"folds": 2, "epochs": 60, "arms": {"L2": {"*/kernel": "l2(1e-4)"}}, "progress": False}
    return table, bridle.tune(table, "kind,old", seeds=1, **options), options


def test_several_targets_of_more_classes(several, tmp_path):
    """A softmax for each target, with probability 0 for classes that it lacks; Keras alone reads the model."""
    table, answer, _ = several
    assert "Classification of 'kind, old', 3 and 2 classes. 96 rows to learn from, 24 held out." in answer.notes
    assert answer.result.best().mean > 0.75
    answer.save(tmp_path)
    found = load_applied(tmp_path).predict(table.drop(columns=["kind", "old"]))
    shares = [f"p(kind={label})" for label in ("low", "mid", "top")]
    assert found.columns.tolist() == ["kind", "old", *shares, "p(old=0)", "p(old=1)"]
    assert found[shares].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    for name, least in (("kind", 0.7), ("old", 0.8)):
        assert (found[name] == table[name]).mean() > least
    applied = answer.applied()
    raw = keras.models.load_model(tmp_path / "model.keras").predict(applied.preparation.transform(table), verbose=0)
    assert raw.shape == (120, 2, 3)
    assert (raw[:, 1, 2] == 0).all()
    assert raw[:, 0, 1].tolist() == pytest.approx(found["p(kind=mid)"].tolist(), abs=1e-6)
    assert Problem.from_json(json.loads(json.dumps(answer.problem.to_json()))) == answer.problem


def test_each_target_has_a_score(several, tmp_path, capsys):
    """Their mean is the score of the study, in the report and on the terminal; numbers have an r2 each."""
    _, answer, _ = several
    scores, result = answer.target_scores, answer.result
    assert scores["target"].tolist() == ["kind", "old"]
    assert scores["selected"].mean() == pytest.approx(result.best().mean, abs=1e-6)
    assert scores["no penalty"].mean() == pytest.approx(float(np.nanmean(result.evidence.quoted[0])), abs=1e-6)
    held_out = result.data.held_out_scores("test")[result.evidence.candidate(result.evidence.winner)]
    assert scores["test"].mean() == pytest.approx(float(held_out.mean()), abs=1e-6)
    answer.save(tmp_path)
    assert "Accuracy of each target" in (tmp_path / "report.html").read_text()
    assert json.loads((tmp_path / "result.json").read_text())["extra"]["targets"][0]["target"] == "kind"
    print_targets(answer)
    assert f"{scores['test'][1]:.3f}" in capsys.readouterr().out
    y = np.array([[1.0, 5], [2, 6], [3, 7], [4, 9]])
    numbers = find_problems(TABLE, ["a", "d,e"], "regression", min_rows=2)
    assert _scores(numbers, {"a": y[:, 0], "d,e": np.full(4, y[:, 1].mean())}, y) == [1, 0]


def test_baselines_of_several_targets(several):
    """Each target has a model of its own on the features of a fold; the score is the mean over targets."""
    table, _, options = several
    design = {name: options[name] for name in ("folds", "epochs", "arms")}
    job = prepare_table(table.drop(columns="place"), TableStudy(["kind", "old"], seeds=1, **design))
    check_nested(job.prepared, 3)
    constant, linear, boosting = job.baselines
    for index, fold in enumerate(job.prepared.folds):
        x, y, cut = np.asarray(fold.rows.x, float), np.asarray(fold.rows.y), fold.train
        models = [LogisticRegression(max_iter=500).fit(x[:cut], column) for column in y[:cut].T]
        right = [model.score(x[cut:], column) for model, column in zip(models, y[cut:].T, strict=True)]
        assert linear.scores[index] == pytest.approx(np.mean(right), abs=1e-6)
    assert constant.held_out["test"] < 0.6 < boosting.held_out["test"]


def test_numbers_and_labels_have_baselines_for_each_target(several):
    """Columns of numbers in their own units, and columns of two classes."""
    table, _, options = several
    numbers = table[["u", "v", "w"]].assign(a=table["u"] * 20 + 5, b=table["v"] - table["w"])
    labels = table[["u", "v", "w", "old"]].assign(new=table["u"] > 0)
    for rows, targets, least in ((numbers, "a,b", 0.99), (labels, "old,new", 0.8)):
        design = TableStudy(targets, seeds=1, **{name: options[name] for name in ("folds", "epochs", "arms")})
        scores = [baseline.scores.mean() for baseline in prepare_table(rows, design).baselines]
        assert scores[1] > least > 0.6 > scores[0]


def test_a_network_of_ones_own_has_the_shape_of_all_targets(several):
    """It gets the number of classes of each target; an export says them, and many categories are encoded by each."""

    def build(inputs, outputs):
        shape = (len(outputs), max(outputs))
        layers = [keras.layers.Dense(shape[0] * shape[1]), keras.layers.Reshape(shape), keras.layers.Softmax()]
        return keras.Sequential([keras.Input((inputs,)), *layers])

    assert own_network(build, 4, (3, 2)).output_shape == (None, 2, 3)
    with pytest.raises(InputError, match=r"4 inputs and outputs of shape \(2, 3\) for this table, got .* → \(5,\)"):
        own_network(lambda inputs, outputs: keras.Sequential([keras.Input((4,)), keras.layers.Dense(5)]), 4, (3, 2))
    _, answer, _ = several
    assert _target(answer.applied())["classes"] == {"kind": ["low", "mid", "top"], "old": ["0", "1"]}
    encoded = target_columns(np.array([[2, 0], [0, 1]]), 6, 2)
    assert encoded.tolist() == [[0, 0, 1, 1, 0, 0], [1, 0, 0, 0, 1, 0]]
    assert answer.preparation.layout.columns[-1].size == 6


def test_combinations_of_classes_are_shared_out():
    """Held-out rows have a like share of each combination, unless one is in too few rows."""
    problem = find_problems(pd.DataFrame({"a": list("xyz") * 8, "b": list("uv") * 12}), ["a", "b"])
    y = np.array([[n % 3, n % 2] for n in range(24)])
    assert np.bincount(strata(problem, y, 4)).tolist() == [4] * 6
    assert strata(problem, y, 5) is None
    assert strata(problem, y, 4, 6) is not None
    assert strata(problem, y, 4, 5) is None


def test_columns_of_the_same_name_are_numbered():
    """Label `b=c` of `a` and label `c` of `a=b`, of two classes and of more: no probability is lost."""
    for extra in ([], ["z"]):
        labels = [["b", "b=c", *extra], ["b", "c"]]
        table = pd.DataFrame({name: (part * 9)[:18] for name, part in zip(("a", "a=b"), labels, strict=True)})
        problem = find_problems(table, ["a", "a=b"])
        raw = np.array([[[0.2, 0.7, 0.1], [0.6, 0.4, 0]]]) if extra else np.array([[0.7, 0.4]])
        columns = prediction_columns(problem, Scale(), raw)
        assert [columns["p(a=b=c)"][0], columns["p(a=b=c) (2)"][0]] == [0.7, 0.4]
        assert len(columns) == (7 if extra else 4)


def _splits(rows, counts, share, **structure):
    table = pd.DataFrame({f"t{n}": np.arange(rows) // np.prod(counts[:n], dtype=int) % k for n, k in enumerate(counts)})
    table["x"], table["who"] = np.arange(rows) + 0.5, [f"{n // 8:02}" for n in range(rows)]
    table["z"], names = np.cos(table["x"]), [f"t{n}" for n in range(len(counts))]
    problem = find_problems(table, names, "classification")
    return table, hold_out(problem, table, share, Structure(**structure), 2)


@pytest.mark.parametrize(("rows", "counts", "share"), [(40, (2, 2), 0.05), (384, (2,) * 6, 0.1), (27, (3, 3), 0.2)])
def test_fewer_held_out_rows_than_combinations(rows, counts, share):
    """They are chosen at random then."""
    table, split = _splits(rows, counts, share)
    assert len(split.test[0]) == np.ceil(rows * share)
    _, random = train_test_split(np.arange(rows), test_size=share, random_state=0)
    assert split.test[0]["x"].tolist() == table["x"][random].tolist()


def test_targets_of_two_classes_keep_their_held_out_rows():
    """A folder that was started before combinations were shared out continues; only three classes are shared out."""
    table, split = _splits(96, (2, 2), 0.25)
    _, random = train_test_split(np.arange(96), test_size=0.25, random_state=0)
    assert split.test[0]["x"].tolist() == table["x"][random].tolist()
    _, split = _splits(96, (2, 2), 0.25, group="who")
    _, random = next(GroupShuffleSplit(1, test_size=3, random_state=0).split(table, groups=table["who"]))
    assert split.test[0]["x"].tolist() == table["x"][random].tolist()
    _, split = _splits(16, (2, 2, 2, 2), 0.5, time="x")
    assert np.unique(split.y[:, 3]).tolist() == [0]
    _, split = _splits(96, (3, 2), 0.25)
    assert np.unique(split.test[1], axis=0, return_counts=True)[1].tolist() == [4] * 6


@pytest.mark.parametrize("content", [{"mean": 0, "sd": 0}, {"mean": float("nan"), "sd": 1}, {"mean": [0], "sd": [-1]}])
def test_a_damaged_scale_gets_a_sentence(content):
    """A deviation of 0 or below, and a mean that is no number."""
    with pytest.raises(InputError, match="finite means and deviations above 0"):
        Scale.from_json(content, 1)
    assert Scale.from_json({"mean": [1, 2], "sd": [3, 4]}, 2).restored(np.ones((1, 2))).tolist() == [[4, 6]]


def test_damaged_targets_get_a_sentence():
    """One target alone is not several, and classes are not numbers."""
    content = find_problems(TABLE, ["a", "b"], "regression", min_rows=2).to_json()
    for targets in (["a"], "a", ["a", "a"]):
        with pytest.raises(InputError, match="run `bridle tune` again"):
            Problem.from_json({**content, "targets": targets})
