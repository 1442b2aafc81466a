"""Tables of several kinds from `bridle.tune` to a prediction."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from tests.sources._kinds import Lazy

import bridle
from bridle._errors import KindError
from bridle.study.design import make_plan
from bridle.tuning import TableStudy, load_applied, prepare_table

LOADERS = {"iris": load_iris, "breast cancer": load_breast_cancer, "diabetes": load_diabetes}


def table(name: str) -> tuple[pd.DataFrame, str]:
    """A scikit-learn table with its target as text, where it has classes."""
    bunch = LOADERS[name](as_frame=True)
    frame = bunch.frame if len(bunch.frame) < 200 else bunch.frame.sample(200, random_state=0)
    if name == "diabetes":
        return frame, "target"
    frame["label"] = bunch.target_names[frame.pop("target")]
    return frame, "label"


def plain_arrow(frame: pd.DataFrame) -> pa.Table:
    """The same table in Arrow, without an index."""
    return pa.Table.from_pandas(frame, preserve_index=False)


def test_a_table_of_arrow_is_that_of_pandas() -> None:
    """As polars has it, too, as a query; what is no table is refused."""
    frame, target = table("iris")
    options = {"seeds": 1, "folds": 2, "epochs": 1, "arms": {"L2": {"*/kernel": "l2(1e-3)"}}, "progress": False}
    one, two = (bridle.tune(given, target, **options) for given in (frame, Lazy(plain_arrow(frame))))
    assert one.notes == two.notes
    assert one.result.table().equals(two.result.table())
    with pytest.raises(KindError, match=r"a table of pandas, polars or Arrow, .* got ndarray\. Give pandas\.DataFrame"):
        bridle.tune(frame.to_numpy(), target)


@pytest.mark.parametrize("name", LOADERS)
def test_tables_of_scikit_learn(name: str, tmp_path) -> None:
    """Each gets its problem, better predictions than a constant, and a model that comes back from disk."""
    frame, target = table(name)
    answer = bridle.tune(frame, target, seeds=1, folds=2, epochs=100, progress=False)
    assert answer.problem.task == ("regression" if name == "diabetes" else "classification")
    assert len(answer.result.data.arms) == 7
    best = answer.result.best()
    assert best.mean > (0.2 if name == "diabetes" else 0.85)
    baselines = answer.result.baselines().set_index("model")
    assert list(baselines.index) == ["network", "constant", "linear model", "gradient boosting"]
    assert baselines.validation["linear model"] > baselines.validation["constant"] + 0.2
    assert baselines.test.notna().all()
    answer.save(tmp_path)
    again = load_applied(tmp_path).predict(frame)
    assert again.equals(answer.applied().predict(frame))
    assert again.reset_index(drop=True).equals(load_applied(tmp_path).predict(plain_arrow(frame)))
    if name == "diabetes":
        assert np.corrcoef(again[target], frame[target])[0, 1] > 0.5
    else:
        assert (again[target] == frame[target]).mean() > 0.85


def test_held_out_rows_stay_out(monkeypatch) -> None:
    """Changing the labels of held-out rows changes no cross-validated number."""
    frame, target = table("iris")
    first = prepare_table(frame, TableStudy(target, seeds=1, folds=2, epochs=2))
    test_rows = frame.index.difference(first.rows.index)
    assert len(test_rows) == 30
    wild = frame.copy()
    wild.loc[test_rows, frame.columns[:4]] *= 100
    second = prepare_table(wild, TableStudy(target, seeds=1, folds=2, epochs=2))
    for one, two in zip(first.prepared.folds, second.prepared.folds, strict=True):
        assert np.array_equal(one.rows.x, two.rows.x)


def test_all_kinds_join_the_default_arms() -> None:
    """One arm of each kind that the network allows, on all layers; not beside arms of one's own."""
    frame, target = table("iris")
    plain, every = (
        prepare_table(frame, TableStudy(target, seeds=1, folds=2, all_kinds=all_kinds)) for all_kinds in (False, True)
    )
    names = [arm.name for arm in every.prepared.arms]
    assert names[: len(plain.prepared.arms)] == [arm.name for arm in plain.prepared.arms]
    assert {name.split()[0] for name in names[len(plain.prepared.arms) :]} == {
        "Dropout", "WeightDecay", "GaussianNoise", "LabelSmoothing", "Mixup", "MaxNorm", "WeightAveraging",
    }  # fmt: skip
    with pytest.raises(bridle.BridleError, match="all kinds of default arms, got both"):
        bridle.tune(frame, target, all_kinds=True, arms={"L2": {"*/kernel": bridle.L2(0.1)}})


@pytest.mark.parametrize(("version", "kinds"), [(1, ("L1", "L2", "L1+L2")), (2, ("L1", "L2"))])
def test_arms_are_what_the_command_promises(version: int, kinds: tuple[str, ...]) -> None:
    """L1 and L2, at first also both: on weights, on activations, on pre-activations; and steps of another size."""
    frame, target = table("iris")
    job = prepare_table(frame, TableStudy(target, seeds=1, folds=2, defaults=version))
    arms = {arm.name: arm.terms for arm in make_plan(job.prepared).arms}
    assert len(arms) == 1 + 3 * len(kinds)
    question, rate = job.prepared.question, float(job.prepared.model.optimizer.learning_rate)
    assert (question.epochs, question.batch_size) == {1: (200, 32), 2: (100, 64)}[version]
    assert rate == pytest.approx({1: 1e-3, 2: 2e-3}[version])
    places = {"weights": "*/kernel", "activations": "hidden*/output", "pre-activations": "hidden*/preactivation"}
    for kind in kinds:
        for name, target in places.items():
            assert arms[f"{kind} {name}"][0][0] == target
