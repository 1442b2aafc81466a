"""Penalties on the outputs of a recurrent layer over time: AR and TAR."""

from typing import Any

from bridle._errors import InputError
from bridle._keras import ops
from bridle.regularizers._kinds import ActivationPenalty, at_least_float32, broadcast_mask, count_entries
from bridle.regularizers._registry import penalty


@penalty
class AR(ActivationPenalty):
    """`strength * mean h^2`: keeps the outputs of a recurrent layer small.

    `h` has shape (batch, time, …). The mean is over the samples and time steps that count, and over units. It is
    charged in training and is no part of a validation loss. The paper takes `h` after dropout: with
    `bridle.Dropout` at the same output it does. With a dropout layer that the model has, place it on that layer.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
            The paper uses 2.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for a weight, and an
    activation without a time axis.

    >>> import bridle
    >>> float(bridle.AR(2.0).activation_values([[[1.0], [3.0]]])[0])
    5.0

    Source: Merity, McCann and Socher, "Revisiting activation regularization for language RNNs", 2017.

    """

    names = ("strength",)
    kind = "ar"
    at_evaluation = False
    after_noise = True
    needs_time = True

    def __init__(self, strength: object = "auto") -> None:
        super().__init__(strength)

    def activation_values(self, x: Any, mask: Any = None) -> tuple[Any, ...]:
        x = _check_time(x, self.kind)
        return (ops.sum(ops.square(x) * broadcast_mask(mask, x)) / count_entries(x, mask),)


@penalty
class TAR(ActivationPenalty):
    """`strength * mean (h[t + 1] - h[t])^2`: penalizes changes of the outputs of a recurrent layer.

    `h` has shape (batch, time, …). The mean is over the pairs of neighbouring time steps that both count, and over
    units; with one time step it is 0. It is charged in training and is no part of a validation loss. The paper
    takes `h` before dropout.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
            The paper uses 1.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for a weight, and an
    activation without a time axis.

    >>> import bridle
    >>> float(bridle.TAR(1.0).activation_values([[[1.0], [3.0], [3.0]]])[0])
    2.0

    Source: Merity, McCann and Socher, "Revisiting activation regularization for language RNNs", 2017.

    """

    names = ("strength",)
    kind = "tar"
    at_evaluation = False
    needs_time = True

    def __init__(self, strength: object = "auto") -> None:
        super().__init__(strength)

    def activation_values(self, x: Any, mask: Any = None) -> tuple[Any, ...]:
        x = _check_time(x, self.kind)
        jumps = x[:, 1:] - x[:, :-1]
        pairs = mask if mask is None or len(mask.shape) < 2 else mask[:, 1:] * mask[:, :-1]
        return (ops.sum(ops.square(jumps) * broadcast_mask(pairs, jumps)) / count_entries(jumps, pairs),)


def _check_time(x: Any, kind: str) -> Any:
    x = at_least_float32(x)
    if len(x.shape) < 2:
        raise InputError(
            f"Expected an activation of shape (batch, time, …) for {kind}, got shape {tuple(x.shape)}. Place it on a "
            "recurrent layer with return_sequences=True."
        )
    return x
