"""The base class of everything that regularizes: names, strengths, options, text and configuration."""

import abc
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, Self, cast

import keras
import numpy as np

from bridle._errors import InputError
from bridle._keras import ops
from bridle.regularizers._schedule import Schedule
from bridle.regularizers._strength import AUTO, Grid, Strength, format_strength, read_strength
from bridle.regularizers._text import strength_from_config

On = Literal["weight", "activation", "rate", "inputs", "labels", "training"]


class Regularizer(abc.ABC):
    """Base class of everything that regularizes a model at a target: its strengths and options.

    It is abstract. A kind derives from one of the classes between: `Penalty` adds to the loss, `Noise` perturbs a
    tensor, `Decay` shrinks a weight, `Constraint` projects a weight, `LabelTreatment` changes the labels of a batch.
    """

    names: ClassVar[tuple[str, ...]]
    """The argument with each strength, which is also its name in tables."""
    kind: str
    """The name in text, as in `l2(1e-3)`."""
    options: ClassVar[tuple[str, ...]] = ()
    """The other arguments: keywords with a default or a plain value."""
    allowed_on: tuple[On, ...] = ("weight", "activation")
    """The kinds of sites that it can be placed on."""
    upper: ClassVar[float] = math.inf
    """Every strength is below this number."""
    absent: ClassVar[float] = 0.0
    """The strength of a fit without the regularizer."""
    auto: ClassVar[Grid] = AUTO
    """The grid of `"auto"`."""
    strengths: tuple[Strength | Schedule, ...]

    def __init__(self, *strengths: object) -> None:
        pairs = zip(strengths, self.names, strict=True)
        self.strengths = tuple(self._read(value, f"{self.kind}({name}=…)") for value, name in pairs)

    def _read(self, value: object, where: str) -> Strength | Schedule:
        """Return a strength or a schedule from an argument, all of it below `upper`."""
        read = value if isinstance(value, Schedule) else read_strength(value, where)
        peak = read.peak if isinstance(read, Schedule) else read
        if peak == AUTO:
            return read.at(self.auto) if isinstance(read, Schedule) else self.auto
        largest = peak.values[-1] if isinstance(peak, Grid) else peak
        if largest >= self.upper:
            raise InputError(f"Expected a strength below {self.upper:g} in {where}, got {largest:g}.")
        return read

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

    def at(self, *base_strengths: float) -> Self:
        """Return this penalty with other strengths, each with its schedule."""
        pairs = zip(base_strengths, self.schedules, strict=True)
        values = (base if schedule is None else schedule.at(base) for base, schedule in pairs)
        return type(self)(**dict(zip(self.names, values, strict=True)), **self._option_values())

    def get_config(self) -> dict[str, Any]:
        values = [_strength_config(value) if isinstance(value, Grid | Schedule) else value for value in self.strengths]
        options = {key: _plain(value) for key, value in self._option_values().items()}
        return {**dict(zip(self.names, values, strict=True)), **options}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**{key: strength_from_config(v) if key in cls.names else v for key, v in config.items()})

    def to_text(self, *strengths: str) -> str:
        """Return the penalty in the language of penalties, with a text for each strength: `l1(0.1, per=batch)`."""
        options = self.options_text()
        arguments = ", ".join(f"{name}={strength}" for name, strength in zip(self.names, strengths, strict=True))
        return f"{self.kind}({', '.join(filter(None, [arguments, options]))})"

    @classmethod
    def kind_of_text(cls, keywords: Sequence[str], positional: int) -> str:
        """Return the kind that a text of this kind means, by the names of its keywords and the count of the others.

        It is another one where an earlier version had another class of this name.
        """
        return cls.kind

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
