"""The lines to paste: the penalized layers as constructor calls in plain Keras, or else a call of bridle."""

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from bridle._keras import gives_mask, has_states, output_shape
from bridle.placement._sites import Site
from bridle.placement._targets import argument
from bridle.placement._terms import Term, read_terms
from bridle.regularizers import KINDS, Penalty, describe_strength


def code_lines(model: keras.Model, terms: Mapping[str, object], *, batch_size: int | None = None) -> str:
    """Python source that builds each penalized layer with Keras's own regularizers.

    A penalty before the nonlinearity becomes a linear layer with an activity penalty, and the activation as a
    layer after it. Keras divides activity penalties by the batch size (from 3.14 on); `per="batch"` and
    `per="unit"` are converted to that, the first with `batch_size`.

    Where Keras has no argument for a penalty (gates, states, other families, exact zeros, schedules) or does not
    charge what it is given, the lines call `bridle.regularize`.
    """
    bound = read_terms(model, terms)
    wanted: dict[str, list[tuple[Site, Penalty]]] = {}
    for term in bound:
        for place in term.sites:
            wanted.setdefault(place.path, []).append((place, term.penalty))
    if not wanted:
        return "# No penalty: the model as it is.\n"
    if not all(_in_keras(place, penalty) for pairs in wanted.values() for place, penalty in pairs):
        return _in_bridle(bound)
    return "import keras\n\n" + "\n".join(_layer(path, pairs, batch_size) for path, pairs in wanted.items()) + "\n"


def _in_keras(place: Site, penalty: Penalty) -> bool:
    """Return True if an argument of the layer means the same as a penalty."""
    layer, plain = place.layer, penalty.kind in ("l1", "l2", "l1l2") and not penalty.exact
    if not plain or any(penalty.schedules) or place.part is not None or place.path != place.top_level_path:
        return False
    if place.variable is not None:
        return argument(place.quantity) in layer.get_config() and place.variable.trainable
    if place.quantity not in ("output", "preactivation") or type(layer) in NO_LINES or has_states(layer):
        return False
    shape = output_shape(layer)
    return shape is not None and not gives_mask(layer) and (penalty.per != "unit" or None not in shape[1:])


def _in_bridle(terms: Sequence[Term]) -> str:
    """A call of `bridle.regularize`, with each penalty in the language of penalties."""
    lines = []
    for term in terms:
        amounts = (f"{v:.12g}" if isinstance(v, float) else describe_strength(v) for v in term.penalty.strengths)
        text = _quoted(term.penalty.to_text(*amounts))
        if term.penalty.kind not in KINDS:
            text = f"bridle.{term.penalty!r}"
        lines.append(f"    {_quoted(term.target)}: {text},\n")
    return f"import bridle\n\nmodel = bridle.regularize(model, {{\n{''.join(lines)}}})\n"


def _quoted(text: str) -> str:
    """A text as Python source, whatever it holds: in double quotes where there are none in it."""
    shown = repr(text)
    return shown if {"'", '"'} & set(text) else f'"{shown[1:-1]}"'


NO_LINES = (keras.layers.TimeDistributed, keras.layers.Bidirectional, keras.layers.Activation)
"""Layers for whose activity no constructor line says the same."""


def _layer(path: str, pairs: list[tuple[Site, Penalty]], batch_size: int | None) -> str:
    layer = pairs[0][0].layer
    before, after, notes = _arguments(layer), {}, [f"layer {path!r}"]
    quantities = dict.fromkeys(place.quantity for place, _ in pairs)
    if "preactivation" in quantities:
        after = {"activation": before.pop("activation", "'linear'")}
    for quantity in quantities:
        own = [(place, penalty) for place, penalty in pairs if place.quantity == quantity]
        text, said = _regularizer(own, batch_size)
        notes += said
        home = after if quantity == "output" and after else before
        if argument(quantity) in home:
            notes.append(f"beside the layer's own {argument(quantity)}={home[argument(quantity)]}: their sum is meant")
        home[argument(quantity)] = text
    head = "".join(f"# {note}\n" for note in notes)
    calls = [_call(type(layer).__name__, before), *([_call("Activation", after)] if after else [])]
    return head + "\n".join(calls)


def _call(name: str, arguments: dict[str, str]) -> str:
    return f"keras.layers.{name}({', '.join(f'{key}={value}' for key, value in arguments.items())}),"


def _regularizer(pairs: list[tuple[Site, Penalty]], batch_size: int | None) -> tuple[str, list[str]]:
    """One of Keras's regularizers as source for all the penalties at one place, and what to say about its strength."""
    totals, notes = {"l1": 0.0, "l2": 0.0}, []
    for place, penalty in pairs:
        factor = 1.0
        if penalty.per == "batch":
            factor = float(batch_size or 32)
            notes.append(f"summed over the batch: multiplied by {factor:g}, the batch size by which Keras divides")
        if penalty.per == "unit":
            shape: Any = output_shape(place.layer)
            factor = 1.0 / math.prod(shape[1:])
            notes.append(f"averaged over units: divided by their number, {1 / factor:g}")
        for name, amount in zip(penalty.names, penalty.fixed(), strict=True):
            totals[penalty.kind if name == "strength" else name] += amount * factor
    used = {name: amount for name, amount in totals.items() if amount}
    if len(used) == 1:
        ((name, amount),) = used.items()
        return f"keras.regularizers.{name.upper()}({amount:g})", notes
    return f"keras.regularizers.L1L2(l1={totals['l1']:g}, l2={totals['l2']:g})", notes


def _arguments(layer: keras.layers.Layer) -> dict[str, str]:
    """Return the arguments that construct a layer: its configuration without the defaults."""
    config = layer.get_config()
    parameters = inspect.signature(type(layer).__init__).parameters
    written = {
        name: _source(config[name])
        for name, parameter in parameters.items()
        if name in config and name not in ("self", "kwargs") and _source(config[name]) != _source(parameter.default)
    }
    return {**written, "name": repr(layer.name)}


def _source(value: Any) -> str:
    if isinstance(value, dict) and "class_name" in value:
        inner = {key: item for key, item in value.get("config", {}).items() if item is not None}
        name = value["class_name"]
        if not inner:
            return repr(_snake(name))
        home = next(
            (room for room in ("initializers", "regularizers", "constraints") if hasattr(getattr(keras, room), name)),
            "layers",
        )
        return f"keras.{home}.{name}({', '.join(f'{key}={_source(item)}' for key, item in inner.items())})"
    return repr(value)


def _snake(name: str) -> str:
    return "".join(
        f"_{letter.lower()}" if letter.isupper() and number else letter.lower() for number, letter in enumerate(name)
    )
