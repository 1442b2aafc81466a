"""Targets such as `hidden/kernel`, `*/output` or `lstm/kernel[forget]`, matched to the sites of a model."""

import re
from fnmatch import fnmatchcase

import keras

from bridle._errors import TargetError, nearest_names, short_repr
from bridle._keras import Part
from bridle.placement._rate_sites import RATES, find_rates, is_rate_target
from bridle.placement._sites import ACTIVATIONS, OF_THE_MODEL, Site, find_sites

EXAMPLE = "Write for example 'hidden/kernel', '*/kernel', 'hidden/output' or 'lstm/kernel[forget]'."
LONGEST = 2000
WRITTEN = re.compile(r"(?P<quantity>[^\[\]]*)(?:\[(?P<part>[^\[\]]+)\])?")


def match_target(model: keras.Model, target: str) -> list[Site]:
    """Return the sites that a target matches.

    A target is `<layer name or glob>/<quantity or glob>[<part>]`, or several separated by commas, which then share one
    strength: `a/output, b/output`. A layer also matches the weights of its inner layers: `attention/kernel` is all four
    kernels. An inner layer also goes by the attribute that holds it: `both/forward/kernel` in a `Bidirectional`,
    `td/layer/kernel` in a `TimeDistributed`. Globs skip some sites:

    - for outputs: layers that only pass values on (dropout, flatten, pooling, sums, …), models, and inner layers.
      `*/output` is the output of every layer with weights or an activation function: Dense, BatchNormalization,
      Activation, ReLU, Softmax, …;
    - for weights: statistics that are never trained, such as moving means. `*/kernel` is every kernel, and neither
      biases nor scales of normalization.

    `drop/rate`, `noise/stddev`, `lstm/dropout` and `lstm/recurrent_dropout` are rates of layers, also inside others.

    `inputs`, `labels` and `training` are targets of the model itself: its inputs, the labels of a batch, the whole fit.

    Errors: `TargetError` if nothing matches, with the nearest names, and for a part that the weight does not have.
    """
    if not isinstance(target, str):
        raise TargetError(f"Expected a target '<layer>/<quantity>', got {short_repr(target)}. {EXAMPLE}")
    if len(target) > LONGEST:
        raise TargetError(f"Expected a target of at most {LONGEST:,} characters, got {len(target):,}. {EXAMPLE}")
    sites = [*find_sites(model), *(find_rates(model) if is_rate_target(target) else ())]
    matches = [site for part in target.split(",") for site in _match_one(model, sites, part.strip())]
    return list({site.key: site for site in matches}.values())


def _match_one(model: keras.Model, sites: list[Site], target: str) -> list[Site]:
    if target in OF_THE_MODEL:
        return [Site("", target, model)]
    path, slash, last = target.rpartition("/")
    syntax = WRITTEN.fullmatch(last)
    if not slash or syntax is None:
        raise TargetError(f"Expected a target '<layer>/<quantity>', got {target!r}. {EXAMPLE}")
    quantity, part = syntax["quantity"], syntax["part"]
    named = [site for site in sites if _is_named(site, path, quantity)]
    matches = [site for site in named if (site.part is None if part is None else _is_part(site.part, part))]
    if not named:
        advice = _without_rates(sites, quantity) or _passed_over(sites, path, quantity)
        raise TargetError(
            f"Expected a target that is in the model, got {target!r}, which matches nothing. "
            f"{advice or nearest_names(target, _written_names(sites))}"
        )
    if not matches:
        raise TargetError(_no_part(named, target, part))
    return matches


def _is_named(site: Site, path: str, quantity: str) -> bool:
    by_name_only = site.statistic or site.rate is not None
    if not (fnmatchcase(site.quantity, quantity) and (quantity == site.quantity or not by_name_only)):
        return False
    paths, homes = (site.path, *site.other_paths), (site.top_level_path, *site.other_top_level_paths)
    if site.is_activation:
        exact = path in (*paths, *homes) and quantity == site.quantity
        return any(fnmatchcase(name, path) for name in paths) and (exact or site.in_globs)
    return any(fnmatchcase(name, path) for name in (*paths, *homes))


def _written_names(sites: list[Site]) -> list[str]:
    full_weights = [site for site in sites if site.part is None]
    return [f"{path}/{site.quantity}" for site in full_weights for path in (site.path, *site.other_paths)]


def _passed_over(sites: list[Site], path: str, quantity: str) -> str:
    """Return advice on the outputs that a glob skips; empty if it skips none."""
    names = [
        site.name
        for site in sites
        if not site.in_globs and fnmatchcase(site.quantity, quantity) and fnmatchcase(site.path, path)
    ]
    if not names:
        return ""
    return (
        f"A glob skips layers without weights and without an activation. Write a name: {nearest_names(names[0], names)}"
    )


def _without_rates(sites: list[Site], quantity: str) -> str:
    """Return advice on a rate in a model that has none; empty for another target."""
    if quantity not in RATES or any(site.rate is not None for site in sites):
        return ""
    return (
        "The model has no layer of Keras with dropout or noise. Put noise at an output: "
        "{'hidden/output': bridle.Dropout(0.5)}."
    )


def _is_part(part: Part | None, pattern: str) -> bool:
    return part is not None and fnmatchcase(part.name, pattern)


def _no_part(named: list[Site], target: str, part: str | None) -> str:
    sites = list(dict.fromkeys(site.part.name for site in named if site.part is not None))
    if not sites:
        return (
            f"Expected a gate or a head in {target!r}, got {part!r} of {named[0].name!r}, which has neither. "
            f"Gates are those of LSTM, GRU and ConvLSTM, heads those of attention. Leave [{part}] out."
        )
    return f"Expected a part of {named[0].name!r}, which are {', '.join(map(short_repr, sites))}, got {part!r}."


def argument(quantity: str) -> str:
    """Return the argument of a Keras layer for the regularizer of a quantity."""
    if quantity in ACTIVATIONS:
        return "activity_regularizer"
    return f"{SHORT.get(quantity, quantity)}_regularizer"


SHORT = {
    "recurrent_kernel": "recurrent",
    "depthwise_kernel": "depthwise",
    "pointwise_kernel": "pointwise",
}
"""Weights whose argument has a shorter name."""
