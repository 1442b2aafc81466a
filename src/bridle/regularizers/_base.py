"""What a penalty is: a pure, non-negative function of one tensor, and a Keras regularizer."""

import abc
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import keras
import numpy as np
from keras import ops

from bridle._errors import InputError
from bridle.regularizers._schedule import Schedule
from bridle.regularizers._strength import Grid, Strength, strength
from bridle.regularizers._text import read_strength

Per = Literal["sample", "batch", "unit"]
On = Literal["weight", "activation"]
CONVENTIONS = ("sample", "batch", "unit")


class Penalty(keras.regularizers.Regularizer, abc.ABC):
    """A sum over components, each a strength times a pure function of one tensor.

    `R(x) = sum_i strength_i * unit_i(x)`, where `unit_i` is what the component charges at strength one.

    A family member states its strengths in `names`, its other arguments in `options`, and what it can be placed at
    in `allowed`. Its constructor stores each option as an attribute of that name.
    """

    names: ClassVar[tuple[str, ...]]
    """The argument that holds each component's strength, which is also its name in tables."""
    kind: str
    """The name in the language of penalties, as in `l2(1e-3)`."""
    options: ClassVar[tuple[str, ...]] = ()
    """The other arguments, all of them keywords with a default or a plain value."""
    allowed_on: tuple[On, ...] = ("weight", "activation")
    """Where it can be placed."""
    at_evaluation: ClassVar[bool] = True
    """False for penalties of the training pass only, which are no part of a validation loss."""
    domain: Literal["real", "unit"] = "real"
    """`"unit"` where values have to lie in (0, 1), as sigmoid and softmax give them."""
    needs_time: ClassVar[bool] = False
    """Whether an activation must have shape (batch, time, …)."""
    needs_anchor: bool = False
    """Whether it has to be bound to the weights of a model first, by a method `with_anchor(weights)`."""
    per: Per = "sample"
    exact: bool = False
    """Whether zeros are made by a proximal step after each update, instead of by the gradient."""
    strengths: tuple[Strength | Schedule, ...]

    def __init__(self, *strengths: object) -> None:
        if self.per not in CONVENTIONS:
            raise InputError(f"Expected per='sample', 'batch' or 'unit' in {self.kind}, got {self.per!r}.")
        if not isinstance(self.exact, bool):
            raise InputError(f"Expected exact=True or exact=False in {self.kind}, got {self.exact!r}.")
        pairs = zip(strengths, self.names, strict=True)
        self.strengths = tuple(_amount(value, f"{self.kind}({name}=…)") for value, name in pairs)

    @abc.abstractmethod
    def weight_values(self, x: Any) -> tuple[Any, ...]:
        """What each component charges for a weight at strength one: one scalar for each of `names`."""

    @abc.abstractmethod
    def activation_values(self, x: Any, charged: Any = None) -> tuple[Any, ...]:
        """The same for an activation of shape (batch, …).

        `charged`, of shape (batch,) or (batch, time), is 1 where an entry counts and 0 for padded steps and
        samples of weight zero, which are neither summed nor counted as samples. None counts everything.
        """

    def proximal(self, x: Any, step: Any, amounts: Sequence[Any]) -> Any:
        """The proximal step of an `exact` penalty: `argmin_z sum (z - x)^2 / (2 step) + R(z)`.

        Args:
            x: a weight after the optimizer's update.
            step: the optimizer's step for each entry, of the shape of `x`, all above zero.
            amounts: the strength of each component.

        """
        raise InputError(f"Expected a penalty with a proximal step, got {self.kind}, which has none.")

    def __call__(self, x: Any) -> Any:
        values = self.weight_values(x)
        total = ops.convert_to_tensor(0.0, dtype=values[0].dtype)
        for amount, value in zip(self.fixed(), values, strict=True):
            total = total + amount * value
        return total

    def fixed(self) -> tuple[float, ...]:
        """The strengths, where each is one number."""
        for name, value in zip(self.names, self.strengths, strict=True):
            if not isinstance(value, float):
                got = "a range to search" if isinstance(value, Grid) else "a schedule"
                way = "let bridle.Study find it" if isinstance(value, Grid) else "place it with bridle.regularize"
                raise InputError(
                    f"Expected one number as {name} of {self.kind} here, got {got}. Give a number, or {way}."
                )
        return self.strengths

    @property
    def base_strengths(self) -> tuple[Strength, ...]:
        """The strengths without their course over the epochs."""
        return tuple(value.peak if isinstance(value, Schedule) else value for value in self.strengths)

    @property
    def schedules(self) -> tuple[Schedule | None, ...]:
        """The course of each strength over the epochs; None where it stays."""
        return tuple(value if isinstance(value, Schedule) else None for value in self.strengths)

    def at(self, *peaks: float) -> "Penalty":
        """The same penalty with other strengths, each in its old course over the epochs."""
        values = (
            course.at(peak) if course is not None else peak for peak, course in zip(peaks, self.schedules, strict=True)
        )
        return type(self)(**dict(zip(self.names, values, strict=True)), **self._chosen())

    def get_config(self) -> dict[str, Any]:
        values = [value if isinstance(value, float) else _written(value) for value in self.strengths]
        return {**dict(zip(self.names, values, strict=True)), **{key: _plain(v) for key, v in self._chosen().items()}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Penalty":
        read = {key: read_strength(value) if key in cls.names else value for key, value in config.items()}
        return cls(**read)

    def to_text(self, *amounts: str) -> str:
        """The penalty in the language of penalties, with the given text for each strength: `l1(0.1, per=batch)`."""
        own = self.options_text()
        shown = ", ".join(f"{name}={amount}" for name, amount in zip(self.names, amounts, strict=True))
        return f"{self.kind}({shown}{', ' if own else ''}{own})"

    def options_text(self) -> str:
        """The arguments beside the strengths that are not at their defaults: `per='batch', exact=True`."""
        return self._options_shown(_plain)

    def _options_shown(self, show: Callable[[Any], Any]) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        chosen = self._chosen().items()
        return ", ".join(
            f"{key}={show(v)!r}" for key, v in chosen if _is_array(v) or _plain(v) != defaults[key].default
        )

    def _chosen(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in self.options}

    def __repr__(self) -> str:
        shown = [f"{name}={describe(value)}" for name, value in zip(self.names, self.strengths, strict=True)]
        return f"{type(self).__name__}({', '.join([*shown, *filter(None, [self._options_shown(_short)])])})"


def describe(value: Strength | Schedule) -> str:
    """A strength as a person reads it."""
    if isinstance(value, Schedule):
        return value.to_text(describe(value.peak))
    if not isinstance(value, Grid):
        return f"{value:g}"
    return "auto" if value.open else f"{value.values[0]:g}..{value.values[-1]:g}"


def _written(value: Grid | Schedule) -> Any:
    """A strength for a configuration: a list of numbers, "auto", or the text of a schedule."""
    if isinstance(value, Grid):
        return "auto" if value.open else list(value.values)
    peak = value.peak
    if not isinstance(peak, Grid):
        return value.to_text(f"{peak:.17g}")
    return value.to_text("auto" if peak.open else str(list(peak.values)))


def _amount(value: object, where: str) -> Strength | Schedule:
    return value if isinstance(value, Schedule) else strength(value, where)


def _plain(value: Any) -> Any:
    """An option as a configuration can hold it."""
    if _is_array(value):
        return ops.convert_to_numpy(value).tolist()
    return list(value) if isinstance(value, tuple) else value


def _short(value: Any) -> Any:
    """An option as a person reads it: an array by its shape, a function by its name."""
    if _is_array(value) and value.shape:
        return _Raw(f"array{tuple(value.shape)}")
    return _Raw(getattr(value, "__name__", type(value).__name__)) if callable(value) else _plain(value)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic | keras.Variable) or ops.is_tensor(value)


class _Raw(str):
    """Text that is shown without quotes."""

    def __repr__(self) -> str:
        return str(self)
