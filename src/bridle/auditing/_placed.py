"""The rows of penalties that bridle has placed: what the configuration means, and what reaches the loss."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import keras

from bridle._keras import (
    Reading,
    Tap,
    all_layers,
    as_number,
    loss_without_data,
    replaced,
    trained_with,
    untouched,
    watching,
)
from bridle.auditing._batch import Batch
from bridle.auditing._formulas import is_known, on_activation, on_weight, strengths_at
from bridle.auditing._meaning import as_array, combined
from bridle.auditing._measure import Measured
from bridle.auditing._rows import Finding, Row
from bridle.auditing._words import number
from bridle.placement import (
    Regularized,
    Site,
    last_call,
    match_target,
    measuring,
    penalty_terms,
    schedule_overrides,
    unwrapped,
)
from bridle.regularizers import Penalty

PREFIX = "penalty/"
Readings = Mapping[Tap, Sequence[Reading]]
Term = tuple[Penalty, tuple[float, ...], list[Site]]
"""A penalty, its strengths at this epoch, and where it is placed."""


def placed_rows(model: keras.Model, batch: Batch, measured: Measured) -> list[Row]:
    """One row for each place that `bridle.regularize` charges, also in models inside; none for another model.

    What is expected is computed from the terms, their schedules and the epoch; what is charged is what a training
    step of the model adds to its loss.

    Args:
        model: what is trained.
        batch: what it is called on.
        measured: what Keras has collected from a call.

    """
    penalized = [layer for layer in all_layers(model) if isinstance(layer, Regularized)]
    terms = {id(each): _terms(each) for each in penalized}
    taps = dict.fromkeys(
        place.tap for each in terms.values() for *_, places in each for place in places if not place.is_weight
    )
    if not penalized:
        return []
    x = keras.tree.map_structure(keras.ops.convert_to_tensor, batch.x)
    weight = None if batch.sample_weight is None else keras.ops.convert_to_tensor(batch.sample_weight)
    readings = _tensors(model, penalized, x, list(taps))
    charged, added = _step(model, penalized, x, weight)
    rows = []
    for each in penalized:
        expected = _expected(each, terms[id(each)], readings, batch.counted)
        texts = _written(terms[id(each)])
        own = [
            _row(model, each, name, texts[name], charged[id(each)].get(name, 0.0), value)
            for name, value in expected.items()
        ]
        reached = added if each is model else measured.added_by(each)
        rows += [*own, *_difference(each, reached, sum(charged[id(each)].values()))]
    return rows


def _terms(model: Regularized) -> list[Term]:
    found = []
    for target, penalty in model.terms.items():
        if any(penalty.base_strengths):
            amounts = strengths_at(penalty, model.epoch, schedule_overrides(model).get(target))
            found.append((penalty, amounts, match_target(unwrapped(model), target)))
    return found


def _tensors(model: keras.Model, penalized: Sequence[Regularized], x: Any, taps: list[Tap]) -> Readings:
    """What a training step gives where penalties are placed, from a call past the penalized models."""
    with ExitStack() as stack:
        stack.enter_context(untouched(model))
        for each in penalized:
            stack.enter_context(replaced(each, "call", _past(each)))
        readings = stack.enter_context(watching(taps))
        _called(model, x)
    return dict(zip(taps, readings.values(), strict=True))


def _past(model: Regularized) -> Callable[..., Any]:
    def call(inputs: Any, training: bool | None = None) -> Any:
        inner = unwrapped(model)
        return inner(inputs, training=training) if trained_with(inner) else inner(inputs)

    return call


def _called(model: keras.Model, x: Any) -> Any:
    return model(x, training=True) if trained_with(model) else model(x)


def _step(
    model: keras.Model, penalized: Sequence[Regularized], x: Any, weight: Any
) -> tuple[dict[int, dict[str, float]], float]:
    """What each penalized model charges at each place, and what a penalized `model` adds to its loss."""
    added, before = math.nan, [last_call(each) for each in penalized]
    with untouched(model), measuring(model):
        prediction = _called(model, x)
        if isinstance(model, Regularized):
            others = sum(map(as_number, model.losses)) - sum(map(as_number, last_call(model).parts.values()))
            added = as_number(loss_without_data(model, prediction, weight)) - others
        reached = [each for each, seen in zip(penalized, before, strict=True) if last_call(each) is not seen]
        return {id(each): {} for each in penalized} | {id(each): _numbers(each) for each in reached}, added


def _numbers(model: Regularized) -> dict[str, float]:
    """What the last call of a penalized model was charged, by place."""
    return {name.removeprefix(PREFIX): as_number(value) for name, value in last_call(model).parts.items()}


def _expected(model: Regularized, terms: Sequence[Term], readings: Readings, counted: Any) -> dict[str, float]:
    """What is meant at each place."""
    found: dict[str, float] = {}
    for penalty, amounts, places in terms:
        for place in places:
            for parts in _meanings(model, penalty, place, readings, counted):
                value = sum(amount * part for amount, part in zip(amounts, parts, strict=True) if amount)
                found[place.name] = found.get(place.name, 0.0) + value
    return found


def _meanings(
    model: Regularized, penalty: Penalty, place: Site, readings: Readings, counted: Any
) -> list[tuple[float, ...]]:
    """The meaning of a penalty at strength one, for each call of the layer; one of a person's own says it itself."""
    if place.variable is not None:
        weight = place.extract(keras.ops.convert_to_tensor(place.variable.value))
        if is_known(penalty):
            anchor = as_array(penalty_terms(model).anchors[place.key].value) if penalty.needs_anchor else None
            return [on_weight(penalty, as_array(weight), anchor)]
        return [tuple(map(as_number, penalty.weight_values(weight)))]
    found = []
    for reading in readings[place.tap]:
        charged = combined(reading.mask, counted, reading.value)
        if is_known(penalty):
            found.append(
                on_activation(penalty, as_array(reading.value), None if charged is None else as_array(charged))
            )
        else:
            found.append(tuple(map(as_number, penalty.activation_values(reading.value, charged))))
    return found


def _row(model: keras.Model, penalized: Regularized, name: str, text: str, charged: float, expected: float) -> Row:
    where = name if penalized is model else f"{penalized.name}/{name}"
    findings: tuple[Finding, ...] = ()
    if not math.isclose(charged, expected, rel_tol=1e-3, abs_tol=1e-9):
        said = f"{number(charged)} is charged where the configuration means {number(expected)}"
        way = "Report it to bridle." if penalized is model else INSIDE
        findings = (Finding("charged otherwise", f"{said}. {way}"),)
    return Row(where, text, charged, expected, findings)


INSIDE = (
    "A penalized model inside another does not see which samples of the batch have weight 0, and charges them too. "
    "Penalize the outer model instead: bridle.regularize(outer, {…})."
)


def _difference(model: Regularized, added: float, charged: float) -> list[Row]:
    """A row for what does not reach the loss, or reaches it more than once."""
    if math.isclose(added, charged, rel_tol=1e-3, abs_tol=1e-9):
        return []
    text = f"{number(added)} reaches the loss where the places are charged {number(charged)}. Report it to bridle."
    return [Row(f"{model.name}/add_loss", "bridle", added, charged, (Finding("charged otherwise", text),))]


def _written(terms: Sequence[Term]) -> dict[str, str]:
    """The penalties at each place, as they were written."""
    found: dict[str, list[str]] = {}
    for penalty, _, places in terms:
        for place in places:
            found.setdefault(place.name, []).append(repr(penalty))
    return {name: "bridle." + " + ".join(texts) for name, texts in found.items()}
