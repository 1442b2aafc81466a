"""`Study`: a cross-validated comparison of regularizers on one model."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import keras

from bridle import store as stores
from bridle._api._preparation import Preparation, fold_preparations
from bridle._api._result import Result
from bridle._api._rows import RowOptions, UnreadRows
from bridle._api._stored import reload_note, with_stored_folds
from bridle._errors import InputError, Interrupted, short_repr
from bridle._progress import progress_bar
from bridle.regularizers import EarlyStopping
from bridle.results import Baseline, StudyResult
from bridle.sources._place import RowsIn
from bridle.study import RunOptions, Update, Watch, run_study
from bridle.study.design import Plan, Prepared, Question, make_plan, make_timed_plan, prepare

REFITS: Mapping[str, bool | Literal["all"]] = {"selected": True, "all": "all", "none": False}
"""The candidates that are refitted, by the argument `refit` of `Study.run`."""

KEPT: Mapping[str, bool] = {"refits": False, "folds": True}
"""Whether the networks of the folds are kept, by the argument `keep` of `Study.run`."""


class Study:
    """Cross-validated comparison of regularization arms on one Keras model.

    Args:
        model: compiled and built `keras.Model`, or a function without arguments that returns one. Each fit starts from
            the weights that `keras.utils.set_random_seed(seed)` gives to a model rebuilt from its layers in order.
            Pass a function for a functional model with branches, whose layers may have been created in another order.
        arms: dictionary `{name: {target: penalty}}`. The arm `none`, without penalties, is always added. An arm may
            also set `"learning_rate"`, a float; the default is that of the compiled optimizer. Its `"training"` takes
            `bridle.EarlyStopping`, `bridle.WeightAveraging`, or a list of both.
        seeds: int, the number of seeds, or a sequence of distinct ints ≥ 0. Default 10.
        folds: int, the number of folds; a scikit-learn splitter, such as `LeaveOneOut()`; or a list of pairs of row
            indices `[(train, validation), …]`. Default 5.
        epochs: int, epochs of each fit. Default 100.
        batch_size: int, rows per batch. Default 32.
        shuffle: bool, whether to shuffle the training rows before each epoch, as in `model.fit`. Default True.
        score: the measure to select by: `"loss"`, without penalties, or the name of a compiled metric. Default: the
            first compiled metric. Write `"min:name"` or `"max:name"` if Keras does not know the direction of a metric.
            `"pooled:name"` or `"pooled:min:name"` computes the metric over the predictions of all folds together. Use
            it for a metric that single folds do not define, such as AUC with one subject left out. The score of a fold
            is then its jackknife pseudo-value, which can lie outside the range of the metric.
        curve_points: int, the number of epochs at which learning curves are recorded. Training rows are evaluated at
            every fifth of them. Default 200.
        initial_weights: `"random"` (default) draws initial weights for each seed. `"model"` starts every fit from the
            current weights of the model, as in fine-tuning; seeds then affect shuffling and random layers only.
        warm_start: None (default) starts each fit from its initial weights. `"decreasing"` and `"increasing"` follow
            the strengths of an arm in that order, and start each fit from the final weights of the previous strength
            with the same seed and fold.
        early_stopping: `bridle.EarlyStopping`, which ends each fit by rows set aside for it. Default None: every fit
            trains for all epochs. For some arms only, write it into them: `{"training": bridle.EarlyStopping()}`.
        callbacks: not supported; must be None. The error message names the alternatives.

    Errors: `InputError` if a number is outside its range, a name is unknown, or seeds repeat. `run` checks the model,
    the arms and the rows.

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
        y: Any = None,
        *,
        timed: bool = True,
        validation: tuple[Any, ...] | None = None,
        test: Any = None,
        groups: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        preprocessor: Any = None,
        target_preprocessor: Any = None,
        rows_in: RowsIn = "auto",
        callbacks: None = None,
    ) -> Plan:
        """Return the table of fits before any of them runs, with an estimate of the time.

        Args:
            x, y: the rows, as in `run`.
            timed: bool, whether to compile the programs and time a fit, to estimate seconds and memory. Default True.
            validation, test, groups, sample_weight, class_weight, preprocessor, target_preprocessor, rows_in,
                callbacks: as in `run`.

        Returns: `bridle.Plan`. Print it, or read its arrays.

        Errors: those of `run` that need no training.

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
            options=RowOptions(rows_in),
        )
        return make_timed_plan(prepared) if timed else make_plan(prepared)

    def run(
        self,
        x: Any,
        y: Any = None,
        *,
        validation: tuple[Any, ...] | None = None,
        test: Any = None,
        groups: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        preprocessor: Any = None,
        target_preprocessor: Any = None,
        rows_in: RowsIn = "auto",
        store: str | Path | None = None,
        extend: bool = False,
        client: Any = None,
        threads: int | None = None,
        width: int | None = None,
        race: bool | Literal["rounds"] = False,
        nested: Any = None,
        refit: Literal["selected", "all", "none"] = "selected",
        keep: Literal["refits", "folds"] = "refits",
        progress: bool = True,
        callbacks: None = None,
    ) -> "Result":
        """Cross-validate every candidate, refit the selected ones on all rows, and score the refits on `test` once.

        Args:
            x: array of shape (rows, …), a data frame, or a list or dictionary of arrays for several inputs; or a file,
                a dataset or a stream, as in `bridle.sources.read`, or the `Source` that it returns.
            y: array of shape (rows, …), or a list or dictionary of arrays for several outputs. Default None: the labels
                that x brings along; without any, the target is x as the model reads it, after `preprocessor`, as for an
                autoencoder. Then `validation` and `test` are rows without labels, and scores are in the units that the
                model reads. With a file as x, the name of a column or an array in it; likewise `groups` and
                `sample_weight`.
            validation: `(x, y)` or `(x, y, sample_weight)`, one validation set that replaces the folds. Default None.
            test: `(x, y)`, `(x, y, sample_weight)`, or a dictionary `{name: (x, y)}`. These rows score the refits
                only. Default None.
            groups: array of shape (rows,). Rows with the same value stay in the same part of every split. Default None.
            sample_weight: array of weights ≥ 0 with shape (rows,) or (rows, steps); for several outputs a dictionary
                or tuple of them, as in `model.fit`. Weights apply to training and to every score. Default None.
            class_weight: `{class: weight}` or `"balanced"`, for training rows only. Default None.
            preprocessor: scikit-learn transformer of x, fitted on the training rows of each fold. Default None.
            target_preprocessor: scikit-learn transformer of y, fitted likewise. Predictions and scores are converted
                back to the units of y. Default None.
            rows_in: `"memory"` or `"disk"`, where rows are kept; streams and arrays are written to `store`, or to a
                temporary folder, to keep them on disk. Default `"auto"`: in memory where all folds fit into it.
            store: path of a folder, which saves every fit as soon as it finishes, and the result. Run the same study
                with the same folder to train the missing fits only, after Ctrl-C, a crash or a power failure. Several
                processes can share one folder and the work. Default None: memory only.
            extend: bool, whether the study in `store` may have other seeds, strengths, epochs, race or nested folds.
                Fits in common are reused. Default False.
            client: `distributed.Client` of a Dask cluster, whose workers train the fits. It needs `bridle[dask]`. Pass
                the model as a function if its classes are not installed on the workers. Default None.
            threads: int, the number of training threads. Default: one per core.
            width: int, the number of fits that one call of the compiled program trains together. Default: 1 on a CPU,
                where that is fastest; on an accelerator, as many as memory and timing allow. Programs of different
                width can give results that differ in the last digits.
            race: True stops strengths early that are clearly worse than the best of their arm. `"rounds"` trains all
                candidates with the first seed, shows the answer so far, and gives each further seed to the better half
                of what is left: of the strengths of each arm, and after two seeds of the arms. Default False: every
                candidate gets every seed.
            nested: int or scikit-learn splitter, the outer folds of nested cross-validation. The whole selection is
                repeated inside each outer fold and scored on the rows left out. An int follows the study: folds in the
                order of time for `TimeSeriesSplit`, whole groups with `groups`. The time grows by about the number of
                outer folds. Default None.
            refit: the candidates that are trained on all rows after the selection, and whose weights the result
                holds: `"selected"` (default) for `none`, the best and the "1se" of each arm and the recommended one;
                `"all"` for every candidate that finished, as a path of trained models needs it; `"none"` for scores
                alone, where no trained model is needed.
            keep: the networks whose weights the result and `store` hold: `"refits"` (default), or `"folds"` for those
                of every fold and seed too, as `Result.representation` and `Result.ensemble` need them with
                `over="folds"`: of the candidates that `refit` names, with `refit="none"` of all. A store that lacks
                them trains its folds again; one that has them keeps them when the same study is run without. Memory
                and `store` grow by one network for each fit.
            progress: bool, whether to draw a progress bar on standard error, or to print lines if that is not a
                terminal. Default True.
            callbacks: not supported; must be None, as in `bridle.Study`.

        Returns: `bridle.Result`.

        Errors: `InputError` for wrong values and `KindError` for wrong types; `BackendError` if Keras does not run on
        JAX; `Interrupted` after Ctrl-C, with the result of the finished fits; `StoreError` if the folder cannot be
        used or holds another study, with the differences.

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
            options=RowOptions(rows_in, store, progress),
        )
        if refit not in REFITS:
            raise InputError(f"Expected refit='selected', 'all' or 'none', got {refit!r}.")
        if keep not in KEPT:
            raise InputError(f"Expected keep='refits' or 'folds', got {keep!r}.")
        options = RunOptions(store, extend, client, threads, width, race, nested, progress, REFITS[refit], KEPT[keep])
        note = "" if store is None else reload_note(prepared.model)
        for text in (note, *prepared.notes):
            if text:
                warnings.warn(text, stacklevel=2)
        return run_prepared(prepared, options)

    def prepare(
        self,
        x: Any,
        y: Any = None,
        *,
        validation: tuple[Any, ...] | None = None,
        test: Any = None,
        groups: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        preprocessor: Any = None,
        target_preprocessor: Any = None,
        options: RowOptions = RowOptions(),  # noqa: B008 - a value that does not change
    ) -> Prepared:
        """Check the model, the arms and the rows before the first fit. The arguments are those of `run`."""
        rows = UnreadRows(
            x, y, validation, test, groups, sample_weight, class_weight, preprocessor, target_preprocessor
        )
        return prepare(self.question, rows.read(options, self.question.folds))


