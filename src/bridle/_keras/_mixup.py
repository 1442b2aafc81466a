"""Mix-up: rows of a batch and their labels, mixed with those of another row of the batch."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras

from bridle._errors import InputError
from bridle._keras._backend import ops
from bridle._keras._gradient import is_float
from bridle._keras._inputs import model_inputs
from bridle._keras._internals import compiled_loss, flat_losses, is_built, loss_function, with_losses
from bridle._keras._labels import SmoothedLoss, compiled_losses, has_classes, loss_title, refuse_own_loss

TINY = 1e-30
"""The smallest strength in a division: mixing ends above it."""
COUPLED = (keras.losses.circle,)
"""Losses that compare the labels of rows with each other."""


class Mixing(NamedTuple):
    """The partner of each row of a batch, and the share of the row itself."""

    order: Any
    """int (row,): the partner of each row, a permutation."""
    share: Any
    """Scalar or (row,), from 1/2 to 1: a row of share 1 is not mixed."""


class Treatment(NamedTuple):
    """Changes of the labels of one batch; none by default."""

    smoothing: Any = None
    """Scalar, the share of labels that is drawn anew, of every output whose loss has classes."""
    mixing: Mixing | None = None


UNTREATED = Treatment()
"""No change of the labels."""


@contextmanager
def labels_treated(model: keras.Model, treatment: Treatment, y: Any, prediction: Any) -> Iterator[None]:
    """Let the compiled loss of a model treat labels inside the block: smoothed first, then mixed.

    A compiled loss learns the losses of its outputs from the first labels and predictions.
    """
    if treatment.smoothing is None and treatment.mixing is None:
        yield
        return
    if not is_built(compiled_loss(model)):
        with keras.StatelessScope():
            compiled_loss(model)(y, prediction)
    losses = [entry.loss for entry in flat_losses(compiled_loss(model))]
    if treatment.smoothing is not None:
        losses = [SmoothedLoss(loss, treatment.smoothing) if has_classes(loss) else loss for loss in losses]
    if treatment.mixing is not None:
        losses = [MixedLoss(loss, treatment.mixing) for loss in losses]
    with with_losses(compiled_loss(model), losses):
        yield


def symmetric_share(strength: Any, first: Any, second: Any) -> Any:
    r"""Return the larger of $\lambda$ and $1 - \lambda$, for $\lambda$ from the distribution Beta(strength, strength).

    With uniform numbers $u$ and $v$ and $q = (u^{-1/\alpha} - 1) \cos^2 2 \pi v$, the share is
    $\frac12 + \frac12 \sqrt{q / (1 + q)}$. It is exact, without rejection. It decreases as the strength $\alpha$ grows
    and is 1 at strength 0, so that arms with the same numbers are paired.

    The pairs of a permutation with $\lambda$ are those of its inverse with $1 - \lambda$, so that a batch has the same
    distribution with the larger of the two.

    Args:
        strength: scalar α ≥ 0; it may be traced.
        first, second: scalars u and v, 0 ≤ u, v < 1.

    Source: Devroye, "Random variate generation in one line of code", WSC 1996.

    """
    spread = ops.expm1(-ops.log(first) / ops.maximum(strength, TINY)) * ops.square(ops.cos(2.0 * math.pi * second))
    share = 0.5 + 0.5 / ops.sqrt(1.0 + 1.0 / spread)
    return ops.where(ops.greater(strength, 0.0), share, ops.ones_like(share))


def draw_mixing(strength: Any, uniform: Callable[[Any], Any], count: Any, counted: Any = None) -> Mixing:
    """Draw one permutation and one share for a batch.

    Args:
        strength: scalar α ≥ 0; it may be traced.
        uniform: function from a shape to numbers in [0, 1). Two strengths must get the same numbers.
        count: the number of rows.
        counted: shape (row,), 0 for rows that do not count. They neither get nor give a share. None if all count.

    """
    numbers = uniform((count + 2,))
    share = symmetric_share(strength, numbers[0], numbers[1])
    order = ops.cast(ops.argsort(numbers[2:]), "int32")
    if counted is not None:
        present = ops.greater(counted, 0)
        share = ops.where(ops.logical_and(present, ops.take(present, order, axis=0)), share, ops.ones_like(share))
    return Mixing(order, share)


def no_mixing(count: Any, counted: Any = None) -> Mixing:
    """Return the mixing that leaves every row alone, in the shapes of `draw_mixing`."""
    return Mixing(ops.arange(count, dtype="int32"), ops.ones(() if counted is None else (count,)))


def mix_rows(x: Any, mixing: Mixing) -> Any:
    """Return the rows of a batch, an array or a tree of them, each mixed with its partner: share x + (1 - share) x'."""

    def mixed(leaf: Any) -> Any:
        if leaf is None:
            return None
        share = ops.cast(_column(mixing.share, leaf), leaf.dtype)
        partner = ops.take(leaf, mixing.order, axis=0)
        return ops.where(share < 1, share * leaf + (1 - share) * partner, leaf)

    return keras.tree.map_structure(mixed, as_real(x))


