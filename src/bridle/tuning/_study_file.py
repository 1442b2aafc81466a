"""Studies in files: `bridle study`."""

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
from bridle.study import RunOptions
from bridle.study.design import EarlyStopping
from bridle.tables import Problem, Structure, read_file
from bridle.tuning._arrays import ArraysJob, labelled, prepared, read_arrays
from bridle.tuning._model_file import save_model
from bridle.tuning._network import again, called, default_arms, default_network, outputs_of, own_network
from bridle.tuning._toml import StudyFile
from bridle.tuning._tune import Job, TableStudy, Tuned, prepare_table, tuned
from bridle.untrusted import read_model

DENSE = ("hidden", "activation", "optimizer", "learning_rate")
READING = ("encoding", "header", "decimal")
RUN = ("race", "nested")
"""Entries of [study] that say how it is run; the others are arguments of `Study`."""
ROLES = ("group", "time", "weight", "class_weight")
"""Entries of [data] that are fields of `Structure`."""


@dataclass(frozen=True)
class Answer:
    """Answer of a study of arrays."""

    result: Result
    notes: tuple[str, ...]

    def save(self, folder: str | Path, title: str, again: str = "") -> report.Written:
        """Write the report into a folder, and `model.keras` where some fit finished; nothing is pickled.

        Errors: `StoreError` where the folder cannot be written.
        """
        section = self.result.section("Study", intro=" ".join(self.notes), again=again)
        report_path = report.write(folder, title, [section], extra={"notes": list(self.notes), "code": section.code})
        if self.result.evidence.winner is not None:
            save_model(self.result.model(), Path(folder))
        return report_path


def prepare_study(
    file: StudyFile,
    function: Callable[..., keras.Model] | None = None,
    *,
    arms: Mapping[str, Mapping[str, Any]] | None = None,
) -> Job | ArraysJob:
    """Read what a study file names and lay its study out.

    Args:
        file: what `read_study` gives.
        function: the model function that the file names, or another: of (inputs, outputs) for a table, without
            arguments for arrays. It is never looked up here.
        arms: others than those of the file.

    Errors: `InputError` with a sentence for everything that cannot be used; `KindError` for what is no model.

    """
    if function is None and "function" in file.model:
        raise InputError(f"Expected the function {file.model['function']!r} itself, got its name. Import it first.")
    arms_used = arms or file.arms
    if "table" in file.data:
        return _of_table(file, function, arms_used)
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
    """Run a prepared study; `study` in the folder keeps every fit as it is made.

    `extend` and `client` are those of `Study.run`.
    """
    run_options = {name: file.study[name] for name in RUN if name in file.study}
    options = RunOptions(Path(folder) / "study", extend, client, progress=progress)
    result = run_prepared(job.prepared, replace(options, **run_options))
    return tuned(job, result) if isinstance(job, Job) else Answer(result, job.notes)


def _of_table(file: StudyFile, function: Callable[..., keras.Model] | None, arms: Mapping[str, Any]) -> Job:
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
    design = TableStudy(data["target"], folds=_folds(file), structure=structure, **options)
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


def _numbered(weights: Mapping[str, float], file: StudyFile) -> dict[int, float]:
    """Class weights by the numbers of the classes, which a file writes as names of entries."""
    strange = [name for name in weights if not name.isdecimal()]
    if strange:
        raise InputError(
            f"Expected class numbers as names in [data] class_weight of {file.path.name!r}, got "
            f"{short_repr(strange[0])}."
        )
    return {int(name): value for name, value in weights.items()}


def _own(file: StudyFile, function: Callable[..., keras.Model] | None) -> Callable[[int, int], keras.Model] | None:
    if function is None and "file" in file.model:
        loaded = _loaded(file)
        return lambda inputs, outputs: loaded
    return function


def _loaded(file: StudyFile) -> keras.Model:
    """The model of the file that is named, from Keras's safe mode: no code is in it."""
    path = inside(file.folder, file.model["file"], "[model] file")
    model, left_out = read_model(path)
    if left_out:
        raise InputError(
            f"Expected a model compiled with what Keras has in {path.name!r}, got one whose loss or metrics need code "
            "that is not in the file. Give [model] function instead."
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
    """The question about a network, which `build` makes anew for each seed where it is given."""
    options = {name: value for name, value in file.study.items() if name not in RUN} | changed
    if "early_stopping" in options:
        options["early_stopping"] = EarlyStopping(**options["early_stopping"])
    return Study(build or network, arms or default_arms(network), **options)


def _folds(file: StudyFile) -> int:
    return file.study.get("folds", 5)


STAY = "A study file names files of its own folder only: put the file beside it, and write its name."


def inside(folder: Path, name: str, where: str) -> Path:
    """The file `name` of a folder.

    Args:
        folder: where the study file lies.
        name: a path relative to it.
        where: the entry that holds the name, for the sentence: `[data] table`.

    Errors: `InputError` for a path that is absolute, that leads through `..` or a symbolic link, or that is no file.

    """
    plain = PureWindowsPath(name)  # reads / and \\ and drives, as some system will
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
    except (OSError, ValueError) as error:  # a name that is too long, or that the system cannot write
        raise InputError(f"Expected the name of a file for {where}, got {short_repr(name)}: {_said(error)}.") from error
    if not exists:
        raise InputError(
            f"Expected a file for {where}, found no {short_repr(name)} in the folder of the study file. "
            f"{nearest_names(Path(name).name, _files(path.parent))}"
        )
    return path


def _files(folder: Path) -> list[str]:
    """The names of the files of a folder; none where it cannot be looked into."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False))
    except OSError:
        return []


def _said(error: OSError | ValueError) -> str:
    """Return the system's message without the path."""
    return getattr(error, "strerror", None) or str(error)[:200]
