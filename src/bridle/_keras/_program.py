"""A compiled Keras model as pure functions of its variables: forward pass, data loss, metrics, update."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

from bridle._errors import InputError, KindError, first_line
from bridle._keras._backend import with_compiler_options
from bridle._keras._blueprint import Blueprint, fresh_optimizer
from bridle._keras._initial_values import numpy_zeros
from bridle._keras._internals import (
    compiled_loss,
    compiled_metrics,
    count_plain,
    dense_kernel,
    flatten_layers,
    learning_rate_variable,
    optimizer_slots,
    replaced,
    scaled_loss,
    takes_training,
)
from bridle._keras._losses import loss_name
from bridle._keras._metrics import Rule, leaves_of, rules_of
from bridle._keras._mixup import UNTREATED, Treatment, labels_treated
from bridle._keras._perturbing import Perturbations, perturbing
from bridle._keras._steps import proximal_step
from bridle._keras._taps import Reading, Tap
from bridle._keras._tracing import (
    Masked,
    UntraceableError,
    attach_masks,
    first_two_rows,
    layers_named,
    predicted_shapes,
    shapes_of,
    symbolic_outputs,
)
from bridle._keras._training import has_own_loss, loss_of
from bridle._keras._weights import loss_ranks, loss_weights, metric_weights

Arrays = list[Any]
ONCE = {"cpu": {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}}
"""Compiler options for a program that runs once, on two rows."""


class Forward(NamedTuple):
    """Results of one call of the model."""

    prediction: Any
    untrained: Arrays
    """The variables that are not trained by the optimizer, after the call."""
    own_losses: Arrays
    """Losses that the model adds by itself: its own regularizers and `add_loss`."""
    readings: dict[int, list[Reading]]


@dataclass(frozen=True)
class Program:
    """Pure functions of a template model; tracing them changes nothing in the model."""

    blueprint: Blueprint
    optimizer: keras.optimizers.Optimizer
    metrics: tuple[keras.metrics.Metric, ...]
    metric_names: tuple[str, ...]
    """One for each number: `auc`, or `f1[0]`, `f1[1]` for a metric that gives several."""
    metric_start: tuple[np.ndarray, ...]
    """The values of the metrics' variables after a reset."""
    masked: bool = False
    """Whether predictions carry a mask, so that losses and metrics leave padded steps out."""
    ranks: tuple[int, ...] = ()
    """The rank of each output's losses before they are averaged, for weights of rows."""

    @property
    def model(self) -> keras.Model:
        """The template."""
        return self.blueprint.template

    @property
    def variables(self) -> list[keras.Variable]:
        """The template's variables: the trainable ones, then the others."""
        return [*self.model.trainable_variables, *self.model.non_trainable_variables]

    def forward(
        self,
        trainable: Arrays,
        untrained: Arrays,
        x: Any,
        *,
        training: bool,
        taps: Sequence[Tap] = (),
        noise: Perturbations | None = None,
    ) -> Forward:
        """Call the model on a batch with the given variables, and with noise where there is some."""
        options = {"training": training} if takes_training(self.model) else {}
        with without_cudnn(self.model), perturbing(noise or Perturbations(), taps) as readings:
            prediction, untrained, losses = self.model.stateless_call(
                trainable, untrained, x, return_losses=True, **options
            )
        return Forward(prediction, untrained, [scaled_loss(self.model, loss) for loss in losses], readings)

    def tried(self, function: Callable[[Arrays, Arrays, Any], Any], x: Any) -> Any:
        """Return a function of (trainable, other, rows) at the template's variables; compiled where it can be."""
        values = [variable.value for variable in self.variables]
        split = len(self.model.trainable_variables)
        arguments = values[:split], values[split:], x
        try:
            with layers_named():
                return with_compiler_options(
                    lambda options: jax.jit(function, compiler_options=options)(*arguments),
                    ONCE.get(jax.default_backend()),
                )
        except (UntraceableError, TypeError):  # the call below raises the error again, or returns no array
            return function(*arguments)

    def data_loss(self, y: Any, prediction: Any, weight: Any = None, treatment: Treatment = UNTREATED) -> Any:
        """Return the compiled loss alone, without any penalty; of treated labels with a treatment.

        With several outputs Keras also writes each output's loss to a metric; the scope keeps that out of the model.
        """
        weight = loss_weights(self.model, weight, prediction, self.ranks)
        with keras.StatelessScope(), labels_treated(self.model, treatment, y, prediction):
            return compiled_loss(self.model)(y, prediction, weight)

    @property
    def has_own_loss(self) -> bool:
        """True if the model overrides `compute_loss`."""
        return has_own_loss(self.model)

    def own_loss(
        self, trainable: Arrays, untrained: Arrays, batch: tuple[Any, Any, Any, Any], added: Arrays, *, training: bool
    ) -> tuple[Any, Arrays]:
        """Call the model's own `compute_loss` on a batch (x, y, predictions, sample weights).

        Returns the loss, and the variables that are not trained after it. `added` are the losses of the forward pass;
        none at all leaves out those of regularizers too.
        """
        return loss_of(self.model, (trainable, untrained), batch, added or [jnp.zeros(())], training=training)

    def measure(self, y: Any, prediction: Any, sample_weight: Any = None) -> list[Any]:
        """Compute the compiled metrics over one set of rows, in the order of `metric_names`."""
        container = compiled_metrics(self.model)
        if container is None:
            return []
        with self._metrics_reset():
            container.update_state(y, prediction, metric_weights(self.model, sample_weight, prediction, self.ranks))
            values = list(container.result().values())
        labels = leaves_of(container, y)
        for index, (rule, output) in enumerate(self._rules):
            if rule is not None:
                values[index] = jnp.where(rule(labels[output]), values[index], jnp.nan)
        return [jnp.asarray(entry, "float32") for value in values for entry in jnp.ravel(value)]

    def weighted_metric(self, name: str, y: Any, prediction: Any, sample_weight: Any) -> Any:
        """Compute one metric of a model with one output, with weights even where `fit` does not weigh it."""
        base = name.partition("[")[0]
        index = self._bases.index(base)
        metric, (rule, _) = self.metrics[index], self._rules[index]
        weights = metric_weights(self.model, sample_weight, prediction, self.ranks)
        labels, predictions, weights = (keras.tree.flatten(tree)[0] for tree in (y, prediction, weights))
        with self._metrics_reset():
            metric.update_state(labels, predictions, sample_weight=weights)
            values = jnp.ravel(metric.result())
        value = values[[entry for entry in self.metric_names if entry.partition("[")[0] == base].index(name)]
        return jnp.asarray(value if rule is None else jnp.where(rule(labels), value, jnp.nan), "float32")

    def _metrics_reset(self) -> keras.StatelessScope:
        """Return a scope in which metrics start anew and change nothing."""
        variables = [variable for metric in self.metrics for variable in metric.variables]
        reset = [jnp.asarray(value) for value in self.metric_start]
        return keras.StatelessScope(state_mapping=list(zip(variables, reset, strict=True)))

    def is_weighted(self, name: str) -> bool:
        """Return True if sample weights apply to the loss or metric of this name."""
        base = name.partition("[")[0]
        return base not in self._bases or self._bases.index(base) >= count_plain(compiled_metrics(self.model))

    @property
    def _bases(self) -> list[str]:
        """The names of the compiled metrics, without the numbers of those that give several."""
        return list(dict.fromkeys(name.partition("[")[0] for name in self.metric_names))

    @property
    def _rules(self) -> list[tuple[Rule | None, int]]:
        """The rule that tells where each compiled metric is defined, and its output."""
        return rules_of(compiled_metrics(self.model))

    def undefined(self, y: Any) -> tuple[str, ...]:
        """Return the names of the compiled metrics that no prediction gives a meaning over rows with these labels."""
        if not self.metrics:
            return ()
        labels = leaves_of(compiled_metrics(self.model), y)
        lost = {
            base
            for base, (rule, output) in zip(self._bases, self._rules, strict=True)
            if rule is not None and not rule(labels[output])
        }
        return tuple(name for name in self.metric_names if name.partition("[")[0] in lost)

    def update(self, optimizer_state: Arrays, gradients: Arrays, trainable: Arrays) -> tuple[Arrays, Arrays]:
        """Take one optimizer step; return (trainable, optimizer state)."""
        return self.optimizer.stateless_apply(optimizer_state, gradients, trainable)

    def scaled(self, optimizer_state: Arrays, total: Any) -> Any:
        """Return the loss to differentiate: times the scale of an optimizer that has one."""
        mapping = zip(self.optimizer.variables, optimizer_state, strict=True)
        with keras.StatelessScope(state_mapping=list(mapping)):
            return self.optimizer.scale_loss(total)

    @property
    def mirrors(self) -> tuple[tuple[int, int], ...]:
        """Pairs (optimizer variable, trainable variable) of which the first begins as a copy of the second."""
        inner = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        if not isinstance(inner, keras.optimizers.ScheduleFreeAdamW):
            return ()
        indices = {id(variable): index for index, variable in enumerate(self.optimizer.variables)}
        return tuple((indices[id(copy)], index) for index, copy in enumerate(optimizer_slots(inner, "momentum")))

    @property
    def averages(self) -> bool:
        """True if `fit` ends with other weights than those of the last step."""
        inner = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        is_averaging = type(inner).finalize_variable_values is not keras.optimizers.Optimizer.finalize_variable_values
        return is_averaging or inner.use_ema

    def finish(self, optimizer_state: Arrays, trainable: Arrays) -> Arrays:
        """Return the trainable variables as `fit` leaves them: averaged where the optimizer averages."""
        variables = self.model.trainable_variables
        pairs = [*zip(self.optimizer.variables, optimizer_state, strict=True), *zip(variables, trainable, strict=True)]
        with keras.StatelessScope(state_mapping=pairs) as scope:
            self.optimizer.finalize_variable_values(variables)
        values = [scope.get_current_value(variable) for variable in variables]
        return [before if value is None else value for before, value in zip(trainable, values, strict=True)]

    @property
    def handed_on(self) -> tuple[bool, ...]:
        """True for each untrained variable that is a weight, False for the state of a random layer."""
        weights = {id(weight) for weight in self.model.non_trainable_weights}
        return tuple(id(variable) in weights for variable in self.model.non_trainable_variables)

    @property
    def kernels(self) -> tuple[bool, ...]:
        """True for each trainable variable that is the kernel of a dense layer."""
        layers = [layer for layer in flatten_layers(self.model) if isinstance(layer, keras.layers.Dense)]
        dense_kernels = {id(dense_kernel(layer)) for layer in layers}
        return tuple(id(variable) in dense_kernels for variable in self.model.trainable_variables)

    def position(self, variable: keras.Variable) -> int:
        """Return the index of a weight among the trainable ones."""
        return next(index for index, trainable in enumerate(self.model.trainable_variables) if trainable is variable)

    def step(self, optimizer_state: Arrays, variable: keras.Variable) -> Any:
        """Return the step of the update that led to an optimizer state, for each entry of a weight."""
        mapping = [
            (optimizer_variable, value - 1 if optimizer_variable is self.optimizer.iterations else value)
            for optimizer_variable, value in zip(self.optimizer.variables, optimizer_state, strict=True)
        ]
        with keras.StatelessScope(state_mapping=mapping):
            return proximal_step(self.optimizer, variable)

    def optimizer_state(self, learning_rate: float | None = None) -> list[np.ndarray]:
        """Return the optimizer's variables before the first step, with a learning rate where one is given.

        Errors: `InputError` where the learning rate follows a schedule.
        """
        state = [np.asarray(variable.value) for variable in self.optimizer.variables]
        if learning_rate is not None:
            inner = getattr(self.optimizer, "inner_optimizer", self.optimizer)
            rate = learning_rate_variable(inner)
            if not isinstance(rate, keras.Variable):
                raise InputError(
                    f"Expected an optimizer with a learning rate that is a number, got {type(inner).__name__} with "
                    f"{type(rate).__name__}. Compile with a number, or leave the arm's learning rate out."
                )
            position = next(
                index for index, optimizer_variable in enumerate(self.optimizer.variables) if optimizer_variable is rate
            )
            state[position] = np.asarray(learning_rate, state[position].dtype)
        return state


