"""Confidence: a penalty on overconfident outputs."""

import math
from typing import Any

from bridle._keras import ops
from bridle.regularizers._kinds import ActivationPenalty, at_least_float32, broadcast_mask, count_entries
from bridle.regularizers._registry import penalty
from bridle.regularizers._strength import read_flag, read_real

MIN_PROBABILITY = 1e-7
"""The smallest probability in a logarithm."""


@penalty
class Confidence(ActivationPenalty):
    """`strength * mean (log K - H)`: charges predictions whose entropy is low.

    `H = -sum_k p_k log p_k` is the entropy of the `K` probabilities along the last axis; one unit is a Bernoulli
    probability, with `K = 2`. The mean is over the samples and time steps that count. The paper charges `-H`, which
    differs by the constant `log K`; this form is 0 for an even guess. With a `threshold` it is
    `strength * mean max(0, threshold - H)`: predictions with more entropy are not charged.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        threshold: float ≥ 0, the entropy in nats below which a prediction is charged. Default None: charge all.
        from_logits: bool, whether the activation holds logits, before softmax or sigmoid.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for a threshold below 0;
    for a weight.

    >>> import bridle
    >>> round(float(bridle.Confidence(1.0).activation_values([[1.0, 0.0], [0.5, 0.5]])[0]), 4)
    0.3466

    Source: Pereyra, Tucker, Chorowski, Kaiser and Hinton, "Regularizing neural networks by penalizing confident
    output distributions", 2017.

    """

    names = ("strength",)
    kind = "confidence"
    options = ("threshold", "from_logits")
    domain = "unit"

    def __init__(self, strength: object = "auto", *, threshold: float | None = None, from_logits: bool = False) -> None:
        expected = "an entropy ≥ 0, or None to charge every prediction"
        self.threshold = (
            None if threshold is None else read_real(threshold, "confidence(threshold=…)", expected, low=0.0)
        )
        self.from_logits = read_flag(from_logits, "confidence(from_logits=…)")
        if from_logits:
            self.domain = "real"
        super().__init__(strength)

    def activation_values(self, x: Any, mask: Any = None) -> tuple[Any, ...]:
        x = at_least_float32(x)
        if len(x.shape) == (1 if mask is None else len(mask.shape)):
            x = ops.expand_dims(x, -1)
        entropy = _entropy_of_logits(x) if self.from_logits else _entropy(x)
        highest = math.log(max(x.shape[-1], 2)) if self.threshold is None else self.threshold
        missing = ops.maximum(highest - entropy, 0.0)
        return (ops.sum(missing * broadcast_mask(mask, missing)) / count_entries(missing, mask),)


def _entropy(p: Any) -> Any:
    """Return the entropy of probabilities along the last axis. `p log p` is 0 at 0, with a finite slope."""
    p = ops.clip(p, 0.0, 1.0)
    if p.shape[-1] == 1:
        p = ops.concatenate([p, 1.0 - p], axis=-1)
    return -ops.sum(p * ops.log(ops.maximum(p, MIN_PROBABILITY)), axis=-1)


def _entropy_of_logits(x: Any) -> Any:
    """Return the entropy of softmax, or of sigmoid for a single logit."""
    if x.shape[-1] == 1:
        x = ops.concatenate([x, ops.zeros_like(x)], axis=-1)
    logs = ops.log_softmax(x, axis=-1)
    return -ops.sum(ops.exp(logs) * logs, axis=-1)
