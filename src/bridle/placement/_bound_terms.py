"""Values of terms for one batch, as pure functions on any backend; and statistics of their tensors."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

import keras
import numpy as np
from keras import ops

from bridle._keras import RateArgument, Reading, Tap, rates_replaced
from bridle.placement._checks import check_value
from bridle.placement._sites import Site
from bridle.placement._terms import Term
from bridle.placement._units import by_unit, mean_over, real_entries, unit_names, unit_quantiles
from bridle.regularizers import (
    Constraint,
    Custom,
    Decay,
    LabelTreatment,
    Noise,
    Penalty,
    Rate,
    Regularizer,
    Schedule,
    WeightAveraging,
)

Kind = TypeVar("Kind", bound=Regularizer)
Readings = dict[int, list[Reading]]
Weight = Callable[[keras.Variable], Any]
"""A function that returns the current value of a variable of the model."""


class SlottedTerm(NamedTuple, Generic[Kind]):
    """Term of one kind of regularizer, and where its strengths stand among all of a study or of a model."""

    term: Term
    regularizer: Kind
    positions: tuple[int, ...]

    def of(self, row: Sequence[Any]) -> list[Any]:
        """Return the strengths of this term in a row over all slots."""
        return [row[position] for position in self.positions]


@dataclass(frozen=True)
class BoundTerms:
    """Terms of a study or of a regularized model, bound to weights and to taps on activations.

    A row of strengths has one number for each of `slots`. `penalties`, `noises`, `decays`, `constraints`, `labels` and
    `rates` are the terms of one kind.
    """

    terms: tuple[Term, ...]
    taps: tuple[Tap, ...]
    anchors: dict[tuple[int, str], Any]
    """The pretrained values of `L2SP`, by the key of the site."""

    @cached_property
    def penalties(self) -> tuple[SlottedTerm[Penalty], ...]:
        """The terms that add to the loss."""
        return self._of(Penalty)

    @cached_property
    def noises(self) -> tuple[SlottedTerm[Noise], ...]:
        """The terms that perturb a tensor in the training pass."""
        return self._of(Noise)

    @cached_property
    def decays(self) -> tuple[SlottedTerm[Decay], ...]:
        """The terms that shrink a weight after an update."""
        return self._of(Decay)

    @cached_property
    def constraints(self) -> tuple[SlottedTerm[Constraint], ...]:
        """The terms that project a weight after an update."""
        return self._of(Constraint)

    @cached_property
    def labels(self) -> tuple[SlottedTerm[LabelTreatment], ...]:
        """The terms that change the labels of a batch."""
        return self._of(LabelTreatment)

    @cached_property
    def rates(self) -> tuple[SlottedTerm[Rate], ...]:
        """The terms that replace rates of the model's own layers."""
        return self._of(Rate)

    @cached_property
    def turning_on(self) -> tuple[int, ...]:
        """The positions of the slots above whose rate 0 a layer computes in another way than it was built."""
        return tuple(
            slotted.positions[0]
            for slotted in self.rates
            if any(site.rate is not None and site.rate.turns_on for site in slotted.term.sites)
        )

    def with_rates(self, strengths: Sequence[Any], on: bool = True) -> AbstractContextManager[None]:
        """Call the model inside the block with the rates of a row of strengths; absent terms leave rates alone.

        With `on=False`, those of `turning_on` are taken as 0.
        """
        rates: dict[tuple[int, str], tuple[RateArgument, Any]] = {}
        for slotted in self.rates:
            (strength,) = slotted.of(strengths)
            for argument in (site.rate for site in slotted.term.sites):
                if argument is not None and (on or not argument.turns_on):
                    _, before = rates.get(argument.key, (argument, argument.value))
                    rates[argument.key] = argument, ops.where(strength < 0, before, strength)
        return rates_replaced(list(rates.values()))

    @cached_property
    def averages(self) -> tuple[SlottedTerm[WeightAveraging], ...]:
        """The terms that average the weights over the steps of a fit."""
        return self._of(WeightAveraging)

    @property
    def drawing(self) -> tuple[SlottedTerm[Any], ...]:
        """The terms whose training pass draws random numbers while a strength is above 0."""
        return (*self.noises, *(slotted for slotted in self.labels if slotted.regularizer.effect == "mixing"))

    def _of(self, kind: type[Kind]) -> tuple[SlottedTerm[Kind], ...]:
        results: list[SlottedTerm[Kind]] = []
        start = 0
        for term in self.terms:
            end = start + len(term.slots)
            if isinstance(term.regularizer, kind):
                results.append(SlottedTerm(term, term.regularizer, tuple(range(start, end))))
            start = end
        return tuple(results)

    @property
    def absent(self) -> np.ndarray:
        """The row of strengths of a fit without any of the terms."""
        return np.array([term.regularizer.absent for term in self.terms for _ in term.slots], float)

    @property
    def penalty_positions(self) -> tuple[int, ...]:
        """The positions of the slots of penalties, in the order of `weight_values`."""
        return tuple(position for slotted in self.penalties for position in slotted.positions)

    @property
    def slots(self) -> tuple[str, ...]:
        """The name of every strength."""
        return tuple(slot for term in self.terms for slot in term.slots)

    @property
    def schedules(self) -> tuple[Schedule | None, ...]:
        """The schedule of every strength, or None."""
        return tuple(schedule for term in self.terms for schedule in term.schedules)

    @property
    def diagnosed_sites(self) -> tuple[Site, ...]:
        """Every site of a term, once, and the output after each pre-activation of a term."""
        return diagnosed_sites(self.terms)

    def weight_values(
        self, weight: Weight, readings: Readings, counted: Any = None, strengths: Sequence[Any] | None = None
    ) -> list[Any]:
        """Return the value of each slot of a penalty at strength one.

        Args:
            weight: function that returns the current value of a variable.
            readings: the activations that the taps recorded.
            counted: shape (batch,), 1 for samples that count; None if all do.
            strengths: the strength of every slot. With them, a `Custom` function at strength 0 has no gradient, so
                a gradient that is not finite in another arm does not affect a fit.

        """
        values: list[Any] = []
        for index, slotted in enumerate(self.penalties):
            term_strengths = None if strengths is None else self._rows(strengths)[index]
            rows = [
                row
                for site in slotted.term.sites
                for row in self.values_at(slotted.regularizer, site, weight, readings, counted, term_strengths)
            ]
            results = [sum(column[1:], start=column[0]) for column in zip(*rows, strict=True)]
            values += results or [ops.zeros(()) for _ in slotted.positions]  # the layer was not called
        return values

    def values_at(
        self,
        penalty: Penalty,
        site: Site,
        weight: Weight,
        readings: Readings,
        counted: Any = None,
        strengths: Sequence[Any] | None = None,
    ) -> list[tuple[Any, ...]]:
        """Return the values of a penalty at one site at strength one: a row for each call of the layer."""
        if site.variable is None:
            calls = readings[self.taps.index(self.tap_of(penalty, site))]
            rows = [
                penalty.activation_values(_kept(call.value, penalty, strengths), _charged(call, counted))
                for call in calls
            ]
        else:
            bound = penalty.with_anchor(self.anchors[site.key]) if penalty.needs_anchor else penalty
            rows = [bound.weight_values(_kept(site.extract(weight(site.variable)), penalty, strengths))]
        return [tuple(ops.stop_gradient(value) for value in row) for row in rows] if penalty.exact else rows

    def tap_of(self, penalty: Penalty, site: Site) -> Tap:
        """Return the tap that reads an activation for a penalty: with the noise there, or without."""
        late = replace(site.tap, after_noise=True)
        return late if penalty.after_noise and late in self.taps else site.tap

    def trial_values(self, weight: Weight, readings: Readings) -> list[list[Any]]:
        """Return the values of each penalty at each of its sites, the components of all calls in one list."""
        return [
            [value for row in self.values_at(penalty, site, weight, readings) for value in row]
            for term, penalty, _ in self.penalties
            for site in term.sites
        ]

    def check_trial(self, tried: Sequence[Sequence[Any]]) -> None:
        """Raise `InputError` for penalties whose values on a trial batch, `tried`, are not finite numbers ≥ 0."""
        sites = [(penalty, site) for term, penalty, _ in self.penalties for site in term.sites]
        for (penalty, site), values in zip(sites, tried, strict=True):
            for value in values:
                check_value(value, penalty, site.name)

    def proximal(self, variable: keras.Variable, value: Any, step: Any, strengths: Sequence[Any]) -> Any:
        """Return a weight after the proximal steps of all exact terms on it.

        Args:
            variable: the weight.
            value: its value after the update of the optimizer.
            step: the step of the optimizer for each entry.
            strengths: the strength of every slot.

        """
        for slotted, term_strengths in zip(self.penalties, self._rows(strengths), strict=True):
            for site in slotted.term.sites:
                if slotted.regularizer.exact and site.variable is variable:
                    piece = slotted.regularizer.proximal(site.extract(value), site.extract(step), term_strengths)
                    value = site.insert(value, piece)
        return value

    def _rows(self, strengths: Sequence[Any]) -> list[list[Any]]:
        """Return the strengths of each penalty.

        Those that a caller does not use are in the text of the traced program too, by whose hash a store knows fits.
        """
        return [slotted.of(strengths) for slotted in self.penalties]

    @property
    def variables(self) -> tuple[keras.Variable, ...]:
        """The weights with a term."""
        results = {id(p.variable): p.variable for term in self.terms for p in term.sites if p.variable is not None}
        return tuple(results.values())

    @property
    def exact_variables(self) -> tuple[keras.Variable, ...]:
        """The weights with an exact term."""
        sites = [site for term, penalty, _ in self.penalties if penalty.exact for site in term.sites]
        return tuple({id(site.variable): site.weight for site in sites}.values())

    @property
    def diagnostic_names(self) -> tuple[str, ...]:
        """The names of the values of `diagnose`, in its order."""
        kinds = {"weight": ("zeros", "size", "norm"), "activation": ("zeros", "size", "dead")}
        named = dict.fromkeys(f"{what}/{site.name}" for site in self.diagnosed_sites for what in kinds[site.on])
        return (*named, *unit_names(self.diagnosed_sites))

    def diagnose(self, weight: Weight, readings: Readings) -> dict[str, Any]:
        """Return the statistics of `describe` for every site, and the quantiles over its units."""
        results = describe(self.diagnosed_sites, self.taps, weight, readings)
        return results | unit_quantiles(self.diagnosed_sites, self.taps, weight, readings)


