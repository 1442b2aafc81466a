"""The selected model in a folder: a Keras file, or its weights alone if Keras cannot write the model."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras

from bridle._errors import KindError, StoreError, first_line, short_repr
from bridle._keras import model_json, tensorflow_left_alone
from bridle.untrusted import own_names

MODEL_FILE = "model.keras"
"""The model in a folder of `bridle tune`."""
WEIGHTS_FILE = "model.weights.h5"
"""Its weights, where Keras cannot write its configuration."""
MODEL_CODE = "bridle predict needs the same --model"


@tensorflow_left_alone()
def save_model(model: keras.Model, folder: Path) -> None:
    """Write `model.keras`, or `model.weights.h5` if Keras cannot write and read the configuration of the model."""
    for name in (MODEL_FILE, WEIGHTS_FILE):
        (folder / name).unlink(missing_ok=True)
    if model_json(model):
        model.save(folder / MODEL_FILE)
    else:
        model.save_weights(folder / WEIGHTS_FILE)


def model_path(folder: Path) -> Path:
    """Return the file that `save_model` wrote.

    Errors: `StoreError` if there is no such file.
    """
    path = next((folder / name for name in (MODEL_FILE, WEIGHTS_FILE) if (folder / name).is_file()), None)
    if path is None:
        raise StoreError(
            f"Expected a folder of `bridle tune --out`, got {str(folder)!r}, which holds no {MODEL_FILE}. "
            "Give another one."
        )
    return path


@tensorflow_left_alone()
def load_model(folder: Path, build: Callable[[], keras.Model] | None = None) -> keras.Model:
    """Load the model that `save_model` wrote.

    Args:
        folder: path of the folder.
        build: function that builds a model with the same layers, for models that need custom code; others load without.

    Errors: `StoreError` if the model cannot be read, with the names of the code that it needs.

    """
    path = model_path(folder)
    needed = _needed(path)
    if build is None and needed is not None:
        raise StoreError(
            f"The model in {str(folder)!r} needs {needed}, whose code is not in the folder. Give the --model "
            "module:function of `bridle tune`. In Python: load_applied(folder, model=function)."
        )
    try:
        if build is None or needed is None:  # a mean over seeds has other layers than the function builds
            model = keras.models.load_model(path, safe_mode=True, compile=False)
        else:
            model = build()
            model.optimizer = None  # its state is in the file and not needed to predict
            model.load_weights(path)
    except Exception as error:  # a damaged model fails in as many ways as there are formats inside it
        raise StoreError(f"The model in {str(folder)!r} cannot be read. {first_line(error)}") from error
    if not isinstance(model, keras.Model):
        raise KindError(f"Expected a model in {str(path)!r}, got {type(model).__name__}.")
    return model


def _needed(path: Path) -> str | None:
    """Return the names of the code that a model file needs; None if it needs no code or cannot be read."""
    if path.name == WEIGHTS_FILE:
        return "the function that builds it"
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
        config.pop("compile_config", None)
        names = own_names(config, keras.saving.get_custom_objects())
    except Exception:  # loading the file reports the error
        return None
    return ", ".join(map(short_repr, names)) or None
