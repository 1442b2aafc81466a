"""Blueprints and clones: models built again from a configuration or a function."""

import copy
import re
import warnings
from collections.abc import (
    Callable,
)
from dataclasses import (
    dataclass,
)
from typing import (
    Any,
)

import keras

from bridle._errors import (
    KindError,
)
from bridle._keras._alike import (
    is_same_function,
)
from bridle._keras._backend import (
    seeded,
)
from bridle._keras._builds import (
    calls_of,
    check_builds,
    check_same,
    graph_constants,
)
from bridle._keras._internals import (
    call_arguments,
    compile_arguments,
    compiled_loss,
    copy_decay_exclusions,
    copy_trainable_flag,
    flatten_layers,
    forget_nodes,
    functional_of,
    has_functional_constructor,
    inner_optimizers,
    replaced,
    snake_case,
    tensorflow_left_alone,
)
from bridle._keras._objects import (
    objects_by_identity,
)
from bridle._keras._training import (
    check_training,
    has_own_loss,
)

COMPILE = "model.compile(optimizer='adam', loss='binary_crossentropy', metrics=['accuracy'])"


@dataclass(frozen=True)
class Blueprint:
    """A compiled, built template and the function that builds it again under another seed."""

    template: keras.Model
    build: Callable[[], keras.Model]
    constants: tuple[str, ...] = ()
    """Descriptions of the arrays in the graph of a built model; they are the same for every seed."""


@tensorflow_left_alone()
def read_blueprint(model: object) -> Blueprint:
    """Read a model, or a function that builds one, into a blueprint.

    Args:
        model: a compiled and built Keras model, or a function without arguments that returns one.

    Errors: `KindError` where it is neither, not compiled, or not built.

    """
    if isinstance(model, keras.Model):
        _check(model)
        _check_again(model)
        return Blueprint(model, lambda: _again(model), tuple(graph_constants(model)))
    if callable(model):
        with seeded(0):
            built, second = model(), model()
        if not isinstance(built, keras.Model):
            raise KindError(f"Expected the model function to return a keras.Model, got {type(built).__name__}.")
        _check(built)
        if second is built:
            raise KindError("Expected a function that builds a new model each time, got the same one. Build it inside.")
        _check(second)
        check_builds(built, second)
        return Blueprint(built, model)
    raise KindError(f"Expected a compiled keras.Model or a function that returns one, got {type(model).__name__}.")


def _check(model: keras.Model) -> None:
    if not model.compiled or model.optimizer is None:
        raise KindError(f"Expected a compiled model, got {model.name!r} without compile(). Call for example {COMPILE}.")
    check_training(model)
    if compiled_loss(model) is None and not has_own_loss(model):
        raise KindError(f"Expected a loss in compile(), got none for {model.name!r}. Call for example {COMPILE}.")
    if not model.built:
        raise KindError(
            f"Expected a built model, got {model.name!r} without weights. "
            "Begin it with keras.Input(shape=…), or call it once on a batch of data."
        )
    _check_members(model)


