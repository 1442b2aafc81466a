"""Whether the training step that `fit` has compiled is still that of the model."""

import re
from collections.abc import Iterator
from typing import Any, Literal

import keras
import numpy as np

from bridle._keras._audit import losses_kept
from bridle._keras._taps import replaced

SIZES = (32, 16, 64, 128, 256, 512, 1024, 8, 4, 1, 2, 10, 20, 24, 25, 30, 40, 48, 50, 100, 200)
"""Batch sizes under which a compiled step is looked for."""


class _NotCompiledYetError(Exception):
    pass


def compiled_step(model: keras.Model, x: Any) -> Literal["same", "other", "unknown", "none"]:
    """Compare what `fit` has compiled with what it would compile now; nothing is compiled or run here.

    JAX keeps the steps it has traced by the shapes of their arguments. The step is asked for under one shape after
    another; where it is not there, the tracing is stopped at once. What is found is compared with a new trace, by
    its operations and constants.

    Args:
        model: any model.
        x: some rows, which tell the shapes of the inputs.

    Returns `"none"` where nothing was compiled, `"unknown"` where it cannot be found or read.

    """
    step = getattr(model, "train_function", None)
    if step is None or model.run_eagerly:
        return "none"
    if keras.backend.backend() != "jax":
        return "none" if keras.backend.backend() == "torch" and not model.jit_compile else "unknown"
    jitted = next((cell.cell_contents for cell in step.__closure__ or () if hasattr(cell.cell_contents, "trace")), None)
    if jitted is None:
        return "none"
    if not type(model).train_step.__module__.startswith("keras.src."):
        return "unknown"
    with losses_kept(model._flatten_layers()):
        return _compare(model, jitted, x)


def _compare(model: keras.Model, jitted: Any, x: Any) -> Literal["same", "other", "unknown"]:
    import jax

    state = _shapes_of_state(model)
    data = _find(model, jitted, state, x)
    if data is None:
        return "unknown"
    with replaced(model, "compute_loss_and_updates", _stop):
        old = jitted.trace(state, data)
    new = jax.jit(lambda state, data: model.train_step(state, data)).trace(state, data)
    return "same" if _are_same(old.jaxpr, new.jaxpr) else "other"


def _stop(*args: Any, **kwargs: Any) -> None:
    raise _NotCompiledYetError


def _find(model: keras.Model, jitted: Any, state: Any, x: Any) -> Any:
    with replaced(model, "compute_loss_and_updates", _stop):
        for data in _candidates(model, x):
            try:
                jitted.trace(state, data)
            except _NotCompiledYetError:
                continue
            return data
    return None


def _shapes_of_state(model: keras.Model) -> tuple[list[Any], ...]:
    import jax

    groups = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
    return tuple([jax.ShapeDtypeStruct(v.shape, v.dtype) for v in vs] for vs in (*groups, model.metrics_variables))


def _candidates(model: keras.Model, x: Any) -> Iterator[Any]:
    """Shapes of batches as `fit` passes them on: inputs, labels, and weights of samples where there are some."""
    import jax

    rows = keras.tree.flatten(x)[0].shape[0]
    outputs = getattr(model, "outputs", None)
    if not outputs:
        return
    likely = list(dict.fromkeys([32, rows, rows % 32 or 32, *SIZES]))
    for weighted in (False, True):
        for size in likely:
            inputs = keras.tree.map_structure(lambda a, n=size: jax.ShapeDtypeStruct((n, *a.shape[1:]), _kept(a)), x)
            for labels in _labels(outputs, size):
                weights = (jax.ShapeDtypeStruct((size,), "float32"),) if weighted else ()
                yield (inputs, labels, *weights)


def _kept(array: np.ndarray) -> Any:
    return {"float64": "float32", "int64": "int32", "uint64": "uint32"}.get(str(array.dtype), array.dtype)


def _labels(outputs: Any, size: int) -> Iterator[Any]:
    """Labels that fit the outputs: numbers of their shape, or classes without the last axis."""
    import jax

    flat = keras.tree.flatten(outputs)
    for dtype in ("float32", "int32", "bool"):
        for ends in ((), (1,), None):
            shapes = [(size, *(out.shape[1:] if ends is None else (*out.shape[1:-1], *ends))) for out in flat]
            specs = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
            yield specs[0] if len(specs) == 1 else tuple(specs)


def _are_same(old: Any, new: Any) -> bool:
    texts = [re.sub(r"0x[0-9a-f]+", "", str(closed.jaxpr)) for closed in (old, new)]
    return texts[0] == texts[1] and all(np.array_equal(a, b) for a, b in zip(old.consts, new.consts, strict=True))
