"""What a penalty is: a pure, non-negative function of one tensor, and a Keras regularizer."""

import abc
from typing import Any, ClassVar, Literal

import keras
from keras import ops

from bridle._errors import InputError
from bridle.penalties._strength import Grid, Strength, strength

Per = Literal["sample", "batch", "unit"]
CONVENTIONS = ("sample", "batch", "unit")


class Penalty(keras.regularizers.Regularizer, abc.ABC):
    """A sum over components, each a strength times a pure function of one tensor.

    `R(x) = sum_i strength_i * unit_i(x)`, where `unit_i` is what the component charges at strength one.

    On a weight, `unit_i` sums over all entries. On an activation of shape (batch, …) it sums over all units
    (and time, and space), and `per` says what becomes of the batch axis:

    - `"sample"` (the default): averaged over the samples, as Keras ≥ 3.14 does;
    - `"batch"`: summed over the samples, as Keras 2.0-2.3 and 3.0-3.13 did;
    - `"unit"`: averaged over the samples and over the units.

    Called as `penalty(x)` it is an ordinary Keras regularizer. For the default convention that is the sum over
    all entries, to be placed on a weight, or on an activation, where Keras ≥ 3.14 divides by the batch size.
    The other two conventions count on that division, so they are for activations only.
    """

    names: ClassVar[tuple[str, ...]]
    """The argument that holds each component's strength, which is also its name in tables."""
    kind: ClassVar[str]
    """The name in the language of penalties, as in `l2(1e-3)`."""

    per: Per
    strengths: tuple[Strength, ...]

    def __init__(self, *strengths: object, per: Per = "sample") -> None:
        if per not in CONVENTIONS:
            raise InputError(f"Expected per='sample', 'batch' or 'unit' in {self.kind}, got {per!r}.")
        self.per = per
        pairs = zip(strengths, self.names, strict=True)
        self.strengths = tuple(strength(value, f"{self.kind}({name}=…)") for value, name in pairs)

    @abc.abstractmethod
    def unit_values(self, x: Any) -> tuple[Any, ...]:
        """What each component charges for a weight at strength one: one scalar for each of `names`."""

    @abc.abstractmethod
    def activity_values(self, x: Any, charged: Any = None) -> tuple[Any, ...]:
        """The same for an activation of shape (batch, …), by the convention `per`.

        `charged`, of shape (batch,) or (batch, time), is 1 where an entry counts and 0 for padded steps and
        samples of weight zero, which are neither summed nor counted as samples. None counts everything.
        """

    def __call__(self, x: Any) -> Any:
        values = self.unit_values(x)
        total = ops.convert_to_tensor(0.0, dtype=values[0].dtype)
        for amount, value in zip(self.fixed(), values, strict=True):
            total = total + amount * value
        if self.per == "batch":
            return total * ops.cast(ops.shape(x)[0], total.dtype)
        if self.per == "unit":
            return total * ops.cast(ops.shape(x)[0], total.dtype) / ops.cast(ops.size(x), total.dtype)
        return total

    def fixed(self) -> tuple[float, ...]:
        """The strengths, where each is one number."""
        for name, value in zip(self.names, self.strengths, strict=True):
            if isinstance(value, Grid):
                raise InputError(
                    f"Expected one number as {name} of {self.kind} here, got a range to search. "
                    "Give a number, or let bridle.Study find it."
                )
        return self.strengths

    def at(self, *strengths: float) -> "Penalty":
        """The same penalty with other strengths."""
        return type(self).from_config({**self.get_config(), **dict(zip(self.names, strengths, strict=True))})

    def get_config(self) -> dict[str, Any]:
        values = (list(v.values) if isinstance(v, Grid) else v for v in self.strengths)
        return {**dict(zip(self.names, values, strict=True)), "per": self.per}

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={describe(value)}" for name, value in zip(self.names, self.strengths, strict=True))
        return f"{type(self).__name__}({shown}{'' if self.per == 'sample' else f', per={self.per!r}'})"


def describe(value: Strength) -> str:
    """A strength as a person writes it."""
    if not isinstance(value, Grid):
        return f"{value:g}"
    return f"{value.values[0]:g}..{value.values[-1]:g}" + (" (auto)" if value.open else "")


class Entrywise(Penalty):
    """A penalty that is a sum over entries, `unit(x) = sum_j phi(x_j)`."""

    @abc.abstractmethod
    def entries(self, x: Any) -> tuple[Any, ...]:
        """`phi(x)` entry by entry, for each component."""

    def unit_values(self, x: Any) -> tuple[Any, ...]:
        return tuple(ops.sum(value) for value in self.entries(_wide(x)))

    def activity_values(self, x: Any, charged: Any = None) -> tuple[Any, ...]:
        x = _wide(x)
        divisor = _divisor(x, charged, self.per)
        if charged is None:
            return tuple(ops.sum(value) / divisor for value in self.entries(x))
        spread = ops.reshape(
            ops.cast(charged, x.dtype), tuple(charged.shape) + (1,) * (len(x.shape) - len(charged.shape))
        )
        return tuple(ops.sum(value * spread) / divisor for value in self.entries(x))


def _wide(x: Any) -> Any:
    """Half-precision tensors are summed in float32: in float16 the sum overflows long before it is averaged."""
    x = ops.convert_to_tensor(x)
    return ops.cast(x, "float32") if keras.backend.standardize_dtype(x.dtype) in ("float16", "bfloat16") else x


def _divisor(x: Any, charged: Any, per: Per) -> Any:
    """What a sum over a batch of activations is divided by."""
    if per == "batch":
        return 1.0
    if charged is None:
        count = ops.shape(x)[0] if per == "sample" else ops.size(x)
        return ops.cast(count, x.dtype)
    charged = ops.cast(charged, x.dtype)
    if per == "sample":
        present = ops.max(ops.reshape(charged, (ops.shape(x)[0], -1)), axis=1)
        return ops.maximum(ops.sum(present), 1.0)
    units = 1
    for size in x.shape[len(charged.shape) :]:
        units *= size
    return ops.maximum(ops.sum(charged) * units, 1.0)