@tensorflow_left_alone()
def fresh_optimizer(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Return an optimizer of the same configuration in its first state, with its exclusions from weight decay."""
    with objects_by_identity():
        optimizer_copy = type(optimizer).from_config(optimizer.get_config())
    for new, old in zip(_with_inner(optimizer_copy), _with_inner(optimizer), strict=False):
        copy_decay_exclusions(new, old)
    return optimizer_copy


def _with_inner(optimizer: keras.optimizers.Optimizer) -> list[keras.optimizers.Optimizer]:
    """Return an optimizer and those to which it leaves the steps."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return [optimizer, optimizer.inner_optimizer]
    return [optimizer, *inner_optimizers(optimizer)]


def _check_members(model: keras.Model) -> None:
    """Refuse layers that a fit would not run exactly as Keras does."""
    for layer in flatten_layers(model):
        if isinstance(layer, keras.layers.Normalization) and layer.input_mean is None:
            raise KindError(
                f"Expected rows scaled outside the model, got the adapted layer {layer.name!r}, which sees every row. "
                "Remove it and give preprocessor=StandardScaler(), which is fitted inside each fold."
            )
        if getattr(layer, "stateful", False):
            raise KindError(
                f"Expected layers without state between batches, got {layer.name!r} with stateful=True: a study "
                "shuffles rows, splits them into folds and chooses batches itself. Build the layer with "
                "stateful=False and give full sequences as rows."
            )


def _check_again(model: keras.Model) -> None:
    """Refuse a model that its configuration does not build again."""
    advice = "Give a function without arguments that builds and compiles it: bridle calls that for every seed."
    try:
        with seeded(0):
            rebuilt_model = _again(model)
    except (TypeError, NotImplementedError, ValueError) as error:
        raise KindError(
            f"Expected a model that can be built from its configuration, got {model.name!r}. {advice} "
            f"Keras says: {str(error).strip().splitlines()[0]}"
        ) from error
    if _shapes(rebuilt_model) != _shapes(model):
        raise KindError(
            f"Expected the same variables from the configuration of {model.name!r}, got "
            f"{len(rebuilt_model.variables)} of {len(model.variables)}, or others. {advice}"
        )
    check_same(model, rebuilt_model, advice)


def is_rebuildable(model: keras.Model) -> bool:
    """Return True if the configuration of a model builds it again in this process."""
    try:
        return _shapes(rebuilt(model)) == _shapes(model)
    except (TypeError, NotImplementedError, ValueError):
        return False


def _shapes(model: keras.Model) -> list[tuple[int, ...]]:
    return [tuple(variable.shape) for variable in (*model.trainable_variables, *model.non_trainable_variables)]


def _again(model: keras.Model) -> keras.Model:
    """Build a model of the same configuration with newly drawn weights."""
    with objects_by_identity():
        return _copied(model)


def rebuilt(model: keras.Model) -> keras.Model:
    """Build a model of the same configuration under seed 0, which shares objects without a state."""
    with seeded(0), objects_by_identity(share=True):
        return _copied(model)


def _copied(operation: Any) -> Any:
    """Build a layer, a model or an operation of the same configuration."""
    if not isinstance(operation, keras.Layer):
        return _detached(operation)
    if type(operation) is keras.Sequential and functional_of(operation) is not None:
        layers = [_copied(layer) for layer in operation.layers]
        tensor = operation.inputs[0]
        return keras.Sequential(
            [keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype), *layers], name=operation.name
        )
    if has_functional_constructor(operation):
        return _drawn(operation)
    config, mirrored = operation.get_config(), _is_mirrored(operation)
    if mirrored:
        del config["backward_layer"]  # made by Keras after the forward one, and so it is made again
    rebuilt_layer = type(operation).from_config(config)
    if mirrored:
        rebuilt_layer.backward_layer.name = operation.backward_layer.name
    if isinstance(rebuilt_layer, keras.Model) and not rebuilt_layer.built:
        rebuilt_layer.build_from_config(operation.get_build_config())
    return rebuilt_layer


def _is_mirrored(layer: keras.Layer) -> bool:
    """Return True if Keras made the backward layer of a `Bidirectional` from its forward layer."""
    if not isinstance(layer, keras.layers.Bidirectional) or not layer.backward_layer.name.startswith("backward_"):
        return False
    forward, backward = layer.forward_layer.get_config(), layer.backward_layer.get_config()
    return {**forward, "name": "", "go_backwards": ""} == {**backward, "name": "", "go_backwards": ""}


def _detached(operation: Any) -> Any:
    """Copy an operation without state, such as `+`, out of its graph."""
    detached = copy.copy(operation)
    forget_nodes(detached)
    return detached


def _drawn(model: Any) -> Any:
    """Build a graph again call by call, in the original order as far as names tell it.

    That order matters: a layer takes its seeds from the process where it is made, and some layers take more where
    they are first called. Keras's own `from_config` makes all layers first, in the order of their depth.
    """
    calls = sorted(calls_of(model), key=_moment)
    operations = list({id(call.operation): call.operation for call in calls}.values())
    models = sorted((item for item in operations if calls_of(item)), key=_beginning)
    copies: dict[int, Any] = {}
    tensors: dict[int, Any] = {}

    def make(operation: Any) -> Any:
        if id(operation) not in copies:
            copies[id(operation)] = _copied(operation)
        return copies[id(operation)]

    while calls:
        call = next(item for item in calls if all(id(tensor) in tensors for tensor in item.input_tensors))
        calls.remove(call)
        before = [item for item in models if _beginning(item) < _moment(call)]
        for item in [*before, *_named_before(call.operation, operations)]:
            make(item)
        operation = make(call.operation)
        positional, named = call_arguments(call, tensors)
        outputs = operation.output if call.is_input else operation(*positional, **named)
        new = [id(tensor) for tensor in call.output_tensors]
        tensors.update(zip(new, keras.tree.flatten(outputs), strict=True))
    ends = [keras.tree.map_structure(lambda tensor: tensors[id(tensor)], end) for end in (model.input, model.output)]
    return type(model)(*ends, name=model.name)


