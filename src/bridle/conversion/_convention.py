"""Conventions: the charge of one unit of a strength, in words and as a factor."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from bridle._errors import InputError

Norm = Literal["l1", "l2"]
Subject = Literal["weights", "decay", "activations", "dropout", "noise", "labels"]
Per = Literal["sample", "batch", "unit"]

NEEDED = {
    "batch_size": "the rows of one training batch (all rows, where they are fewer)",
    "learning_rate": "the optimizer's step",
    "time_steps": "the steps of one sequence; 1 for a layer without time",
    "units": "the outputs of the layer at one time step",
}
"""The facts that a factor can depend on, and their meaning."""

LETTERS = {"activations": "out"}
"""The letter of one entry, where it is not a weight."""
KINDS = {"decay": "weightdecay", "dropout": "dropout", "noise": "gaussiannoise", "labels": "labelsmoothing"}
"""The regularizer of bridle for each subject that is no penalty."""
BELOW_ONE = ("dropout", "labels")
"""Subjects whose strengths of bridle are below 1."""
FUNCTIONS = {"l1": "|{}|", "l2": "{}²", None: "f({})"}
FUNCTION = "f is the magnitude for L1 and the square for L2."
"""The explanation where no norm was given."""


@dataclass(frozen=True)
class Factor:
    """A number times some facts, divided by others: `coefficient * prod(times) / prod(over)`.

    >>> Factor(Fraction(1, 2), over=("batch_size",)).at({"batch_size": 100})
    0.005
    >>> str(Factor(Fraction(1, 2), over=("batch_size",)))
    '1/(2 · batch_size)'
    """

    coefficient: Fraction = Fraction(1)
    times: tuple[str, ...] = ()
    over: tuple[str, ...] = ()

    def __truediv__(self, divisor: "Factor") -> "Factor":
        up, down = Counter(self.times + divisor.over), Counter(self.over + divisor.times)
        return Factor(
            self.coefficient / divisor.coefficient, tuple((up - down).elements()), tuple((down - up).elements())
        )

    @property
    def needs(self) -> tuple[str, ...]:
        """The facts that the factor needs."""
        return self.times + self.over

    def at(self, facts: Mapping[str, float]) -> float:
        """Return its value. Errors: `InputError` that names a missing fact and the reason for it."""
        for name in self.needs:
            if name not in facts:
                raise InputError(
                    f"Expected {name}=…, {NEEDED[name]}, got {_given(facts)}: the factor is {self}. "
                    f"Give {name}, or --{name.replace('_', '-')} on the command line."
                )
        top = self.coefficient.numerator * math.prod(facts[name] for name in self.times)
        return top / (self.coefficient.denominator * math.prod(facts[name] for name in self.over))

    def __str__(self) -> str:
        above, below = (
            [*([str(part)] if part != 1 else []), *names]
            for part, names in ((self.coefficient.numerator, self.times), (self.coefficient.denominator, self.over))
        )
        top, bottom = " · ".join(above) or "1", " · ".join(below)
        if not below:
            return top
        return f"{top}/({bottom})" if len(below) > 1 else f"{top}/{bottom}"


@dataclass(frozen=True)
class Curve:
    """A strength that is no multiple of that of bridle."""

    formula: str
    """The strength of bridle, in words of the strength of the convention, `strength`."""
    to_bridle: Callable[[float], float]
    from_bridle: Callable[[float], float]


@dataclass(frozen=True)
class Convention:
    """Meaning of one unit of strength in one piece of software.

    `factor` turns it into what bridle means: on weights `strength * sum f(w)`, without a factor 1/2; on activations
    the sum over units, averaged over the samples of the batch; for decay `w -= learning_rate * strength * w`; for
    dropout the probability of a 0; for noise its standard deviation; for labels the share that all classes get alike.
    """

    name: str
    """The name that the user types."""
    title: str
    """The software and its versions."""
    subject: Subject
    meaning: str
    """Its effect, as the rest of a sentence; `{f}` stands for the function of one entry."""
    factor: Factor = Factor()
    """The strength of bridle that equals one unit, where `curve` is None."""
    norm: Norm | None = None
    """The norm, where there is only one."""
    per: Per = "sample"
    """The equivalent convention of a bridle penalty on activations."""
    note: str = ""
    """Further facts, in whole sentences."""
    aliases: tuple[str, ...] = ()
    curve: Curve | None = None
    """The function that gives the strength of bridle, where it is no multiple."""
    decays: bool = False
    """True for an L2 that is also the decay of an optimizer, with the same strength there."""

    @property
    def rule(self) -> str:
        """The factor or the formula that gives the strength of bridle."""
        return str(self.factor) if self.curve is None else self.curve.formula

    @property
    def as_decay(self) -> "Convention":
        """The same as decay of an optimizer instead of an L2."""
        return replace(self, subject="decay", factor=Factor(), norm=None)

    def says(self, norm: Norm | None = None) -> str:
        """Return the sentence that explains it."""
        function = FUNCTIONS[self.norm or norm].format(LETTERS.get(self.subject, "w"))
        return f"{self.title}: {self.meaning.format(f=function)}."


def _given(facts: Mapping[str, float]) -> str:
    return ", ".join(f"{name}={value:g}" for name, value in facts.items()) or "nothing of what the factor needs"