def describe(sites: Sequence[Site], taps: Sequence[Tap], weight: Weight, readings: Readings) -> dict[str, Any]:
    """Return exact zeros and mean magnitude of each site, the norm of weights and the dead units of activations.

    The names are `zeros/hidden/kernel`, `size/…`, `norm/…` and `dead/hidden/output`. The statistics are over all calls
    of a layer, without padded steps. A unit, an entry of the last axis, is dead if it is exactly zero in every row and
    at every position.
    """
    results: dict[str, Any] = {}
    for site in sites:
        if site.variable is not None:
            calls = [Reading(site.extract(weight(site.variable)), None)]
        else:
            calls = readings[taps.index(site.tap)]
        flat = ops.concatenate([ops.reshape(ops.cast(reading.value, "float32"), (-1,)) for reading in calls])
        real = real_entries(calls)
        results[f"zeros/{site.name}"] = mean_over(ops.cast(flat == 0, "float32"), real)
        results[f"size/{site.name}"] = mean_over(ops.abs(flat), real)
        if site.variable is not None:
            results[f"norm/{site.name}"] = ops.sqrt(ops.sum(ops.square(flat)))
        else:
            units = by_unit(calls)
            results[f"dead/{site.name}"] = ops.mean(ops.cast(ops.max(units, axis=0) == 0, "float32"))
    return results