def make_program(blueprint: Blueprint, x: Any, y: Any, weight: Any = None) -> Program:
    """Prepare a template for tracing: a new optimizer, and losses and metrics resolved on two rows of data.

    Errors: `InputError` where labels or weights do not fit the loss or the rows do not fit the model.
    """
    model = blueprint.template
    optimizer = fresh_optimizer(model.optimizer)
    with numpy_zeros():
        optimizer.build(model.trainable_variables)
    x, y = first_two_rows((x, y))
    prediction = predicted_shapes(model, x)
    container = compiled_metrics(model)
    order: list[str] = []
    masked = any(mask is not None for mask in prediction.masks)
    ranks: list[int] = []

    def resolved(y: Any, outline: Masked) -> Any:
        """Losses and metrics find their names only now, and some metrics make their variables."""
        prediction = attach_masks(outline)
        if compiled_loss(model) is not None:
            with keras.StatelessScope():
                compiled_loss(model)(y, prediction)
        ranks[:] = loss_ranks(model, y, prediction)
        if container is None:
            return {}
        container.update_state(y, prediction)
        results = container.result()
        order[:] = results  # an outline of the results has them in the order of their names
        return results

    try:
        results = symbolic_outputs(resolved, y, prediction)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"Expected labels that fit the loss {loss_name(model)!r} and an output of shape "
            f"{shapes_of(prediction.values)}, got labels of shape {shapes_of(y)}. Keras says: {first_line(error)}"
        ) from error
    if has_own_loss(model):
        _check_own_loss(Program(blueprint, optimizer, (), (), ()), x, y)
    prepared = _with_metrics(Program(blueprint, optimizer, (), (), (), masked, tuple(ranks)), results, order)
    if weight is not None:
        _check_weights(prepared, y, prediction, first_two_rows(weight))
    return prepared


