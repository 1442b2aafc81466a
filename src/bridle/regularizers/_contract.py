"""The laws that every penalty obeys. Each returns what is wrong, or nothing; its name says what is expected."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import ops

from bridle._errors import BridleError
from bridle._keras import with_gradient
from bridle.regularizers._base import On, Penalty
from bridle.regularizers._parse import KINDS, parse_penalty

Law = Callable[["Case"], str | None]
SATURATED = 50.0
"""Where sigmoid, softmax and tanh have reached their ends in float32."""
HALF = 300.0
"""Fits float16; its square does not."""


@dataclass(frozen=True)
class Case:
    """One penalty on weights or on activations, with the tensors to try it on."""

    penalty: Penalty
    on: On
    shape: tuple[int, ...]

    @cached_property
    def bound(self) -> Penalty:
        """The penalty with the anchor that it may need."""
        anchor = 0.5 * self.generic[::-1]
        return self.penalty.with_anchor(anchor) if self.penalty.needs_anchor else self.penalty

    @property
    def amounts(self) -> tuple[float, ...]:
        return tuple(0.3 * (number + 1) for number in range(len(self.penalty.names)))

    @property
    def is_plain(self) -> bool:
        """Whether it can be called as a Keras regularizer, which a schedule can not."""
        return not any(self.penalty.schedules)

    @cached_property
    def generic(self) -> np.ndarray:
        """Entries away from kinks, without any order."""
        rng = np.random.default_rng(0)
        if self.penalty.domain == "unit":
            return rng.uniform(0.1, 0.9, self.shape).astype("float32")
        return (rng.uniform(0.3, 3.0, self.shape) * rng.choice([-1.0, 1.0], self.shape)).astype("float32")

    @cached_property
    def points(self) -> dict[str, np.ndarray]:
        """Tensors at which values and gradients have to be finite."""
        part, ends = self.generic.copy(), np.indices(self.shape).sum(axis=0) % 2
        part[0] = 0.0
        low, high = (0.0, 1.0) if self.penalty.domain == "unit" else (-SATURATED, SATURATED)
        found = {
            "a generic tensor": self.generic,
            "its mirror image": low + high - self.generic,
            "zeros": np.zeros(self.shape),
            "equal entries": np.ones(self.shape),
            "a tensor that begins with zeros": part,
            "saturated entries": np.where(ends, high, low),
            "an identity": np.broadcast_to(np.eye(*self.shape[-2:]), self.shape) if len(self.shape) > 1 else part,
        }
        return {name: np.array(value, "float32") for name, value in found.items()}

    def values(self, x: Any, charged: Any = None) -> tuple[Any, ...]:
        """What each component charges at strength one."""
        x = ops.convert_to_tensor(x)
        if self.on == "weight":
            return self.bound.weight_values(x)
        return self.bound.activation_values(x, None if charged is None else ops.convert_to_tensor(charged))

    def numbers(self, x: Any, charged: Any = None) -> np.ndarray:
        """The same as numbers."""
        return np.array([float(value) for value in self.values(x, charged)])

    def total(self, flat: Any) -> Any:
        """What is charged at given strengths, as a function of strengths and tensor in one vector."""
        count = len(self.amounts)
        values = self.values(ops.reshape(flat[count:], self.shape))
        return sum((flat[number] * values[number] for number in range(1, count)), start=flat[0] * values[0])

    @cached_property
    def _sloped(self) -> Callable[[Any], tuple[float, np.ndarray]]:
        return with_gradient(self.total)

    def slope(self, x: np.ndarray, amounts: tuple[float, ...]) -> tuple[float, np.ndarray]:
        """What compiled code charges, and its gradient with respect to the tensor."""
        value, gradient = self._sloped(np.concatenate([amounts, np.ravel(x)]).astype("float32"))
        return value, gradient[len(self.amounts) :].reshape(self.shape)

    def charge(self, x: np.ndarray, amounts: tuple[float, ...]) -> float:
        """What compiled code charges."""
        return self.slope(x, amounts)[0]


def charges_finite_numbers_not_below_zero(case: Case) -> str | None:
    for name, x in case.points.items():
        values = case.values(x)
        if len(values) != len(case.penalty.names):
            return f"{len(values)} values for {len(case.penalty.names)} strengths"
        wrong = [tuple(value.shape) for value in values if tuple(value.shape)]
        if wrong:
            return f"a tensor of shape {wrong[0]} in place of a number"
        numbers = case.numbers(x)
        if not np.all(np.isfinite(numbers)) or np.any(numbers < 0):
            return f"{numbers.tolist()} at {name}"
    return None


def is_linear_in_its_strengths(case: Case) -> str | None:
    once, twice = case.amounts, tuple(2 * amount for amount in case.amounts)
    values = [case.numbers(case.generic), *(_at(case, amounts).numbers(case.generic) for amounts in (once, twice))]
    if not (np.allclose(values[0], values[1], rtol=1e-6) and np.allclose(values[1], values[2], rtol=1e-6)):
        return f"values at strength one that depend on the strength: {values[1].tolist()}, {values[2].tolist()}"
    if case.is_plain and case.on == "weight":
        called = [float(case.bound.at(*amounts)(ops.convert_to_tensor(case.generic))) for amounts in (once, twice)]
        expected = float(np.dot(once, values[0]))
        if not np.allclose(called, [expected, 2 * expected], rtol=1e-5):
            return f"{called} when called with {once} and twice that, for {values[0].tolist()} at strength one"
    return None


def charges_the_same_when_compiled(case: Case) -> str | None:
    """With strengths and tensor traced, nothing branches on either."""
    try:
        got = case.charge(case.generic, case.amounts)
    except BridleError:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    expected = float(np.dot(case.amounts, case.numbers(case.generic)))
    return None if np.isclose(got, expected, rtol=1e-5) else f"{got} compiled and {expected} not"


def charges_exactly_nothing_at_strength_zero(case: Case) -> str | None:
    zero = (0.0,) * len(case.amounts)
    for name, x in case.points.items():
        value, gradient = case.slope(x, zero)
        if value != 0.0 or np.any(gradient != 0.0):
            return f"value {value}, gradient {_worst(gradient)} at {name}: a slope there is not finite"
        if case.is_plain and case.on == "weight" and float(case.bound.at(*zero)(ops.convert_to_tensor(x))) != 0.0:
            return f"a value other than 0 when called, at {name}"
    return None


def has_the_gradient_of_its_value(case: Case) -> str | None:
    rng, step = np.random.default_rng(1), 2e-2

    def rise(change: np.ndarray) -> float:
        return case.charge(case.generic + change, case.amounts) - case.charge(case.generic - change, case.amounts)

    value, gradient = case.slope(case.generic, case.amounts)
    allowed = 5e-3 * float(np.linalg.norm(gradient)) + 1e-4 * abs(value)
    for _ in range(3):
        direction = rng.normal(size=case.shape)
        direction /= np.linalg.norm(direction)
        slope = (8 * rise(step * direction) - rise(2 * step * direction)) / (12 * step)
        got = float(np.sum(gradient * direction))
        if not abs(slope - got) <= allowed:
            return f"{got:.6g} along a direction in which the value rises by {slope:.6g}"
    return None


def survives_saving(case: Case) -> str | None:
    """Keras writes it as JSON and reads it again."""
    try:
        again = _read_again(case.penalty)
    except (TypeError, ValueError, KeyError) as error:
        return (
            f"{type(error).__name__}: {str(error)[:200]} Put @keras.saving.register_keras_serializable() above the "
            "class, and every argument of its constructor into `names` or `options`"
        )
    if type(again) is not type(case.penalty) or again.get_config() != case.penalty.get_config():
        return f"{again!r} after reading it"
    return None


def charges_the_same_after_saving(case: Case) -> str | None:
    again = Case(_read_again(case.penalty), case.on, case.shape)
    got, expected = again.numbers(case.generic).tolist(), case.numbers(case.generic).tolist()
    return None if got == expected else f"{got} after reading it and {expected} before: put its options in `options`"


def survives_its_text(case: Case) -> str | None:
    """Where the language of penalties has a name for it."""
    if KINDS.get(case.penalty.kind) is not type(case.penalty):
        return None
    fixed = case.penalty.to_text(*map(repr, case.amounts))
    try:
        again = parse_penalty(fixed)
    except BridleError as error:
        return str(error)
    return None if again.to_text(*map(repr, again.base_strengths)) == fixed else f"{again!r} from {fixed!r}"


def sums_half_precision_in_float32(case: Case) -> str | None:
    for dtype in ("float16", "bfloat16"):
        x = ops.cast(np.full(case.shape, 0.5 if case.penalty.domain == "unit" else HALF), dtype)
        numbers = case.numbers(x)
        if not np.all(np.isfinite(numbers)):
            return f"{numbers.tolist()} for {dtype} entries of {float(ops.max(x)):g}"
    return None


def _read_again(penalty: Penalty) -> Penalty:
    return keras.regularizers.deserialize(json.loads(json.dumps(keras.regularizers.serialize(penalty))))


def _at(case: Case, amounts: tuple[float, ...]) -> Case:
    return Case(case.bound.at(*amounts), case.on, case.shape)


def _worst(gradient: np.ndarray) -> float:
    wrong = gradient[~(gradient == 0)]
    return float(wrong[0]) if wrong.size else 0.0


SAVING: tuple[Law, ...] = (survives_saving, charges_the_same_after_saving)
EVERYWHERE: tuple[Law, ...] = (
    survives_saving,
    charges_finite_numbers_not_below_zero,
    is_linear_in_its_strengths,
    charges_the_same_when_compiled,
    charges_exactly_nothing_at_strength_zero,
    has_the_gradient_of_its_value,
    sums_half_precision_in_float32,
    charges_the_same_after_saving,
    survives_its_text,
)
