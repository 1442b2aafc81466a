"""Answers of a study are counted: with each seed of a race, and in its store when it is extended."""

import numpy as np
from tests.conftest import network

from bridle import L2
from bridle.report import looks_note
from bridle.stats import read_looks, weigh_evidence
from bridle.store import Store
from bridle.study import RunOptions, Update, run_study
from bridle.study.data import Rows
from bridle.study.design import Question, prepare


def answered(moons, seeds: int, watch=lambda update: None, epochs: int = 20, **options):
    question = Question(network(), {"L2": {"*/kernel": L2([0.1])}}, seeds=seeds, folds=3, epochs=epochs)
    return run_study(prepare(question, Rows(*moons)), RunOptions(refit=False, **options), watch=watch)[0]


def test_an_extended_study_counts_its_answers(moons, tmp_path) -> None:
    """The same answer again is none more; the interval of the second one accounts for the first."""
    first = answered(moons, 2, store=tmp_path)
    assert looks_note(first) == ""
    assert looks_note(answered(moons, 2, store=tmp_path)) == ""
    second = answered(moons, 4, store=tmp_path, extend=True)
    assert read_looks(second).earlier == (2, 4)
    assert looks_note(second).startswith("The question is answered 2 times, after 2 and 4 seeds")
    alone = answered(moons, 4)
    assert np.array_equal(alone.scores(), second.scores())
    before, after = (weigh_evidence(result).gains[1] for result in (alone, second))
    assert before.difference == after.difference
    assert before.low > after.low
    assert answered(moons, 4, store=tmp_path).provenance["looks"] == second.provenance["looks"]


def test_a_finished_folder_of_an_older_version_has_one_answer(moons, tmp_path) -> None:
    answered(moons, 2, store=tmp_path)
    with Store(tmp_path, create=False) as store:
        store.record(answers=None, finished=True)
    assert read_looks(answered(moons, 2, store=tmp_path)).earlier == ()
    with Store(tmp_path, create=False) as store:
        store.record(answers=None, finished=True)
    assert read_looks(answered(moons, 3, store=tmp_path, extend=True)).earlier == (2, 3)


def test_each_seed_of_a_race_is_an_answer(moons) -> None:
    """Those that will follow are known before."""
    updates: list[Update] = []
    last = answered(moons, 3, updates.append, race="rounds")
    looks = [read_looks(update.result) for update in updates if update.result is not None]
    assert [(each.earlier, each.planned) for each in looks] == [((1,), (2, 3)), ((1, 2), (3,))]
    assert read_looks(last).earlier == (1, 2, 3)
    assert read_looks(last).planned == ()
