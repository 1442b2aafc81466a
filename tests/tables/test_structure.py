"""Tables with structure: subjects with several rows, time order, row and class weights, and the score."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import TimeSeriesSplit

import bridle
from bridle.tables import Structure
from bridle.tuning import TableStudy, prepare_study, prepare_table, read_study

KW = {"seeds": 1, "folds": 5, "epochs": 2}


def visits(patients: int = 25, each: int = 8) -> pd.DataFrame:
    """Patients with several visits; what is predicted belongs to the patient."""
    rng = np.random.default_rng(0)
    number = np.repeat(np.arange(patients), each)
    ill = np.tile([0, 1], patients)[number]
    table = pd.DataFrame({"patient": [f"P{one:02d}" for one in number], "a": rng.normal(size=len(number))})
    table["day"] = pd.date_range("2026-01-01", periods=len(number)).strftime("%d.%m.%Y")
    table["w"] = rng.integers(1, 4, len(number))
    return table.assign(b=rng.normal(size=len(number)) + ill, ill=np.where(ill, "yes", "no"))


def test_rows_of_a_patient_stay_together() -> None:
    """No patient is on both sides of a fold, nor of the held-out rows; the column is no feature."""
    table = visits().drop(columns=["day", "w"])
    job = prepare_table(
        table.sample(frac=1, random_state=1), TableStudy("ill", structure=Structure(group="patient"), **KW)
    )
    assert job.preparation.layout.features == ("a", "b")
    held = set(table.loc[job.prepared.rows.held_out["test"][0].index, "patient"])
    learn = table.loc[job.rows.index, "patient"].to_numpy()
    assert len(held) == 5
    assert not held & set(learn)
    assert [len(set(values)) for values in (held, learn)] == [5, 20]
    labels = table.loc[job.prepared.rows.held_out["test"][0].index, "ill"]
    assert 0.3 < (labels == "yes").mean() < 0.7
    groups = np.asarray(job.prepared.rows.groups)
    assert (pd.Series(groups).groupby(learn).nunique() == 1).all()
    for fold, (train, validation) in zip(job.prepared.folds, job.prepared.fold_rows, strict=True):
        assert train + validation == 160 == len(fold.rows.x)
        assert validation % 8 == 0


def test_rows_that_come_later_judge() -> None:
    """Held out are the last rows in time, folds are scikit-learn's TimeSeriesSplit of the others, in order."""
    table = visits().drop(columns=["patient", "w"])
    job = prepare_table(table.sample(frac=1, random_state=1), TableStudy("ill", structure=Structure(time="day"), **KW))
    assert list(job.prepared.rows.held_out["test"][0].index) == list(range(160, 200))
    assert list(job.rows.index) == list(range(160))
    expected = [(len(train), len(test)) for train, test in TimeSeriesSplit(5).split(np.zeros(160))]
    assert job.prepared.fold_rows.tolist() == [list(pair) for pair in expected]
    assert "day" not in job.preparation.layout.features


