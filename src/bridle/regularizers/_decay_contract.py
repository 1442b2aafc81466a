"""The laws of decay. Each function returns the violation as text, or None; its name states the law."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from bridle._keras import Decayed, decaying, ops
from bridle.regularizers._decay import Decay
from bridle.regularizers._registry import KINDS, parse_regularizer

DecayLaw = Callable[["DecayCase"], str | None]
RATE = 0.3
"""The rate of the laws."""
OWN_RATE = 0.7
"""The rate of the optimizer's own decay, where it has one."""
STEPS = 3
"""Updates after which weights are compared bit for bit."""


@dataclass(frozen=True)
class DecayCase:
    """Decay, the optimizer that it acts with, and weights to check it on."""

    decay: Decay
    shape: tuple[int, ...]
    optimizer: Any = "adam"
    """A name or an optimizer of Keras; every use gets a copy of it."""

    @cached_property
    def start(self) -> np.ndarray:
        """Entries without any order."""
        return np.random.default_rng(0).normal(size=self.shape).astype("float32")

    @property
    def config(self) -> dict[str, Any]:
        return keras.optimizers.serialize(keras.optimizers.get(self.optimizer))

    def made(self, own_rate: float | None = None) -> Any:
        """Return a copy of the optimizer, with a decay of its own or without."""
        optimizer = keras.optimizers.deserialize(self.config)
        optimizer.weight_decay = own_rate
        return optimizer

    def updated(
        self, start: np.ndarray, rate: float | None, steps: int = 1, own_rate: float | None = None
    ) -> list[np.ndarray]:
        """Return two weights after some updates; the first one decays at a rate."""
        weights = [keras.Variable(start), keras.Variable(start)]
        optimizer, rng = self.made(own_rate), np.random.default_rng(1)
        optimizer.build(weights)
        decayed = [] if rate is None else [Decayed(weights[0], None, ops.convert_to_tensor(np.float32(rate)))]
        with decaying(optimizer, decayed):
            for _ in range(steps):
                gradient = ops.convert_to_tensor(rng.normal(size=self.shape).astype("float32"))
                optimizer.apply(2 * [gradient], weights)
        return [np.array(ops.convert_to_numpy(weight.value)) for weight in weights]


def survives_saving_and_its_text(case: DecayCase) -> str | None:
    """Read it back from Keras's configuration, and from its text if there is one."""
    decay = case.decay
    try:
        again: Any = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(decay))
    except (TypeError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {str(error)[:200]} Put @keras.saving.register_keras_serializable() above it"
    if type(again) is not type(decay) or again.get_config() != decay.get_config():
        return f"{again!r} after reading it"
    if KINDS.get(decay.kind) is not type(decay):
        return None
    text = decay.to_text(*(repr(RATE) for _ in decay.names))
    reread = parse_regularizer(text)
    return None if reread.to_text(*(repr(RATE) for _ in decay.names)) == text else f"{reread!r} from {text!r}"


def shrinks_the_weight_before_the_step(case: DecayCase) -> str | None:
    """Compare with a step without decay, from the weight times 1 - learning rate * rate."""
    learning_rate = float(ops.convert_to_numpy(case.made().learning_rate))
    expected = case.updated(case.start * np.float32(1 - learning_rate * RATE), None)[0]
    got = case.updated(case.start, RATE)[0]
    if not np.allclose(got, expected, rtol=1e-5, atol=1e-6):
        return f"a weight that is off by {np.abs(got - expected).max():.3g}"
    return None


def changes_nothing_at_strength_zero(case: DecayCase) -> str | None:
    zero, plain = case.updated(case.start, 0.0, STEPS), case.updated(case.start, None, STEPS)
    return None if np.array_equal(zero, plain) else f"other weights after {STEPS} updates"


def leaves_other_weights_alone(case: DecayCase) -> str | None:
    got, expected = case.updated(case.start, RATE, STEPS)[1], case.updated(case.start, None, STEPS)[1]
    return None if np.array_equal(got, expected) else "another weight that changed"


def replaces_the_decay_of_the_optimizer(case: DecayCase) -> str | None:
    if "weight_decay" not in case.config["config"]:
        return None
    got = case.updated(case.start, RATE, STEPS, own_rate=OWN_RATE)[0]
    expected = case.updated(case.start, RATE, STEPS, own_rate=None)[0]
    return None if np.array_equal(got, expected) else "a weight that decays twice"


DECAY_LAWS: tuple[DecayLaw, ...] = (
    survives_saving_and_its_text,
    shrinks_the_weight_before_the_step,
    changes_nothing_at_strength_zero,
    leaves_other_weights_alone,
    replaces_the_decay_of_the_optimizer,
)
