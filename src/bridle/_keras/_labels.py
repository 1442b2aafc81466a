"""Smoothed labels: the losses of Keras over classes, as if a share of the labels were drawn anew."""

from collections.abc import Callable
from typing import Any

import keras

from bridle._errors import InputError
from bridle._keras._backend import ops
from bridle._keras._internals import (
    compile_arguments,
    compiled_loss,
    flat_losses,
    get_mask,
    is_built,
    loss_function,
    set_mask,
    with_loss_options,
)
from bridle._keras._training import has_own_loss

UNDECIDED = ("crossentropy", "ce")
"""Names for which Keras chooses a cross-entropy by the labels."""
Options = dict[str, Any]
Smoothing = Callable[[Any, Options, Any, Any, Any], Any]
"""(loss, options of its function, labels, predictions, strength) → the smoothed losses, one for each row or step."""


class SmoothedLoss(keras.losses.Loss):
    r"""Loss of Keras over classes with smoothed labels: $(1 - e)\,\ell(y) + e\,\frac1K \sum_k \ell(k)$.

    The loss is the mean over labels of which a share $e$ is replaced by a class that is drawn evenly. For a loss that
    is linear in its labels, as cross-entropy is, this is the loss of the labels $(1 - e)\,y + e / K$. Losses that have
    an argument `label_smoothing` get the labels that Keras gives them: `K = 2` for binary ones.

    Where the strength is above 0 it takes the place of the loss's own `label_smoothing`, so that labels are never
    smoothed twice. At strength 0 the loss is what it is without this class, bit for bit.

    Args:
        loss: a loss with classes (`has_classes`).
        strength: scalar $e$, 0 ≤ e < 1; it may be traced.

    Source: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception architecture", CVPR 2016.

    """

    def __init__(self, loss: Any, strength: Any) -> None:
        super().__init__(loss.name, loss.reduction, loss.dtype)
        self._loss, self._strength = loss, strength

    def call(self, y_true: Any, y_pred: Any) -> Any:
        function, options = loss_function(self._loss)
        return SMOOTHINGS[function](self._loss, options, y_true, y_pred, self._strength)


def has_classes(loss: Any) -> bool:
    """Return True for a loss of Keras whose labels are classes: those of which `SmoothedLoss` is defined."""
    return loss_function(loss)[0] in SMOOTHINGS


def compiled_losses(model: keras.Model) -> list[Any]:
    """Return the losses of the outputs, or those that `compile` got if it has not seen any labels yet."""
    loss = compiled_loss(model)
    if loss is None:
        return []
    if is_built(loss):
        return [entry.loss for entry in flat_losses(loss)]
    names = [name for name in keras.tree.flatten(compile_arguments(model)["loss"]) if name is not None]
    return [_look_up(name) for name in names]


def _look_up(name: Any) -> Any:
    if isinstance(name, str) and name.lower() in UNDECIDED:
        return keras.losses.binary_crossentropy
    return keras.losses.get(name)


def check_smoothing(model: keras.Model, inner: keras.Model, where: str, x: Any = None) -> None:
    """Refuse to smooth the labels of a model whose compiled loss has no classes.

    Args:
        model: a compiled model.
        where: the regularizer and its target, for the message.
        inner, x: the model that takes the inputs, and rows, which do not matter here.

    Errors: `InputError` for a custom `compute_loss`, for no compiled loss, and where no output has a loss over classes.

    """
    refuse_own_loss(model, where)
    losses = compiled_losses(model)
    if not any(has_classes(loss) for loss in losses):
        names = ", ".join(repr(loss_title(loss)) for loss in losses)
        raise InputError(
            f"Expected a loss over classes for {where}, got {names}. Compile with one of "
            f"{', '.join(sorted(function.__name__ for function in SMOOTHINGS))}, or leave {where} out."
        )


def refuse_own_loss(model: keras.Model, where: str) -> None:
    """Refuse a model whose labels are used outside of a compiled loss.

    Errors: `InputError` for a custom `compute_loss`, and for a model without a compiled loss.
    """
    if has_own_loss(model):
        raise InputError(
            f"Expected a compiled loss for {where}, got {type(model).__name__} with a custom compute_loss, which uses "
            f"labels in its own way. Treat the labels inside compute_loss, or leave {where} out."
        )
    if compiled_loss(model) is None:
        raise InputError(
            f"Expected a compiled loss for {where}, got {model.name!r} compiled without one. Compile it with a loss of "
            f"its labels, or leave {where} out."
        )


