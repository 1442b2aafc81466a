"""Code of a regularized model: constructor calls of plain Keras, or a call of bridle."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from bridle._keras import gives_mask, has_states, output_shape, tensorflow_left_alone
from bridle.placement._code_fit import fit_lines
from bridle.placement._code_kinds import Form, compile_lines, keras_form
from bridle.placement._sites import Site
from bridle.placement._source import arguments_of, call
from bridle.placement._targets import argument
from bridle.placement._terms import Term, by_target, is_active, read_terms
from bridle.regularizers import KINDS, Penalty, Regularizer, WholeFit, describe_strength


@tensorflow_left_alone()
def code_lines(model: keras.Model, terms: Mapping[str, object], *, batch_size: int | None = None) -> str:
    """Return Python source that builds each regularized layer with what Keras has for it.

    Penalties and constraints become arguments of their layers. A penalty before the nonlinearity becomes a linear layer
    with an activity penalty, followed by the activation as a layer. Keras ≥ 3.14 divides activity penalties by the
    batch size. `per="batch"` and `per="unit"` are converted to this convention, the former with `batch_size`. Noise
    becomes a layer to insert. Weight decay and label smoothing become lines before `compile`.

    If Keras has nothing that does the same (gates, states, other families, exact zeros, noise on weights, schedules,
    several rates of decay, mix-up), or ignores it, the source calls `bridle.regularize`. Callbacks and attributes of
    the optimizer follow for what belongs to the fit as a whole.
    """
    bound = read_terms(model, terms)
    of_the_fit = [term.regularizer for term in bound if isinstance(term.regularizer, WholeFit)]
    if of_the_fit:
        of_the_model = by_target(
            (term.target, term.regularizer) for term in bound if not isinstance(term.regularizer, WholeFit)
        )
        head = code_lines(model, of_the_model, batch_size=batch_size)
        imported = "" if "import keras\n" in head else "import keras\n\n"
        has_penalties = any(isinstance(term.regularizer, Penalty) for term in bound)
        return f"{imported}{head}\n{fit_lines(of_the_fit, has_penalties=has_penalties)}"
    placed = [
        (site, term.regularizer)
        for term in bound
        for site in term.sites
        if isinstance(term.regularizer, Penalty) or is_active(term.regularizer)
    ]
    if not placed:
        return "# No penalty: the model is unchanged.\n"
    by_layer: dict[str, list[Placed]] = {}
    compiled: list[tuple[Site, Regularizer]] = []
    for site, regularizer in placed:
        if regularizer.kind in OF_COMPILE:
            compiled.append((site, regularizer))
            continue
        form = None if isinstance(regularizer, Penalty) else keras_form(regularizer, site)
        if form is None and not (isinstance(regularizer, Penalty) and _in_keras(site, regularizer)):
            return _in_bridle(bound)
        by_layer.setdefault(site.path, []).append((site, regularizer, form))
    settings = compile_lines(model, compiled)
    if settings is None:
        return _in_bridle(bound)
    layers = "\n".join(_layer(path, group, batch_size) for path, group in by_layer.items())
    return "\n".join(["import keras\n", *filter(None, [f"{layers}\n" if layers else "", settings])])


Placed = tuple[Site, Regularizer, Form | None]
"""A regularizer at a site, with its form in Keras if it is no penalty."""
OF_COMPILE = ("weightdecay", "labelsmoothing", "mixup")
"""Kinds that belong to the optimizer or the loss."""


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
    """Return a call of `bridle.regularize`, with each regularizer as text."""
    texts = by_target((term.target, _source(term.regularizer)) for term in terms)
    values = {key: f"[{', '.join(text)}]" if isinstance(text, list) else text for key, text in texts.items()}
    lines = (f"    {_quoted(target)}: {value},\n" for target, value in values.items())
    return f"import bridle\n\nmodel = bridle.regularize(model, {{\n{''.join(lines)}}})\n"


def _source(regularizer: Regularizer) -> str:
    strengths = [f"{v:.12g}" if isinstance(v, float) else describe_strength(v) for v in regularizer.strengths]
    if regularizer.kind == "rate":  # a number, in place of the rate that the layer has
        return strengths[0] if isinstance(regularizer.strengths[0], float) else _quoted(strengths[0])
    return _quoted(regularizer.to_text(*strengths)) if regularizer.kind in KINDS else f"bridle.{regularizer!r}"


def _quoted(text: str) -> str:
    """Return a text as Python source, in double quotes unless it contains quotes."""
    literal = repr(text)
    return literal if {"'", '"'} & set(text) else f'"{literal[1:-1]}"'


NO_LINES = (keras.layers.TimeDistributed, keras.layers.Bidirectional, keras.layers.Activation)
"""Layers whose activity penalty cannot be written as a constructor argument."""


def _layer(path: str, placed: list[Placed], batch_size: int | None) -> str:
    """Return the source of a layer and of those to insert after it; of those after the inputs for an empty path."""
    layer = placed[0][0].layer
    inserted = {
        quantity: [form.layer for site, _, form in placed if form and form.layer and site.quantity == quantity]
        for quantity in ("inputs", "preactivation", "output")
    }
    if not path:
        return "\n".join(["# after keras.Input", *inserted["inputs"]])
    before, after, notes = arguments_of(layer) | {"name": repr(layer.name)}, {}, [f"layer {path!r}"]
    before |= dict(form.argument for _, _, form in placed if form and form.argument)
    penalties = [(site, penalty) for site, penalty, _ in placed if isinstance(penalty, Penalty)]
    quantities = dict.fromkeys(site.quantity for site, _ in penalties)
    if "preactivation" in quantities or inserted["preactivation"]:
        after = {"activation": before.pop("activation", "'linear'")}
    for quantity in quantities:
        of_quantity = [(site, penalty) for site, penalty in penalties if site.quantity == quantity]
        text, remarks = _regularizer(of_quantity, batch_size)
        notes += remarks
        arguments, name = after if quantity == "output" and after else before, argument(quantity)
        if name in arguments:
            notes.append(f"add this to the present {name}={arguments[name]} of the layer: use the sum of both")
        arguments[name] = text
    lines = [
        *(f"# {note}" for note in notes),
        f"{call('layers', type(layer).__name__, before)},",
        *inserted["preactivation"],
        *([f"{call('layers', 'Activation', after)},"] if after else []),
        *inserted["output"],
    ]
    return "\n".join(lines)


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