def _named_before(operation: Any, operations: list[Any]) -> list[Any]:
    """Return the layers of its class that Keras named before one: `Dense(1)(Dense(2)(x))` makes the outer first."""
    limit = _number(operation)
    alike = [layer for layer in operations if type(layer) is type(operation) and 0 <= _number(layer) < limit]
    return sorted(alike, key=_number)


def _number(operation: Any) -> int:
    """Return the number in a name that Keras gave, as in `dense_3`; -1 for another name."""
    match = re.fullmatch(snake_case(type(operation).__name__) + r"(?:_(\d+))?", operation.name)
    return int(match[1] or 0) if match else -1


def _moment(call: Any) -> int:
    """Return the position of a call in time, from the number that Keras gives to its result; -1 for an input."""
    match = re.fullmatch(r"keras_tensor(?:_(\d+))?", call.output_tensors[0].name)
    return int(match[1] or 0) if match else -1


def _beginning(model: keras.Model) -> int:
    """Return the position in time of the first call inside a nested model."""
    moments = [_beginning(call.operation) if calls_of(call.operation) else _moment(call) for call in calls_of(model)]
    return min((moment for moment in moments if moment >= 0), default=-1)


@tensorflow_left_alone()
def model_json(model: keras.Model) -> str:
    """Return the configuration of a model as text; empty if Keras cannot write it, or would write code into it.

    What the model is compiled with is left out where that alone is so.
    """
    text = _json(model)
    if text:
        return text
    with replaced(model, "get_compile_config", lambda: None):
        return _json(model)


def _json(model: keras.Model) -> str:
    try:
        with warnings.catch_warnings(record=True) as caught:  # of some lambdas, no more than a warning tells
            warnings.simplefilter("always")
            text = model.to_json()
    except (NotImplementedError, TypeError, ValueError, OSError, RecursionError):
        return ""
    return "" if '"__lambda__"' in text or any("`lambda`" in str(warning.message) for warning in caught) else text


@tensorflow_left_alone()
def clone_model(model: keras.Model) -> keras.Model:
    """Clone a model from its configuration: same weights, states of random layers, frozen flags.

    It draws nothing from the random numbers of the process.

    Errors: `KindError` where the model has no configuration from which it can be built, or where what is built is not
    the same function of its rows.
    """
    try:
        clone = rebuilt(model)
    except (TypeError, NotImplementedError, ValueError) as error:
        raise KindError(
            f"Expected a model that can be built from its configuration, got {type(model).__name__}. Give it a "
            f"get_config() that returns what its constructor takes. Keras says: {str(error).strip().splitlines()[0]}"
        ) from error
    if [variable.shape for variable in clone.variables] != [variable.shape for variable in model.variables]:
        raise KindError(
            f"Expected the same weights from the configuration of {type(model).__name__}, got "
            f"{len(clone.variables)} of {len(model.variables)}, or others. "
            "Create its layers in the constructor, not in call."
        )
    clone.built = True
    for new, old in zip(clone.variables, model.variables, strict=True):
        new.assign(keras.ops.copy(old.value))  # a shared buffer would go when one of the two is trained
        new.trainable, new.regularizer = old.trainable, old.regularizer
    for new, old in zip(flatten_layers(clone), flatten_layers(model), strict=False):
        copy_trainable_flag(new, old)
    if not is_same_function(model, clone):
        raise KindError(
            f"Expected a configuration that rebuilds {model.name!r}, got a model with other predictions for the same "
            "weights. Return all constructor arguments of each layer from its get_config(), and do not change a "
            "layer after its construction."
        )
    return clone


@tensorflow_left_alone()
def rebuild_by(build: Callable[[], keras.Model], model: keras.Model) -> keras.Model:
    """Build a model again by the function that built `model`, for models that no configuration makes again.

    Errors: `KindError` where the function builds another one now.
    """
    with seeded(0):
        rebuilt_model = build()
    shapes = [[tuple(variable.shape) for variable in built.variables] for built in (rebuilt_model, model)]
    if shapes[0] != shapes[1] or not is_same_function(model, rebuilt_model):
        raise KindError(
            f"Expected a function that builds the same model each time, got one that now builds another than "
            f"{model.name!r}. Let it depend on nothing that changes."
        )
    return rebuilt_model


def compile_like(target: keras.Model, source: keras.Model) -> None:
    """Compile a model with the loss, metrics and a new optimizer like those of another, where that is compiled."""
    if not source.compiled or source.optimizer is None:
        return
    target.compile(
        optimizer=fresh_optimizer(source.optimizer),
        **compile_arguments(source),
        run_eagerly=source.run_eagerly,
        steps_per_execution=source.steps_per_execution,
        jit_compile=source.jit_compile,
        auto_scale_loss=False,
    )
    target.optimizer.build(target.trainable_variables)
