"""Sites that are rates of dropout and noise layers: `drop/rate`, `noise/stddev`, `lstm/recurrent_dropout`."""

from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any

import keras
import numpy as np

from bridle._errors import InputError, short_repr
from bridle._keras import Names, is_model, rate_arguments, rate_holders
from bridle.placement._checks import check_site
from bridle.placement._sites import Site
from bridle.regularizers import KINDS, Grid, Rate, Regularizer, Schedule, parse_regularizer, strength_from_config

WHAT = "a number from 0 to below 1, a list of them, 'auto' or a schedule"
RATES = ("rate", "stddev", "dropout", "recurrent_dropout")
"""The quantities that are rates, by the names of Keras's arguments."""


def is_rate_target(target: object) -> bool:
    """Return True if a target, or one of several separated by commas, ends with the name of a rate."""
    return isinstance(target, str) and any(part.rpartition("/")[2].strip() in RATES for part in target.split(","))


def read_rate(target: str, value: Any) -> Any:
    """Return a number, a list, a range or a schedule, also as text, as a `Rate`; any other value unchanged."""
    if isinstance(value, str):
        if value.partition("(")[0].strip().lower() in KINDS:
            return parse_regularizer(value)
        try:
            return Rate(strength_from_config(value))
        except InputError as error:
            raise InputError(f"Expected {WHAT} at {target!r}, got {short_repr(value)}.") from error
    if isinstance(value, list | tuple) and any(isinstance(item, Regularizer) for item in value):
        return value
    return Rate(value) if isinstance(value, Grid | Schedule | Real | Sequence | np.ndarray) else value


def find_rates(model: keras.Model) -> list[Site]:
    """Return the rates of a model, also those of layers inside others and of cells, each once."""
    sites: dict[tuple[int, str], Site] = {}
    for site in _inside(model, None, None):
        sites.setdefault(site.key, site)  # an attention layer comes before the dropout layer inside it
    return list(sites.values())


def _inside(layer: keras.Layer, outer: Names | None, top_level_path: Names | None) -> Iterator[Site]:
    for own_names, inner in rate_holders(layer):
        names = own_names.inside(outer)
        top = names if top_level_path is None else top_level_path
        for argument in rate_arguments(inner):
            yield Site(
                names.display,
                argument.quantity,
                inner,
                top_level_path=top.display,
                other_paths=names.others,
                other_top_level_paths=top.others,
                rate=argument,
            )
        yield from _inside(inner, names, None if is_model(inner) and top_level_path is None else top)


@check_site.register
def _(regularizer: Rate, target: str, site: Site) -> None:
    argument = site.rate
    if argument is None:
        return
    if not argument.has_state:
        raise InputError(
            f"Expected a layer with a {argument.quantity} above 0 at {target!r}, got {site.name!r} with 0, to which "
            "Keras gives no random state. Build it with any number above 0: the one given here takes its place."
        )
    (base,) = regularizer.base_strengths
    largest = max(*base.values, 0.0) if isinstance(base, Grid) else base
    if argument.quantity == "stddev":
        if largest > 1:
            raise InputError(
                f"Expected a standard deviation from 0 to 1 at {target!r}, as in keras.layers.GaussianNoise, got "
                f"{largest:g}."
            )
    elif not largest < 1 or not argument.value < 1:
        got = f"{largest:g}" if largest >= 1 else f"a layer with {argument.value:g}"
        raise InputError(f"Expected a rate from 0 to below 1 at {target!r}, got {got}. 0 drops nothing.")


def check_rates_once(sites_of_terms: Sequence[tuple[str, Sequence[Site]]]) -> None:
    """Raise `InputError` where two targets set the same rate."""
    targets: dict[tuple[int, str], str] = {}
    for target, sites in sites_of_terms:
        for site in sites:
            if site.rate is not None and targets.setdefault(site.key, target) != target:
                raise InputError(
                    f"Expected each rate once, got {site.name!r} in {targets[site.key]!r} and in {target!r}. "
                    "Leave one of the two out."
                )
