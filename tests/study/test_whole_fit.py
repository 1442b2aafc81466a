"""Early stopping and averages of weights as entries of an arm: rows, programs, fits, stores, and what they cost."""

from typing import Any

import keras
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from tests.conftest import network

import bridle
from bridle import L2, BridleError, EarlyStopping, Study, WeightAveraging
from bridle.report import details, verdict
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import weigh_evidence
from bridle.study import RunOptions, run_study
from bridle.study.data import Rows
from bridle.study.design import Question, inner_study, make_plan, prepare
from bridle.study.design._prepare import refit_rows

RULE = EarlyStopping(patience=3, validation_fraction=0.3)
PENALTY = {"L2": {"*/kernel": L2([0.001, 0.1])}}
EARLY = {"early": {"training": RULE}}
ARMS: dict[str, dict[str, Any]] = {
    **PENALTY,
    **EARLY,
    "both": {"*/kernel": L2(0.001), "training": [RULE, WeightAveraging(0.9)]},
    "average": {"training": WeightAveraging([0, 0.9])},
}
RATE = 0.2
OPTIONS: dict[str, Any] = {"seeds": 2, "folds": 2, "epochs": 20, "batch_size": 8, "score": "loss"}


def build() -> keras.Model:
    return network(optimizer=keras.optimizers.Adam(RATE))


def rows_of(moons: tuple[np.ndarray, np.ndarray], **options: Any) -> Rows:
    return Rows(moons[0][:40], moons[1][:40], **options)


def fits_of(result: StudyResult, name: str) -> np.ndarray:
    """The fits of one arm on folds, by candidate, seed and fold."""
    arm = [one.name for one in result.arms].index(name)
    m = result.members
    fits = np.flatnonzero((result.setting_arm[m.setting] == arm) & (m.fold != ALL_ROWS))
    return fits[np.lexsort((m.fold[fits], m.seed[fits], m.setting[fits]))]


@pytest.fixture(scope="module")
def moons_once() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import make_moons

    x, y = make_moons(100, noise=0.3, random_state=1)
    return x.astype("float32"), y


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("whole fit") / "study"


@pytest.fixture(scope="module")
def answer(moons_once, folder) -> bridle.Result:
    """A study with all of them, in a folder."""
    return Study(build(), ARMS, **OPTIONS).run(*(part[:40] for part in moons_once), store=folder, progress=False)


@pytest.fixture(scope="module")
def result(answer) -> StudyResult:
    return answer.data


def test_an_arm_stops_as_a_study_with_its_rule_does(result, moons_once) -> None:
    """The same rows set aside, the same epochs, the same curves."""
    alone, _ = run_study(
        prepare(Question(build(), {}, **OPTIONS, early_stopping=RULE), rows_of(moons_once)), RunOptions(refit=False)
    )
    fits, others = fits_of(result, "early"), fits_of(alone, "none")
    assert min(result.members.epochs[fits]) < OPTIONS["epochs"]
    assert result.members.epochs[fits].tolist() == alone.members.epochs[others].tolist()
    assert result.members.kept[fits].tolist() == alone.members.kept[others].tolist()
    for quantity in ("fit/loss", "train/loss", "watch/loss", "validation/loss"):
        one, other = result.quantity(quantity)[fits], alone.quantity(quantity)[others]
        np.testing.assert_allclose(one, other, rtol=1e-3)
    assert np.isnan(result.quantity("watch/loss")[fits_of(result, "L2")]).all()


def test_arms_without_a_rule_have_the_program_that_they_have_without_it(moons_once) -> None:
    """No argument, no row and no bit of theirs changes, so that stored fits stay valid."""
    plain, with_rule, averaged = (
        prepare(Question(build(), arms, **OPTIONS), rows_of(moons_once)) for arms in (PENALTY, PENALTY | EARLY, ARMS)
    )
    identities = [study.engine.programs(study.folds[0], {}).identity for study in (plain, with_rule, averaged)]
    assert identities[0] == identities[1] != identities[2]
    early = with_rule.engine.programs(with_rule.arm_folds[0][0], {}, rule=1).identity
    assert early not in identities
    assert [study.rules for study in (plain, with_rule, averaged)] == [(), (RULE,), (RULE,)]


