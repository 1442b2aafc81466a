"""The same model again: a copy with its own weights, trained as far, compiled alike."""

from collections.abc import Callable

import keras

from bridle._errors import KindError
from bridle._keras._alike import is_same_function
from bridle._keras._backend import seeded
from bridle._keras._blueprint import fresh_optimizer, rebuilt
from bridle._keras._internals import (
    compile_arguments,
    copy_trainable_flag,
    flatten_layers,
    tensorflow_left_alone,
)


@tensorflow_left_alone()
def clone_model(model: keras.Model) -> keras.Model:
    """A copy built from the model's configuration: the same weights, states of random layers and frozen weights.

    Nothing is drawn from the random numbers of the process.

    Errors: `KindError` where the model has no configuration from which it can be built, or where what is built is not
    the same function of its rows.
    """
    try:
        fresh = rebuilt(model)
    except (TypeError, NotImplementedError, ValueError) as error:
        raise KindError(
            f"Expected a model that can be built from its configuration, got {type(model).__name__}. Give it a "
            f"get_config() that returns what its constructor takes. Keras says: {str(error).strip().splitlines()[0]}"
        ) from error
    if [variable.shape for variable in fresh.variables] != [variable.shape for variable in model.variables]:
        raise KindError(
            f"Expected the same weights from the configuration of {type(model).__name__}, got "
            f"{len(fresh.variables)} of {len(model.variables)}, or others. "
            "Make its layers in the constructor, not in call."
        )
    fresh.built = True
    for new, old in zip(fresh.variables, model.variables, strict=True):
        new.assign(keras.ops.copy(old.value))  # a shared buffer would go when one of the two is trained
        new.trainable, new.regularizer = old.trainable, old.regularizer
    for new, old in zip(flatten_layers(fresh), flatten_layers(model), strict=False):
        copy_trainable_flag(new, old)
    if not is_same_function(model, fresh):
        raise KindError(
            f"Expected a configuration that makes {model.name!r} again, got a model with other predictions for the "
            "same weights. Return everything that the constructor of each layer takes from its get_config(), and "
            "change nothing of a layer after it was made."
        )
    return fresh


@tensorflow_left_alone()
def built_by(build: Callable[[], keras.Model], model: keras.Model) -> keras.Model:
    """Build a model again by the function that built `model`, for models that no configuration makes again.

    Errors: `KindError` where the function builds another one now.
    """
    with seeded(0):
        fresh = build()
    shapes = [[tuple(each.shape) for each in one.variables] for one in (fresh, model)]
    if shapes[0] != shapes[1] or not is_same_function(model, fresh):
        raise KindError(
            f"Expected a function that builds the same model each time, got one that now builds another than "
            f"{model.name!r}. Let it depend on nothing that changes."
        )
    return fresh


def compile_like(fresh: keras.Model, model: keras.Model) -> None:
    """Compile a model with the loss, metrics and a fresh optimizer like those of another, where that is compiled."""
    if not model.compiled or model.optimizer is None:
        return
    fresh.compile(
        optimizer=fresh_optimizer(model.optimizer),
        **compile_arguments(model),
        run_eagerly=model.run_eagerly,
        steps_per_execution=model.steps_per_execution,
        jit_compile=model.jit_compile,
        auto_scale_loss=False,
    )
    fresh.optimizer.build(fresh.trainable_variables)
