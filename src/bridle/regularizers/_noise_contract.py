"""The laws of noise. Each function returns the violation as text, or None; its name states the law."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from bridle._keras import ops
from bridle.regularizers._noise import Noise
from bridle.regularizers._registry import KINDS, parse_regularizer

NoiseLaw = Callable[["NoiseCase"], str | None]
DRAWS = 400
"""Draws of a tensor for its expectation."""
SIGMAS = 6.0
"""Standard errors by which a mean of draws may miss its expectation, entry by entry."""


@dataclass(frozen=True)
class NumPyDraw:
    """Random numbers of NumPy, the same ones for the same seed."""

    seed: int

    def uniform(self, shape: tuple[Any, ...]) -> Any:
        """Return float32 numbers of this shape, evenly distributed in [0, 1)."""
        return ops.convert_to_tensor(np.random.default_rng(self.seed).random(shape, "float32"))

    def normal(self, shape: tuple[Any, ...]) -> Any:
        """Return float32 numbers of this shape from the standard normal distribution."""
        return ops.convert_to_tensor(np.random.default_rng(self.seed).standard_normal(shape, "float32"))


@dataclass(frozen=True)
class NoiseCase:
    """Noise, and a tensor to check it on."""

    noise: Noise
    shape: tuple[int, ...]

    @property
    def strengths(self) -> tuple[float, ...]:
        return tuple(0.3 * (index + 1) for index in range(len(self.noise.names)))

    @property
    def x(self) -> np.ndarray:
        rng = np.random.default_rng(0)
        return (rng.uniform(0.3, 3.0, self.shape) * rng.choice([-1.0, 1.0], self.shape)).astype("float32")

    def drawn(self, seed: int, strengths: tuple[float, ...] | None = None) -> Any:
        """Return one draw."""
        return self.noise.sample(self.shape, strengths or self.strengths, NumPyDraw(seed))

    def perturbed(self, x: np.ndarray, seed: int, mask: np.ndarray | None = None) -> np.ndarray:
        """Return a tensor with one draw."""
        tensor = None if mask is None else ops.convert_to_tensor(mask)
        return _numbers(self.noise.apply(ops.convert_to_tensor(x), self.drawn(seed), tensor))


def keeps_the_expectation(case: NoiseCase) -> str | None:
    draws = np.stack([case.perturbed(case.x, seed) for seed in range(DRAWS)]).astype("float64")
    error = np.maximum(draws.std(axis=0, ddof=1), 1e-6) / np.sqrt(DRAWS)
    missed = np.abs(draws.mean(axis=0) - case.x) / error
    if missed.max() > SIGMAS:
        return f"a mean of {DRAWS} draws that is {missed.max():.1f} standard errors off"
    return None if draws.std() > 0 else "the same tensor at each draw"


def is_a_function_of_its_draw(case: NoiseCase) -> str | None:
    same = np.array_equal(case.perturbed(case.x, 1), case.perturbed(case.x, 1))
    return None if same else "other numbers for the same draw: take all random numbers from `draw`"


def changes_nothing_at_strength_zero(case: NoiseCase) -> str | None:
    zero = case.drawn(1, (0.0,) * len(case.strengths))
    for name, sample in (("strength 0", zero), ("the neutral draw", case.noise.neutral)):
        got = _numbers(case.noise.apply(ops.convert_to_tensor(case.x), sample))
        if not np.array_equal(got, case.x):
            return f"another tensor at {name}"
    return None


def keeps_the_shape_and_the_type(case: NoiseCase) -> str | None:
    for dtype in ("float32", "float16", "bfloat16"):
        got = case.noise.apply(ops.cast(case.x, dtype), case.drawn(1))
        if tuple(got.shape) != case.shape or keras.backend.standardize_dtype(got.dtype) != dtype:
            return f"shape {tuple(got.shape)} and {got.dtype} for shape {case.shape} and {dtype}"
    return None


def leaves_padded_steps(case: NoiseCase) -> str | None:
    if len(case.shape) < 3:
        return None
    mask = np.ones(case.shape[:2], bool)
    mask[0, 1:] = False
    got = case.perturbed(case.x, 1, mask)
    return None if np.array_equal(got[~mask], case.x[~mask]) else "other padded steps"


def survives_saving_and_its_text(case: NoiseCase) -> str | None:
    noise = case.noise
    reread: Any = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(noise))
    if repr(reread) != repr(noise):
        return f"{reread!r} after reading it"
    if KINDS.get(noise.kind) is not type(noise) or any(noise.schedules):
        return None
    fixed = noise.at(*case.strengths)
    parsed = parse_regularizer(noise.to_text(*map(repr, case.strengths)))
    return None if repr(parsed) == repr(fixed) else f"{parsed!r} after reading the text of {fixed!r}"


def _numbers(tensor: Any) -> np.ndarray:
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


NOISE_LAWS: tuple[NoiseLaw, ...] = (
    keeps_the_expectation,
    is_a_function_of_its_draw,
    changes_nothing_at_strength_zero,
    keeps_the_shape_and_the_type,
    leaves_padded_steps,
    survives_saving_and_its_text,
)
