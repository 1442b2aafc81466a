"""`load`: the result of a study from its folder, in another process or on another machine."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras

from bridle import store as stores
from bridle._api._result import Result
from bridle._api._stored import stored_model
from bridle._errors import KindError, StoreError


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
