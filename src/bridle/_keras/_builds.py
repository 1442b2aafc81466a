"""Numbers that a model holds outside its variables, compared between two builds."""

from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any

import keras
import numpy as np

from bridle._errors import KindError
from bridle._keras._alike import is_same_function
from bridle._keras._internals import (
    flatten_layers,
    functional_of,
    is_from_keras,
    is_functional,
    nodes_by_depth,
)
from bridle._keras._objects import objects_by_identity

LEFT_OUT = ("name", "seed", "initializer", "build_config", "shared_object_id")
"""Parts of a configuration that may differ: names, and what decides the first values of variables."""


def calls_of(operation: Any) -> list[Any]:
    """Return the calls in the graph of a model, by depth; none for a layer."""
    graph = functional_of(operation) if isinstance(operation, keras.Sequential) else operation
    depths = nodes_by_depth(graph) if is_functional(graph) else {}
    return [call for depth in sorted(depths, reverse=True) for call in depths[depth]]


def graph_constants(model: keras.Model) -> list[str]:
    """Describe the arrays of numbers in the graph of a model."""
    values = [value for value in _in_graph(model) if np.ndim(value[1]) and np.asarray(value[1]).dtype.kind == "f"]
    return [f"{np.shape(array)} in {name!r}" for name, array in values]


def check_same(model: keras.Model, rebuilt: keras.Model, advice: str) -> None:
    """Check that a model that was built again differs in the values of its variables alone.

    Errors: `KindError`, which ends with the advice.
    """
    difference = _difference(model, rebuilt)
    if difference:
        raise KindError(f"Expected the same model from the configuration of {model.name!r}, got {difference}. {advice}")


def check_builds(first: keras.Model, second: keras.Model) -> None:
    """Check that two builds of a model function differ in the values of their variables alone.

    Errors: `KindError` where they differ in anything else, which every seed would draw anew in Keras.
    """
    difference = _difference(first, second)
    if difference:
        raise KindError(
            f"Expected a model function whose builds differ only in the values of variables, got {difference}. A "
            "study would use the numbers of the first build for every seed. Draw them in a layer "
            "(self.add_weight(…, trainable=False) in its build), or from a fixed seed "
            "(numpy.random.default_rng(0)), or give the built model, which has the same numbers for every seed."
        )


def _difference(first: keras.Model, second: keras.Model) -> str:
    shapes = [[tuple(variable.shape) for variable in model.variables] for model in (first, second)]
    if shapes[0] != shapes[1]:
        return "variables of other shapes in a second build"
    for (name, value), (_, again) in zip(_in_graph(first), _in_graph(second), strict=False):
        if not _are_equal(value, again):
            return f"numbers of shape {np.shape(value)} in {name!r} that are others in a second build"
    for layer, again in zip(flatten_layers(first), flatten_layers(second), strict=False):
        before, after = (dict(_in_config(built)) for built in (layer, again))
        changed = next((name for name in before if not _are_equal(before[name], after.get(name))), None)
        if changed is not None:
            was, now = before[changed], after.get(changed)
            return f"{changed}={was!r} of layer {layer.name!r}, which is {now!r} in a second build"
    if has_own_code(first) and not is_same_function(first, second):
        return "other predictions for the same values of all variables in a second build"
    return ""


def _are_equal(first: Any, second: Any) -> bool:
    return second is not None and np.array_equal(first, second, equal_nan=True)


def _in_graph(model: keras.Model) -> Iterator[tuple[str, Any]]:
    """Yield the numbers among the arguments of calls and inside operations, by the name of the operation."""
    for call in calls_of(model):
        operation, arguments = call.operation, call.arguments
        attributes = [] if isinstance(operation, keras.Layer) else list(vars(operation).values())
        for value in keras.tree.flatten([arguments.args, arguments.kwargs, attributes]):
            if _is_number(value):
                yield operation.name, value
        yield from _in_graph(operation)


def _in_config(layer: keras.Layer) -> Iterator[tuple[str, Any]]:
    """Yield the numbers in the configuration of a layer."""
    if isinstance(layer, keras.Model):
        return
    try:
        with objects_by_identity(share=True):
            config = layer.get_config()
    except (NotImplementedError, TypeError, ValueError):  # a layer that cannot be saved
        return
    yield from _numbers(config, "")


def _numbers(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not str(key).endswith(LEFT_OUT):
                yield from _numbers(inner, str(key) if name == "" else f"{name}.{key}")
    elif _is_number(value):
        yield name, value
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _numbers(inner, f"{name}[{index}]")


def _is_number(value: Any) -> bool:
    if isinstance(value, keras.KerasTensor):
        return False
    return isinstance(value, int | float | np.generic | np.ndarray) or keras.ops.is_tensor(value)


def has_own_code(model: keras.Model) -> bool:
    """Return True for a model that runs code that is not Keras's, where numbers may hide."""
    return any(not _is_of_keras(layer) or _holds_own_code(layer) for layer in flatten_layers(model))


def _holds_own_code(layer: keras.Layer) -> bool:
    if isinstance(layer, keras.Model):
        return False
    public = (value for name, value in vars(layer).items() if not name.startswith("_"))
    return any(callable(value) and not _is_of_keras(value) for value in public)


def _is_of_keras(value: Any) -> bool:
    home = value if isinstance(value, FunctionType | MethodType | type) else type(value)
    return is_from_keras(home)
