"""The model of a stored study: built from its configuration, or from what the user gives in its place."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras

from bridle._errors import KindError, StoreError, first_line
from bridle._keras import model_json
from bridle.results import StudyResult
from bridle.untrusted import LIMIT, MIB, check_config, own_names, weights_of

COMPILED = "compile_config"


def stored_model(
    data: StudyResult,
    folder: str | Path,
    objects: Mapping[str, Any],
    model: keras.Model | Callable[[], keras.Model] | None,
) -> keras.Model:
    """Return the model of a stored study, compiled where its loss and metrics are known.

    Args:
        data: what the folder holds.
        folder: what to call it.
        objects: functions and classes of the user by the names in the configuration.
        model: a model, or a function that returns one, in place of the configuration.

    Errors: `StoreError` with the names of what must be known; `KindError` for a model with other weights.

    """
    if model is None:
        weights = max((sum(value.nbytes for value in member) for member in data.weights.values()), default=0)
        return _fitting(built_model(data.model_json, folder, weights, objects), data, folder)
    made = model if isinstance(model, keras.Model) else model() if callable(model) else model
    if not isinstance(made, keras.Model):
        raise KindError(f"Expected model= as a keras.Model or a function that returns one, got {type(made).__name__}.")
    return _fitting(made, data, folder)


def built_model(
    text: str, folder: str | Path, weights: int = 0, objects: Mapping[str, Any] | None = None
) -> keras.Model:
    """Build a model from its configuration, which may come from a stranger: it names what is known, or is refused.

    So is one that is large, unless the study holds as many bytes of weights.
    """
    if not text:
        raise StoreError(
            f"Expected the configuration of the model in the study {str(folder)!r}, found none: Keras could not write "
            f"it, or it holds a lambda. {_advice(folder, ())}"
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
            needed, most = weights_of(json.loads(text)), max(LIMIT * MIB, weights)
            if needed > most:
                raise MemoryError(f"Its weights would take {needed // MIB:,} MiB, where {most // MIB:,} are allowed.")
            return keras.models.model_from_json(text)
    except StoreError:
        raise
    except Exception as error:  # Keras builds what the text says, and fails as variously as texts can be wrong
        raise StoreError(
            f"Expected a model in the study {str(folder)!r} that can be built, found one that cannot. "
            f"{first_line(error)} bridle.load(folder, model=function) takes another in its place."
        ) from error


def reload_note(model: keras.Model) -> str:
    """Return what must be known to open a stored study of a model with its model; empty where nothing must be."""
    text = model_json(model)
    if not text:
        return (
            f"The configuration of {model.name!r} cannot be stored: Keras does not write it, or it holds a lambda. The "
            "numbers of the study can be read in any process. For its model give the function that builds it, "
            "bridle.load(folder, model=function)."
        )
    config = json.loads(text)
    config.pop(COMPILED, None)
    names = own_names(config, keras.saving.get_custom_objects())
    if not names:
        return ""
    return (
        f"The store of a study holds no code, here that of {_listed(names)}. The numbers can be read in any process. "
        f"For its model, {_advice('folder', names)}"
    )


def _unknown(folder: str | Path, names: list[str]) -> str:
    return (
        f"Expected {_listed(names)} to be known, to build the model of the study {str(folder)!r}, whose numbers can be "
        f"read without: their code is not in it. To build it, {_advice(folder, names)}"
    )


def _advice(folder: str | Path, names: Any) -> str:
    place = "folder" if str(folder) == "folder" else repr(str(folder))
    advice = f"bridle.load({place}, model=function), with the function that builds the model"
    if not names:
        return f"Give {advice}."
    objects = ", ".join(f"{name!r}: {name.rpartition('>')[2]}" for name in names[:MOST])
    return (
        "register them with @keras.saving.register_keras_serializable() and import their module first; or give "
        f"bridle.load({place}, custom_objects={{{objects}}}); or {advice}."
    )


MOST = 6
"""Names in a sentence."""


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(repr(name[:120]) for name in names[:MOST]) + more


def _fitting(model: keras.Model, data: StudyResult, folder: str | Path) -> keras.Model:
    """The model, where the stored weights fit it."""
    shapes = [tuple(variable.shape) for variable in (*model.trainable_variables, *model.non_trainable_variables)]
    stored = next(([value.shape for value in member] for member in data.weights.values() if member), shapes)
    if shapes != stored:
        raise KindError(
            f"Expected a model with the {len(stored)} variables that the study {str(folder)!r} holds, got "
            f"{model.name!r} with {len(shapes)} of them, or with other shapes. Give the function that the study was "
            "run with."
        )
    return model
