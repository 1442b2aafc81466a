"""Names by which Keras knows classes, functions and modules."""

from typing import Any

from bridle._keras._internals._access import load_internal

_API_NAMES = load_internal("api_export", "get_name_from_symbol")
_SNAKE_CASE = load_internal("utils.naming", "to_snake_case")


def is_keras_module(module: str) -> bool:
    """Return True for the name of a module inside Keras's own implementation."""
    return module.startswith("keras.src.")


def is_from_keras(kind: Any) -> bool:
    """Return True for a class or function that Keras defines, by the name of its module."""
    return f"{getattr(kind, '__module__', None) or ''}.".startswith("keras.")


def exported_name(symbol: Any) -> str | None:
    """Return the public name under which Keras exports a class or function; None for one that it does not."""
    return _API_NAMES(symbol)


def snake_case(name: str) -> str:
    """Return the name that Keras derives from the name of a class."""
    return _SNAKE_CASE(name)