def run_prepared(
    prepared: Prepared,
    options: RunOptions | None = None,
    *,
    facts: Mapping[str, object] = MappingProxyType({}),
    baselines: tuple[Baseline, ...] = (),
    watch: Watch | None = None,
) -> "Result":
    """Run a study that `Study.prepare` returned.

    `facts` go into its provenance, `baselines` into its result; `watch` is called with each update.
    """
    options = options or RunOptions()
    store, stage = options.store, ""

    def watch_stage(update: Update) -> None:
        nonlocal stage
        stage = update.stage
        show(update)
        if watch is not None:
            watch(update)

    with progress_bar(options.progress, prepared.score.name) as show:
        data, finished = run_study(prepared, options, watch=watch_stage)
    data = replace(data.with_provenance(**facts), baselines=baselines)
    terms = {arm.name: arm.terms for arm in prepared.arms}
    source: Any = prepared.question.model
    result = Result(
        data,
        prepared.model,
        terms,
        build=None if isinstance(source, keras.Model) else source,
        preparation=Preparation(
            data.preparation, *prepared.preparer.final, folds=fold_preparations(data, prepared.fitted)
        ),
    )
    if store is not None:
        stores.save(with_stored_folds(data, store), store)
    if not finished:
        message = f"{_stopped(data, stage)}{_stored(store)}"
        raise Interrupted(message, result, advice="" if store is None else "Run the same again to go on.")
    return result


