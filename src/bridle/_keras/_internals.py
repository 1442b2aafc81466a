"""Private parts of Keras, each behind one named function. No other file of bridle touches them."""

import contextlib
import copy
import functools
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from bridle._errors import BackendError

TESTED_VERSIONS = ">=3.15,<3.16"
"""The versions of Keras that the tests run with; pyproject.toml repeats them."""


TRACKED_LAYERS = "_layers"
"""The attribute in which Keras tracks the layers inside a layer."""
MASK_CREATOR = "_create_dropout_mask"
"""The method with which a recurrent cell draws a dropout mask."""
SCORE_APPLIER = "_apply_scores"
"""The method with which an attention layer weighs values by scores."""
SLOTS = {
    "momentum": "_momentums",
    "velocity": "_velocities",
    "largest velocity": "_velocity_hats",
    "infinity norm": "_u",
    "average gradient": "_average_gradients",
    "accumulator": "_accumulators",
}
"""The attributes in which optimizers of Keras keep their slot variables."""
DECAY_RATES = ("weight_decay", "adam_weight_decay")
"""The attributes in which optimizers of Keras keep rates of weight decay."""


def missing_internal(name: str) -> BackendError:
    """Return the error that names a part of Keras that is not there."""
    return BackendError(
        f"Expected a Keras that has {name}, got Keras {keras.__version__} without it. "
        f"Install a version that bridle is tested with: pip install 'keras{TESTED_VERSIONS}'."
    )


