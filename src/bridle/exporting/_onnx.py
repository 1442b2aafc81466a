"""The selected model as an ONNX file that other languages run, with its columns described, checked by onnxruntime."""

import io
import json
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import keras
import numpy as np

from bridle._errors import InputError, StoreError, first_line
from bridle._keras import tensorflow_left_alone
from bridle.exporting._columns import describe
from bridle.exporting._source import Exported, FinishedStudy, optional_package
from bridle.store import write_atomic

DRAWN_ROWS, DRAWN_STEPS = 100, 8
"""The rows that are drawn for the check where none are given, and the length of an axis without one."""
MAX_CHECKED = 1000
"""The most rows that are checked."""
TOLERANCE = 1e-4
"""The largest difference of a prediction p, relative to max(1, |p|)."""
ROWS, PREDICTION = "rows", "prediction"
"""The names of the only input and of the only output."""
METADATA = "bridle"
"""The entry of the file's metadata that describes inputs and outputs."""


def write_onnx(source: FinishedStudy, out: Path, rows: Any) -> Exported:
    """Write the selected model as ONNX, and compare its predictions in onnxruntime with those of Keras.

    The file's metadata has the entry `bridle`: a JSON text with the columns, how each becomes features, and what the
    outputs mean. Nothing is written if the predictions differ.

    Args:
        source: the study.
        out: the file.
        rows: unprepared rows to check; None for rows that are drawn.

    Errors: `InputError` if the exporter is not installed, cannot translate a layer, or gives other predictions;
    `StoreError` if the file cannot be written.

    """
    with optional_package("onnx"):
        import jax2onnx  # noqa: F401 # pyright: ignore[reportMissingImports] - Keras's exporter calls it
        import onnx  # pyright: ignore[reportMissingImports] - an optional package
        import onnxruntime  # pyright: ignore[reportMissingImports] - an optional package
    model = source.model
    inputs = _inputs(model)
    arrays = _drawn(model, inputs) if rows is None else _prepared(source, rows, inputs)
    graph = _translated(model, inputs, onnx)
    description = describe(source, [one.name for one in graph.graph.input], [one.name for one in graph.graph.output])
    graph.metadata_props.add(key=METADATA, value=json.dumps(description, allow_nan=False))
    graph.doc_string = source.result.verdict()
    content = graph.SerializeToString()
    expected = [np.asarray(part) for part in keras.tree.flatten(model.predict(_as_given(model, arrays), verbose=0))]
    difference = _difference(expected, _run(onnxruntime, content, arrays))
    if not difference <= TOLERANCE:
        raise InputError(
            f"Expected the same predictions from onnxruntime as from Keras, got a difference of {difference:.2g} on "
            f"{len(arrays[0])} {'drawn ' if rows is None else ''}rows, above {TOLERANCE:g}. Nothing was written. "
            f"{'Give real rows to check: rows= or --rows. ' if rows is None else ''}"
            "A layer may be translated wrongly: try a newer jax2onnx."
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(out, lambda file: file.write(content))
    except OSError as error:
        raise StoreError(f"Expected a file that can be written, got {str(out)!r}: {error.strerror}.") from error
    text = (
        f"The model in {out}, {len(content) / 2**20:.2g} MiB. On {len(arrays[0])} {'drawn ' * (rows is None)}rows, "
        f"onnxruntime gives Keras's predictions to {difference:.1g} (at most {TOLERANCE:g}, relative above 1). "
        f"Its metadata {METADATA!r} describes the columns."
    )
    return Exported("onnx", out, text, (out,))


def _inputs(model: keras.Model) -> list[Any]:
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise InputError(
            f"Expected a functional or sequential model to export as ONNX, got the subclassed {type(model).__name__}. "
            "Build it with keras.Model(inputs, outputs)."
        )
    return list(inputs)


def _prepared(source: FinishedStudy, rows: Any, inputs: list[Any]) -> list[np.ndarray]:
    """Return the first rows as the network takes them, one array for each input."""
    if source.applied is not None:
        prepared = source.applied.preparation.transform(source.applied.preparation.new_rows(rows).rows)
    else:
        transformer = source.result.preprocessor
        prepared = rows if transformer is None else transformer.transform(rows)
    arrays = [np.asarray(part)[:MAX_CHECKED] for part in keras.tree.flatten(prepared)]
    shapes = [tuple(one.shape[1:]) for one in inputs]
    if len(arrays) != len(inputs) or not all(
        len(array)
        and len(shape) == array.ndim - 1
        and all(size in (None, had) for size, had in zip(shape, array.shape[1:], strict=True))
        for shape, array in zip(shapes, arrays, strict=True)
    ):
        raise InputError(
            f"Expected rows for inputs of shape {', '.join(map(str, shapes))}, got arrays of shape "
            f"{', '.join(str(array.shape) for array in arrays)}. Give rows as to Result.predict."
        )
    return [array.astype(one.dtype) for array, one in zip(arrays, inputs, strict=True)]


def _drawn(model: keras.Model, inputs: list[Any]) -> list[np.ndarray]:
    """Return rows of standard normal numbers, or of small whole numbers for an embedding or an input of integers."""
    draw, highest = np.random.default_rng(0), _categories(model)
    arrays = []
    for one in inputs:
        shape = (DRAWN_ROWS, *(DRAWN_STEPS if size is None else size for size in one.shape[1:]))
        whole = highest is not None or not str(one.dtype).startswith("float")
        values = draw.integers(0, min(highest or 2, 100), shape) if whole else draw.normal(size=shape)
        arrays.append(values.astype(one.dtype))
    return arrays


def _categories(model: Any) -> int | None:
    """Return the fewest entries of an embedding in a model; None without one."""
    if isinstance(model, keras.layers.Embedding):
        return int(model.input_dim)
    inner = [_categories(layer) for layer in getattr(model, "layers", ())]
    return min((count for count in inner if count is not None), default=None)


def _as_given(model: keras.Model, arrays: list[np.ndarray]) -> Any:
    return arrays[0] if len(arrays) == 1 else arrays


def _translated(model: keras.Model, inputs: list[Any], onnx: Any) -> Any:
    """Return the model that Keras's exporter writes, with names for its only input and output."""
    signature = None
    if len(inputs) == 1:
        signature = [keras.InputSpec(shape=inputs[0].shape, dtype=inputs[0].dtype, name=ROWS)]
    else:  # the exporter reads the signature of a model that was called
        model([keras.ops.zeros([1 if size is None else size for size in one.shape], one.dtype) for one in inputs])
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()), tensorflow_left_alone():
        path = Path(folder) / "model.onnx"
        try:
            model.export(path, format="onnx", verbose=False, input_signature=signature)
            graph = onnx.load(path)
        except Exception as error:  # each layer fails in its own way
            kinds = sorted(_kinds(model))
            raise InputError(
                f"Expected a model whose layers Keras's exporter can translate to ONNX, got {', '.join(kinds)}. "
                f"It says: {first_line(error)} Replace that layer, or use model.keras."
            ) from error
    _repair_pooling(graph.graph, onnx)
    if len(graph.graph.output) == 1:
        _rename(graph.graph, graph.graph.output[0].name, PREDICTION)
    return graph


