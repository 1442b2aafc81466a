"""Checks of decay and constraints at their weights, before any training step."""

from collections.abc import Sequence

from bridle._errors import BridleError, InputError
from bridle.placement._checks import check_site
from bridle.placement._sites import Site
from bridle.regularizers import Constraint, Decay, Regularizer


@check_site.register
def _(decay: Decay, target: str, site: Site) -> None:
    _check_trained(decay, target, site)


@check_site.register
def _(constraint: Constraint, target: str, site: Site) -> None:
    _check_trained(constraint, target, site)
    try:
        constraint.project(site.extract(site.weight.value), [1.0 for _ in constraint.names])
    except BridleError as error:
        raise type(error)(f"At {site.name!r}: {error}") from error


def _check_trained(regularizer: Regularizer, target: str, site: Site) -> None:
    if not site.weight.trainable:
        raise InputError(
            f"Expected a weight that is trained at {target!r} for {regularizer.kind}, got {site.name!r}, which is "
            "frozen. Set trainable=True on its layer, or write another target."
        )


def check_once(terms: Sequence[tuple[str, Regularizer, Sequence[Site]]]) -> None:
    """Raise `InputError` for two decays, or two constraints, of one weight: which of them should count?"""
    placed: list[tuple[str, Site, str]] = []
    for target, regularizer, sites in terms:
        kinds = {"decay": Decay, "constraint": Constraint}
        for name in (name for name, kind in kinds.items() if isinstance(regularizer, kind)):
            for site in sites:
                first = next((at for kind, other, at in placed if kind == name and _overlap(other, site)), None)
                if first is not None:
                    raise InputError(
                        f"Expected one {name} for {site.name!r}, got two, at {first!r} and at {target!r}. "
                        "Write targets that do not overlap."
                    )
                placed.append((name, site, target))


def _overlap(first: Site, second: Site) -> bool:
    return first.variable is second.variable and (first.part is None or second.part is None or first.key == second.key)