def test_rows_of_one_time_are_not_cut_apart() -> None:
    """Held out begin with a new time."""
    table = visits().assign(day=np.arange(200) // 30)
    job = prepare_table(table, TableStudy("ill", structure=Structure(time="day"), **KW))
    assert job.prepared.rows.held_out["test"][0].index[0] == 150


def test_weights_and_classes_are_weighed() -> None:
    """Row weights are those of the column; class weights are scikit-learn's "balanced", or by label."""
    table = visits().drop(columns=["patient", "day"])
    job = prepare_table(
        table, TableStudy("ill", structure=Structure(weight="w", class_weight={"yes": 3, "no": 1}), **KW)
    )
    assert job.prepared.rows.class_weight == {0: 1, 1: 3}
    assert job.prepared.rows.sample_weight.tolist() == table.loc[job.rows.index, "w"].tolist()
    x, _, weight = job.prepared.rows.held_out["test"]
    assert weight.tolist() == table.loc[x.index, "w"].tolist()
    assert job.preparation.layout.features == ("a", "b")
    job = prepare_table(table, TableStudy("ill", structure=Structure(class_weight="balanced"), **KW))
    assert job.prepared.rows.class_weight == "balanced"


@pytest.mark.parametrize("score", ["loss", "auc", "precision", "recall", "brier"])
def test_the_score_is_chosen(score: str) -> None:
    """The default network is compiled with it."""
    assert prepare_table(visits(), TableStudy("ill", score=score, **KW)).prepared.score.name == score


def test_the_score_of_a_number_is_chosen() -> None:
    """Its direction is Keras's."""
    score = prepare_table(visits().drop(columns="ill"), TableStudy("b", score="mae", **KW)).prepared.score
    assert (score.name, score.maximize) == ("mae", False)


def test_repeated_subjects_and_dates_are_noticed() -> None:
    """The option is said, for a name, a code and a date; ordinary columns raise no suspicion."""
    rng = np.random.default_rng(0)
    table = visits().assign(age=np.repeat(rng.integers(20, 60, 40), 5), city=np.resize(list("xyz"), 200))
    said = "\n".join(prepare_table(table, TableStudy("ill", **KW)).notes)
    assert "`patient` repeats, 25 values in 200 rows" in said
    assert "--group patient" in said
    assert "--time day" in said
    assert "`age` repeats" not in said
    assert "`city` repeats" not in said
    other = table.rename(columns={"patient": "who was it", "day": "when"})
    said = "\n".join(prepare_table(other, TableStudy("ill", **KW)).notes)
    assert "--group 'who was it'" in said
    assert "--time when" in said
    numbers = table.assign(patient_id=table.pop("patient").str[1:].astype(int))
    assert "--group patient_id" in "\n".join(prepare_table(numbers, TableStudy("ill", **KW)).notes)
    assert "--group" not in "\n".join(
        prepare_table(visits(), TableStudy("ill", structure=Structure(group="patient"), **KW)).notes
    )


REFUSED = {
    "no such column": ({"group": "patiet"}, "'patient'"),
    "the target": ({"group": "ill"}, "is the target"),
    "both": ({"group": "patient", "time": "day"}, "group or time"),
    "negative weights": ({"weight": "a"}, "weights ≥ 0"),
    "text as weights": ({"weight": "patient"}, "Expected numbers"),
    "text as time": ({"time": "patient"}, "numbers or dates"),
    "a class that is none": ({"class_weight": {"yes": 1, "maybe": 2}}, "one class weight for each"),
    "another word": ({"class_weight": "balancd"}, "'balanced'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_structure_that_cannot_be_is_refused(case: str) -> None:
    """With a sentence, before anything is compiled."""
    structure, said = REFUSED[case]
    with pytest.raises(bridle.BridleError, match="Expected") as error:
        prepare_table(visits(), TableStudy("ill", structure=Structure(**structure), **KW))
    assert said in str(error.value)


def test_too_few_groups_and_open_dates_are_refused() -> None:
    """Five patients for five folds; 1/2/2026 without a hint which is the month; a missing patient."""
    with pytest.raises(bridle.BridleError, match="at least 6 groups"):
        prepare_table(visits(5, 40), TableStudy("ill", structure=Structure(group="patient"), **KW))
    both = visits().assign(day=[f"{1 + n % 12}/{1 + (n // 12) % 12}/2026" for n in range(200)])
    with pytest.raises(bridle.BridleError, match="is the day or the month first"):
        prepare_table(both, TableStudy("ill", structure=Structure(time="day"), **KW))
    holes = visits()
    holes.loc[3, "patient"] = None
    with pytest.raises(bridle.BridleError, match="a value in every row of the group column"):
        prepare_table(holes, TableStudy("ill", structure=Structure(group="patient"), **KW))
    with pytest.raises(bridle.BridleError, match="score of a target with two classes"):
        prepare_table(visits(), TableStudy("ill", score="f1", **KW))


FILE = '[data]\ntable = "visits.csv"\ntarget = "ill"\n{}\n[study]\nseeds = 1\nepochs = 2\nscore = "auc"\n'


def test_a_study_file_has_the_same_structure(tmp_path: Path) -> None:
    """Of a table: group, weight, class weights; of arrays: groups, or time, and class weights."""
    visits().to_csv(tmp_path / "visits.csv", index=False)
    path = tmp_path / "study.toml"
    path.write_text(FILE.format('group = "patient"\nweight = "w"\nclass_weight = {yes = 2, no = 1}'))
    job = prepare_study(read_study(path))
    assert job.prepared.score.name == "auc"
    assert job.prepared.rows.class_weight == {0: 1, 1: 2}
    assert len(set(job.prepared.rows.groups.tolist())) == 20
    path.write_text(FILE.format('time = "day"'))
    assert job.prepared.fold_rows.tolist() != prepare_study(read_study(path)).prepared.fold_rows.tolist()
    table = visits()
    arrays = {"x": table[["a", "b"]].to_numpy(), "y": table["ill"].to_numpy(str)}
    np.savez(tmp_path / "rows.npz", **arrays, groups=table["patient"].to_numpy(str))
    path.write_text('[data]\narrays = "rows.npz"\nclass_weight = "balanced"\n[study]\nseeds = 1\nepochs = 2\n')
    job = prepare_study(read_study(path))
    assert job.prepared.rows.class_weight == "balanced"
    assert len(set(job.prepared.rows.groups)) == 25
    order = np.random.default_rng(0).permutation(200)
    np.savez(tmp_path / "rows.npz", **arrays, time=order)
    job = prepare_study(read_study(path))
    assert np.array_equal(job.prepared.rows.x, arrays["x"][np.argsort(order)])
    assert job.prepared.fold_rows.tolist()[0] == [35, 33]


def test_the_summary_of_a_wide_table_is_short() -> None:
    """One line for all columns, five remarks on single ones; the notes have everything."""
    rng = np.random.default_rng(0)
    wide = pd.DataFrame({f"g{i}": np.where(np.arange(60) < 4, -999.0, rng.normal(size=60)) for i in range(40)})
    wide["ill"] = np.arange(60) % 2
    job = prepare_table(wide, TableStudy("ill", **KW))
    assert len(job.notes) == 1 + 40 + 40
    assert job.summary[1] == "40 number columns."
    assert len(job.summary) == 2 + 5 + 1
    assert job.summary[-1] == "35 more remarks on columns: --verbose and the report have all."
    assert set(job.summary[2:-1]) <= set(job.notes)


def test_the_command_has_the_same_structure(command) -> None:
    """Groups from --group; the folder predicts new rows without these columns, and resumes."""
    visits().to_csv("visits.csv", index=False)
    words = ("--quick", "--folds", "2", "--seeds", "1", "--epochs", "2", "--penalty", "*/kernel=l2(1e-3)")
    own = ("--group", "patient", "--weight", "w", "--class-weight", "balanced", "--score", "auc", "--test-size", "0.3")
    code, out, err = command("tune", "visits.csv", "--target", "ill", "--out", "o", *words, *own)
    assert (code, err) == (0, "")
    assert ", AUC is " in " ".join(out.split())
    assert "(17 groups and 8 others)" in " ".join(out.split())
    visits()[["a", "b", "day"]].head(3).to_csv("new.csv", index=False)
    code, out, _ = command("predict", "o", "new.csv")
    assert code == 0
    assert len(out.splitlines()) == 4
    assert command("resume", "o")[0] == 0
    page = Path("o/report.html").read_text()
    assert "--group patient --weight w --class-weight balanced --score auc --test-size 0.3" in page
