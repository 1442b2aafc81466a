"""The model of an answer in its folder: a file of Keras, or its weights alone where Keras cannot write the model."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras

from bridle._errors import KindError, StoreError, first_line
from bridle._keras import model_json
from bridle.untrusted import own_names

MODEL, WEIGHTS = "model.keras", "model.weights.h5"
MODEL_CODE = "bridle predict takes the same --model again"


def save_model(model: keras.Model, folder: Path) -> None:
    """Write `model.keras`, or `model.weights.h5` where no configuration can be written that Keras reads again."""
    for name in (MODEL, WEIGHTS):
        (folder / name).unlink(missing_ok=True)
    if model_json(model):
        model.save(folder / MODEL)
    else:
        model.save_weights(folder / WEIGHTS)


def model_path(folder: Path) -> Path:
    """Return the file that `save_model` wrote.

    Errors: `StoreError` where there is none.
    """
    path = next((folder / name for name in (MODEL, WEIGHTS) if (folder / name).is_file()), None)
    if path is None:
        raise StoreError(
            f"Expected the folder that `bridle tune` wrote, found no {MODEL} in {str(folder)!r}. Give its --out."
        )
    return path


def load_model(folder: Path, build: Callable[[], keras.Model] | None = None) -> keras.Model:
    """Return the model that `save_model` wrote.

    Args:
        folder: where it is.
        build: makes a model with the same layers, for models that need code of the user.

    Errors: `StoreError` where it cannot be read, with the names of what it needs.

    """
    path = model_path(folder)
    needed = _needed(path)
    if build is None and needed is not None:
        raise StoreError(
            f"Expected --model module:function, as `bridle tune` was given it, to load the model in {str(folder)!r}: "
            f"it needs {needed}, whose code is not in the folder. In Python: load_applied(folder, model=function)."
        )
    try:
        if build is None:
            model = keras.models.load_model(path, safe_mode=True, compile=False)
        else:
            model = build()
            model.optimizer = None  # its state is in the file and not needed to predict
            model.load_weights(path)
    except Exception as error:  # a damaged model fails in as many ways as there are formats inside it
        raise StoreError(
            f"Expected a whole model in {str(folder)!r}, found one that cannot be read. {first_line(error)}"
        ) from error
    if not isinstance(model, keras.Model):
        raise KindError(f"Expected a model in {str(path)!r}, found {type(model).__name__}.")
    return model


def _needed(path: Path) -> str | None:
    """The names of code that a model file needs; None where it needs none, or cannot be read."""
    if path.name == WEIGHTS:
        return "the function that builds it"
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
        config.pop("compile_config", None)
        names = own_names(config, keras.saving.get_custom_objects())
    except Exception:  # what is wrong with the file is said where it is loaded
        return None
    return ", ".join(map(repr, names)) or None
