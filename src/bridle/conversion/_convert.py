"""`convert`: the same strength in the convention of another piece of software."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, TypeGuard

from bridle._errors import InputError
from bridle.conversion._convention import BELOW_ONE, FUNCTION, KINDS, NEEDED, Convention, Factor, Norm
from bridle.conversion._names import BRIDLE, bridle_convention, find


@dataclass(frozen=True)
class Conversion:
    """Strength in two conventions. `float(conversion)` is the new one. Print it to see the definitions of both."""

    value: float
    """The strength in `source`."""
    source: Convention
    target: Convention
    norm: Norm | None
    """`"l1"` or `"l2"`, where it was named or where only one is possible."""
    facts: dict[str, float] = field(hash=False)
    strength: float
    """The strength in `target` that charges the same."""

    @property
    def factor(self) -> Factor:
        """`strength = value * factor`, in words of the facts it depends on; 1 where the two are no multiples."""
        return self.source.factor / self.target.factor

    @property
    def text(self) -> str:
        """The regularizer that does the same, as text, such as `l1(0.003)` or `dropout(0.2)`.

        Errors: `InputError` where neither L1 nor L2 was named.
        """
        if self.target.subject in KINDS:
            strength = _base(self.strength, self.target, self.facts)
            return f"{KINDS[self.target.subject]}({strength!r})"
        if self.norm is None:
            raise InputError(
                f"Expected L1 or L2, got {self.source.name!r}, which can be both. "
                f"Write {self.source.name.replace(' activity', ' l1 activity').replace(' weights', ' l1')!r}."
            )
        if self.target.per != "sample":
            return f"{self.norm}({self.strength!r}, per={self.target.per!r})"
        return f"{self.norm}({_tidy(self.strength * self.target.factor.at(self.facts))!r})"

    @property
    def penalty(self) -> Any:
        """The regularizer of bridle that does the same, ready to place."""
        from bridle.regularizers import parse_regularizer  # loads Keras, which the numbers do not need

        return parse_regularizer(self.text)

    def __float__(self) -> float:
        return self.strength

    def __repr__(self) -> str:
        norm = f"{self.norm.upper()} " if self.norm else ""
        return f"{norm}{self.value:.6g} ({self.source.name}) = {norm}{self.strength:.6g} ({self.target.name})"

    def __str__(self) -> str:
        factor, facts = self.factor, [f"{name} = {self.facts[name]:g}" for name in dict.fromkeys(self.factor.needs)]
        with_facts = f", with {' and '.join(facts)}" if facts else ""
        same = ": both mean the same" if factor == Factor() else ""
        number_text = f"{factor.at(self.facts):.6g}"
        words = "" if number_text == str(factor) else f" = {factor}"
        lines = [
            repr(self),
            self.source.says(self.norm),
            self.target.says(self.norm),
            *(self._curves() or [f"Factor {number_text}{words}{with_facts}{same}."]),
            *([FUNCTION] if self.norm is None and self.target.subject in ("weights", "activations") else []),
            *dict.fromkeys(side.note for side in (self.source, self.target) if side.note),
        ]
        return "\n".join(lines)

    def _curves(self) -> list[str]:
        """Return a sentence for each side whose strength is no multiple of bridle's; none if both are."""
        sides = dict.fromkeys(side for side in (self.source, self.target) if side.curve is not None)
        return [f"A strength in {side.name!r} is {side.rule} in {BRIDLE[side.subject]!r}." for side in sides]


