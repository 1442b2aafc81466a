"""The base class of all penalties: a pure, non-negative function of one tensor, and a Keras regularizer."""

import abc
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, cast

import keras
import numpy as np

from bridle._errors import InputError
from bridle._keras import ops
from bridle.regularizers._schedule import Schedule
from bridle.regularizers._strength import Grid, Strength, format_strength, read_strength
from bridle.regularizers._text import strength_from_config

Per = Literal["sample", "batch", "unit"]
On = Literal["weight", "activation"]
CONVENTIONS = ("sample", "batch", "unit")
"""The values of `per`."""


class Penalty(keras.regularizers.Regularizer, abc.ABC):
    """Base class of penalties: a sum over components, each a strength times a pure function of one tensor.

    `R(x) = sum_i strength_i * value_i(x)`, where `value_i` is the value of the component at strength one.

    To write a penalty, derive from `Entrywise` (a sum over entries: override `entry_values`),
    `WeightPenalty` (override `weight_values`), `ActivationPenalty` (override `activation_values`), or `Penalty`
    (override both of the latter). Name the strengths in `names` and every other argument in `options`. Let the
    constructor store each option as an attribute of that name, then pass the strengths to `super().__init__`. A
    penalty that allows `exact=True` overrides `proximal`; one that needs the weights of a model overrides
    `needs_anchor` and `with_anchor`. Register the class with `keras.saving.register_keras_serializable()`, and
    check it with `bridle.testing.check_penalty`.
    """

    names: ClassVar[tuple[str, ...]]
    """The argument with the strength of each component, which is also its name in tables."""
    kind: str
    """The name in the language of penalties, as in `l2(1e-3)`."""
    options: ClassVar[tuple[str, ...]] = ()
    """The other arguments: keywords with a default or a plain value."""
    allowed_on: tuple[On, ...] = ("weight", "activation")
    """The kinds of tensors that it can be placed on."""
    at_evaluation: ClassVar[bool] = True
    """False for penalties of the training pass only, which are not part of a validation loss."""
    domain: Literal["real", "unit"] = "real"
    """`"unit"` if values must be in (0, 1), such as outputs of sigmoid and softmax; else `"real"`."""
    needs_time: ClassVar[bool] = False
    """True if an activation must have shape (batch, time, …)."""
    per: Per = "sample"
    """The treatment of the batch axis of an activation; see `Entrywise`."""
    exact: bool = False
    """True if a proximal step after each update replaces the gradient of the penalty, which makes exact zeros."""
    strengths: tuple[Strength | Schedule, ...]

    def __init__(self, *strengths: object) -> None:
        if self.per not in CONVENTIONS:
            raise InputError(f"Expected per='sample', 'batch' or 'unit' in {self.kind}, got {self.per!r}.")
        if not isinstance(cast(object, self.exact), bool):
            raise InputError(f"Expected exact=True or exact=False in {self.kind}, got {self.exact!r}.")
        pairs = zip(strengths, self.names, strict=True)
        self.strengths = tuple(_read_schedule(value, f"{self.kind}({name}=…)") for value, name in pairs)

    @abc.abstractmethod
    def weight_values(self, x: Any) -> tuple[Any, ...]:
        """Return the value of each component for a weight at strength one: one scalar for each of `names`."""
        raise NotImplementedError

    @abc.abstractmethod
    def activation_values(self, x: Any, mask: Any = None) -> tuple[Any, ...]:
        """Return the value of each component for an activation of shape (batch, …) at strength one.

        `mask`, of shape (batch,) or (batch, time), is 1 where an entry counts. It is 0 for padded steps and for
        samples of weight zero, which are neither summed nor counted as samples. None counts everything.
        """
        raise NotImplementedError

    @property
    def needs_anchor(self) -> bool:
        """True if the penalty must first be bound to the weights of a model by `with_anchor`."""
        return False

    def with_anchor(self, array: Any) -> "Penalty":
        """Return this penalty bound to the given weights: an array, a tensor or a variable."""
        raise InputError(f"Expected a penalty with an anchor, got {self.kind}.")

    def proximal(self, x: Any, step: Any, strengths: Sequence[Any]) -> Any:
        """Take the proximal step of an `exact` penalty: `argmin_z sum (z - x)^2 / (2 step) + R(z)`.

        Args:
            x: a weight after the optimizer's update.
            step: the optimizer's step for each entry, of the shape of `x`, all above zero.
            strengths: the strength of each component.

        """
        raise InputError(f"Expected a penalty with a proximal step, got {self.kind}.")

    def __call__(self, x: Any) -> Any:
        values = self.weight_values(x)
        total = ops.convert_to_tensor(0.0, dtype=values[0].dtype)
        for strength, value in zip(self.fixed(), values, strict=True):
            total = total + strength * value
        return total

    def fixed(self) -> tuple[float, ...]:
        """Return the strengths as numbers.

        Errors: `InputError` for a range to search or a schedule.
        """
        numbers: list[float] = []
        for name, value in zip(self.names, self.strengths, strict=True):
            if not isinstance(value, float):
                got = "a range to search" if isinstance(value, Grid) else "a schedule"
                way = "let bridle.Study find it" if isinstance(value, Grid) else "place it with bridle.regularize"
                raise InputError(
                    f"Expected one number as {name} of {self.kind} here, got {got}. Give a number, or {way}."
                )
            numbers.append(value)
        return tuple(numbers)

    @property
    def base_strengths(self) -> tuple[Strength, ...]:
        """The strengths without their schedules: the peak of each schedule."""
        return tuple(value.peak if isinstance(value, Schedule) else value for value in self.strengths)

    @property
    def schedules(self) -> tuple[Schedule | None, ...]:
        """The schedule of each strength; None for a constant one."""
        return tuple(value if isinstance(value, Schedule) else None for value in self.strengths)

    def at(self, *base_strengths: float) -> "Penalty":
        """Return this penalty with other strengths, each with its schedule."""
        pairs = zip(base_strengths, self.schedules, strict=True)
        values = (base if schedule is None else schedule.at(base) for base, schedule in pairs)
        return type(self)(**dict(zip(self.names, values, strict=True)), **self._option_values())

    def get_config(self) -> dict[str, Any]:
        values = [_strength_config(value) if isinstance(value, Grid | Schedule) else value for value in self.strengths]
        options = {key: _plain(value) for key, value in self._option_values().items()}
        return {**dict(zip(self.names, values, strict=True)), **options}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Penalty":
        return cls(**{key: strength_from_config(v) if key in cls.names else v for key, v in config.items()})

    def to_text(self, *strengths: str) -> str:
        """Return the penalty in the language of penalties, with a text for each strength: `l1(0.1, per=batch)`."""
        options = self.options_text()
        arguments = ", ".join(f"{name}={strength}" for name, strength in zip(self.names, strengths, strict=True))
        return f"{self.kind}({arguments}{', ' if options else ''}{options})"

    def options_text(self) -> str:
        """Return the options that are not at their defaults as text: `per='batch', exact=True`."""
        return self._format_options(_plain)

    def _format_options(self, simplify: Callable[[Any], Any]) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        return ", ".join(
            f"{key}={simplify(value)!r}"
            for key, value in self._option_values().items()
            if _is_array(value) or _plain(value) != defaults[key].default
        )

    def _option_values(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in self.options}

    def __repr__(self) -> str:
        pairs = zip(self.names, self.strengths, strict=True)
        arguments = [f"{name}={describe_strength(value)}" for name, value in pairs]
        return f"{type(self).__name__}({', '.join([*arguments, *filter(None, [self._format_options(_short)])])})"


