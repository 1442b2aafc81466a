"""Default network for a table, its training and the default arms, by their version."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from bridle._errors import InputError, KindError, short_repr
from bridle._keras import is_rebuildable, predicted_shapes
from bridle.placement import find_sites
from bridle.regularizers import L1, L1L2, L2
from bridle.tables import LayoutRules, Problem

HIDDEN = (64, 32)
LARGEST = 2**29
"""The largest number of weights of a default network: 2 GiB."""
NetworkFunction = Callable[[Any, Any], keras.Model]
"""A function `(inputs, outputs)`; `inputs` is the number of features, `(steps, features)` for sequences and windows.

`outputs` is a number; for several targets of classes, one of which has more than two, the number of classes of each.
"""
Outputs = int | tuple[int, ...]
"""The number of outputs, or the number of classes of each of several targets."""
NO_CLASS = -1e9
"""The logit of a class that a target does not have; its probability is exactly 0."""
SCORES: dict[str, dict[str, Callable[[], object]]] = {
    "two classes": {
        "accuracy": lambda: "accuracy",
        "auc": lambda: keras.metrics.AUC(name="auc"),
        "precision": lambda: keras.metrics.Precision(name="precision"),
        "recall": lambda: keras.metrics.Recall(name="recall"),
        "brier": lambda: keras.metrics.MeanSquaredError(name="brier"),
    },
    "several classes": {"accuracy": lambda: "accuracy"},
    "two classes in each column": {
        "accuracy": lambda: keras.metrics.BinaryAccuracy(name="accuracy"),
        "auc": lambda: keras.metrics.AUC(name="auc", multi_label=True),
        "brier": lambda: keras.metrics.MeanSquaredError(name="brier"),
    },
    "classes in each column": {"accuracy": lambda: keras.metrics.SparseCategoricalAccuracy(name="accuracy")},
    "a number": {
        "r2": lambda: keras.metrics.R2Score(name="r2"),
        "mse": lambda: keras.metrics.MeanSquaredError(name="mse"),
        "rmse": lambda: keras.metrics.RootMeanSquaredError(name="rmse"),
        "mae": lambda: keras.metrics.MeanAbsoluteError(name="mae"),
    },
}
"""Scores of the default network by the kind of target, in addition to `"loss"`; the first one is the default."""

KINDS = ("L1", "L2", "L1+L2")
"""The penalties of default arms."""
TARGETS = ("weights", "activations", "pre-activations")
"""The targets of default arms."""


OLD_RULES, RULES = LayoutRules(), LayoutRules(dates=True, encode=True, words=True)


@dataclass(frozen=True)
class Defaults:
    """Network, training and arms of `tune`, where nothing else is given."""

    hidden: tuple[int, ...]
    """The units of the hidden layers."""
    epochs: int
    batch_size: int
    learning_rate: float | None
    """None for that of Keras."""
    kinds: tuple[str, ...]
    targets: tuple[str, ...]
    rules: LayoutRules = OLD_RULES
    """The kinds of columns that are used."""
    sized: bool = False
    """Take fewer epochs and folds, and larger batches, for many rows."""


VERSIONS: Mapping[int, Defaults] = MappingProxyType(
    {
        1: Defaults((64, 32), 200, 32, None, KINDS, TARGETS),
        2: Defaults((64, 32), 100, 64, 2e-3, ("L1", "L2"), TARGETS),
        3: Defaults((64, 32), 100, 64, 2e-3, ("L1", "L2"), TARGETS, RULES, True),
    }
)
"""All defaults that folders were started with. Those of a released version never change."""
NEWEST = max(VERSIONS)
"""The version for new folders, and in Python."""
OWN_MODEL = VERSIONS[1]
"""Epochs and batches for a given model, whose learning rate suits them."""


def default_network(
    inputs: int,
    problem: Problem,
    *,
    hidden: Sequence[int] = HIDDEN,
    activation: str = "relu",
    optimizer: str = "adam",
    learning_rate: float | None = None,
    score: str | None = None,
) -> keras.Model:
    """Return a compiled dense network: by default two hidden ReLU layers of 64 and 32 units, with Adam.

    The layers are `hidden1`, `hidden2` and so on, and `out`. The output and the loss follow from the problem:

    * two classes: one sigmoid unit, binary cross-entropy, accuracy; the same for each of several targets;
    * more classes: softmax, sparse categorical cross-entropy, accuracy; of several targets a softmax for each, of
      shape (targets, most classes), with probability 0 for classes that a target does not have;
    * a number: one linear unit, mean squared error, coefficient of determination.

    `score` adds another measure of `SCORES` to the compiled metrics. `learning_rate` is that of Keras by default.

    Errors: `InputError` for more than 2 GiB of weights, and for a score that does not suit the problem.
    """
    outputs = outputs_of(problem)
    last, loss, metrics = ending(problem, score)
    model = dense_network(inputs, outputs, hidden=hidden, activation=activation, last=last)
    instance = keras.optimizers.get(optimizer)
    if learning_rate is not None:
        instance.learning_rate = learning_rate
    model.compile(optimizer=instance, loss=loss, metrics=metrics)
    return model


def ending(problem: Problem, score: str | None = None) -> tuple[str, str, list[object]]:
    """Return the last activation, the loss and the metrics of a default network.

    Errors: `InputError` for a score that does not suit the problem.
    """
    if problem.parts and max(problem.class_counts) > 2:
        return "softmax", "sparse_categorical_crossentropy", _metrics("classes in each column", score)
    if problem.parts:
        return "sigmoid", "binary_crossentropy", _metrics("two classes in each column", score)
    if problem.classes is None:
        return "linear", "mse", _metrics("a number", score)
    if len(problem.classes) == 2:
        return "sigmoid", "binary_crossentropy", _metrics("two classes", score)
    return "softmax", "sparse_categorical_crossentropy", _metrics("several classes", score)


def dense_network(
    inputs: int, outputs: Outputs, *, hidden: Sequence[int] = HIDDEN, activation: str = "relu", last: str = "linear"
) -> keras.Model:
    """Return a dense network that is not compiled, with the layers `hidden1`, `hidden2` and so on, and `out`.

    For several targets of classes, layers without weights after `out` make a softmax for each target.

    Errors: `InputError` for more than 2 GiB of weights.
    """
    units = int(np.prod(output_shape(outputs)))
    _check_size((inputs, *hidden, units))
    layers = [
        keras.layers.Dense(units, activation=activation, name=f"hidden{index}") for index, units in enumerate(hidden, 1)
    ]
    ends = [] if isinstance(outputs, int) else _softmax_each(outputs)
    out = keras.layers.Dense(units, activation="linear" if ends else last, name="out")
    return keras.Sequential([keras.Input((inputs,)), *layers, out, *ends])


def _softmax_each(counts: Sequence[int]) -> list[keras.layers.Layer]:
    """Return layers from logits to the probabilities of the classes of each target, (row, target, class)."""
    shape, most = output_shape(tuple(counts)), max(counts)
    offset = [[0.0] * count + [NO_CLASS] * (most - count) for count in counts]
    absent = [keras.layers.Rescaling(1.0, offset=offset, name="absent")] if min(counts) < most else []
    return [keras.layers.Reshape(shape, name="targets"), *absent, keras.layers.Softmax(name="shares")]


def output_shape(outputs: Outputs) -> tuple[int, ...]:
    """Return the shape of the output of one row.

    >>> output_shape(3), output_shape((3, 2, 5))
    ((3,), (3, 5))
    """
    return (outputs,) if isinstance(outputs, int) else (len(outputs), max(outputs))


def _metrics(kind: str, score: str | None) -> list[object]:
    """Return the metrics to compile: the usual score, and the selected one."""
    scores = SCORES[kind]
    name = (score or "loss").rpartition(":")[2]
    if name not in ("loss", *scores):
        raise InputError(
            f"Expected one of 'loss', {', '.join(map(repr, scores))} as score of a target with {kind}, got "
            f"{short_repr(score)}. For another score, give --model with a model that is compiled with it."
        )
    return [scores[measure]() for measure in dict.fromkeys([next(iter(scores)), *({name} - {"loss"})])]


def layout_rules(version: int, problem: Problem) -> LayoutRules:
    """Return the kinds of columns that a version of the defaults uses, for this target."""
    return replace(VERSIONS[version].rules, outputs=int(np.prod(output_shape(outputs_of(problem)))))


def outputs_of(problem: Problem) -> Outputs:
    """Return the outputs: one for each target, but for one target of more than two classes as many.

    For several targets of classes, one of which has more than two, they are the number of classes of each.
    """
    if problem.parts and max(problem.class_counts) > 2:
        return problem.class_counts
    if problem.targets:
        return len(problem.targets)
    return 1 if problem.classes is None or len(problem.classes) == 2 else len(problem.classes)


def own_network(function: NetworkFunction, inputs: int | tuple[int, ...], outputs: Outputs) -> keras.Model:
    """Return the network of a user's `function(inputs, outputs)`.

    Errors: `KindError` if it returns no model; `InputError` if the shape of the model does not fit.
    """
    model = called(function, inputs, outputs)
    if not isinstance(model, keras.Model):
        raise KindError(f"Expected the model function to return a keras.Model, got {type(model).__name__}.")
    if not hasattr(model, "inputs"):
        return _of_shape(model, inputs, outputs)
    shape = tuple(model.output_shape) if isinstance(model.output_shape, tuple) else ()
    expected = inputs if isinstance(inputs, tuple) else (inputs,)
    if not model.inputs or tuple(model.inputs[0].shape[1:]) != expected or shape[1:] != output_shape(outputs):
        got = f"{tuple(model.inputs[0].shape[1:]) if model.inputs else '?'} → {shape[1:]}"
        raise InputError(
            f"Expected a model with {inputs} inputs and {_outputs_text(outputs)} for this table, got {got}."
        )
    return model


def _of_shape(model: keras.Model, inputs: int | tuple[int, ...], outputs: Outputs) -> keras.Model:
    """Check the output shape of a subclassed model, which declares no inputs, on two rows, and return the model."""
    if model.built:
        shape = inputs if isinstance(inputs, tuple) else (inputs,)
        leaves = keras.tree.flatten(predicted_shapes(model, np.zeros((2, *shape), "float32")).values)
        shapes = [tuple(leaf.shape[1:]) for leaf in leaves]
        if shapes != [output_shape(outputs)]:
            got = " and ".join(map(str, shapes))
            raise InputError(f"Expected a model with {_outputs_text(outputs)} for this table, got one of shape {got}.")
    return model


def _outputs_text(outputs: Outputs) -> str:
    return f"{outputs} outputs" if isinstance(outputs, int) else f"outputs of shape {output_shape(outputs)}"


def again(
    network: keras.Model, function: NetworkFunction, inputs: int | tuple[int, ...], outputs: Outputs
) -> keras.Model | Callable[[], keras.Model]:
    """Return a user's network, or a function that builds it if Keras cannot rebuild it from its configuration."""
    return network if is_rebuildable(network) else partial(own_network, function, inputs, outputs)