def load_internal(module: str, name: str) -> Any:
    """Import a private object of Keras.

    Errors: `BackendError` that names what is missing.
    """
    try:
        return getattr(importlib.import_module(f"keras.src.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise missing_internal(f"keras.src.{module}.{name}") from error


def read_private(owner: Any, name: str) -> Any:
    """Read a private attribute of an object of Keras.

    Errors: `BackendError` that names what is missing.
    """
    try:
        return getattr(owner, name)
    except AttributeError as error:
        kind = owner if isinstance(owner, type) else type(owner)
        raise missing_internal(f"{kind.__name__}.{name}") from error


@contextlib.contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Set an attribute past Keras's tracking of attributes, and undo it at the end."""
    attributes, missing = vars(owner), object()
    before = attributes.get(name, missing)
    attributes[name] = value
    try:
        yield
    finally:
        if before is missing:
            del attributes[name]
        else:
            attributes[name] = before


# Where a class or function comes from.


def is_keras_module(module: str) -> bool:
    """Return True for the name of a module inside Keras's own implementation."""
    return module.startswith("keras.src.")


def is_from_keras(kind: Any) -> bool:
    """Return True for a class or function that Keras defines, by the name of its module."""
    return f"{getattr(kind, '__module__', None) or ''}.".startswith("keras.")


def exported_name(symbol: Any) -> str | None:
    """Return the public name under which Keras exports a class or function; None for one that it does not."""
    return _API_NAMES(symbol)


def snake_case(name: str) -> str:
    """Return the name that Keras derives from the name of a class."""
    return _SNAKE_CASE(name)


def is_random_initializer(value: Any) -> bool:
    """Return True for an initializer of Keras that draws numbers."""
    return isinstance(value, _RANDOM_INITIALIZER)


# Layers.


def flatten_layers(layer: Any, include_self: bool = True) -> list[keras.Layer]:
    """Return a layer and every layer inside it, also inside others."""
    return read_private(layer, "_flatten_layers")(include_self=include_self)


def direct_layers(layer: Any) -> list[keras.Layer]:
    """Return the layers that a layer tracks itself."""
    return read_private(layer, TRACKED_LAYERS)


def trainable_here(layer: Any) -> list[keras.Variable]:
    """Return the trainable variables that a layer holds itself."""
    return read_private(layer, "_trainable_variables")


def untrainable_here(layer: Any) -> list[keras.Variable]:
    """Return the variables that a layer holds itself and never trains."""
    return read_private(layer, "_non_trainable_variables")


def copy_trainable_flag(target: keras.Layer, source: keras.Layer) -> None:
    """Freeze a layer where another one is frozen, past the setter that freezes what is inside."""
    target._trainable = read_private(source, "_trainable")


def takes_training(layer: Any) -> bool:
    """Return True for a layer whose call has the argument `training`."""
    return bool(read_private(layer, "_call_has_training_arg"))


def seed_generators(layer: Any) -> list[Any]:
    """Return the generators of random numbers that a layer holds itself."""
    return read_private(layer, "_seed_generators")


def constructor_arguments(layer: keras.Layer) -> dict[str, Any] | None:
    """Return the arguments that Keras recorded for a layer built from plain values; None for another one."""
    recorded = read_private(layer, "_auto_config")
    return None if recorded is None else recorded.config


def dense_kernel(layer: keras.layers.Dense) -> keras.Variable | None:
    """Return the stored kernel of a dense layer; None before it is built."""
    return getattr(layer, "_kernel", None)


def spatial_noise_shape(layer: Any, x: Any) -> Any:
    """Return the shape of the mask of a spatial dropout layer."""
    return read_private(layer, "_get_noise_shape")(x)


def concrete_noise_shape(layer: keras.layers.AlphaDropout, x: Any) -> Any:
    """Return the shape of the mask of an alpha dropout layer."""
    return read_private(layer, "_get_concrete_noise_shape")(x, layer.noise_shape)


def dropout_of_attention(layer: Any) -> keras.layers.Dropout:
    """Return the dropout layer inside a built attention layer with projections."""
    return read_private(layer, "_dropout_layer")


def attention_with_weights(layer: keras.layers.Attention, scores: Any, value: Any, mask: Any) -> tuple[Any, Any]:
    """Return the outputs and weights of an attention layer for scores, without dropout."""
    return read_private(type(layer), SCORE_APPLIER)(layer, scores, value, mask, training=False)


def mask_creator(cell: Any) -> Callable[[Any, float], Any]:
    """Return the function with which a recurrent cell draws a dropout mask."""
    return read_private(cell, MASK_CREATOR)


def collected_losses(layer: keras.Layer) -> tuple[list[Any], set[int]]:
    """Return the list of losses that a layer remembers of its last call, and the set of their identities."""
    return read_private(layer, "_losses"), read_private(layer, "_loss_ids")


# Graphs of functional models.


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


# Masks, precision and symbolic calls.


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


# Compiled losses and metrics.


def compiled_loss(model: keras.Model) -> Any:
    """Return the compiled loss of a model; None if there is none."""
    return read_private(model, "_compile_loss")


def without_compiled_loss(model: keras.Model) -> contextlib.AbstractContextManager[None]:
    """Hide the compiled loss of a model inside the block."""
    return replaced(model, "_compile_loss", None)


def compiled_metrics(model: keras.Model) -> Any:
    """Return the compiled metrics of a model; None if there are none."""
    return read_private(model, "_compile_metrics")


def compile_arguments(model: keras.Model) -> dict[str, Any]:
    """Return loss, loss weights and metrics as they were given to `compile`."""
    loss, metrics = compiled_loss(model), compiled_metrics(model)
    return {
        "loss": None if loss is None else read_private(loss, "_user_loss"),
        "loss_weights": None if loss is None else read_private(loss, "_user_loss_weights"),
        "metrics": None if metrics is None else read_private(metrics, "_user_metrics"),
        "weighted_metrics": None if metrics is None else read_private(metrics, "_user_weighted_metrics"),
    }


def compile_config(model: keras.Model) -> dict[str, Any]:
    """Return the configuration that `compile` recorded; empty for a model that is not compiled."""
    recorded = getattr(model, "_compile_config", None)
    return recorded.config if recorded is not None else {}


def built_structures(loss: Any) -> tuple[Any, Any]:
    """Return the structures of predictions and labels that a compiled loss was built for."""
    return read_private(loss, "_y_pred_build_structure"), read_private(loss, "_y_true_build_structure")


def flat_losses(loss: Any) -> list[Any]:
    """Return the losses of a compiled loss as (path, loss, weight, name)."""
    return read_private(loss, "_flat_losses")


def with_losses(loss: Any, losses: list[Any]) -> contextlib.AbstractContextManager[None]:
    """Replace the losses of the outputs of a built compiled loss inside the block, in the order of `flat_losses`."""
    pairs = zip(flat_losses(loss), losses, strict=True)
    entries = [type(entry)(entry.path, other, entry.loss_weights, entry.name) for entry, other in pairs]
    return replaced(loss, "_flat_losses", entries)


def is_built(loss: Any) -> bool:
    """Return True for a compiled loss that knows the losses of its outputs."""
    return bool(read_private(loss, "built"))


def loss_function(loss: Any) -> tuple[Any, dict[str, Any]]:
    """Return the function that a loss of Keras averages, and its options; (None, {}) for a loss of another kind."""
    kind = type(loss)
    if not isinstance(loss, keras.losses.Loss):
        return loss, {}
    plain = isinstance(loss, _LOSS_FUNCTION) and kind.call is _LOSS_FUNCTION.call
    if not plain or kind.__call__ is not keras.losses.Loss.__call__:
        return None, {}
    return _wrapped_function(loss)


def _wrapped_function(loss: Any) -> tuple[Any, dict[str, Any]]:
    """Return the function that a loss of Keras holds, and its options; (None, {}) for another loss."""
    function = getattr(loss, "fn", None)
    return function, {} if function is None else read_private(loss, "_fn_kwargs")


def with_loss_options(loss: Any, **options: Any) -> Any:
    """Return a copy of a loss of Keras with other options of its function."""
    changed = copy.copy(loss)
    changed._fn_kwargs = {**read_private(loss, "_fn_kwargs"), **options}
    return changed


def loss_arguments(loss: Any) -> dict[str, Any]:
    """Return the arguments with which a loss calls its function, and the function as `fn`.

    A loss of Keras has them fixed when it is built, a `functools.partial` has its own.
    """
    if isinstance(loss, functools.partial):
        return {**loss.keywords, "fn": loss.func}
    function, options = _wrapped_function(loss)
    if function is None:
        return {}
    inner = loss_arguments(function) if isinstance(function, functools.partial) else {"fn": function}
    return {**inner, **options}


def flat_metrics(container: Any) -> list[Any]:
    """Return (output, group) of the compiled metrics, then of the weighted ones."""
    plain, weighted = (read_private(container, name) for name in ("_flat_metrics", "_flat_weighted_metrics"))
    return [*enumerate(plain), *enumerate(weighted)]


def count_plain(container: Any) -> int:
    """Return the number of compiled metrics that `fit` does not weigh; they come first."""
    return sum(len(group.metrics) for group in read_private(container, "_flat_metrics") if group)


def flatten_labels(container: Any, y: Any) -> list[Any]:
    """Return the labels of each output as compiled metrics pair them with outputs."""
    return read_private(container, "_flatten_y")(y)


def scaled_loss(model: keras.Model, loss: Any) -> Any:
    """Return an added loss as Keras scales it for the strategy that trains."""
    return read_private(model, "_aggregate_additional_loss")(loss)


def tracked_metrics(model: keras.Model) -> list[Any]:
    """Return the list in which a model tracks its metrics."""
    return read_private(model, "_metrics")


def metric_direction(metric: Any) -> Any:
    """Return the direction that a metric carries; None if it carries none."""
    return getattr(metric, "_direction", None)


def metric_function(metric: Any) -> Any:
    """Return the function that a metric averages; None if it averages none."""
    return getattr(metric, "_fn", None)


# Training.


@contextlib.contextmanager
def losses_overridden(model: keras.Model, losses: list[Any]) -> Iterator[None]:
    """Let `model.losses` return other losses inside the block."""
    model._losses_override = losses
    try:
        yield
    finally:
        model._losses_override = []


def give_back_state(model: keras.Model, state: dict[str, Any]) -> None:
    """Give the values of a training step to a model, which writes them to its variables."""
    model._jax_state = state


# Optimizers.


def inner_optimizers(optimizer: Any) -> tuple[Any, ...]:
    """Return the optimizers to which an optimizer leaves groups of variables."""
    return tuple(getattr(optimizer, "_inner_optimizers", ()))


def copy_decay_exclusions(target: Any, source: Any) -> None:
    """Exclude from weight decay in one optimizer what another one excludes."""
    for name in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))


