"""Decay and label treatments, with optimizers and losses to check them with."""

from typing import Any

import keras
from tests.faults.conftest import sampled

import bridle
from bridle.testing import check_decay, check_labels

DECAYS: list[tuple[bridle.WeightDecay, Any]] = [
    (bridle.WeightDecay(0.1), "sgd"),
    (bridle.WeightDecay([0.1, 0.2]), "adam"),
    (bridle.WeightDecay("auto"), keras.optimizers.AdamW(0.1, weight_decay=0.2)),
    (bridle.WeightDecay(bridle.schedule.warmup(0.3, 5)), keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)),
    (bridle.WeightDecay(0.1), keras.optimizers.RMSprop(keras.optimizers.schedules.CosineDecay(0.1, 9))),
]
LOSSES: list[Any] = [
    "sparse_categorical_crossentropy",
    "binary_crossentropy",
    "hinge",
    "categorical_hinge",
    keras.losses.CategoricalCrossentropy(from_logits=True),
    keras.losses.BinaryFocalCrossentropy(name="focal"),
    keras.losses.KLDivergence(),
    keras.losses.CategoricalGeneralizedCrossEntropy(),
]
TREATMENTS = [bridle.LabelSmoothing(0.1), bridle.Mixup([0.1, 0.4])]
ELSEWHERE_DECAYS = sampled(DECAYS, 2)
ELSEWHERE_LABELS = sampled([(loss, treatment) for loss in LOSSES for treatment in TREATMENTS], 3)
"""What other backends are tried with."""


def checked() -> int:
    """Check decay with each optimizer and label treatments with each loss on the backend of Keras; count them."""
    for decay, optimizer in ELSEWHERE_DECAYS:
        check_decay(decay, optimizer=optimizer)
    for loss, treatment in ELSEWHERE_LABELS:
        check_labels(treatment, loss=loss)
    return len(ELSEWHERE_DECAYS) + len(ELSEWHERE_LABELS)