def called(function: Callable[..., object], *arguments: object) -> Any:
    """Call a user's function.

    Errors: `InputError` if it does not take these arguments.
    """
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        takes = "(inputs, outputs)" if arguments else "without arguments"
        raise InputError(f"Expected a model function that can be called {takes}, got the error: {error}.") from None
    except ValueError:  # a function without a signature
        pass
    return function(*arguments)


def _check_size(sizes: Sequence[int]) -> None:
    weights = sum(before * after + after for before, after in pairwise(sizes))
    if weights > LARGEST:
        raise InputError(
            f"Expected a network of at most {LARGEST:,} weights, got {weights:,} with the layers "
            f"{' – '.join(map(str, sizes))}. Give fewer units."
        )


def written_arms(texts: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the arms of `--penalty`: each text `target=penalty(strength)` is one arm with this name.

    Errors: `InputError` for a text without `=` or a repeated text.

    >>> written_arms(["hidden1/kernel=l2(auto)"])
    {'hidden1/kernel=l2(auto)': {'hidden1/kernel': 'l2(auto)'}}
    """
    arms: dict[str, dict[str, str]] = {}
    for text in texts:
        target, sign, penalty = text.partition("=")
        if not sign or not target.strip() or not penalty.strip():
            raise InputError(
                f"Expected --penalty 'target=penalty(strength)', got {short_repr(text)}. Try '*/kernel=l2(auto)'."
            )
        if text in arms:
            raise InputError(f"Expected distinct --penalty options, got {short_repr(text)} twice.")
        arms[text] = {target.strip(): penalty.strip()}
    return arms


def default_arms(
    model: keras.Model, kinds: Sequence[str] = KINDS, targets: Sequence[str] = TARGETS
) -> dict[str, dict[str, object]]:
    """Return the default arms: by default L1, L2 and both, on all kernels, hidden activations and pre-activations."""
    last = _last_layers(model)
    sites = [site for site in find_sites(model) if site.path not in last]
    after = ", ".join(site.path + "/output" for site in sites if site.quantity == "preactivation")
    paths = {
        "weights": "*/kernel" if any(site.quantity == "kernel" for site in find_sites(model)) else "",
        "activations": _short(after, "output"),
        "pre-activations": _short(after.replace("/output", "/preactivation"), "preactivation"),
    }
    penalties = {"L1": L1, "L2": L2, "L1+L2": L1L2}
    return {
        f"{kind} {target}": {paths[target]: penalties[kind]()} for target in targets if paths[target] for kind in kinds
    }


def _last_layers(model: keras.Model) -> set[str]:
    """Return the names of the layers that make the output: the last one, of several targets from its weights on."""
    layers = model.layers[::-1]
    each = len(getattr(model, "output_shape", None) or ()) == 3
    count = next((index for index, layer in enumerate(layers, 1) if layer.weights), 1) if each else 1
    return {layer.name for layer in layers[:count]}


def _short(targets: str, quantity: str) -> str:
    """Return targets as one glob if they are all hidden layers of a default network."""
    names = [f"hidden{index}/{quantity}" for index in range(1, targets.count(",") + 2)]
    return f"hidden*/{quantity}" if targets == ", ".join(names) else targets
