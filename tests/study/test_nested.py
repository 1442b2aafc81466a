"""Nested cross-validation: the selection is repeated inside each outer fold, on rows that do not judge it."""

import numpy as np
import pytest
from sklearn.model_selection import KFold, RepeatedStratifiedKFold
from tests.conftest import network

import bridle
from bridle.stats import weigh_evidence
from bridle.study import RunOptions, Update, run_study
from bridle.study.data import Rows
from bridle.study.design import Question, prepare

ARMS = {"L2": {"*/kernel": bridle.L2([1e-3, 1e-1])}, "L1": {"hidden/output": bridle.L1([1e-3])}}
OPTIONS = {"seeds": 2, "folds": 2, "epochs": 25, "batch_size": 16}


def test_it_is_the_study_of_the_outer_training_rows_judged_on_the_others(moons) -> None:
    """Each outer fold by hand: the same study on its training rows, the others as test rows."""
    x, y = moons
    model, outer = network(), KFold(3, shuffle=True, random_state=4)
    nested = bridle.Study(model, ARMS, **OPTIONS).run(x, y, nested=outer, progress=False).data.nested
    assert nested.rows.tolist() == [[40, 20]] * 3
    for number, (train, rest) in enumerate(outer.split(x)):
        own = bridle.Study(model, ARMS, **OPTIONS).run(x[train], y[train], test=(x[rest], y[rest]), progress=False).data
        evidence = weigh_evidence(own)
        chosen = evidence.choices[evidence.winner].best
        assert nested.arm[number] == evidence.winner
        np.testing.assert_array_equal(nested.strengths[number], own.setting_strengths[chosen])
        np.testing.assert_allclose(nested.scores[:, number], own.held_out_scores("test")[chosen], atol=1e-6)
        np.testing.assert_allclose(nested.none[:, number], own.held_out_scores("test")[0], atol=1e-6)
        assert nested.chosen[number] == pytest.approx(evidence.validation.mean[chosen])


def test_programs_are_compiled_once_for_all_outer_folds(moons) -> None:
    """Three outer folds of equal size: one shape of rows for their folds, one for their refits."""
    prepared = prepare(Question(network(), ARMS, **OPTIONS), Rows(*moons))
    seen: list[str] = []
    result, whole = run_study(prepared, RunOptions(nested=3), watch=lambda update: seen.append(update.stage))
    assert whole
    assert prepared.engine.compilations == 2 * (3 + 2)
    assert any(stage.startswith("outer fold 3/3, refits") for stage in seen)
    assert result.nested.scores.shape == (2, 3)


def test_stopping_in_an_outer_fold_keeps_the_study(moons) -> None:
    """The finished fits are in the result, without a nested part."""
    prepared = prepare(Question(network(), ARMS, **OPTIONS), Rows(*moons))

    def watch(update: Update) -> None:
        if update.stage.startswith("outer"):
            raise KeyboardInterrupt

    result, whole = run_study(prepared, RunOptions(nested=3), watch=watch)
    assert not whole
    assert result.nested is None
    assert result.members.finished.all()


def test_the_words_say_how_optimistic_the_choice_was(moons, tmp_path) -> None:
    """Also after a round through the store."""
    result = bridle.Study(network(), ARMS, **OPTIONS).run(
        *moons, nested=3, store=tmp_path, refit="none", progress=False
    )
    said = next(line for line in result.details().splitlines() if line.startswith("Nested"))
    found = result.data.nested
    assert f"inside 3 outer folds ({result.data.arms[found.arm[0]].name}" in said
    assert f"{found.scores.mean():.3f} on the rows left out" in said
    assert f"{abs(found.chosen.mean() - found.scores.mean()):.3f}." in said
    assert bridle.load(tmp_path).details() == result.details()


def test_a_validation_set_cannot_be_nested(moons) -> None:
    x, y = moons
    with pytest.raises(bridle.BridleError, match="Expected folds for nested cross-validation"):
        bridle.Study(network(), ARMS, **OPTIONS).run(x, y, validation=(x, y), nested=3, progress=False)


def test_repeated_folds_narrow_the_interval_as_the_formula_says(moons) -> None:
    """K counts every fold of every repeat; the share of overlapping rows stays."""
    folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    data = bridle.Study(network(), ARMS, **{**OPTIONS, "folds": folds}).run(*moons, refit="none", progress=False).data
    assert data.folds == 6
    gain = weigh_evidence(data).gains[2]
    d = (data.scores()[3] - data.scores()[0]).mean(axis=0)
    assert gain.difference == pytest.approx(d.mean(), abs=1e-6)


def test_a_race_says_what_it_stopped(moons) -> None:
    """A hopeless strength gets no further fits; the others get all; a warm path cannot race."""
    arms = {"L2": {"*/kernel": bridle.L2([1e-4, 1e-3, 1e-2, 3.0, 30.0])}}
    options = {"seeds": 5, "folds": 3, "epochs": 60, "batch_size": 16}
    result = bridle.Study(network(), arms, **options).run(*moons, race=True, refit="none", progress=False)
    good, total = result.data.counts()
    assert (good == total).all()
    assert total[0] == 15
    assert total[-1] < 15
    assert result.best("L2").strengths["*/kernel l2"] < 1
    assert "L2 30" in result.data.provenance["stopped"]
    assert "Stopped in the race" in result.details()
    with pytest.raises(bridle.BridleError, match="warm_start=None for a race"):
        bridle.Study(network(), arms, **options, warm_start="decreasing").run(*moons, race=True, progress=False)