def describe_strength(value: Strength | Schedule) -> str:
    """Return a strength or a schedule as text for a reader."""
    return value.to_text(format_strength(value.peak)) if isinstance(value, Schedule) else format_strength(value)


def _strength_config(value: Grid | Schedule) -> Any:
    """Return a strength for a configuration: a list of numbers, "auto", or the text of a schedule."""
    if isinstance(value, Grid):
        return "auto" if value.open else list(value.values)
    peak = value.peak
    if not isinstance(peak, Grid):
        return value.to_text(f"{peak:.17g}")
    return value.to_text("auto" if peak.open else str(list(peak.values)))


def _read_schedule(value: object, where: str) -> Strength | Schedule:
    return value if isinstance(value, Schedule) else read_strength(value, where)


def _plain(value: Any) -> Any:
    """Return an option as a configuration can hold it."""
    if _is_array(value):
        return ops.convert_to_numpy(value).tolist()
    return list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value


def _short(value: Any) -> Any:
    """Return an option for a reader: an array by its shape, a function by its name."""
    if _is_array(value) and value.shape:
        return _Raw(f"array{tuple(value.shape)}")
    return _Raw(getattr(value, "__name__", type(value).__name__)) if callable(value) else _plain(value)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic | keras.Variable) or bool(ops.is_tensor(value))


class _Raw(str):
    """Text whose repr has no quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
