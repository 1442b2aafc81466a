"""Fingerprint of a model: equal for two builds of one script, different where two models differ."""

import json
import re
import warnings
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import keras
import numpy as np

from bridle._keras._internals import (
    compile_config,
    flatten_layers,
    snake_case,
    tensorflow_left_alone,
)

PASSING = re.compile(r'"shared_object_id": \d+|0x[0-9a-fA-F]+')
"""Texts that differ between two processes without a meaning."""


@tensorflow_left_alone()
def fingerprint_model(model: keras.Model) -> dict[str, Any]:
    """Return the fingerprint of a model: layers, optimizer, loss, metrics, and a hash of the configuration.

    Names that Keras gave are left out: they count what was built before in the same process.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="The object being serialized includes a `lambda`"
        )  # none is read back
        return _described(model)


def _described(model: keras.Model) -> dict[str, Any]:
    layers = list(flatten_layers(model))
    names = _given_names(layers)
    lines = [f"{names[layer.name]}: {type(layer).__name__} {_shapes(layer)}" for layer in layers if layer is not model]
    text = _text(model.get_config if _tells(model) else lambda: lines)
    for name, new in sorted(names.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(f'"{name}"', f'"{new}"')
    config = compile_config(model)
    return {
        "layers": lines,
        "configuration": sha256(text.encode()).hexdigest()[:16],
        "optimizer": {"kind": type(model.optimizer).__name__, **_plain(model.optimizer.get_config())},
        **{name: _text(lambda name=name: config.get(name)) for name in ("loss", "loss_weights", "metrics")},
    }


def _given_names(layers: list[Any]) -> dict[str, str]:
    """Return the name of each layer; for a name that Keras gave, the class and its number in the model."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for layer in layers:
        kind = snake_case(type(layer).__name__)
        if re.fullmatch(rf"{re.escape(kind)}(_\d+)?", layer.name):
            counts[kind] = counts.get(kind, 0) + 1
            names[layer.name] = f"{kind}#{counts[kind]}"
        else:
            names[layer.name] = _as_the_first(layer, layers)
    return names


def _as_the_first(layer: Any, layers: list[Any]) -> str:
    """Return the name of a layer, with the number inside a `Bidirectional` counted from the model's first."""
    kind = re.escape(snake_case(type(layer).__name__))
    pattern = re.compile(rf"(?:forward_|backward_)?{kind}(?:_(\d+))?")
    match = re.fullmatch(rf"((?:forward_|backward_){kind})(?:_(\d+))?", layer.name)
    if match is None:
        return layer.name
    alike = (pattern.fullmatch(other_layer.name) for other_layer in layers if type(other_layer) is type(layer))
    offset = int(match[2] or 0) - min(int(other_layer[1] or 0) for other_layer in alike if other_layer)
    return f"{match[1]}_{offset}" if offset else match[1]


def _shapes(layer: Any) -> str:
    inner = [part for part in flatten_layers(layer) if part is not layer]
    return "" if inner else " ".join(str(tuple(weight.shape)) for weight in layer.weights)


def _tells(model: keras.Model) -> bool:
    try:
        json.dumps(model.get_config(), default=_other)
    except (NotImplementedError, TypeError, ValueError, OSError, RecursionError):
        return False
    return True


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    return json.loads(_text(lambda: {name: value for name, value in config.items() if name != "name"}))


def _text(make: Callable[[], Any]) -> str:
    return PASSING.sub("", json.dumps(make(), default=_other, sort_keys=True))


def _other(value: Any) -> Any:
    """Return a value that JSON has no form for in a form that it has."""
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "__array__"):
        array = np.asarray(value)
        return array.tolist() if array.size < 16 else sha256(array.tobytes()).hexdigest()
    if callable(value):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__name__)}"
    if hasattr(value, "get_config"):
        return {"class": type(value).__name__, "config": value.get_config()}
    return type(value).__name__
