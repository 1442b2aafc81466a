"""Values of terms for one batch, as pure functions on any backend; and statistics of their tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import ops

from bridle._keras import Reading, Tap
from bridle.placement._checks import check_value
from bridle.placement._sites import Site
from bridle.placement._terms import Term
from bridle.placement._units import by_unit, mean_over, real_entries, unit_names, unit_quantiles
from bridle.regularizers import Custom, Schedule

Readings = dict[int, list[Reading]]
Weight = Callable[[keras.Variable], Any]
"""The present value of a variable of the model."""


@dataclass(frozen=True)
class PenaltyTerms:
    """The terms of a study or of a penalized model, bound to weights and to taps on activations."""

    terms: tuple[Term, ...]
    taps: tuple[Tap, ...]
    anchors: dict[tuple[int, str], Any]
    """The pretrained values that some penalties pull toward, by the key of the place."""

    @property
    def slots(self) -> tuple[str, ...]:
        """The name of every strength, in the order of `unit_values`."""
        return tuple(slot for term in self.terms for slot in term.slots)

    @property
    def schedules(self) -> tuple[Schedule | None, ...]:
        """The course of every strength over the epochs."""
        return tuple(course for term in self.terms for course in term.schedules)

    @property
    def diagnosed_sites(self) -> tuple[Site, ...]:
        """Every site of a term, once, and the output after each pre-activation of a term."""
        return diagnosed_sites(self.terms)

    def weight_values(
        self, weight: Weight, readings: Readings, counted: Any = None, amounts: Sequence[Any] | None = None
    ) -> list[Any]:
        """Return the value of each slot at strength one.

        Args:
            weight: the present value of a variable.
            readings: what the taps saw.
            counted: shape (batch,), 1 for samples that count; None where all do.
            amounts: the strength of every slot. A `Custom` function then has no gradient where its strength is 0,
                so a gradient that is not finite in another arm never touches a fit.

        """
        values: list[Any] = []
        for index, term in enumerate(self.terms):
            term_strengths = None if amounts is None else self._with_amounts(amounts)[index][1]
            rows = [
                row
                for place in term.sites
                for row in self.values_at(term, place, weight, readings, counted, term_strengths)
            ]
            results = [sum(column[1:], start=column[0]) for column in zip(*rows, strict=True)]
            values += results or [ops.zeros(()) for _ in term.slots]  # a layer that was not called is charged nothing
        return values

    def values_at(
        self,
        term: Term,
        place: Site,
        weight: Weight,
        readings: Readings,
        counted: Any = None,
        amounts: Sequence[Any] | None = None,
    ) -> list[tuple[Any, ...]]:
        """Return the values of a term at one site at strength one: a row of components for each call of the layer."""
        penalty = term.penalty
        if place.variable is None:
            calls = readings[self.taps.index(place.tap)]
            rows = [
                penalty.activation_values(_kept(call.value, term, amounts), _charged(call, counted)) for call in calls
            ]
        else:
            bound = penalty.with_anchor(self.anchors[place.key]) if penalty.needs_anchor else penalty
            rows = [bound.weight_values(_kept(place.extract(weight(place.variable)), term, amounts))]
        return [tuple(ops.stop_gradient(value) for value in row) for row in rows] if penalty.exact else rows

    def trial_values(self, weight: Weight, readings: Readings) -> list[list[Any]]:
        """Return the values of each term at each of its sites, the components of all calls in one list."""
        return [
            [value for row in self.values_at(term, place, weight, readings) for value in row]
            for term in self.terms
            for place in term.sites
        ]

    def check_trial(self, tried: Sequence[Sequence[Any]]) -> None:
        """Refuse penalties whose values on a trial batch, those of `tried`, are not finite numbers ≥ 0."""
        places = [(term, place) for term in self.terms for place in term.sites]
        for (term, place), values in zip(places, tried, strict=True):
            for value in values:
                check_value(value, term.penalty, place.name)

    def proximal(self, variable: keras.Variable, value: Any, step: Any, amounts: Sequence[Any]) -> Any:
        """A weight after the proximal steps of every exact term on it; the same weight where there is none.

        Args:
            variable: which weight.
            value: the weight after the optimizer's update.
            step: the optimizer's step for call of its entries.
            amounts: the strength of every slot.

        """
        for term, term_strengths in self._with_amounts(amounts):
            for place in term.sites:
                if term.penalty.exact and place.variable is variable:
                    piece = term.penalty.proximal(place.extract(value), place.extract(step), term_strengths)
                    value = place.insert(value, piece)
        return value

    def _with_amounts(self, amounts: Sequence[Any]) -> list[tuple[Term, list[Any]]]:
        results, start = [], 0
        for term in self.terms:
            results.append((term, [amounts[start + index] for index in range(len(term.slots))]))
            start += len(term.slots)
        return results

    @property
    def variables(self) -> tuple[keras.Variable, ...]:
        """The weights that some term charges."""
        results = {id(p.variable): p.variable for term in self.terms for p in term.sites if p.variable is not None}
        return tuple(results.values())

    @property
    def exact_variables(self) -> tuple[keras.Variable, ...]:
        """The weights that some exact term charges."""
        results = {id(p.variable): p.variable for term in self.terms if term.penalty.exact for p in term.sites}
        return tuple(results.values())

    @property
    def diagnostic_names(self) -> tuple[str, ...]:
        """The names of what `diagnose` returns, in its order."""
        kinds = {"weight": ("zeros", "size", "norm"), "activation": ("zeros", "size", "dead")}
        named = dict.fromkeys(f"{what}/{place.name}" for place in self.diagnosed_sites for what in kinds[place.on])
        return (*named, *unit_names(self.diagnosed_sites))

    def diagnose(self, weight: Weight, readings: Readings) -> dict[str, Any]:
        """Return what `describe` gives for every site, and the quantiles over its units."""
        results = describe(self.diagnosed_sites, self.taps, weight, readings)
        return results | unit_quantiles(self.diagnosed_sites, self.taps, weight, readings)


def describe(places: Sequence[Site], taps: Sequence[Tap], weight: Weight, readings: Readings) -> dict[str, Any]:
    """Return for each site the exact zeros, the mean magnitude, the norm of weights and the dead units of activations.

    Named `zeros/hidden/kernel`, `size/…`, `norm/…`, `dead/hidden/output`; over all calls of a layer that is called
    several times, padded steps left out. A unit, an entry of the last axis, is dead where it is exactly zero in every
    row and at every place.
    """
    results: dict[str, Any] = {}
    for place in places:
        if place.variable is not None:
            calls = [Reading(place.extract(weight(place.variable)), None)]
        else:
            calls = readings[taps.index(place.tap)]
        flat = ops.concatenate([ops.reshape(ops.cast(reading.value, "float32"), (-1,)) for reading in calls])
        real = real_entries(calls)
        results[f"zeros/{place.name}"] = mean_over(ops.cast(flat == 0, "float32"), real)
        results[f"size/{place.name}"] = mean_over(ops.abs(flat), real)
        if place.variable is not None:
            results[f"norm/{place.name}"] = ops.sqrt(ops.sum(ops.square(flat)))
        else:
            units = by_unit(calls)
            results[f"dead/{place.name}"] = ops.mean(ops.cast(ops.max(units, axis=0) == 0, "float32"))
    return results


def scale_by_strength(amount: Any, value: Any) -> Any:
    """A strength times what is charged at strength one; 0 at strength 0, also where the value overflowed."""
    return ops.where(amount > 0, amount * value, ops.zeros_like(value))


def _kept(value: Any, term: Term, amounts: Sequence[Any] | None) -> Any:
    """Return a tensor, without a gradient for a `Custom` function at strength 0."""
    if amounts is None or not isinstance(term.penalty, Custom):
        return value
    return ops.where(amounts[0] > 0, value, ops.stop_gradient(value))


def bind_terms(terms: Sequence[Term], anchors: dict[tuple[int, str], Any] | None = None) -> PenaltyTerms:
    """Bind terms to what they watch; `anchors` are the present weights where none are given."""
    taps = dict.fromkeys(place.tap for place in diagnosed_sites(terms) if not place.is_weight)
    return PenaltyTerms(tuple(terms), tuple(taps), copy_anchors(terms) if anchors is None else anchors)


def copy_anchors(terms: Sequence[Term]) -> dict[tuple[int, str], Any]:
    """The present values of the weights that some penalty pulls toward."""
    results = [place for term in terms if term.penalty.needs_anchor for place in term.sites]
    return {place.key: ops.copy(ops.convert_to_tensor(place.extract(place.weight.value))) for place in results}


def diagnosed_sites(terms: Sequence[Term]) -> tuple[Site, ...]:
    """The places whose tensors are described: those charged, and what follows a charged pre-activation."""
    charged = [place for term in terms for place in term.sites]
    after = [replace(place, quantity="output") for place in charged if place.quantity == "preactivation"]
    return tuple({place.key: place for place in [*charged, *after]}.values())


def _charged(reading: Reading, counted: Any) -> Any:
    """Combine a mask (batch, …) with the samples that count (batch,)."""
    mask = reading.mask
    if counted is not None and counted.shape[0] != reading.value.shape[0]:
        counted = None
    if mask is None:
        return counted
    mask = ops.cast(mask, "float32")
    if counted is None:
        return mask
    return mask * ops.reshape(ops.cast(counted, "float32"), (-1,) + (1,) * (len(mask.shape) - 1))
