"""Study files: the jobs of `bridle study`."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Any

import keras
from sklearn.model_selection import TimeSeriesSplit

from bridle import report
from bridle._api import Result, Study, run_prepared
from bridle._errors import InputError, KindError, nearest_names, short_repr
from bridle.regularizers import EarlyStopping
from bridle.study import RunOptions
from bridle.tables import Problem, Structure, read_file
from bridle.tuning._arrays import ArraysJob, labelled, prepared, read_arrays
from bridle.tuning._job import Job, TableStudy, Tuned, tuned
from bridle.tuning._model_file import save_model
from bridle.tuning._network import NEWEST, again, called, default_arms, default_network, outputs_of, own_network
from bridle.tuning._toml import StudyFile
from bridle.tuning._tune import prepare_table
from bridle.untrusted import read_model

DENSE = ("hidden", "activation", "optimizer", "learning_rate")
READING = ("encoding", "header", "decimal")
RUN = ("race", "nested")
"""Entries of [study] that are arguments of `Study.run`; the others are arguments of `Study`."""
ROLES = ("group", "time", "weight", "class_weight")
"""Entries of [data] that are fields of `Structure`."""


@dataclass(frozen=True)
class Answer:
    """Result of a study of arrays."""

    result: Result
    notes: tuple[str, ...]

    def save(self, folder: str | Path, title: str, again: str = "") -> report.Written:
        """Write the report into a folder, and `model.keras` if any fit finished, without pickle.

        Errors: `StoreError` if the folder cannot be written.
        """
        section = self.result.section("Study", intro=self.notes[0], notes=self.notes[1:], again=again)
        report_path = report.write(folder, title, [section], extra={"notes": list(self.notes), "code": section.code})
        if self.result.evidence.winner is not None:
            save_model(self.result.model(), Path(folder))
        return report_path


def prepare_study(
    file: StudyFile,
    function: Callable[..., keras.Model] | None = None,
    *,
    arms: Mapping[str, Mapping[str, Any]] | None = None,
    defaults: int = NEWEST,
) -> Job | ArraysJob:
    """Read the data and the model of a study file, and prepare its study.

    Args:
        file: a study file from `read_study`.
        function: model function; it takes (inputs, outputs) for a table, and nothing for arrays. A function that the
            file names is not imported here, but passed by the caller.
        arms: arms that replace those of the file.
        defaults: the version of the defaults, which tells the kinds of columns that are used.

    Errors: `InputError` for data, options or names that cannot be used; `KindError` if the function returns no model.

    """
    if function is None and "function" in file.model:
        raise InputError(f"Expected a function, got its name {file.model['function']!r}. Import it first.")
    arms_used = arms or file.arms
    if "table" in file.data:
        return _of_table(file, function, arms_used, defaults)
    return _of_arrays(file, function, arms_used)


def run_study_file(
    file: StudyFile,
    job: Job | ArraysJob,
    folder: str | Path,
    *,
    extend: bool = False,
    client: Any = None,
    progress: bool = True,
) -> Tuned | Answer:
    """Run a prepared study; `study` inside the folder stores every fit.

    `extend` and `client` are those of `Study.run`.
    """
    run_options = {name: file.study[name] for name in RUN if name in file.study}
    options = RunOptions(Path(folder) / "study", extend, client, progress=progress)
    result = run_prepared(job.prepared, replace(options, **run_options), baselines=job.baselines)
    return tuned(job, result) if isinstance(job, Job) else Answer(result, job.notes)


def _of_table(
    file: StudyFile, function: Callable[..., keras.Model] | None, arms: Mapping[str, Any], defaults: int
) -> Job:
    data = file.data
    path = inside(file.folder, data["table"], "[data] table")
    source = read_file(path, **{name: data[name] for name in READING if name in data})

    def build(inputs: int, problem: Problem, folds: int | TimeSeriesSplit) -> Study:
        changed = _own(file, function)
        if changed is None:
            return _study(file, _dense(file, inputs, problem), arms, folds=folds)
        sizes = inputs, outputs_of(problem)
        network = own_network(changed, *sizes)
        built = again(network, changed, *sizes)
        return _study(file, network, arms, None if built is network else built, folds=folds)

    options = {name: data[name] for name in ("task", "test_share") if name in data}
    structure = Structure(**{name: data[name] for name in ROLES if name in data})
    design = TableStudy(data["target"], folds=_folds(file), structure=structure, defaults=defaults, **options)
    return prepare_table(source, design, build)


def _of_arrays(file: StudyFile, function: Callable[..., keras.Model] | None, arms: Mapping[str, Any]) -> ArraysJob:
    arrays = read_arrays(inside(file.folder, file.data["arrays"], "[data] arrays"))
    scale, problem = file.data.get("scale", False), None
    if function is not None:
        network = called(function)
        if not isinstance(network, keras.Model):
            raise KindError(f"Expected the model function to return a keras.Model, got {type(network).__name__}.")
    elif "file" in file.model:
        network = _loaded(file)
    else:
        arrays, problem = labelled(arrays, file.data.get("task"), _folds(file))
        network = _dense(file, arrays.x.shape[1], problem)
    study = _study(file, network, arms, function, folds=arrays.folds(_folds(file)))
    notes = [arrays.sentence(), *(["Columns are scaled inside each fold."] if scale else [])]
    weights = Structure(class_weight=file.data.get("class_weight"))
    if problem is not None:
        weights = replace(weights, class_weight=weights.class_weights(problem))
    elif isinstance(weights.class_weight, Mapping):
        weights = replace(weights, class_weight=_numbered(weights.class_weight, file))
    study_prepared = prepared(study, arrays, scale=scale, problem=problem, class_weight=weights.class_weight)
    return ArraysJob(study_prepared, (*notes, *weights.sentences(), *study_prepared.notes))


def _numbered(weights: Mapping[Any, float], file: StudyFile) -> dict[int, float]:
    """Return class weights by class number, which a file writes as text."""
    invalid = [name for name in weights if not name.isdecimal()]
    if invalid:
        raise InputError(
            f"Expected class numbers as names in [data] class_weight of {file.path.name!r}, got "
            f"{short_repr(invalid[0])}."
        )
    return {int(name): value for name, value in weights.items()}


def _own(file: StudyFile, function: Callable[..., keras.Model] | None) -> Callable[[int, int], keras.Model] | None:
    if function is None and "file" in file.model:
        loaded = _loaded(file)
        return lambda inputs, outputs: loaded
    return function


def _loaded(file: StudyFile) -> keras.Model:
    """Return the model of the named file, loaded in Keras's safe mode, without code."""
    path = inside(file.folder, file.model["file"], "[model] file")
    model, left_out = read_model(path)
    if left_out:
        raise InputError(
            f"Expected a model with losses and metrics of Keras in {path.name!r}, got one that needs code, which the "
            "file does not hold. Give [model] function instead."
        )
    return model


