"""The default network for a table, and the arms that a table is tried with."""

from collections.abc import Callable

import keras

from bridle._errors import InputError, KindError
from bridle.estimators._problem import Problem
from bridle.penalties import L1, L1L2, L2
from bridle.placement import places

HIDDEN = (64, 32)
NetworkFunction = Callable[[int, int], keras.Model]


def default_network(inputs: int, problem: Problem) -> keras.Model:
    """Two hidden ReLU layers, 64 and 32, Adam; the output and the loss follow from the problem.

    Two classes: one sigmoid unit, binary cross-entropy. More: softmax, sparse categorical cross-entropy. Both are
    scored by accuracy. A number: one linear unit, mean squared error, scored by the coefficient of determination.
    """
    outputs = 1 if problem.classes is None or len(problem.classes) == 2 else len(problem.classes)
    last, loss, metric = ("linear", "mse", keras.metrics.R2Score(name="r2"))
    if problem.classes is not None:
        binary = len(problem.classes) == 2
        last = "sigmoid" if binary else "softmax"
        loss, metric = ("binary_crossentropy" if binary else "sparse_categorical_crossentropy"), "accuracy"
    hidden = [
        keras.layers.Dense(units, activation="relu", name=f"hidden{number}") for number, units in enumerate(HIDDEN, 1)
    ]
    model = keras.Sequential(
        [keras.Input((inputs,)), *hidden, keras.layers.Dense(outputs, activation=last, name="out")]
    )
    model.compile(optimizer="adam", loss=loss, metrics=[metric])
    return model


def own_network(function: NetworkFunction, inputs: int, outputs: int) -> keras.Model:
    """A person's own network: `function(inputs, outputs)` must return a compiled model of that shape.

    Errors: `KindError` where it returns something else; `InputError` where the shape does not fit.
    """
    model = function(inputs, outputs)
    if not isinstance(model, keras.Model):
        raise KindError(f"Expected the model function to return a keras.Model, got {type(model).__name__}.")
    shape = tuple(model.output_shape) if isinstance(model.output_shape, tuple) else ()
    if not model.inputs or tuple(model.inputs[0].shape[1:]) != (inputs,) or shape[1:] != (outputs,):
        got = f"{tuple(model.inputs[0].shape[1:]) if model.inputs else '?'} → {shape[1:]}"
        raise InputError(f"Expected a model with {inputs} inputs and {outputs} outputs for this table, got {got}.")
    return model


def default_arms(model: keras.Model) -> dict[str, dict[str, object]]:
    """L1, L2 and both: on all kernels, and on the hidden activations after and before the nonlinearity."""
    last = model.layers[-1].name
    known = [place for place in places(model) if place.path != last]
    after = ", ".join(place.path + "/output" for place in known if place.quantity == "preactivation")
    where = {
        "weights": "*/kernel" if any(place.quantity == "kernel" for place in places(model)) else "",
        "activations": _short(after, "output"),
        "pre-activations": _short(after.replace("/output", "/preactivation"), "preactivation"),
    }
    kinds = {"L1": L1, "L2": L2, "L1+L2": L1L2}
    return {
        f"{kind} {name}": {target: penalty()}
        for name, target in where.items()
        if target
        for kind, penalty in kinds.items()
    }


def _short(targets: str, quantity: str) -> str:
    """The default network's layers as one glob."""
    names = [f"hidden{number}/{quantity}" for number in range(1, len(HIDDEN) + 1)]
    return f"hidden*/{quantity}" if targets == ", ".join(names) else targets
