"""`Study`: the question that a person asks."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import keras

from bridle import store as stores
from bridle._api._preparation import Preparation
from bridle._api._result import Result
from bridle._api._stored import reload_note
from bridle._errors import InputError, Interrupted, short_repr
from bridle._progress import progress_bar
from bridle.results import StudyResult
from bridle.study import RunOptions, Update, run_study
from bridle.study.data import Rows
from bridle.study.design import EarlyStopping, Plan, Prepared, Question, make_plan, make_timed_plan, prepare


class Study:
    """The question: which of these arms generalizes best, and is that real?

    Args:
        model: a compiled and built Keras model, or a function without arguments that returns one. Each fit starts
            from the weights that `keras.utils.set_random_seed(seed)` gives to a model rebuilt from its layers in
            order. For a functional model with branches, give a function: only that knows in which order its layers
            were made.
        arms: `{name: {where: what(how much)}}`. An arm `none` without penalties is always added. An arm may hold
            `"learning_rate": number` beside its penalties.
        seeds: how many seeds, or the seeds themselves.
        folds: how many, a scikit-learn splitter (also `LeaveOneOut()`), or a list of row numbers
            `[(train, validation), …]`.
        epochs, batch_size, shuffle: as in `model.fit`.
        score: `"loss"` (without penalties) or the name of a compiled metric; the first metric by default. A metric of
            which Keras does not know whether more or less is better is written `"min:name"` or `"max:name"`.
            `"pooled:name"` (or `"pooled:min:name"`) computes it over the predictions of all folds together, for a
            measure that single folds do not define, such as AUC with one subject left out; the score of a fold is
            then its jackknife pseudo-value, which may lie outside the range of the measure.
        curve_points: at how many epochs curves are kept; training rows are measured at every fifth of them.
        initial_weights: `"random"` draws them for each seed. `"model"` starts every fit from the present weights of
            the model, as in fine-tuning; the seeds then decide shuffling and random layers only.
        warm_start: None starts each fit from its initial weights. `"decreasing"` and `"increasing"` go along the
            strengths of an arm and start each fit from the final weights of the strength before it, for the same seed
            and fold.
        early_stopping: a `bridle.EarlyStopping`, to end each fit on rows set aside for it and keep its best epoch.
        callbacks: none are taken; the error says what there is instead of Keras's.

    >>> import bridle, keras
    >>> from sklearn.datasets import make_moons
    >>> x, y = make_moons(60, noise=0.2, random_state=1)
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
    >>> model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    >>> study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([0, 1e-2])}}, seeds=2, folds=2, epochs=5)
    >>> result = study.run(x, y)
    >>> result.table()["finished"].tolist()
    ['4/4', '4/4', '4/4']

    """

    def __init__(
        self,
        model: Any,
        arms: Mapping[str, Mapping[str, Any]],
        *,
        seeds: Any = 10,
        folds: Any = 5,
        epochs: int = 100,
        batch_size: int = 32,
        shuffle: bool = True,
        score: str | None = None,
        curve_points: int = 200,
        initial_weights: Literal["random", "model"] = "random",
        warm_start: Literal["decreasing", "increasing"] | None = None,
        early_stopping: EarlyStopping | None = None,
        callbacks: None = None,
    ) -> None:
        check_callbacks(callbacks)
        self.question = Question(
            model,
            arms,
            seeds,
            folds,
            epochs,
            batch_size,
            shuffle,
            score,
            curve_points,
            initial_weights,
            warm_start,
            early_stopping,
        )

    def plan(
        self,
        x: Any,
        y: Any,
        *,
        timed: bool = True,
        validation: tuple[Any, ...] | None = None,
        test: Any = None,
        groups: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        preprocessor: Any = None,
        target_preprocessor: Any = None,
        callbacks: None = None,
    ) -> Plan:
        """Return what will run before it runs: every fit, and with `timed` how long the study takes about.

        `timed` compiles the programs and measures a fit. The other arguments are those of `run`.
        """
        check_callbacks(callbacks)
        prepared = self.prepare(
            x,
            y,
            validation=validation,
            test=test,
            groups=groups,
            sample_weight=sample_weight,
            class_weight=class_weight,
            preprocessor=preprocessor,
            target_preprocessor=target_preprocessor,
        )
        return make_timed_plan(prepared) if timed else make_plan(prepared)

    def run(
        self,
        x: Any,
        y: Any,
        *,
        validation: tuple[Any, ...] | None = None,
        test: Any = None,
        groups: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        preprocessor: Any = None,
        target_preprocessor: Any = None,
        store: str | Path | None = None,
        extend: bool = False,
        client: Any = None,
        threads: int | None = None,
        width: int | None = None,
        race: bool = False,
        nested: Any = None,
        progress: bool = True,
        callbacks: None = None,
    ) -> "Result":
        """Cross-validate every candidate, refit the selected ones on all rows, and judge them on `test` once.

        Args:
            x, y: the rows to learn from.
            validation: `(x, y)` or `(x, y, sample_weight)`: one validation set instead of folds.
            test: `(x, y)`, `(x, y, sample_weight)` or `{name: …}` of them: rows that judge the refits only.
            groups: one value per row; rows of one group stay together in every split.
            sample_weight: one weight ≥ 0 per row or per time step; for several outputs a dictionary or tuple of them,
                as in `fit`. Weights count in training and in every score.
            class_weight: `{class: weight}`, also for a class at each step, or `"balanced"`; for training rows only.
            preprocessor: a scikit-learn transformer of x, fitted on the training rows of each fold.
            target_preprocessor: the same for y. Predictions come back in the units of y.
            store: a folder that keeps every fit as soon as it is made, and the result. Running the same study into it
                again makes what is missing and nothing else, after Ctrl-C, a crash or a power failure; several
                processes may run it at once and share the work.
            extend: the folder's study may have other seeds, strengths or epochs than this one, or no race or nesting;
                what they have in common is kept.
            client: a `distributed.Client` of a Dask cluster, whose workers then train; needs `bridle[dask]`. A model
                whose classes are not installed on the workers is to be given as a function.
            threads: how many members to train at once; one per core by default.
            width: how many of them to train side by side in each call of the compiled program. By default each by
                itself on a CPU, where that is fastest, and on an accelerator as many as memory and timing allow.
                Another width is another program, whose numbers may differ in the last digits.
            race: stop strengths early that are clearly worse than the best of their arm after some of the fits.
            nested: outer folds, a number or a scikit-learn splitter: the whole selection is repeated inside each and
                judged on the rows left out, so that a number is quoted that had no say in the choice. A number means
                folds in the order of time where those of the study are (`TimeSeriesSplit`), and whole groups where
                there are groups. Takes about so many times as long.
            progress: draw a progress bar on standard error, or write a line now and then where that is no terminal.
            callbacks: none are taken, as in `bridle.Study`.

        Errors: `InputError` and `KindError` with a sentence each; `BackendError` where Keras does not run on JAX;
        `Interrupted` after Ctrl-C, with the result of what had finished; `StoreError` where the folder cannot be
        used, or holds another study, with the difference in words.

        """
        check_callbacks(callbacks)
        prepared = self.prepare(
            x,
            y,
            validation=validation,
            test=test,
            groups=groups,
            sample_weight=sample_weight,
            class_weight=class_weight,
            preprocessor=preprocessor,
            target_preprocessor=target_preprocessor,
        )
        options = RunOptions(store, extend, client, threads, width, race, nested, progress)
        note = "" if store is None else reload_note(prepared.model)
        for text in (note, *prepared.notes):
            if text:
                warnings.warn(text, stacklevel=2)
        return run_prepared(prepared, options)

    def prepare(
        self,
        x: Any,
        y: Any,
        *,
        validation: tuple[Any, ...] | None = None,
        test: Any = None,
        groups: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        preprocessor: Any = None,
        target_preprocessor: Any = None,
    ) -> Prepared:
        """Check everything that can be checked before the first fit; the arguments are those of `run`."""
        held_out = {} if test is None else dict(test) if isinstance(test, Mapping) else {"test": test}
        rows = Rows(x, y, sample_weight, groups, class_weight, validation, held_out, preprocessor, target_preprocessor)
        return prepare(self.question, rows)


def run_prepared(
    prepared: Prepared, options: RunOptions | None = None, *, facts: Mapping[str, object] = MappingProxyType({})
) -> "Result":
    """Run a study that `Study.prepare` returned; `facts` are added to its provenance."""
    options = options or RunOptions()
    store, stage = options.store, ""

    def watch(update: Update) -> None:
        nonlocal stage
        stage = update.stage
        show(update)

    with progress_bar(options.progress, prepared.score.name) as show:
        data, finished = run_study(prepared, options, watch=watch)
    data = data.with_provenance(**facts)
    terms = {arm.name: arm.terms for arm in prepared.arms}
    source: Any = prepared.question.model
    result = Result(
        data,
        prepared.model,
        terms,
        build=None if isinstance(source, keras.Model) else source,
        preparation=Preparation(data.preparation, *prepared.preparer.final),
    )
    if store is not None:
        stores.save(data, store)
    if not finished:
        message = f"{_stopped(data, stage)}{_stored(store)}"
        raise Interrupted(message, result, advice="" if store is None else "Run the same again to go on.")
    return result


def _stopped(data: StudyResult, stage: str) -> str:
    """Return the progress of a stopped run in words."""
    if not len(data.members):
        return "Stopped while the ranges of 'auto' were sought, before the first fit of the study."
    done = int((data.members.finished | (data.members.diverged_at >= 0)).sum())
    where = f" The run was at: {stage}." if done == len(data.members) else ""
    return f"Stopped: {done} of {len(data.members)} fits had finished.{where}"


def _stored(store: str | Path | None) -> str:
    """Return the number of fits in a folder in words."""
    if store is None:
        return ""
    with stores.Store(store, create=False, write=False) as opened:
        return f" {str(store)!r} keeps {len(opened)} fits, with those of the pilot."


def check_callbacks(callbacks: object) -> None:
    """Refuse callbacks of Keras and name what replaces them."""
    if callbacks is not None:
        raise InputError(
            f"Expected no callbacks, got {short_repr(callbacks)}: fits run as compiled programs, which call nothing "
            "between batches or epochs. Instead: Study(early_stopping=bridle.EarlyStopping(…)) ends a fit and keeps "
            "its best epoch; a schedule of keras.optimizers.schedules in compile() moves the learning rate, "
            "bridle.schedule a strength; store= keeps every fit; result.members() and result.plot.curves() have the "
            "curves. To go on with callbacks: result.model().fit(…)."
        )