def _with_metrics(prepared: Program, results: Any, order: Sequence[str]) -> Program:
    """Add the compiled metrics, whose names and results exist after a first call."""
    container = compiled_metrics(prepared.model)
    if container is None:
        return prepared
    names = tuple(name for base in order for name in _numbered(base, tuple(results[base].shape)))
    for metric in container.metrics:
        metric.reset_state()
    start = tuple(np.asarray(variable.value) for metric in container.metrics for variable in metric.variables)
    return replace(prepared, metrics=tuple(container.metrics), metric_names=names, metric_start=start)


def _check_weights(program: Program, y: Any, prediction: Masked, weight: Any) -> None:
    """Refuse weights that Keras's loss or metrics cannot multiply with the losses of some rows."""

    def weighed(y: Any, outline: Masked, weight: Any) -> list[Any]:
        prediction = attach_masks(outline)
        measures = program.measure(y, prediction, weight)
        return measures if program.has_own_loss else [program.data_loss(y, prediction, weight), *measures]

    try:
        symbolic_outputs(weighed, y, prediction, weight)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"Expected weights that fit labels of shape {shapes_of(y)}, one for each row or for each step of it, and "
            f"where there are several outputs for each of them, got shape {shapes_of(weight)}. "
            f"Keras says: {first_line(error)}"
        ) from error


