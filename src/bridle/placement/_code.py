"""Code of a regularized model: constructor calls of plain Keras, or a call of bridle."""

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from bridle._keras import gives_mask, has_states, output_shape, tensorflow_left_alone
from bridle.placement._sites import Site
from bridle.placement._targets import argument
from bridle.placement._terms import Term, by_target, read_terms
from bridle.regularizers import KINDS, Penalty, Regularizer, describe_strength


@tensorflow_left_alone()
def code_lines(model: keras.Model, terms: Mapping[str, object], *, batch_size: int | None = None) -> str:
    """Return Python source that builds each penalized layer with regularizers of Keras.

    A penalty before the nonlinearity becomes a linear layer with an activity penalty, followed by the activation as a
    layer. Keras ≥ 3.14 divides activity penalties by the batch size. `per="batch"` and `per="unit"` are converted to
    this convention, the former with `batch_size`.

    If Keras has no argument for a penalty (gates, states, other families, exact zeros, schedules), or ignores it, the
    source calls `bridle.regularize`.
    """
    bound = read_terms(model, terms)
    by_layer: dict[str, list[tuple[Site, Penalty]]] = {}
    for term in bound:
        if not isinstance(term.regularizer, Penalty):
            return _in_bridle(bound)
        for site in term.sites:
            by_layer.setdefault(site.path, []).append((site, term.regularizer))
    if not by_layer:
        return "# No penalty: the model is unchanged.\n"
    if not all(_in_keras(site, penalty) for pairs in by_layer.values() for site, penalty in pairs):
        return _in_bridle(bound)
    return "import keras\n\n" + "\n".join(_layer(path, pairs, batch_size) for path, pairs in by_layer.items()) + "\n"


def _in_keras(site: Site, penalty: Penalty) -> bool:
    """Return True if an argument of the layer means the same as a penalty."""
    layer, plain = site.layer, penalty.kind in ("l1", "l2", "l1l2") and not penalty.exact
    if not plain or any(penalty.schedules) or site.part is not None or site.path != site.top_level_path:
        return False
    if site.variable is not None:
        return argument(site.quantity) in layer.get_config() and site.variable.trainable
    if site.quantity not in ("output", "preactivation") or type(layer) in NO_LINES or has_states(layer):
        return False
    shape = output_shape(layer)
    return shape is not None and not gives_mask(layer) and (penalty.per != "unit" or None not in shape[1:])


def _in_bridle(terms: Sequence[Term]) -> str:
    """Return a call of `bridle.regularize`, with each regularizer as text, in a list where a target has several."""
    sources = by_target((term.target, _as_source(term.regularizer)) for term in terms)
    lines = [
        f"    {_quoted(target)}: {source if isinstance(source, str) else '[' + ', '.join(source) + ']'},\n"
        for target, source in sources.items()
    ]
    return f"import bridle\n\nmodel = bridle.regularize(model, {{\n{''.join(lines)}}})\n"


def _as_source(regularizer: Regularizer) -> str:
    """Return a regularizer as Python source: its text, or a call for one without a text."""
    if regularizer.kind not in KINDS:
        return f"bridle.{regularizer!r}"
    strengths = (f"{v:.12g}" if isinstance(v, float) else describe_strength(v) for v in regularizer.strengths)
    return _quoted(regularizer.to_text(*strengths))


def _quoted(text: str) -> str:
    """Return a text as Python source, in double quotes unless it contains quotes."""
    literal = repr(text)
    return literal if {"'", '"'} & set(text) else f'"{literal[1:-1]}"'


NO_LINES = (keras.layers.TimeDistributed, keras.layers.Bidirectional, keras.layers.Activation)
"""Layers whose activity penalty cannot be written as a constructor argument."""


def _layer(path: str, pairs: list[tuple[Site, Penalty]], batch_size: int | None) -> str:
    layer = pairs[0][0].layer
    before, after, notes = _arguments(layer), {}, [f"layer {path!r}"]
    quantities = dict.fromkeys(site.quantity for site, _ in pairs)
    if "preactivation" in quantities:
        after = {"activation": before.pop("activation", "'linear'")}
    for quantity in quantities:
        of_quantity = [(site, penalty) for site, penalty in pairs if site.quantity == quantity]
        text, remarks = _regularizer(of_quantity, batch_size)
        notes += remarks
        arguments, name = after if quantity == "output" and after else before, argument(quantity)
        if name in arguments:
            notes.append(f"add this to the present {name}={arguments[name]} of the layer: use the sum of both")
        arguments[name] = text
    head = "".join(f"# {note}\n" for note in notes)
    calls = [_call(type(layer).__name__, before), *([_call("Activation", after)] if after else [])]
    return head + "\n".join(calls)


def _call(name: str, arguments: dict[str, str]) -> str:
    return f"keras.layers.{name}({', '.join(f'{key}={value}' for key, value in arguments.items())}),"


def _regularizer(pairs: list[tuple[Site, Penalty]], batch_size: int | None) -> tuple[str, list[str]]:
    """Return the source of one Keras regularizer for all penalties at one site, and notes on its strength."""
    totals, notes = {"l1": 0.0, "l2": 0.0}, []
    for site, penalty in pairs:
        factor = 1.0
        if penalty.per == "batch":
            factor = float(batch_size or 32)
            notes.append(f"summed over the batch: multiplied by {factor:g}, the batch size by which Keras divides")
        if penalty.per == "unit":
            shape: Any = output_shape(site.layer)
            factor = 1.0 / math.prod(shape[1:])
            notes.append(f"averaged over units: divided by their number, {1 / factor:g}")
        for name, strength in zip(penalty.names, penalty.fixed(), strict=True):
            totals[penalty.kind if name == "strength" else name] += strength * factor
    used = {name: strength for name, strength in totals.items() if strength}
    if len(used) == 1:
        ((name, strength),) = used.items()
        return f"keras.regularizers.{name.upper()}({strength:g})", notes
    return f"keras.regularizers.L1L2(l1={totals['l1']:g}, l2={totals['l2']:g})", notes


def _arguments(layer: keras.layers.Layer) -> dict[str, str]:
    """Return the arguments that construct a layer: its configuration without the defaults."""
    config = layer.get_config()
    parameters = inspect.signature(type(layer).__init__).parameters
    arguments = {
        name: _source(config[name])
        for name, parameter in parameters.items()
        if name in config and name not in ("self", "kwargs") and _source(config[name]) != _source(parameter.default)
    }
    return {**arguments, "name": repr(layer.name)}


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
        f"_{letter.lower()}" if letter.isupper() and index else letter.lower() for index, letter in enumerate(name)
    )