def decay_exclusions(optimizer: Any) -> tuple[set[Any], Any]:
    """Return the keys of variables and the pattern of names that an optimizer excludes from weight decay."""
    keys = getattr(optimizer, "_exclude_from_weight_decay", None) or set()
    return keys, getattr(optimizer, "_exclude_from_weight_decay_pattern", None)


def decays(optimizer: Any, variable: keras.Variable) -> bool:
    """Return True unless an optimizer excludes a variable from its weight decay."""
    return bool(read_private(optimizer, "_use_weight_decay")(variable))


def decay_method(optimizer: Any) -> Callable[[list[keras.Variable]], None]:
    """Return the method with which an optimizer decays variables: `w <- w - w * weight_decay * learning_rate`."""
    return read_private(optimizer, "_apply_weight_decay")


def set_decay_method(optimizer: Any, method: Any) -> Any:
    """Replace the method with which one optimizer decays variables, or with None undo it; return the one before."""
    attributes = vars(optimizer)
    before = attributes.pop("_apply_weight_decay", None)
    if method is not None:
        attributes["_apply_weight_decay"] = method
    return before


@contextlib.contextmanager
def decay_rate_replaced(optimizer: Any, rate: Any) -> Iterator[None]:
    """Let an optimizer decay every variable at one rate inside the block, also those that it excludes.

    `rate` may be traced. Muon has a second rate, for the variables that its Adam updates.

    With a constant rate, XLA computes `w * (weight_decay * learning_rate)`, and with a traced one it follows the order
    `(w * weight_decay) * learning_rate` of Keras. So on JAX the product goes in as the rate, with a learning rate of 1:
    the bits are those of a constant rate.
    """
    with contextlib.ExitStack() as stack:
        if keras.backend.backend() == "jax":
            rate = rate * keras.ops.cast(optimizer.learning_rate, "float32")
            stack.enter_context(replaced(optimizer, "_get_current_learning_rate", lambda: 1.0))
        for name in DECAY_RATES:
            if hasattr(optimizer, name):
                stack.enter_context(replaced(optimizer, name, rate))
        stack.enter_context(replaced(optimizer, "_use_weight_decay", lambda variable: True))
        yield


