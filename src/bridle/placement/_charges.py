"""What the terms of a study charge for one batch, as a pure function; and what the tensors they charge look like."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import keras

from bridle._keras import Reading, Tap
from bridle.placement._targets import Place
from bridle.placement._terms import Term

Readings = dict[int, list[Reading]]


@dataclass(frozen=True)
class Charges:
    """The terms of a study, bound to positions in the model's lists of variables and to taps on activations."""

    terms: tuple[Term, ...]
    taps: tuple[Tap, ...]
    _positions: dict[int, int]
    """Where each weight stands in trainable + other variables, by the identity of its variable."""

    @property
    def slots(self) -> tuple[str, ...]:
        """The name of every strength, in the order of `unit_values`."""
        return tuple(slot for term in self.terms for slot in term.slots)

    @property
    def watched(self) -> tuple[Place, ...]:
        """Every place that some term charges, once, and the output after each pre-activation that one charges."""
        return watched(self.terms)

    def unit_values(self, variables: Sequence[Any], readings: Readings, counted: Any = None) -> list[Any]:
        """What each slot charges at strength one.

        Args:
            variables: the trainable variables followed by the others.
            readings: what the taps saw.
            counted: shape (batch,), 1 for samples that count; None where all do.

        """
        return [value for term in self.terms for value in self._term(term, variables, readings, counted)]

    def _term(self, term: Term, variables: Sequence[Any], readings: Readings, counted: Any) -> list[Any]:
        rows: list[tuple[Any, ...]] = []
        for place in term.places:
            if place.variable is not None:
                rows.append(term.penalty.unit_values(variables[self._positions[id(place.variable)]]))
            else:
                for reading in readings[self._tap(place)]:
                    rows.append(term.penalty.activity_values(reading.value, _charged(reading.mask, counted)))
        return [sum(column[1:], start=column[0]) for column in zip(*rows, strict=True)]

    def _tap(self, place: Place) -> int:
        return self.taps.index(Tap(place.layer, place.quantity))

    def tensors(self, variables: Sequence[Any], readings: Readings) -> list[list[Any]]:
        """The tensors at each watched place: one for a weight, one per call for an activation."""
        return [
            [variables[self._positions[id(place.variable)]]]
            if place.variable is not None
            else [reading.value for reading in readings[self._tap(place)]]
            for place in self.watched
        ]

    @property
    def diagnostic_names(self) -> tuple[str, ...]:
        """What `diagnose` returns, in its order."""
        return tuple(f"{what}/{place.name}" for place in self.watched for what in _kinds(place))

    def diagnose(self, variables: Sequence[Any], readings: Readings) -> list[Any]:
        """For each watched place: the fraction of exact zeros, the mean magnitude, and for weights the norm."""
        values: list[Any] = []
        for place, tensors in zip(self.watched, self.tensors(variables, readings), strict=True):
            flat = jnp.concatenate([jnp.ravel(jnp.asarray(tensor, "float32")) for tensor in tensors])
            by_kind = {"zeros": jnp.mean(flat == 0), "size": jnp.mean(jnp.abs(flat)), "norm": jnp.linalg.norm(flat)}
            values += [by_kind[what] for what in _kinds(place)]
        return values


def charges(model: keras.Model, terms: Sequence[Term]) -> Charges:
    """Bind terms to the variables and layers of a model."""
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    taps = [Tap(place.layer, place.quantity) for place in watched(terms) if place.sort == "activation"]
    return Charges(tuple(terms), tuple(taps), {id(variable): n for n, variable in enumerate(variables)})


def watched(terms: Sequence[Term]) -> tuple[Place, ...]:
    """The places whose tensors are described: those charged, and what follows a charged pre-activation."""
    charged = [place for term in terms for place in term.places]
    after = [replace(place, quantity="output") for place in charged if place.quantity == "preactivation"]
    return tuple({place.key: place for place in [*charged, *after]}.values())


def _kinds(place: Place) -> tuple[str, ...]:
    return ("zeros", "size", "norm") if place.sort == "weight" else ("zeros", "size")


def _charged(mask: Any, counted: Any) -> Any:
    """Combine a mask (batch, …) with the samples that count (batch,)."""
    if mask is None:
        return counted
    mask = jnp.asarray(mask, "float32")
    if counted is None:
        return mask
    return mask * jnp.reshape(counted, (-1,) + (1,) * (mask.ndim - 1))