def as_real(x: Any) -> Any:
    """Return inputs as tensors of real numbers: bytes of an image become floats."""

    def real(leaf: Any) -> Any:
        if leaf is None:
            return None
        leaf = ops.convert_to_tensor(leaf)
        return leaf if is_float(leaf) else ops.cast(leaf, keras.backend.floatx())

    return keras.tree.map_structure(real, x)


class MixedLoss(keras.losses.Loss):
    r"""Loss of mixed rows: $s_i w_i\,\ell(y_i, \hat y_i) + (1 - s_i)\,w_j\,\ell(y_j, \hat y_i)$, row $i$, partner $j$.

    Labels of any form can be mixed in this way, also integers. Where the loss is linear in its labels, as cross-entropy
    is, it equals the loss of mixed labels; for squared error, its gradient does. Each label counts with the weight of
    the row that it comes from.

    Args:
        loss: the loss of an output: (labels, predictions, weights) → scalar.
        mixing: the partners and shares of the rows.

    Source: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond empirical risk minimization", ICLR 2018.

    """

    def __init__(self, loss: Any, mixing: Mixing) -> None:
        super().__init__(loss.name, loss.reduction, loss.dtype)
        self._loss, self._mixing = loss, mixing

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        order, share = self._mixing
        partners = keras.tree.map_structure(lambda leaf: ops.take(ops.convert_to_tensor(leaf), order, axis=0), y_true)
        if sample_weight is None and len(share.shape):
            sample_weight = ops.ones_like(_column(share, y_pred[..., 0]))
        if sample_weight is None:
            return share * self._loss(y_true, y_pred) + (1.0 - share) * self._loss(partners, y_pred)
        weight = ops.convert_to_tensor(sample_weight, dtype=self.dtype)
        share = _column(share, weight)
        first, second = share * weight, (1.0 - share) * ops.take(weight, order, axis=0)
        losses = self._loss(y_true, y_pred, first), self._loss(partners, y_pred, second)
        if self.reduction != "mean_with_sample_weight":
            return losses[0] + losses[1]
        totals = ops.sum(first), ops.sum(second)
        return ops.divide_no_nan(losses[0] * totals[0] + losses[1] * totals[1], totals[0] + totals[1])


def check_mixing(model: keras.Model, inner: keras.Model, where: str, x: Any = None) -> None:
    """Refuse to mix the rows of a model whose inputs or labels cannot be mixed.

    Args:
        model: a compiled model.
        inner: the model that takes the inputs: `model`, or the one that it wraps.
        where: the regularizer and its target, for the message.
        x: rows, for a subclassed model, which does not state its inputs. Default None.

    Errors: `InputError` for a custom `compute_loss`, for no compiled loss, for a loss that compares rows, and for an
    input of integers or of an embedding.

    """
    refuse_own_loss(model, where)
    coupled = [loss for loss in compiled_losses(model) if loss_function(loss)[0] in COUPLED]
    if coupled:
        raise InputError(
            f"Expected a loss of single rows for {where}, got {loss_title(coupled[0])!r}, which compares the labels of "
            f"rows with each other. Leave {where} out."
        )
    name = _integer_input(inner, x)
    if name is not None:
        raise InputError(
            f"Expected inputs of real numbers for {where}, got {name}, whose integers (such as those of an embedding) "
            "have no mixture. Use bridle.LabelSmoothing, or noise on the output of the embedding."
        )


def _integer_input(model: keras.Model, x: Any) -> str | None:
    """Return an input that takes integers or is looked up in an embedding, for a message; None if there is none."""
    inputs = model_inputs(model)
    if inputs is not None:
        integers = [spec.rows is not None for spec in inputs.flat]
    else:
        leaves = [leaf for leaf in keras.tree.flatten(x) if leaf is not None]
        integers = ["int" in keras.backend.standardize_dtype(leaf.dtype) for leaf in leaves]
    if not any(integers):
        return None
    if len(integers) == 1:
        return "the input of the model"
    index = integers.index(True)
    return f"input {index} of the model" if inputs is None else f"the input {inputs.names[index]!r}"


def _column(share: Any, leaf: Any) -> Any:
    """Return shares of shape (row,) with an axis of length one for every further axis of an array."""
    if not len(share.shape):
        return share
    return ops.reshape(share, (-1,) + (1,) * (len(leaf.shape) - 1))