def _stopped(data: StudyResult, stage: str) -> str:
    """Return the progress of a stopped run in words."""
    if not len(data.members):
        return "Stopped during the search for the ranges of 'auto', before the first fit of the study."
    done = int((data.members.finished | (data.members.diverged_at >= 0)).sum())
    if data.weights and done == len(data.members) and stage.startswith("refits"):
        return f"Stopped after {done} fits. The answer so far is complete, with its refits."
    where = f" The run was at: {stage}." if done == len(data.members) else ""
    return f"Stopped: {done} of {len(data.members)} fits had finished.{where}"


def _stored(store: str | Path | None) -> str:
    """Return the number of fits in a folder in words."""
    if store is None:
        return ""
    with stores.Store(store, create=False, write=False) as opened:
        return f" {str(store)!r} keeps {len(opened)} fits, with those of the pilot."


def check_callbacks(callbacks: object) -> None:
    """Raise `InputError` for Keras callbacks, and name the alternatives."""
    if callbacks is not None:
        raise InputError(
            f"Expected no callbacks, got {short_repr(callbacks)}: fits run as compiled programs, which call nothing "
            "between batches or epochs. Instead: Study(early_stopping=bridle.EarlyStopping(…)) ends a fit and keeps "
            "its best epoch; a schedule of keras.optimizers.schedules in compile() moves the learning rate, "
            "bridle.schedule a strength; store= saves every fit; result.members() and result.plot.curves() have the "
            "curves. To train further with callbacks, use result.model().fit(…)."
        )