def _dense(file: StudyFile, inputs: int, problem: Problem) -> keras.Model:
    options = {name: file.model[name] for name in DENSE if name in file.model}
    return default_network(inputs, problem, score=file.study.get("score"), **options)


def _study(
    file: StudyFile,
    network: keras.Model,
    arms: Mapping[str, Any],
    build: Callable[[], keras.Model] | None = None,
    **changed: Any,
) -> Study:
    """Return the study of a network; `build`, if given, builds the network again for each seed."""
    options = {name: value for name, value in file.study.items() if name not in RUN} | changed
    if "early_stopping" in options:
        options["early_stopping"] = EarlyStopping(**options["early_stopping"])
    return Study(build or network, arms or default_arms(network), **options)


def _folds(file: StudyFile) -> int:
    return file.study.get("folds", 5)


STAY = "A study file can only name files in its folder: put the file there, and write its name."


def inside(folder: Path, name: str, where: str) -> Path:
    """Return the path of a file inside a folder.

    Args:
        folder: the folder of the study file.
        name: path relative to the folder.
        where: the entry with the name, for messages, such as `[data] table`.

    Errors: `InputError` for an absolute path, a path through `..` or a symbolic link, and a missing file.

    """
    plain = PureWindowsPath(name)  # accepts / and \\ and drives, on every system
    if not name.strip() or "\0" in name or plain.anchor or ".." in plain.parts:
        raise InputError(
            f"Expected a path inside the folder of the study file for {where}, got {short_repr(name)}. {STAY}"
        )
    path = folder
    try:
        for part in Path(name).parts:
            path = path / part
            if path.is_symlink():
                raise InputError(f"Expected a file for {where}, got {short_repr(name)}, a symbolic link. {STAY}")
        exists = path.is_file()
    except InputError:
        raise
    except (OSError, ValueError) as error:  # a name that is too long or invalid for the file system
        raise InputError(f"Expected the name of a file for {where}, got {short_repr(name)}: {_said(error)}.") from error
    if not exists:
        raise InputError(
            f"Expected a file for {where}, got {short_repr(name)}, which is not in the folder of the study file. "
            f"{nearest_names(Path(name).name, _files(path.parent))}"
        )
    return path


def _files(folder: Path) -> list[str]:
    """Return the names of the files of a folder; empty if it cannot be read."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False))
    except OSError:
        return []


def _said(error: OSError | ValueError) -> str:
    """Return the system's message without the path."""
    return getattr(error, "strerror", None) or str(error)[:200]
