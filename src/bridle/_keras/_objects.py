"""Configurations that refer to the user's classes and functions by identity instead of by name."""

import itertools
import threading
from collections import UserDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from bridle._keras._internals import (
    exported_name,
    is_from_keras,
    is_random_initializer,
    registries,
    serializers,
    set_serialization,
)

BY_NAME = ("keras.activations.", "keras.losses.", "keras.metrics.")
"""Prefixes of Keras's own functions that a configuration refers to by name."""
STATELESS = (keras.initializers.Initializer, keras.regularizers.Regularizer, keras.constraints.Constraint)
_one_at_a_time = threading.RLock()
_numbers = itertools.count()


class _Registry(UserDict):
    """Registered names of objects; in one thread every object that Keras does not export has a unique one."""

    def __init__(self, names: dict[Any, str], objects: dict[str, Any]):
        super().__init__()
        self.data = names
        self._objects = objects
        self._unique: dict[int, str] = {}
        self._thread = threading.get_ident()

    @property
    def is_active(self) -> bool:
        return threading.get_ident() == self._thread

    @property
    def unique(self) -> tuple[str, ...]:
        return tuple(self._unique.values())

    def __contains__(self, obj: object) -> bool:
        return (self.is_active and not _is_exported(obj)) or super().__contains__(obj)

    def __getitem__(self, obj: Any) -> str:
        return self.unique_name(obj) if self.is_active and not _is_exported(obj) else super().__getitem__(obj)

    def unique_name(self, obj: Any) -> str:
        """Return the unique name of an object, which Keras's registry keeps alive."""
        if id(obj) not in self._unique:
            name = f"bridle:{next(_numbers)}:{getattr(obj, '__name__', type(obj).__name__)}"
            self._unique[id(obj)] = name
            self._objects[name] = obj
        return self._unique[id(obj)]

    def reference(self, obj: Any) -> dict[str, Any]:
        """Return a configuration that represents the object itself."""
        name = self.unique_name(obj)
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": name}


@contextmanager
def objects_by_identity(*, share: bool = False) -> Iterator[None]:
    """Make `get_config` and `from_config` refer to the user's classes and functions by identity in this thread.

    Keras writes names into a configuration. Two classes of one name then become one, a user's function must be
    registered, and lambdas are refused. Inside the block a configuration is good for this process alone.

    Args:
        share: refer to the user's initializers, regularizers and constraints too, instead of making them again.

    """
    with _one_at_a_time:
        names, objects = registries()
        registry = _Registry(names, objects)
        serialize, serialize_lambda = serializers()

        def serialized(obj: Any) -> Any:
            if not registry.is_active:
                return serialize(obj)
            if _is_referred(obj, share):
                return registry.reference(obj)
            try:
                return serialize(obj)
            except TypeError:
                if hasattr(obj, "get_config"):
                    raise
                return registry.reference(obj)

        def of_function(layer: keras.layers.Lambda, function: Callable[..., Any]) -> Any:
            return serialized(function) if registry.is_active else serialize_lambda(layer, function)

        set_serialization(registry, serialized, of_function)
        try:
            yield
        finally:
            set_serialization(names, serialize, serialize_lambda)
            for name in registry.unique:
                objects.pop(name, None)


def _is_exported(obj: object) -> bool:
    """Return True for a class or function that Keras exports."""
    return is_from_keras(obj) and exported_name(obj) is not None


def _is_referred(obj: Any, share: bool) -> bool:
    if isinstance(obj, type):
        return True
    if not hasattr(obj, "get_config"):
        if not callable(obj):  # such as a dictionary, which cannot be hashed
            return False
        exported = exported_name(obj) if is_from_keras(obj) else None
        return exported is None or not exported.startswith(BY_NAME)
    if not isinstance(obj, STATELESS) or _is_exported(type(obj)):
        return False
    return share or (_hides_arguments(type(obj)) and not is_random_initializer(obj))


def _hides_arguments(kind: type) -> bool:
    """Return True for a class with its own constructor and no `get_config` that returns its arguments."""
    order = [base for base in kind.__mro__ if {"__init__", "get_config"} & set(vars(base))]
    return "get_config" not in vars(order[0])
