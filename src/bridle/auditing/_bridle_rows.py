"""Audit rows of the penalties that bridle has placed: what the configuration means, and what reaches the loss."""

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
    state_restored,
    takes_training,
    watching,
)
from bridle.auditing._batch import Batch
from bridle.auditing._format import number_text
from bridle.auditing._formulas import is_known, on_activation, on_weight, strengths_at
from bridle.auditing._measure import Measured, as_array, combine_masks
from bridle.auditing._result import Finding, Row
from bridle.placement import (
    Regularized,
    Site,
    bound_terms,
    last_call,
    match_target,
    measuring,
    schedule_overrides,
    unwrapped,
)
from bridle.regularizers import Penalty

PREFIX = "penalty/"
"""Start of the names under which a regularized model keeps its charges."""
Readings = Mapping[Tap, Sequence[Reading]]
Term = tuple[Penalty, tuple[float, ...], list[Site]]
"""A penalty, its strengths at this epoch, and the sites that it charges."""


def bridle_rows(model: keras.Model, batch: Batch, measured: Measured) -> list[Row]:
    """Return one row for each site that `bridle.regularize` charges, also in models inside; none for another model.

    The expected value is computed from the terms, their schedules and the epoch. The charged value is what a training
    step of the model adds to its loss.

    Args:
        model: the model that is trained.
        batch: the batch on which it is called.
        measured: what Keras has collected from a call.

    """
    parts = [layer for layer in all_layers(model) if isinstance(layer, Regularized)]
    if not parts:
        return []
    terms = {id(part): _terms(part) for part in parts}
    taps = dict.fromkeys(
        site.tap for part_terms in terms.values() for *_, sites in part_terms for site in sites if not site.is_weight
    )
    x = keras.tree.map_structure(keras.ops.convert_to_tensor, batch.x)
    weight = None if batch.sample_weight is None else keras.ops.convert_to_tensor(batch.sample_weight)
    readings = _read(model, parts, x, list(taps))
    charged, added = _train_step(model, parts, x, weight)
    rows = []
    for part in parts:
        expected = _expected(part, terms[id(part)], readings, batch.counted)
        texts = _term_texts(terms[id(part)])
        rows += [
            _row(model, part, name, texts[name], charged[id(part)].get(name, 0.0), value)
            for name, value in expected.items()
        ]
        reached = added if part is model else measured.added_by(part)
        rows += _difference(part, reached, sum(charged[id(part)].values()))
    return rows


def _terms(model: Regularized) -> list[Term]:
    terms = []
    for target, regularizers in model.terms.items():
        penalties = [item for item in keras.tree.flatten(regularizers) if isinstance(item, Penalty)]
        for penalty in (item for item in penalties if any(item.base_strengths)):
            strengths = strengths_at(penalty, model.epoch, schedule_overrides(model).get(target))
            terms.append((penalty, strengths, match_target(unwrapped(model), target)))
    return terms


def _read(model: keras.Model, parts: Sequence[Regularized], x: Any, taps: list[Tap]) -> Readings:
    """Return the charged tensors of a training step, from a call that bypasses the regularized models."""
    with ExitStack() as stack:
        stack.enter_context(state_restored(model))
        for part in parts:
            stack.enter_context(replaced(part, "call", _inner_call(part)))
        readings = stack.enter_context(watching(taps))
        _call(model, x)
    return dict(zip(taps, readings.values(), strict=True))


def _inner_call(model: Regularized) -> Callable[..., Any]:
    def call(inputs: Any, training: bool | None = None) -> Any:
        inner = unwrapped(model)
        return inner(inputs, training=training) if takes_training(inner) else inner(inputs)

    return call


def _call(model: keras.Model, x: Any) -> Any:
    return model(x, training=True) if takes_training(model) else model(x)