def test_one_program_serves_all_arms_of_a_rule(result, moons_once) -> None:
    """Folds of one shape, two rules, refits: four times to train, to read, and on the folds to score rows."""
    assert result.provenance["compilations"] == 2 * (3 + 2)
    plan = make_plan(prepare(Question(build(), ARMS, **OPTIONS), rows_of(moons_once)))
    assert plan.programs == 2 * (3 + 2)


def test_a_decay_of_zero_is_none_to_the_bit(result) -> None:
    none, average = result.curves[fits_of(result, "none")], result.curves[fits_of(result, "average")]
    assert average[: len(none)].tobytes() == none.tobytes()
    assert not np.array_equal(average[len(none) :, 1:], none[:, 1:], equal_nan=True)


def test_a_folder_has_each_fit_once(result, moons_once, folder) -> None:
    """A second run trains nothing, and has the same bits."""
    again, _ = run_study(prepare(Question(build(), ARMS, **OPTIONS), rows_of(moons_once)), RunOptions(store=folder))
    assert again.provenance["fits from the store"] == len(again.members)
    assert again.curves.tobytes() == result.curves.tobytes()


def test_the_rows_set_aside_are_named_as_a_cost(result) -> None:
    """In the protocol, in the details, and in the verdict where such an arm is used."""
    assert result.provenance["rows set aside"] == {"early": [6, 20], "both": [6, 20]}
    assert "For 'early' and 'both': Early stopping monitors 30% of the training rows" in result.protocol
    assert "early sets 6 of the 20 training rows of a fit aside to stop by, in the refits too." in details(result)
    evidence = weigh_evidence(result)
    text = verdict(result)
    assert evidence.winner is not None
    stops = result.arms[evidence.winner].name in ("early", "both")
    assert (", which sets 6 of 20 training rows aside" in text) is stops
    assert len(text.split()) <= 60


def test_refits_of_an_arm_stop_early_on_rows_set_aside(result) -> None:
    """On all rows of the study but those, and for as long as the rule says."""
    m = result.members
    refits = np.flatnonzero((result.setting_arm[m.setting] == 2) & (m.fold == ALL_ROWS))
    assert len(refits) == 2
    assert all(np.isfinite(result.curves[index, -1, result.quantities.index("watch/loss")]) for index in refits)


def test_code_prints_what_keras_needs_and_keras_gets_the_same_fit(moons_once) -> None:
    """The lines train a network of Keras to the weights, and the epoch, of the arm."""
    x, y = moons_once
    rule = EarlyStopping(patience=2, validation_fraction=0.3)
    terms = {"training": [rule, WeightAveraging(0.8)]}
    question = Question(build(), {"both": terms}, **OPTIONS | {"seeds": (5,), "epochs": 40, "batch_size": 1000})
    prepared = prepare(question, Rows(x[:60], y[:60], validation=(x[60:], y[60:])))
    data, _ = run_study(prepared, RunOptions(refit=False))
    fold = prepared.arm_folds[0][0]
    model = network(seed=5, optimizer=keras.optimizers.Adam(RATE))
    lines = bridle.placement.code_lines(model, terms)
    setting, callbacks = (
        lines[lines.index(first) : lines.index(last)]
        for first, last in (("model.optimizer", "# Set"), ("callbacks =", "model.fit"))
    )
    space: dict[str, Any] = {"model": model, "keras": keras}
    exec(f"{setting}\n{callbacks}", space)
    train, watch = fold.cuts
    x_fold, y_fold = np.asarray(fold.rows.x), np.asarray(fold.rows.y)
    history = model.fit(
        x_fold[:train], y_fold[:train], validation_data=(x_fold[train:watch], y_fold[train:watch]), epochs=40,
        batch_size=1000, verbose=0, callbacks=space["callbacks"],
    ).history  # fmt: skip
    member = int(np.flatnonzero(data.setting_arm[data.members.setting] == 1)[0])
    epochs = len(history["loss"])
    assert data.members.epochs[member] == epochs < 40
    assert data.members.kept[member] == int(np.argmin(history["val_loss"])) + 1
    watched = data.quantity("watch/loss")[member]
    np.testing.assert_allclose(watched[: epochs - 1], history["val_loss"][:-1], rtol=1e-4)
    scores = model.evaluate(x_fold[watch:], y_fold[watch:], verbose=0, return_dict=True)
    np.testing.assert_allclose(data.quantity("validation/loss")[member, -1], scores["loss"], rtol=1e-4)


