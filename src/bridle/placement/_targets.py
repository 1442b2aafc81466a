"""WHERE: targets such as `hidden/kernel`, `*/output` or `lstm/kernel[forget]`, matched to places in a model."""

import re
from fnmatch import fnmatchcase

import keras

from bridle._errors import TargetError, nearest_names, short_repr
from bridle._keras import Part
from bridle.placement._sites import ACTIVATIONS, Site, find_sites

EXAMPLE = "Write for example 'hidden/kernel', '*/kernel', 'hidden/output' or 'lstm/kernel[forget]'."
LONGEST = 2000
WRITTEN = re.compile(r"(?P<quantity>[^\[\]]*)(?:\[(?P<part>[^\[\]]+)\])?")


def match_target(model: keras.Model, target: str) -> list[Site]:
    """The places that a target names.

    A target is `<layer name or glob>/<quantity or glob>[<part>]`, or several with commas between, which then share
    one strength: `a/output, b/output`. The weights of a layer's inner layers go by its name too: `attention/kernel`
    is all four kernels. A layer inside a layer goes by the attribute that holds it too: `both/forward/kernel` in a
    `Bidirectional`, `td/layer/kernel` in a `TimeDistributed`, whatever number Keras gave to its name.
    A glob passes over what nobody means by it:

    - over layers: for outputs those that compute nothing of their own (dropout, flatten, pooling, sums, …), models,
      and the layers inside a layer, whose outputs are on the way to its own. `*/output` is the output of every layer
      that has weights or is or has an activation function: Dense, BatchNormalization, Activation, ReLU, Softmax, …;
    - over quantities: statistics that are never trained (moving means). `*/kernel` is every kernel and nothing else,
      never a bias or the scale of a normalisation.

    Errors: `TargetError` where nothing matches, with the nearest names; for a part that a weight does not have.
    """
    if not isinstance(target, str):
        raise TargetError(f"Expected a target '<layer>/<quantity>', got {short_repr(target)}. {EXAMPLE}")
    if len(target) > LONGEST:
        raise TargetError(f"Expected a target of at most {LONGEST:,} characters, got {len(target):,}. {EXAMPLE}")
    sites = find_sites(model)
    matches = [place for part in target.split(",") for place in _match_one(sites, part.strip())]
    return list({place.key: place for place in matches}.values())


def _match_one(sites: list[Site], target: str) -> list[Site]:
    path, slash, last = target.rpartition("/")
    syntax = WRITTEN.fullmatch(last)
    if not slash or syntax is None:
        raise TargetError(f"Expected a target '<layer>/<quantity>', got {target!r}. {EXAMPLE}")
    quantity, part = syntax["quantity"], syntax["part"]
    named = [place for place in sites if _is_named(place, path, quantity)]
    matches = [place for place in named if (place.part is None if part is None else _is_part(place.part, part))]
    if not named:
        raise TargetError(
            f"Expected a target that is in the model, got {target!r}, which matches nothing. "
            f"{_passed_over(sites, path, quantity) or nearest_names(target, _written_names(sites))}"
        )
    if not matches:
        raise TargetError(_no_part(named, target, part))
    return matches


def _is_named(place: Site, path: str, quantity: str) -> bool:
    if not (fnmatchcase(place.quantity, quantity) and (quantity == place.quantity or not place.statistic)):
        return False
    paths, homes = (place.path, *place.other_paths), (place.top_level_path, *place.other_top_level_paths)
    if not place.is_weight:
        exact = path in (*paths, *homes) and quantity == place.quantity
        return any(fnmatchcase(name, path) for name in paths) and (exact or place.in_globs)
    return any(fnmatchcase(name, path) for name in (*paths, *homes))


def _written_names(sites: list[Site]) -> list[str]:
    full_weights = [place for place in sites if place.part is None]
    return [f"{path}/{place.quantity}" for place in full_weights for path in (place.path, *place.other_paths)]


def _passed_over(sites: list[Site], path: str, quantity: str) -> str:
    """Return advice for the outputs that a glob passes over; empty where there are none."""
    names = [
        place.name
        for place in sites
        if not place.in_globs and fnmatchcase(place.quantity, quantity) and fnmatchcase(place.path, path)
    ]
    if not names:
        return ""
    return (
        "A glob passes over layers without weights and without an activation. Write a name: "
        f"{nearest_names(names[0], names)}"
    )


def _is_part(part: Part | None, pattern: str) -> bool:
    return part is not None and fnmatchcase(part.name, pattern)


def _no_part(named: list[Site], target: str, part: str | None) -> str:
    sites = list(dict.fromkeys(place.part.name for place in named if place.part is not None))
    if not sites:
        return (
            f"Expected a gate or a head in {target!r}, got {part!r} of {named[0].name!r}, which has neither. "
            f"Gates are those of LSTM, GRU and ConvLSTM, heads those of attention. Leave [{part}] out."
        )
    return f"Expected a part of {named[0].name!r}, which are {', '.join(map(repr, sites))}, got {part!r}."


def argument(quantity: str) -> str:
    """The argument by which Keras takes a regularizer for a quantity of a layer."""
    if quantity in ACTIVATIONS:
        return "activity_regularizer"
    return f"{SHORT.get(quantity, quantity)}_regularizer"


SHORT = {
    "recurrent_kernel": "recurrent",
    "depthwise_kernel": "depthwise",
    "pointwise_kernel": "pointwise",
}
"""Weights whose argument has another name than they have."""