def _kinds(model: Any) -> set[str]:
    """Return the names of the layers' classes."""
    layers = getattr(model, "layers", None)
    return {type(model).__name__} if layers is None else {kind for layer in layers for kind in _kinds(layer)}


def _rename(graph: Any, old: str, new: str) -> None:
    """Rename a value wherever a graph names it."""
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == old:
                    names[index] = new
    for value in (*graph.output, *graph.value_info):
        if value.name == old:
            value.name = new


def _repair_pooling(graph: Any, onnx: Any) -> None:
    """Replace each maximum over four axes, which onnxruntime cannot run, by one over the two axes of an image.

    jax2onnx 0.17 writes the `MaxPooling2D` of Keras in that way, with the rows and the channels as axes of length 1
    of the window. The value has two further axes before these.
    """
    nodes = []
    for node in graph.node:
        lists = {entry.name: list(entry.ints) for entry in node.attribute if entry.ints}
        kernel = lists.get("kernel_shape", [])
        if node.op_type != "MaxPool" or len(kernel) != 4 or (kernel[0], kernel[3]) != (1, 1):
            nodes.append(node)
            continue
        others = {entry.name: entry for entry in node.attribute if entry.name not in lists}
        middle = {
            name: values[1:3] if len(values) == 4 else [*values[1:3], *values[5:7]] for name, values in lists.items()
        }
        name = node.output[0]
        axes = f"{name}_leading_axes"
        graph.initializer.append(onnx.numpy_helper.from_array(np.array([0, 1], np.int64), axes))
        steps = [
            ("Squeeze", [node.input[0], axes], {}),
            ("Transpose", [], {"perm": [0, 3, 1, 2]}),
            ("MaxPool", [], middle),
            ("Transpose", [], {"perm": [0, 2, 3, 1]}),
            ("Unsqueeze", [axes], {}),
        ]
        previous = None
        for index, (kind, values, options) in enumerate(steps):
            output = name if index == len(steps) - 1 else f"{name}_{index}"
            entered = values if previous is None else [previous, *values]
            made = onnx.helper.make_node(kind, entered, [output], name=f"{output}_{kind}", **options)
            made.attribute.extend(others.values() if kind == "MaxPool" else ())
            nodes.append(made)
            previous = output
    del graph.node[:]
    graph.node.extend(nodes)


def _run(onnxruntime: Any, content: bytes, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the outputs of an ONNX model in onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        entered = {one.name: array for one, array in zip(session.get_inputs(), arrays, strict=True)}
        return session.run(None, entered)
    except Exception as error:  # an operation that it does not have, a shape that it cannot run
        raise InputError(
            f"Expected a model that onnxruntime can run, got an error. It says: {first_line(error)} "
            "Nothing was written. Try a newer jax2onnx or onnxruntime, or use model.keras."
        ) from error


def _difference(expected: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> float:
    """Return the largest difference of predictions p, each relative to max(1, |p|)."""
    if [part.shape for part in expected] != [part.shape for part in outputs]:
        return float("inf")
    largest = [np.abs(p - q) / np.maximum(1, np.abs(p)) for p, q in zip(expected, outputs, strict=True)]
    return max(float(values.max(initial=0)) for values in largest)