def test_inner_studies_and_prepared_rows_have_such_arms(moons_once) -> None:
    """Rows are set aside inside each outer fold; preprocessors are those of all arms, so that scores have one unit."""
    rows = rows_of(moons_once, preprocessor=StandardScaler())
    prepared = prepare(Question(build(), EARLY, **OPTIONS), rows)
    inner = inner_study(prepared, 2, 0)
    for study, count in ((prepared, 40), (inner, 20)):
        for plain, early in zip(study.folds, *study.arm_folds, strict=True):
            assert early.cuts == (plain.train - round(0.3 * plain.train), plain.train)
            one, other = (np.asarray(fold.rows.x) for fold in (plain, early))
            assert np.sort(one[: plain.train], axis=0).tobytes() == np.sort(other[: plain.train], axis=0).tobytes()
            assert one[plain.train :].tobytes() == other[plain.train :].tobytes()
        refit = refit_rows(study)
        assert refit.fold.cuts == (count,)
        assert refit.arm_folds(study.shares)[0].cuts == (count - round(0.3 * count), count)
    assert list(refit.held_out) == ["outer"]


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"training": [RULE, EarlyStopping(patience=1)]}, "earlystopping once"),
        ({"*/kernel": RULE}, "the training of the model at '*/kernel' for earlystopping"),
        ({"training": L2(0.1)}, "for l2, got the training of the model"),
        ({"training": EarlyStopping(monitor="acuracy")}, "monitor as 'loss' or a compiled metric"),
        ({"training": EarlyStopping(validation_fraction=0.01)}, "at least one row to watch"),
        ({"training": "earlystopping(5)"}, "Expected the arguments patience"),
        ({"training": "weightaveraging(1.0)"}, "below 1"),
    ],
)
def test_bad_entries_are_refused_before_training(terms: dict[str, Any], words: str, moons_once) -> None:
    with pytest.raises(BridleError) as error:
        prepare(Question(build(), {"arm": terms}, **OPTIONS), rows_of(moons_once))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (lambda: keras.optimizers.ScheduleFreeAdamW(0.01), "ScheduleFreeAdamW"),
        (lambda: keras.optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=5), "ema_overwrite_frequency=5"),
    ],
)
def test_weights_are_never_averaged_twice(optimizer: Any, words: str, moons_once) -> None:
    with pytest.raises(BridleError, match=words):
        prepare(
            Question(network(optimizer=optimizer()), {"a": {"training": WeightAveraging(0.9)}}), rows_of(moons_once)
        )


def test_a_model_alone_has_no_early_stopping() -> None:
    """`regularize` names the lines that `fit` needs instead."""
    with pytest.raises(BridleError, match=r"SwapEMAWeights(.|\n)*EarlyStopping"):
        bridle.regularize(network(), {"training": [RULE, WeightAveraging(0.9)]})


def test_texts_and_values_are_the_same() -> None:
    for value in (RULE, EarlyStopping(None, 0.5, "max:f1", 0.01), WeightAveraging(0.9), WeightAveraging("auto")):
        strengths = [repr(list(one.values)) if isinstance(one, bridle.Grid) else repr(one) for one in value.strengths]
        same = bridle.parse_regularizer(value.to_text(*strengths)), type(value).from_config(value.get_config())
        assert all(repr(one) == repr(value) and one.strengths == value.strengths for one in same)
    assert EarlyStopping(3, 0.3) == RULE != EarlyStopping(4, 0.3)
    assert len({RULE, EarlyStopping(3, 0.3)}) == 1


def test_a_result_names_the_entries_of_an_arm(answer, folder) -> None:
    """Several at one target, of the result and of the folder; a model for further training has the penalties."""
    for source in (answer, bridle.load(folder)):
        rule, average = source.regularizers("both")["training"]
        assert rule == RULE
        assert average.strengths == (0.9,)
        assert "SwapEMAWeights" in source.code("both")
    assert answer.model("both", penalized=True).penalties(np.zeros((1, 2), "float32"))