def decay_rate(optimizer: Any, variable: keras.Variable) -> Any:
    """Return the weight decay of an optimizer for a variable; Muon has another one where it updates as AdamW does."""
    if isinstance(optimizer, keras.optimizers.Muon) and read_private(optimizer, "_should_use_adamw")(variable):
        return optimizer.adam_weight_decay or 0.0
    return optimizer.weight_decay or 0.0


def optimizer_of(optimizer: Any, variable: keras.Variable) -> Any:
    """Return the optimizer that updates a variable: the optimizer, or the one to which it leaves the variable."""
    if not inner_optimizers(optimizer):
        return optimizer
    if optimizer.built:
        index = read_private(optimizer, "_var_to_optimizer_idx")[variable_key(optimizer, variable)]
        return inner_optimizers(optimizer)[index]
    return read_private(optimizer, "_optimizer_map")(variable)


def variable_key(optimizer: Any, variable: keras.Variable) -> Any:
    """Return the key by which an optimizer knows a variable."""
    return read_private(optimizer, "_var_key")(variable)


def variable_index(optimizer: Any, variable: keras.Variable) -> int:
    """Return the index of a variable among the slots of an optimizer."""
    return read_private(optimizer, "_get_variable_index")(variable)


def learning_rate_variable(optimizer: Any) -> Any:
    """Return the learning rate as an optimizer stores it: a variable or a schedule."""
    return getattr(optimizer, "_learning_rate", None)


def optimizer_slots(optimizer: Any, name: str) -> list[Any]:
    """Return the slot variables of an optimizer under one of the names of `SLOTS`."""
    return read_private(optimizer, SLOTS[name])


# State of the process.


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


def _load_module(module: str) -> Any:
    try:
        return importlib.import_module(f"keras.src.{module}")
    except ImportError as error:
        raise missing_internal(f"keras.src.{module}") from error


_API_NAMES = load_internal("api_export", "get_name_from_symbol")
_SNAKE_CASE = load_internal("utils.naming", "to_snake_case")
_RANDOM_INITIALIZER = load_internal("initializers.random_initializers", "RandomInitializer")
ConvLSTMCell = load_internal("layers.rnn.conv_lstm", "ConvLSTMCell")
DropoutCell = load_internal("layers.rnn.dropout_rnn_cell", "DropoutRNNCell")
SpatialDropout = load_internal("layers.regularization.spatial_dropout", "BaseSpatialDropout")
_FUNCTIONAL = load_internal("models.functional", "Functional")
_FUNCTIONAL_LIKE = load_internal("models.functional", "functional_like_constructor")
_LOSS_FUNCTION = load_internal("losses.losses", "LossFunctionWrapper")
_GET_MASK = load_internal("backend.common.masking", "get_keras_mask")
_SET_MASK = load_internal("backend.common.masking", "set_keras_mask")
_AUTOCAST_SCOPE = load_internal("backend.common.variables", "AutocastScope")
_GLOBAL_STATE = _load_module("backend.common.global_state")
_RANDOM_SEED = load_internal("utils.rng_utils", "GLOBAL_RANDOM_SEED")
_SEED_GENERATOR = load_internal("random.seed_generator", "GLOBAL_SEED_GENERATOR")
_TENSORFLOW = load_internal("utils.module_utils", "tensorflow")
_REGISTRATION = _load_module("saving.object_registration")
_SERIALIZATION = _load_module("saving.serialization_lib")
