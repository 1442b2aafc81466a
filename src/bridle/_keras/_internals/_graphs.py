"""Private parts of functional models, masks and symbolic calls."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from bridle._keras._internals._access import load_internal, read_private

_FUNCTIONAL = load_internal("models.functional", "Functional")
_FUNCTIONAL_LIKE = load_internal("models.functional", "functional_like_constructor")
_GET_MASK = load_internal("backend.common.masking", "get_keras_mask")
_SET_MASK = load_internal("backend.common.masking", "set_keras_mask")
_AUTOCAST_SCOPE = load_internal("backend.common.variables", "AutocastScope")


def is_functional(model: object) -> bool:
    """Return True for a functional model."""
    return isinstance(model, _FUNCTIONAL)


def has_functional_constructor(model: object) -> bool:
    """Return True for a functional model whose class takes inputs and outputs, as `keras.Model` does."""
    return isinstance(model, _FUNCTIONAL) and bool(_FUNCTIONAL_LIKE(type(model)))


def functional_of(model: Any) -> Any:
    """Return the functional model inside a Sequential one; None for one that has none."""
    return getattr(model, "_functional", None)


def inputs_structure(model: Any) -> Any:
    """Return the structure in which a functional model takes its inputs; None for a model without one."""
    return getattr(model, "_inputs_struct", None)


def nodes_by_depth(model: Any) -> Mapping[int, list[Any]]:
    """Return the calls in the graph of a functional model, by their depth."""
    return read_private(model, "_nodes_by_depth")


def inbound_nodes(operation: Any) -> list[Any]:
    """Return the calls of an operation in graphs."""
    return read_private(operation, "_inbound_nodes")


def forget_nodes(operation: Any) -> None:
    """Take an operation out of every graph."""
    operation._inbound_nodes, operation._outbound_nodes = [], []


def call_arguments(node: Any, tensors: Mapping[int, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call in a graph, with other tensors (by identity) in place of its own."""
    return node.arguments.fill_in(tensors)


def get_mask(tensor: Any) -> Any:
    """Return the mask that Keras attached to a tensor; None if there is none."""
    return _GET_MASK(tensor)


def set_mask(tensor: Any, mask: Any) -> None:
    """Attach a mask to a tensor."""
    _SET_MASK(tensor, mask)


def full_precision() -> contextlib.AbstractContextManager[Any]:
    """Read variables as they are stored, also where a mixed precision policy would cast them."""
    return _AUTOCAST_SCOPE(None)


def symbolic_result(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the shapes and types that a function returns for symbolic tensors."""
    return load_internal("backend", "compute_output_spec")(function, *arguments)