def convert(
    strength: float,
    source: str,
    *,
    to: str = "bridle",
    batch_size: int | None = None,
    time_steps: int | None = None,
    units: int | None = None,
    learning_rate: float | None = None,
) -> Conversion:
    """Convert a strength between Keras versions, PyTorch, TensorFlow, scikit-learn, AdamW and values of papers.

    `new = strength * factor(source) / factor(to)`, where the factor of a convention is the strength of bridle that
    equals one unit of it. bridle uses `sum f(w)` on weights, and `sum over units, mean over samples` on activations.
    Decay, dropout, noise and smoothed labels convert likewise; a probability of keeping is `1 - rate`.

    Args:
        strength: float ≥ 0; 0 stays 0, except for a probability of keeping.
        source: the convention of `strength`: `"keras2.3 l1 activity"`, `"pytorch weight_decay"`, `"keras l2"`, ….
            `bridle convert --list` shows all. Add `l1` or `l2` to get the penalty.
        to: the convention of the result. Default: bridle.
        batch_size: int, the rows of one training batch, or of all rows if these are fewer.
        time_steps, units: int, the shape of the output of the layer.
        learning_rate: float, the learning rate of the optimizer.

    A conversion ignores arguments on which it does not depend.

    Returns: `bridle.conversion.Conversion` with `strength`, `penalty` and `factor`. Print it for an explanation.

    Errors: `InputError` for a negative or infinite strength, a rate outside [0, 1), an unknown convention, a missing
    argument, a mixture of weights and activations or of L1 and L2, and for the decay of AdamW as an L2.

    >>> import bridle
    >>> conversion = bridle.convert(1e-4, "keras2.3 l1 activity", to="keras3.14 activity", batch_size=30)
    >>> conversion.strength
    0.003
    >>> conversion.penalty
    L1(strength=0.003)
    >>> float(bridle.convert(5e-4, "pytorch weight_decay", to="keras l2"))
    0.00025
    >>> float(bridle.convert(0.8, "keep_prob", to="keras dropout"))
    0.2

    """
    value = _number(strength)
    arguments = {"batch_size": batch_size, "time_steps": time_steps, "units": units, "learning_rate": learning_rate}
    facts = {name: _fact(name, fact) for name, fact in arguments.items() if fact is not None}
    (old, norm), (new, target_norm) = _both(source, to)
    if old.decays and new.subject == "decay":
        old, norm = old.as_decay, None
    if new.decays and old.subject == "decay":
        new, target_norm = new.as_decay, None
    if old.subject != new.subject:
        raise InputError(_refusal(source, old, to, new))
    if norm and target_norm and norm != target_norm:
        raise InputError(
            f"Expected one norm, got {source!r} ({norm.upper()}) and {to!r} ({target_norm.upper()}). "
            "A sum of magnitudes and a sum of squares shrink differently: no strength of one is the other."
        )
    result = _convert(value, old, new, facts)
    if not math.isfinite(result):
        raise InputError(f"Expected a strength that stays finite, got {value:g} in {source!r}, too large in {to!r}.")
    return Conversion(value, old, new, norm or target_norm, facts, result)


def _convert(value: float, old: Convention, new: Convention, facts: Mapping[str, float]) -> float:
    if old.subject in BELOW_ONE and not 0 <= (rate := _base(value, old, facts)) < 1:
        raise InputError(
            f"Expected a strength that is at least 0 and below 1 in {BRIDLE[old.subject]!r}, got {value:g} in "
            f"{old.name!r}, which is {rate:g} there."
        )
    if old == new:
        return value
    if old.curve is None and new.curve is None:
        factor = old.factor / new.factor
        return value if factor == Factor() else _tidy(value * factor.at(facts))
    base = _base(value, old, facts)
    return _tidy(base / new.factor.at(facts) if new.curve is None else new.curve.from_bridle(base))


def _base(value: float, convention: Convention, facts: Mapping[str, float]) -> float:
    """Return the strength of bridle for a strength in a convention."""
    if convention.curve is not None:
        return _tidy(convention.curve.to_bridle(value))
    return value if convention.factor == Factor() else _tidy(value * convention.factor.at(facts))


def _both(source: str, to: str) -> tuple[tuple[Convention, Norm | None], tuple[Convention, Norm | None]]:
    """Find both conventions; a bare `bridle` takes the subject of the other side."""
    bare = [isinstance(text, str) and text.strip().lower() == "bridle" for text in (source, to)]
    if all(bare):
        raise InputError("Expected where the strength comes from, got 'bridle' twice. Write for example 'keras l2'.")
    if bare[0]:
        new = find(to)
        return (bridle_convention(new[0].subject), None), new
    old = find(source)
    return old, (bridle_convention(old[0].subject), None) if bare[1] else find(to)


def _refusal(source: str, old: Convention, to: str, new: Convention) -> str:
    """Return the reason why two subjects cannot be mixed."""
    if {old.subject, new.subject} != {"weights", "decay"}:
        return (
            f"Expected two conventions about the same thing, got {source!r} ({old.subject}) and {to!r} "
            f"({new.subject}). A strength on one does not determine a strength on the other."
        )
    decay = source if old.subject == "decay" else to
    return (
        f"Expected two penalties or two decays, got {source!r} and {to!r}, of which {decay!r} is decoupled decay: it "
        "shrinks each weight without the scaling of the gradient, which an L2 has, so no strength of one gives the "
        "other. Keep the decay, as bridle.WeightDecay or keras.optimizers.AdamW, or let a study find the strength of "
        "an L2. With plain SGD both agree: see 'keras sgd weight_decay'."
    )


def _tidy(value: float) -> float:
    """Return the nearest number with at most 15 digits, so that 1e-5 times 30 reads 0.0003."""
    return float(f"{value:.15g}")


def _number(value: object) -> float:
    if not _finite(value) or value < 0:
        raise InputError(f"Expected a strength ≥ 0 and finite, got {value!r}. Give a number such as 1e-4.")
    return float(value)


def _fact(name: str, value: object) -> float:
    is_integer = name != "learning_rate"
    if not _finite(value) or value <= 0 or (is_integer and not isinstance(value, Integral)):
        what = "a whole number" if is_integer else "a number"
        raise InputError(f"Expected {name} as {what} above zero, {NEEDED[name]}, got {value!r}.")
    return int(value) if is_integer and isinstance(value, Integral) else float(value)


def _finite(value: object) -> TypeGuard[Real]:
    """Return True for a real number that a float can hold."""
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False
