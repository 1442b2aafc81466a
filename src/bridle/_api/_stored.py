"""`load`: the result of a stored study, with its model."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from bridle import store as stores
from bridle._api._result import Result
from bridle._errors import KindError, StoreError, first_line
from bridle._keras import model_json
from bridle.results import ALL_ROWS, StudyResult
from bridle.untrusted import MAX_UNPACKED_MIB, MIB, check_config, own_names, weights_of

COMPILED = "compile_config"


def load(
    folder: str | Path,
    *,
    custom_objects: Mapping[str, Any] | None = None,
    model: keras.Model | Callable[[], keras.Model] | None = None,
) -> Result:
    """Load the result of a study from the folder that `run(…, store=folder)` or a command's `--out` wrote.

    The numbers load without the model. The model is built from its configuration, which holds no code. Register custom
    functions and classes with `keras.saving.register_keras_serializable` in a module that is imported, or pass them
    here. `Result.model` names those that are missing. If a custom loss or metric is missing, the model is not compiled.

    Args:
        folder: path of the folder.
        custom_objects: functions and classes by their names in the configuration, as in `keras.models.load_model`.
        model: `keras.Model`, or the function that builds it, to use in place of the stored configuration.

    Returns: `bridle.Result`.

    Errors: `StoreError` if the folder holds no study or a damaged one; `KindError` if the variables of `model` differ
    in number or shape from the stored ones.

    """
    data, objects = stores.load(folder), dict(custom_objects or {})
    try:
        build = None if isinstance(model, keras.Model) else model
        return Result(data, stored_model(data, folder, objects, model), build=build)
    except (StoreError, KindError) as error:
        if model is not None:
            raise
        return Result(data, None, unbuilt=str(error))


def with_stored_folds(data: StudyResult, folder: str | Path) -> StudyResult:
    """Return a result to store, with the networks of folds that the folder's result has, where the fits are the same.

    A run that does not keep these networks then leaves them there.
    """
    try:
        before = None if data.fold_networks is not None else stores.load(folder)
    except StoreError:
        return data
    if before is None or before.fold_networks is None or not _same_folds(before, data):
        return data
    probe, stored = data.probe, before.probe
    if probe is not None and stored is not None:
        probe = replace(probe, predictions={**_of_folds(stored.predictions, data), **probe.predictions})
    names = data.weight_names or before.weight_names
    return replace(data, fold_networks=before.fold_networks, weight_names=names, probe=probe)


def _of_folds(values: Mapping[int, Any], data: StudyResult) -> dict[int, Any]:
    return {fit: value for fit, value in values.items() if data.members.fold[fit] != ALL_ROWS}


def _same_folds(first: StudyResult, second: StudyResult) -> bool:
    """Return True if two results of a folder have the same fits on folds in the same order, with the same curves."""

    def facts(data: StudyResult) -> list[np.ndarray]:
        fits = np.flatnonzero(data.members.fold != ALL_ROWS)
        columns = [column[fits] for column in vars(data.members).values()]
        return [data.setting_arm, data.setting_strengths, fits, *columns, data.curves[fits]]

    pairs = zip(facts(first), facts(second), strict=True)
    return all(np.array_equal(one, other, equal_nan=one.dtype.kind == "f") for one, other in pairs)


def stored_model(
    data: StudyResult,
    folder: str | Path,
    objects: Mapping[str, Any],
    model: keras.Model | Callable[[], keras.Model] | None,
) -> keras.Model:
    """Return the model of a stored study, compiled if its loss and metrics are registered.

    Args:
        data: the stored result.
        folder: the folder, for messages.
        objects: custom functions and classes by their names in the configuration.
        model: a model, or a function that returns one, in place of the configuration.

    Errors: `StoreError` with the names of missing functions and classes; `KindError` for a model with other variables.

    """
    if model is None:
        weights = max((sum(value.nbytes for value in member) for member in data.networks.values()), default=0)
        return _fitting(built_model(data.model_json, folder, weights, objects), data, folder)
    built = model if isinstance(model, keras.Model) else model() if callable(model) else model
    if not isinstance(built, keras.Model):
        raise KindError(f"Expected model= as a keras.Model or a function that returns one, got {type(built).__name__}.")
    return _fitting(built, data, folder)


def built_model(
    text: str, folder: str | Path, weights: int = 0, objects: Mapping[str, Any] | None = None
) -> keras.Model:
    """Build a model from its configuration, which may come from a stranger.

    Errors: `StoreError` for a class or function that is not registered, and for a model with more bytes of weights than
    the limit and than the study holds.
    """
    if not text:
        raise StoreError(
            f"The study {str(folder)!r} holds no configuration of its model: Keras could not write it, or the model "
            f"has a lambda. {_advice(folder, ())}"
        )
    objects = dict(objects or {})
    known = {*objects, *keras.saving.get_custom_objects()}
    try:
        config = json.loads(text)
        compiled = config.pop(COMPILED, None)
        missing = own_names(config, known)
        if missing:
            raise StoreError(_unknown(folder, missing))
        check_config(config, repr(str(folder)), known)
        if compiled is not None and not own_names({COMPILED: compiled}, known):
            check_config({COMPILED: compiled}, repr(str(folder)), known)
            config[COMPILED] = compiled
        text = json.dumps(config)
        with keras.saving.custom_object_scope(objects):
            needed, most = weights_of(json.loads(text)), max(MAX_UNPACKED_MIB * MIB, weights)
            if needed > most:
                raise MemoryError(f"Its weights would take {needed // MIB:,} MiB; the limit is {most // MIB:,} MiB.")
            return keras.models.model_from_json(text)
    except StoreError:
        raise
    except Exception as error:  # Keras raises many types for a wrong configuration
        raise StoreError(
            f"The model of the study {str(folder)!r} cannot be built. {first_line(error)} "
            "bridle.load(folder, model=function) replaces it."
        ) from error


def reload_note(model: keras.Model) -> str:
    """Return a note on the code that `load` needs to build a model; empty if it needs none."""
    text = model_json(model)
    if not text:
        return (
            f"The configuration of {model.name!r} cannot be stored: Keras cannot write it, or the model has a lambda. "
            "The numbers of the study can be read in any process. To load its model, give the function that builds it: "
            "bridle.load(folder, model=function)."
        )
    config = json.loads(text)
    config.pop(COMPILED, None)
    names = own_names(config, keras.saving.get_custom_objects())
    if not names:
        return ""
    return (
        f"A store holds no code. The model needs that of {_listed(names)}. The numbers can be read in any process. "
        f"To load the model, {_advice('folder', names)}"
    )


def _unknown(folder: str | Path, names: list[str]) -> str:
    return (
        f"The model of the study {str(folder)!r} needs the code of {_listed(names)}, which a store does not hold. The "
        f"numbers of the study can be read without it. To build the model, {_advice(folder, names)}"
    )


def _advice(folder: str | Path, names: Any) -> str:
    argument = "folder" if str(folder) == "folder" else repr(str(folder))
    advice = f"bridle.load({argument}, model=function), with the function that builds the model"
    if not names:
        return f"Give {advice}."
    objects = ", ".join(f"{name!r}: {name.rpartition('>')[2]}" for name in names[:MOST])
    return (
        "register them with @keras.saving.register_keras_serializable() and import their module first; or give "
        f"bridle.load({argument}, custom_objects={{{objects}}}); or {advice}."
    )


MOST = 6
"""The largest number of names in a message."""


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(repr(name[:120]) for name in names[:MOST]) + more


def _fitting(model: keras.Model, data: StudyResult, folder: str | Path) -> keras.Model:
    """Return the model, or raise `KindError` if the stored weights do not fit it."""
    shapes = [tuple(variable.shape) for variable in (*model.trainable_variables, *model.non_trainable_variables)]
    stored = next(([value.shape for value in member] for member in data.networks.values() if member), shapes)
    if shapes != stored:
        raise KindError(
            f"Expected a model with the {len(stored)} variables of the study {str(folder)!r}, got {model.name!r} with "
            f"{len(shapes)} variables, or with other shapes. Give the function that the study was run with."
        )
    return model