def _check_own_loss(program: Program, x: Any, y: Any) -> None:
    """Refuse a `compute_loss` that cannot be traced on some rows, or does not return one number."""
    model, name = program.model, type(program.model).__name__
    trainable, untrained = (
        [variable.value for variable in group] for group in (model.trainable_variables, model.non_trainable_variables)
    )

    def loss(trainable: Arrays, untrained: Arrays, x: Any, y: Any) -> Any:
        forward = program.forward(trainable, untrained, x, training=True)
        batch = x, y, forward.prediction, None
        return program.own_loss(trainable, forward.untrained, batch, forward.own_losses, training=True)[0]

    try:
        shape = jax.eval_shape(loss, trainable, untrained, x, y).shape
    except (TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
        raise KindError(
            f"Expected a compute_loss of {name} that can be traced on a batch of the rows, got one that cannot. "
            f"Keras says: {first_line(error)} Use functions of keras.ops in it, and compile a loss where it calls "
            "Keras's own."
        ) from error
    if shape != ():
        raise KindError(f"Expected one number from the compute_loss of {name}, got shape {shape}. Take its mean.")


@contextmanager
def without_cudnn(model: keras.Model) -> Iterator[None]:
    """Let recurrent layers loop in JAX: cuDNN's loop cannot run members side by side."""
    with ExitStack() as stack:
        for layer in flatten_layers(model):
            if isinstance(layer, keras.layers.LSTM | keras.layers.GRU):
                stack.enter_context(replaced(layer, "use_cudnn", False))
        yield


def _numbered(name: str, shape: tuple[int, ...]) -> list[str]:
    """Return the name of a metric, once for each of its numbers."""
    return [name] if not shape else [f"{name}[{','.join(map(str, index))}]" for index in np.ndindex(*shape)]