def _train_step(
    model: keras.Model, parts: Sequence[Regularized], x: Any, weight: Any
) -> tuple[dict[int, dict[str, float]], float]:
    """Return the charges of each regularized model by site, and what a regularized `model` adds to its loss."""
    added, before = math.nan, [last_call(part) for part in parts]
    with state_restored(model), measuring(model):
        prediction = _call(model, x)
        if isinstance(model, Regularized):
            others = sum(map(as_number, model.losses)) - sum(map(as_number, last_call(model).parts.values()))
            added = as_number(loss_without_data(model, prediction, weight)) - others
        called = [part for part, record in zip(parts, before, strict=True) if last_call(part) is not record]
        return {id(part): {} for part in parts} | {id(part): _last_charges(part) for part in called}, added


def _last_charges(model: Regularized) -> dict[str, float]:
    """Return the charges of the last call of a regularized model, by site."""
    return {name.removeprefix(PREFIX): as_number(value) for name, value in last_call(model).parts.items()}


def _expected(model: Regularized, terms: Sequence[Term], readings: Readings, counted: Any) -> dict[str, float]:
    """Return the expected charge of each site."""
    totals: dict[str, float] = {}
    for penalty, strengths, sites in terms:
        for site in sites:
            for values in _values(model, penalty, site, readings, counted):
                charge = sum(strength * value for strength, value in zip(strengths, values, strict=True) if strength)
                totals[site.name] = totals.get(site.name, 0.0) + charge
    return totals


def _values(
    model: Regularized, penalty: Penalty, site: Site, readings: Readings, counted: Any
) -> list[tuple[float, ...]]:
    """Return the value of a penalty at strength one for each call of the layer; a penalty of the user's is called."""
    if site.variable is not None:
        weight = site.extract(keras.ops.convert_to_tensor(site.variable.value))
        if is_known(penalty):
            anchor = as_array(bound_terms(model).anchors[site.key].value) if penalty.needs_anchor else None
            return [on_weight(penalty, as_array(weight), anchor)]
        return [tuple(map(as_number, penalty.weight_values(weight)))]
    values = []
    for reading in readings[site.tap]:
        mask = combine_masks(reading.mask, counted, reading.value)
        if is_known(penalty):
            values.append(on_activation(penalty, as_array(reading.value), None if mask is None else as_array(mask)))
        else:
            values.append(tuple(map(as_number, penalty.activation_values(reading.value, mask))))
    return values


def _row(model: keras.Model, part: Regularized, name: str, text: str, charged: float, expected: float) -> Row:
    where = name if part is model else f"{part.name}/{name}"
    findings: tuple[Finding, ...] = ()
    if not math.isclose(charged, expected, rel_tol=1e-3, abs_tol=1e-9):
        difference = f"{number_text(charged)} is charged where the configuration means {number_text(expected)}"
        remedy = "Report it to bridle." if part is model else INNER_MODEL
        findings = (Finding("charged otherwise", f"{difference}. {remedy}"),)
    return Row(where, text, charged, expected, findings)


INNER_MODEL = (
    "A regularized model inside another does not see which samples of the batch have weight 0, and charges them too. "
    "Regularize the outer model instead: bridle.regularize(outer, {…})."
)


def _difference(model: Regularized, added: float, charged: float) -> list[Row]:
    """Return a row if charges do not reach the loss, or reach it more than once."""
    if math.isclose(added, charged, rel_tol=1e-3, abs_tol=1e-9):
        return []
    text = (
        f"{number_text(added)} reaches the loss where the sites are charged {number_text(charged)}. "
        "Report it to bridle."
    )
    return [Row(f"{model.name}/add_loss", "bridle", added, charged, (Finding("charged otherwise", text),))]


def _term_texts(terms: Sequence[Term]) -> dict[str, str]:
    """Return the penalties of each site, as text."""
    texts: dict[str, list[str]] = {}
    for penalty, _, sites in terms:
        for site in sites:
            texts.setdefault(site.name, []).append(repr(penalty))
    return {name: "bridle." + " + ".join(penalties) for name, penalties in texts.items()}
