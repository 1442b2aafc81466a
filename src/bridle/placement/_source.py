"""Objects of Keras as Python source: constructor calls without default arguments."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

ROOMS = ("initializers", "regularizers", "constraints")
"""Modules of Keras in which the class of an argument is looked for; the others are layers."""


def call(room: str, name: str, arguments: Mapping[str, str]) -> str:
    """Return the source of a constructor call, such as `keras.layers.Dense(units=3)`."""
    return f"keras.{room}.{name}({', '.join(f'{key}={value}' for key, value in arguments.items())})"


def arguments_of(item: Any) -> dict[str, str]:
    """Return the arguments that construct an object of Keras: its configuration without the defaults, as source."""
    config = item.get_config()
    parameters = inspect.signature(type(item).__init__).parameters
    return {
        name: source(config[name])
        for name, parameter in parameters.items()
        if name in config and name not in ("self", "kwargs") and source(config[name]) != source(parameter.default)
    }


def source(value: Any) -> str:
    """Return a value of a configuration as source."""
    if isinstance(value, dict) and "class_name" in value:
        inner = {key: item for key, item in value.get("config", {}).items() if item is not None}
        name = value["class_name"]
        if not inner:
            return repr(_snake(name))
        room = "layers"
        if hasattr(keras.optimizers.schedules, name):
            room = "optimizers.schedules"
        room = next((one for one in ROOMS if hasattr(getattr(keras, one), name)), room)
        return call(room, name, {key: source(item) for key, item in inner.items()})
    return repr(value)


def _snake(name: str) -> str:
    return "".join(
        f"_{letter.lower()}" if letter.isupper() and index else letter.lower() for index, letter in enumerate(name)
    )
