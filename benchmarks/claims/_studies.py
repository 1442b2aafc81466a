"""The two studies of an experiment: every setting from many seeds as published, and cross-validated honestly."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from benchmarks.claims._claim import ACCURACY, Experiment
from keras import ops

from bridle._api import Study
from bridle.cases._case import Pair
from bridle.results import StudyResult
from bridle.study import RunOptions, Watch, run_study
from bridle.study.design import Prepared

FRESH = "fresh"
HONEST_SHARE = 33
"""One honest seed for so many of the tutorial's: folds and strengths multiply them again."""
POINTS = 20
"""Where the curves of honest studies are kept."""


@dataclass(frozen=True)
class Laid:
    """An experiment ready to run."""

    experiment: Experiment
    tutorial: Prepared
    honest: Prepared


def lay_out(experiment: Experiment, seeds: int, epochs: int) -> Laid:
    """Check and lay out both studies."""
    return Laid(experiment, tutorial(experiment, seeds, epochs), honest(experiment, seeds, epochs))


def tutorial(experiment: Experiment, seeds: int, epochs: int) -> Prepared:
    """Each setting trained on the published training rows from every seed, and judged on test rows and on fresh ones.

    Where a random split was published, each of several splits is trained from fewer seeds.
    """
    case, options = experiment.case, {"epochs": epochs, "curve_points": 1, "warm_start": experiment.warm_start}
    options |= {"seeds": case.tutorial.seeds(seeds), "batch_size": case.batch_size}
    if case.new_rows is None:
        study = Study(experiment.model(), experiment.tutorial, folds=case.tutorial.folds, **options)
        return study.prepare(*case.tutorial.train)
    model = judged_apart(experiment.model(), len(case.tutorial.test[1]))
    study = Study(model, experiment.tutorial, score=f"max:{ACCURACY}", **options)
    return study.prepare(*case.tutorial.train, validation=joined(case.tutorial.test, case.new_rows))


def honest(experiment: Experiment, seeds: int, epochs: int) -> Prepared:
    """Cross-validation inside the training rows; test rows and fresh ones are looked at once, by refits."""
    case = experiment.case
    study = Study(
        experiment.model(),
        experiment.honest,
        seeds=honest_seeds(seeds),
        folds=case.honest.folds,
        epochs=epochs,
        batch_size=case.batch_size,
        curve_points=POINTS,
        warm_start=experiment.warm_start,
    )
    fresh = {} if case.new_rows is None else {FRESH: case.new_rows}
    test = {"test": case.honest.test, **fresh}
    return study.prepare(*case.honest.train, test=test, preprocessor=case.honest.preprocessor)


def honest_seeds(seeds: int) -> int:
    """How many seeds the honest protocol gets where the tutorial's gets `seeds`."""
    return max(1, seeds // HONEST_SHARE)


def joined(test: Pair, fresh: Pair) -> Pair:
    """Test rows first, then the fresh ones."""
    return np.concatenate([test[0], fresh[0]]), np.concatenate([test[1], fresh[1]])


def judged_apart(model: keras.Model, first: int) -> keras.Model:
    """The model with two metrics: `accuracy` on the first rows that it is judged on, `fresh` on all that follow.

    So one fit tells both, and its score is that of the test rows alone.
    """

    def right(y: object, prediction: object) -> object:
        return ops.cast((ops.ravel(prediction) > 0.5) == (ops.ravel(y) > 0.5), "float32")

    def accuracy(y: object, prediction: object) -> object:
        return right(y[:first], prediction[:first])

    def fresh(y: object, prediction: object) -> object:
        return right(y[first:], prediction[first:])

    model.compile(optimizer=model.optimizer, loss=model.loss, metrics=[accuracy, fresh])
    return model


def run_whole(prepared: Prepared, watch: Watch) -> StudyResult | None:
    """Run a study to its end; None where Ctrl-C stopped it."""
    result, whole = run_study(prepared, watch=watch)
    return result if whole else None


def run_without_refits(prepared: Prepared, watch: Watch) -> StudyResult | None:
    """Run the settings of a study and leave out the refits: its fits had all training rows already."""
    result, whole = run_study(prepared, RunOptions(refit=False), watch=watch)
    return result if whole else None


def table_of(result: StudyResult, quantity: str) -> np.ndarray:
    """(setting, seed, fold): accuracy on the rows that judge, on fresh ones, or a diagnostic of the trained network."""
    if quantity == ACCURACY:
        return result.scores()
    if quantity == FRESH:
        return result.by_candidate(result.quantity(f"validation/{FRESH}")[:, -1])
    return result.by_candidate(result.diagnostic(quantity))


Runner = Callable[[Prepared, Watch], StudyResult | None]