def scale_by_strength(strength: Any, value: Any) -> Any:
    """Return a strength times a value at strength one; 0 at strength 0, also if the value overflowed."""
    return ops.where(strength > 0, strength * value, ops.zeros_like(value))


def _kept(value: Any, penalty: Penalty, strengths: Sequence[Any] | None) -> Any:
    """Return a tensor, without a gradient for a `Custom` function at strength 0."""
    if strengths is None or not isinstance(penalty, Custom):
        return value
    return ops.where(strengths[0] > 0, value, ops.stop_gradient(value))


def bind_terms(terms: Sequence[Term], anchors: dict[tuple[int, str], Any] | None = None) -> BoundTerms:
    """Bind terms to taps and anchors; by default, the anchors are the current weights."""
    taps = dict.fromkeys(site.tap for site in diagnosed_sites(terms) if site.is_activation)
    noisy = {site.tap for term in terms if isinstance(term.regularizer, Noise) for site in term.sites}
    late = dict.fromkeys(
        replace(site.tap, after_noise=True)
        for term in terms
        if isinstance(term.regularizer, Penalty) and term.regularizer.after_noise
        for site in term.sites
        if site.tap in noisy and site.quantity == "output"
    )
    return BoundTerms(tuple(terms), (*taps, *late), copy_anchors(terms) if anchors is None else anchors)


def copy_anchors(terms: Sequence[Term]) -> dict[tuple[int, str], Any]:
    """Return the current values of weights with a penalty that needs anchors."""
    anchored = [term for term in terms if isinstance(term.regularizer, Penalty) and term.regularizer.needs_anchor]
    sites = [site for term in anchored for site in term.sites]
    return {site.key: ops.copy(ops.convert_to_tensor(site.extract(site.weight.value))) for site in sites}


def diagnosed_sites(terms: Sequence[Term]) -> tuple[Site, ...]:
    """Return the sites to diagnose: those of terms, and the output after each pre-activation."""
    charged = [site for term in terms for site in term.sites if site.is_weight or site.is_activation]
    after = [replace(site, quantity="output") for site in charged if site.quantity == "preactivation"]
    return tuple({site.key: site for site in [*charged, *after]}.values())


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
