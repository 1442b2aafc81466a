"""The laws of penalties. Each function returns the violation as text, or None; its name states the law."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from bridle._errors import BridleError
from bridle._keras import ops, with_gradient
from bridle.regularizers._penalty import Penalty, Tensor
from bridle.regularizers._registry import KINDS, parse_penalty

Law = Callable[["Case"], str | None]
SATURATED_VALUE = 50.0
"""An input at which sigmoid, softmax and tanh have saturated in float32."""
HALF_PRECISION_VALUE = 300.0
"""Fits float16; its square does not."""
KILLING_STRENGTH = 1e4
"""A strength at which a proximal step sets every entry to zero."""


@dataclass(frozen=True)
class Case:
    """Penalty on weights or on activations, with tensors to check it on."""

    penalty: Penalty
    on: Tensor
    shape: tuple[int, ...]

    @cached_property
    def bound(self) -> Penalty:
        """The penalty with the anchor that it may need."""
        anchor = 0.5 * self.generic[::-1]
        return self.penalty.with_anchor(anchor) if self.penalty.needs_anchor else self.penalty

    @property
    def strengths(self) -> tuple[float, ...]:
        return tuple(0.3 * (index + 1) for index in range(len(self.penalty.names)))

    @property
    def is_plain(self) -> bool:
        """True for a penalty that can be called as a Keras regularizer, without schedules."""
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
        half_zero, ends = self.generic.copy(), np.indices(self.shape).sum(axis=0) % 2
        half_zero[0] = 0.0
        low, high = (0.0, 1.0) if self.penalty.domain == "unit" else (-SATURATED_VALUE, SATURATED_VALUE)
        tensors = {
            "a generic tensor": self.generic,
            "its mirror image": low + high - self.generic,
            "zeros": np.zeros(self.shape),
            "equal entries": np.ones(self.shape),
            "a tensor that begins with zeros": half_zero,
            "saturated entries": np.where(ends, high, low),
            "an identity": np.broadcast_to(np.eye(self.shape[-2], self.shape[-1]), self.shape)
            if len(self.shape) > 1
            else half_zero,
        }
        return {name: np.array(value, "float32") for name, value in tensors.items()}

    def values(self, x: Any, mask: Any = None) -> tuple[Any, ...]:
        """Return the value of each component at strength one."""
        x = ops.convert_to_tensor(x)
        if self.on == "weight":
            return self.bound.weight_values(x)
        return self.bound.activation_values(x, None if mask is None else ops.convert_to_tensor(mask))

    def numbers(self, x: Any, mask: Any = None) -> np.ndarray:
        """Return the value of each component at strength one as numbers."""
        return np.array([float(value) for value in self.values(x, mask)])

    def total(self, flat: Any) -> Any:
        """Return the total as a function of strengths and tensor in one vector."""
        count = len(self.strengths)
        values = self.values(ops.reshape(flat[count:], self.shape))
        return sum((flat[index] * values[index] for index in range(1, count)), start=flat[0] * values[0])

    @cached_property
    def _value_and_gradient(self) -> Callable[[Any], tuple[float, np.ndarray]]:
        return with_gradient(self.total)

    def compiled_gradient(self, x: np.ndarray, strengths: tuple[float, ...]) -> tuple[float, np.ndarray]:
        """Return the total in compiled code, and its gradient with respect to the tensor."""
        value, gradient = self._value_and_gradient(np.concatenate([strengths, np.ravel(x)]).astype("float32"))
        return value, gradient[len(self.strengths) :].reshape(self.shape)

    def compiled_total(self, x: np.ndarray, strengths: tuple[float, ...]) -> float:
        """Return the total in compiled code."""
        return self.compiled_gradient(x, strengths)[0]


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
    once, twice = case.strengths, tuple(2 * strength for strength in case.strengths)
    values = [case.numbers(case.generic), *(_at(case, strengths).numbers(case.generic) for strengths in (once, twice))]
    if not (np.allclose(values[0], values[1], rtol=1e-6) and np.allclose(values[1], values[2], rtol=1e-6)):
        return f"values at strength one that depend on the strength: {values[1].tolist()}, {values[2].tolist()}"
    if case.is_plain and case.on == "weight":
        called = [float(case.bound.at(*strengths)(ops.convert_to_tensor(case.generic))) for strengths in (once, twice)]
        expected = float(np.dot(once, values[0]))
        if not np.allclose(called, [expected, 2 * expected], rtol=1e-5):
            return f"{called} when called with {once} and twice that, for {values[0].tolist()} at strength one"
    return None


def charges_the_same_when_compiled(case: Case) -> str | None:
    """Compare with a compiled call, in which strengths and tensor are traced."""
    try:
        got = case.compiled_total(case.generic, case.strengths)
    except BridleError:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    expected = float(np.dot(case.strengths, case.numbers(case.generic)))
    return None if np.isclose(got, expected, rtol=1e-5) else f"{got} compiled and {expected} not"


def charges_exactly_nothing_at_strength_zero(case: Case) -> str | None:
    zero = (0.0,) * len(case.strengths)
    for name, x in case.points.items():
        value, gradient = case.compiled_gradient(x, zero)
        if value != 0.0 or np.any(gradient != 0.0):
            return f"value {value}, gradient {_worst(gradient)} at {name}: a slope there is not finite"
        if case.is_plain and case.on == "weight" and float(case.bound.at(*zero)(ops.convert_to_tensor(x))) != 0.0:
            return f"a value other than 0 when called, at {name}"
    return None


def has_the_gradient_of_its_value(case: Case) -> str | None:
    rng, step = np.random.default_rng(1), 2e-2

    def rise(change: np.ndarray) -> float:
        return case.compiled_total(case.generic + change, case.strengths) - case.compiled_total(
            case.generic - change, case.strengths
        )

    value, gradient = case.compiled_gradient(case.generic, case.strengths)
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
    """Write it as JSON with Keras and read it back."""
    try:
        reread = _read_back(case.penalty)
    except (TypeError, ValueError, KeyError) as error:
        return (
            f"{type(error).__name__}: {str(error)[:200]} Put @keras.saving.register_keras_serializable() above the "
            "class, and every argument of its constructor into `names` or `options`"
        )
    if type(reread) is not type(case.penalty) or reread.get_config() != case.penalty.get_config():
        return f"{reread!r} after reading it"
    return None


def charges_the_same_after_saving(case: Case) -> str | None:
    reread = Case(_read_back(case.penalty), case.on, case.shape)
    got, expected = reread.numbers(case.generic).tolist(), case.numbers(case.generic).tolist()
    return None if got == expected else f"{got} after reading it and {expected} before: put its options in `options`"


def survives_its_text(case: Case) -> str | None:
    """Read its text back, if the language of penalties has a name for it."""
    if KINDS.get(case.penalty.kind) is not type(case.penalty):
        return None
    text = case.penalty.to_text(*map(repr, case.strengths))
    try:
        reread = parse_penalty(text)
    except BridleError as error:
        return str(error)
    return None if reread.to_text(*map(repr, reread.base_strengths)) == text else f"{reread!r} from {text!r}"


def sums_half_precision_in_float32(case: Case) -> str | None:
    for dtype in ("float16", "bfloat16"):
        x = ops.cast(np.full(case.shape, 0.5 if case.penalty.domain == "unit" else HALF_PRECISION_VALUE), dtype)
        numbers = case.numbers(x)
        if not np.all(np.isfinite(numbers)):
            return f"{numbers.tolist()} for {dtype} entries of {float(ops.max(x)):g}"
    return None


def _read_back(penalty: Penalty) -> Penalty:
    return keras.regularizers.deserialize(json.loads(json.dumps(keras.regularizers.serialize(penalty))))


def _at(case: Case, strengths: tuple[float, ...]) -> Case:
    return Case(case.bound.at(*strengths), case.on, case.shape)


def _worst(gradient: np.ndarray) -> float:
    wrong = gradient[~(gradient == 0)]
    return float(wrong[0]) if wrong.size else 0.0


def leaves_out_what_is_not_charged(case: Case) -> str | None:
    """Compare with samples of weight zero removed, and with other entries in padded steps."""
    x, mask = case.generic, np.ones(case.shape[0], "float32")
    mask[1::2] = 0.0
    got, expected = case.numbers(x, mask), case.numbers(x[mask > 0])
    if not _same(got, expected):
        return f"{got.tolist()} where some samples have weight zero, and {expected.tolist()} without them"
    if not np.all(case.numbers(x, 0.0 * mask) == 0.0):
        return f"{case.numbers(x, 0.0 * mask).tolist()} for a batch in which nothing counts"
    return _padded(case, mask) if len(case.shape) > 2 else None


def _padded(case: Case, mask: np.ndarray) -> str | None:
    steps = np.repeat(mask[:, None], case.shape[1], axis=1)
    if not _same(case.numbers(case.generic, steps), case.numbers(case.generic, mask)):
        return "another value where the weight of each sample is repeated for its time steps"
    steps[:] = 1.0
    steps[::2, -1] = steps[1::2, 0] = 0.0
    changed = np.where(steps.reshape(*steps.shape, *(1,) * (len(case.shape) - 2)), case.generic, 0.25)
    got, expected = case.numbers(changed.astype("float32"), steps), case.numbers(case.generic, steps)
    return None if _same(got, expected) else f"{got.tolist()} and {expected.tolist()} for other entries in padded steps"


def does_not_see_the_order_of_samples(case: Case) -> str | None:
    order = np.random.default_rng(2).permutation(case.shape[0])
    got, expected = case.numbers(case.generic[order]), case.numbers(case.generic)
    return None if _same(got, expected) else f"{expected.tolist()}, and {got.tolist()} in another order"


def does_not_depend_on_the_batch_size(case: Case) -> str | None:
    """Compare with a batch that holds every sample twice: the same value, or twice it with `per="batch"`."""
    factor, x = 2.0 if case.penalty.per == "batch" else 1.0, case.generic[::2]
    got, once = case.numbers(np.concatenate([x, x])), case.numbers(x)
    return None if _same(got, factor * once) else f"{once.tolist()}, and {got.tolist()} with every sample twice"


def takes_a_proximal_step_that_minimizes(case: Case) -> str | None:
    """Search nearby tensors for a lower `sum (z - x)^2 / (2 step) + R(z)`, with equal and with unequal steps."""
    rng, x = np.random.default_rng(3), case.generic
    for steps in (np.full(case.shape, 0.2), rng.uniform(0.05, 0.8, case.shape)):
        z = _proximal(case, steps, case.strengths)

        def objective(at: np.ndarray, steps: np.ndarray = steps) -> float:
            return float(np.sum((at - x) ** 2 / (2 * steps))) + case.compiled_total(at, case.strengths)

        best = objective(z)
        for change in _changes(z, rng):
            if objective(z + change) < best - 1e-5 * (1 + abs(best)):
                return f"{best:.6g}, where {objective(z + change):.6g} can be reached"
    return None


def makes_exact_zeros_by_its_proximal_step(case: Case) -> str | None:
    steps = np.full(case.shape, 0.2)
    rest = _proximal(case, steps, (KILLING_STRENGTH,) * len(case.strengths))
    if np.any(rest != 0.0):
        return f"an entry of {float(np.abs(rest).max()):g} at strength {KILLING_STRENGTH:g}"
    if not np.array_equal(_proximal(case, steps, (0.0,) * len(case.strengths)), case.generic):
        return "a tensor that a step of strength 0 has changed"
    return None


def _proximal(case: Case, steps: np.ndarray, strengths: tuple[float, ...]) -> np.ndarray:
    x, steps = ops.convert_to_tensor(case.generic), ops.convert_to_tensor(steps.astype("float32"))
    return np.array(ops.convert_to_numpy(case.bound.proximal(x, steps, strengths)))


def _changes(z: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Return small changes of all entries, of one entry, and of the scale."""
    changes: list[np.ndarray] = []
    for size in (0.1, 0.02):
        one = np.zeros(z.shape)
        one[tuple(rng.integers(z.shape))] = size
        changes += [size * rng.normal(size=z.shape) for _ in range(4)] + [one, -one, size * z, -size * z]
    return changes


def _same(got: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.allclose(got, expected, rtol=1e-4, atol=1e-6))


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
OF_ACTIVATIONS: tuple[Law, ...] = (
    leaves_out_what_is_not_charged,
    does_not_see_the_order_of_samples,
    does_not_depend_on_the_batch_size,
)
OF_EXACT: tuple[Law, ...] = (takes_a_proximal_step_that_minimizes, makes_exact_zeros_by_its_proximal_step)
