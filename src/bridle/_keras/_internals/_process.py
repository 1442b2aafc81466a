"""State that Keras holds for the whole process: seeds, registries, initialization."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import keras

from bridle._keras._internals._access import load_internal, load_module, read_private

_GLOBAL_STATE = load_module("backend.common.global_state")
_RANDOM_SEED = load_internal("utils.rng_utils", "GLOBAL_RANDOM_SEED")
_SEED_GENERATOR = load_internal("random.seed_generator", "GLOBAL_SEED_GENERATOR")
_TENSORFLOW = load_internal("utils.module_utils", "tensorflow")
_REGISTRATION = load_module("saving.object_registration")
_SERIALIZATION = load_module("saving.serialization_lib")


@contextlib.contextmanager
def process_seeded(seed: int) -> Iterator[None]:
    """Seed Keras as `keras.utils.set_random_seed` does, without an import of TensorFlow; undo it at the end."""
    before = {name: _GLOBAL_STATE.get_global_attribute(name) for name in (_RANDOM_SEED, _SEED_GENERATOR)}
    _GLOBAL_STATE.set_global_attribute(_RANDOM_SEED, seed)
    _GLOBAL_STATE.set_global_attribute(_SEED_GENERATOR, None)
    try:
        yield
    finally:
        for name, value in before.items():
            _GLOBAL_STATE.set_global_attribute(name, value)


@contextlib.contextmanager
def waiting_variables_restored() -> Iterator[None]:
    """Forget at the end which variables began to wait for values inside the block."""
    name = "uninitialized_variables"
    before = list(_GLOBAL_STATE.get_global_attribute(name, []) or [])
    try:
        yield
    finally:
        _GLOBAL_STATE.set_global_attribute(name, before)


@contextlib.contextmanager
def tensorflow_left_alone() -> Iterator[None]:
    """Keep Keras from importing TensorFlow to ask whether something is one of its objects.

    The import takes seconds and some 400 MB. Where TensorFlow is not imported, nothing is one of its objects.
    """
    looked_up = read_private(_TENSORFLOW, "_available") is not None
    if keras.backend.backend() == "tensorflow" or "tensorflow" in sys.modules or looked_up:
        yield
        return
    _TENSORFLOW._available = False
    try:
        yield
    finally:
        _TENSORFLOW._available = None


@contextlib.contextmanager
def initializing_by(
    initialize: Callable[[keras.Variable, Any, Callable[[keras.Variable, Any], None]], None],
) -> Iterator[None]:
    """Replace the method that gives new variables their first values, for the whole process.

    `initialize` takes the variable, its initializer and Keras's own method.
    """
    original = read_private(keras.Variable, "_initialize_with_initializer")
    keras.Variable._initialize_with_initializer = lambda variable, initializer: initialize(
        variable, initializer, original
    )
    try:
        yield
    finally:
        keras.Variable._initialize_with_initializer = original


def initialize_variable(variable: keras.Variable, value: Any) -> None:
    """Give a new variable its first value."""
    read_private(variable, "_initialize")(value)


def registries() -> tuple[Any, dict[str, Any]]:
    """Return Keras's registries: of objects to names, and of names to objects."""
    return _REGISTRATION.GLOBAL_CUSTOM_NAMES, _REGISTRATION.GLOBAL_CUSTOM_OBJECTS


def serializers() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the functions with which Keras serializes an object, and the function of a Lambda layer."""
    return _SERIALIZATION.serialize_keras_object, read_private(keras.layers.Lambda, "_serialize_function_to_config")


def set_serialization(names: Any, serialize: Callable[..., Any], of_lambda: Callable[..., Any]) -> None:
    """Replace the registry of names and the two functions that `serializers` returns."""
    _REGISTRATION.GLOBAL_CUSTOM_NAMES = names
    _SERIALIZATION.serialize_keras_object = serialize
    keras.layers.Lambda._serialize_function_to_config = of_lambda
