"""Checks of a model configuration from anywhere: it may name no code outside of Keras and bridle."""

from collections.abc import Collection, Iterator
from typing import Any

import keras

from bridle._errors import InputError
from bridle._keras import is_keras_module
from bridle.untrusted._archive import ADVICE

MAX_LEVELS = 200
"""Levels of dictionaries and lists; a model nested five models deep has about sixty."""
PLAIN_OBJECTS = frozenset({"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__"})
"""Values that Keras writes as objects."""
LAMBDA_LAYER = "Lambda"
"""The layer that runs a function."""
CODE_OBJECTS = frozenset({"__lambda__", "FlaxLayer", "JaxLayer", LAMBDA_LAYER, "TFSMLayer", "TorchModuleWrapper"})
"""Objects that are code or wrap code."""
FUNCTION_MODULES = ("activations", "constraints", "initializers", "losses", "metrics", "ops", "regularizers")
"""Modules of Keras that a function may come from."""
CLASS_MODULES = (
    "constraints", "dtype_policies", "initializers", "layers", "losses", "metrics", "models", "optimizers",
    "optimizers.schedules", "quantizers", "random", "regularizers",
)  # fmt: skip
"""Modules of Keras that a class may come from, besides the private ones, where Keras takes only what it can save."""
BRIDLE_PREFIX = "bridle>"
"""The start of the registered names of bridle's classes."""


def check_config(config: dict[str, Any], where: str, vouched: Collection[str] = ()) -> None:
    """Refuse a configuration that names anything but what Keras and bridle define, or that holds code.

    Args:
        config: what Keras wrote.
        where: what to call the place it comes from.
        vouched: names of objects that the user vouches for; a `Lambda` layer may then have a function among them.

    Errors: `InputError` that names what was refused and says how to audit such a model.

    """
    for item in _objects(config, where):
        name, module = item["class_name"], item.get("module")
        if not isinstance(name, str) or not isinstance(module, str | None):
            raise InputError(f"Expected names of classes in the configuration of {where}, got {name!r:.80}.")
        if _holds_code(name) and not (name == LAMBDA_LAYER and vouched):
            raise InputError(f"Expected a model without code in {where}, got {name!r:.80}. {ADVICE}")
        is_plain = name in (*PLAIN_OBJECTS, LAMBDA_LAYER)
        if not is_plain and not _is_known(item, name, module) and own_name(item) not in vouched:
            raise InputError(_custom(item, name, module, where))


def own_names(config: dict[str, Any], vouched: Collection[str] = ()) -> list[str]:
    """Return the names of all objects in a configuration that neither Keras nor bridle defines, each once."""
    names = dict.fromkeys(own_name(item) for item in _objects(config, "the model") if _is_own(item))
    return [name for name in names if name not in vouched]


def _is_own(item: dict[str, Any]) -> bool:
    name, module, registered = item["class_name"], item.get("module"), item.get("registered_name")
    if name in (*PLAIN_OBJECTS, *CODE_OBJECTS):
        return False
    if module is None and isinstance(registered, str) and not registered.startswith(BRIDLE_PREFIX):
        return True  # Keras leaves the module out for classes of a script
    return not _is_known(item, name, module)


def own_name(item: dict[str, Any]) -> str:
    """Return the name under which Keras looks an object of a configuration up among custom objects."""
    name = item.get("config") if item["class_name"] == "function" else item.get("registered_name")
    return name if isinstance(name, str) else item["class_name"]


def _holds_code(name: str) -> bool:
    return name in CODE_OBJECTS or name == "__typespec__"


def _objects(config: Any, where: str) -> Iterator[dict[str, Any]]:
    """Yield every dictionary that stands for an object, at any depth."""
    waiting = [(config, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_LEVELS:
            raise InputError(f"Expected a configuration of at most {MAX_LEVELS} levels in {where}, got more. {ADVICE}")
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            waiting += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]


def _is_known(item: dict[str, Any], name: str, module: str | None) -> bool:
    registered = item.get("registered_name")
    if isinstance(registered, str) and registered.startswith(BRIDLE_PREFIX):
        return keras.saving.get_registered_object(registered) is not None
    if registered not in (None, name) and not (name == "function" and registered == item.get("config")):
        return False
    if name == "function":
        return _is_function(item.get("config"), module)
    if module is None:  # an older format, in which Keras only finds its own classes
        return True
    return is_keras_module(module) or module in ("keras", *(f"keras.{room}" for room in CLASS_MODULES))


def _is_function(name: Any, module: str | None) -> bool:
    everywhere = module in ("builtins", None)
    rooms = [room for room in FUNCTION_MODULES if everywhere or module == f"keras.{room}"]
    return isinstance(name, str) and any(callable(getattr(getattr(keras, room), name, None)) for room in rooms)


def _custom(item: dict[str, Any], name: str, module: str | None, where: str) -> str:
    what = item.get("config") if name == "function" else name
    registered = item.get("registered_name")
    full = registered if registered not in (None, name) else f"{module}.{what}" if module else what
    return (
        f"Expected a model of Keras's own layers and bridle's penalties in {where}, got {full!r:.120}, whose code is "
        f"not in the file. {ADVICE}"
    )