def own_smoothing(model: keras.Model) -> float:
    """Return the largest `label_smoothing` that the compiled losses have themselves; 0.0 for none."""
    options = [loss_function(loss)[1] for loss in compiled_losses(model)]
    return max((float(option.get("label_smoothing", 0.0)) for option in options), default=0.0)


def loss_title(loss: Any) -> str:
    """Return the name of a loss for a message: that of its function, or of its class."""
    return getattr(loss_function(loss)[0] or type(loss), "__name__", type(loss).__name__)


def _shares(strength: Any, options: Options) -> tuple[Any, Callable[[Any, Any], Any]]:
    """Return the share of the label itself, and a function of (ours, Keras's) divisor that returns that of each class.

    At strength 0 both are those of the loss's own `label_smoothing`, in the arithmetic of Keras.
    """
    own = options.get("label_smoothing", 0.0)
    if not own:
        return 1.0 - strength, lambda count, _: strength / count
    active = ops.greater(strength, 0.0)
    label = ops.where(active, 1.0 - strength, 1.0 - own)
    return label, lambda count, original: ops.where(active, strength / count, own / original)


def _without_own(loss: Any, options: Options) -> Any:
    return with_loss_options(loss, label_smoothing=0.0) if options.get("label_smoothing") else loss


def _binary(loss: Any, options: Options, y: Any, p: Any, strength: Any) -> Any:
    label, others = _shares(strength, options)
    return _without_own(loss, options).call(y * label + others(2.0, 2.0), p)


def _categorical(loss: Any, options: Options, y: Any, p: Any, strength: Any) -> Any:
    label, others = _shares(strength, options)
    count = float(p.shape[options.get("axis", -1)])
    return _without_own(loss, options).call(y * label + others(count, float(p.shape[-1])), p)


def _sparse(loss: Any, options: Options, y: Any, p: Any, strength: Any) -> Any:
    """Smooth the loss of integer labels, without one-hot labels: rows of `ignore_class` stay at loss 0."""
    plain, axis = loss.call(y, p), options.get("axis", -1)
    valid = get_mask(plain)
    if valid is not None:  # predictions of ignored rows may be anything
        p = ops.where(ops.expand_dims(valid, axis), p, ops.ones_like(p))
    even = ops.full_like(p, 1.0 / p.shape[axis])
    even = ops.categorical_crossentropy(even, p, from_logits=options.get("from_logits", False), axis=axis)
    return _blend(plain, even, strength, valid)


def _hinge(loss: Any, options: Options, y: Any, p: Any, strength: Any) -> Any:
    even = 0.5 * (loss.call(ops.ones_like(p), p) + loss.call(-ops.ones_like(p), p))
    return _blend(loss.call(y, p), even, strength)


def _categorical_hinge(loss: Any, options: Options, y: Any, p: Any, strength: Any) -> Any:
    count = p.shape[-1]
    classes = ops.reshape(ops.eye(count, dtype=p.dtype), (*(1,) * (len(p.shape) - 1), count, count))
    return _blend(loss.call(y, p), ops.mean(loss.call(classes, ops.expand_dims(p, -2)), axis=-1), strength)


def _generalized(loss: Any, options: Options, y: Any, p: Any, strength: Any) -> Any:
    power = options["q"]
    safe = ops.maximum(p, keras.backend.epsilon())  # the slope at 0 is infinite
    return _blend(loss.call(y, p), ops.mean((1.0 - ops.power(safe, power)) / power, axis=-1), strength)


def _blend(plain: Any, even: Any, strength: Any, valid: Any = None) -> Any:
    """Return the losses of the labels and those of evenly drawn classes by their shares, 0 for rows not `valid`."""
    blended = (1.0 - strength) * plain + strength * even
    if valid is None:
        return blended
    blended = ops.where(valid, blended, ops.zeros_like(blended))
    set_mask(blended, valid)
    return blended


SMOOTHINGS: dict[Any, Smoothing] = {
    keras.losses.binary_crossentropy: _binary,
    keras.losses.binary_focal_crossentropy: _binary,
    keras.losses.categorical_crossentropy: _categorical,
    keras.losses.categorical_focal_crossentropy: _categorical,
    keras.losses.kl_divergence: _categorical,
    keras.losses.sparse_categorical_crossentropy: _sparse,
    keras.losses.categorical_generalized_cross_entropy: _generalized,
    keras.losses.hinge: _hinge,
    keras.losses.squared_hinge: _hinge,
    keras.losses.categorical_hinge: _categorical_hinge,
}
"""The losses over classes, by the function of Keras that each of them averages."""
