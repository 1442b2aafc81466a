"""Arms of a search: each kind of regularizer on all layers of a model, then layer by layer."""

from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass
from typing import Any

import keras

from bridle._errors import BridleError, InputError, nearest_names
from bridle._keras import check_averageable
from bridle.placement import Site, check_labels, find_rates, find_sites, match_target, read_terms
from bridle.regularizers import KINDS, L1, L2, Constraint, Decay, LabelTreatment, Noise, Rate, Regularizer, WholeFit
from bridle.regularizers._constraints import MaxNorm
from bridle.regularizers._decay import WeightDecay
from bridle.regularizers._labels import LabelSmoothing, Mixup
from bridle.regularizers._noise import Dropout, GaussianNoise
from bridle.regularizers._ratio import Hoyer
from bridle.regularizers._whole_fit import EarlyStopping, WeightAveraging
from bridle.results import Arm

WEIGHTS = ("kernel", "recurrent_kernel", "depthwise_kernel", "pointwise_kernel", "embeddings")
ACTIVATIONS = ("output", "preactivation", "hidden_state", "cell_state", "attention_scores")
GROUPS: dict[str, tuple[type[Regularizer], ...]] = {
    "noise": (Noise, Rate),
    "weights": (Decay,),
    "constraint": (Constraint,),
    "labels": (LabelTreatment,),
    "training": (WholeFit,),
}
"""Kinds of regularizers of which a search joins one each. Penalties on weights count with decay."""
MIN_WATCHED_ROWS = 100
"""Early stopping sets rows aside, so it is no arm of a search with fewer rows."""
Terms = dict[str, Any]


@dataclass(frozen=True)
class SearchArms:
    """Arms of a search as `{name: {target: regularizer}}`."""

    kinds: dict[str, Terms]
    """One arm of each kind, on all layers together."""
    by_layer: dict[str, dict[str, Terms]]
    """The arms of single layers, by the name of the arm of all layers together."""

    @property
    def all(self) -> dict[str, Terms]:
        """All arms."""
        return self.kinds | {name: terms for layers in self.by_layer.values() for name, terms in layers.items()}


def search_arms(model: keras.Model, x: Any = None) -> SearchArms:
    """Return the arms of a search: one of each kind, and those of single layers.

    Args:
        model: a compiled model.
        x: its inputs, which decide whether early stopping has enough rows and whether rows can be mixed.

    Errors: `InputError` if the model has no weights to regularize.

    """
    weights, outputs = _layers(model)
    rates = ", ".join(site.name for site in find_rates(model) if site.quantity != "stddev")
    everywhere, by_layer = _placed(weights, "weights"), _placed(outputs, "activations")
    kinds: list[list[tuple[str, Terms]]] = [
        [(f"L2 {where}", {target: L2("auto")}) for where, target in everywhere],
        [("own dropout rates", {rates: "auto"})]
        if rates
        else [(f"Dropout {where}", {target: Dropout()}) for where, target in by_layer],
        [(f"L1 {where}", {target: L1("auto")}) for where, target in everywhere],
        [(f"L2 {where}", {target: L2("auto")}) for where, target in by_layer],
        [(f"L1 {where}", {target: L1("auto")}) for where, target in by_layer],
        [(f"WeightDecay {where}", {target: WeightDecay()}) for where, target in everywhere[:1]],
        [("GaussianNoise inputs", {"inputs": GaussianNoise()})],
        [("LabelSmoothing", {"labels": LabelSmoothing()})],
        [("Mixup", {"labels": Mixup()})],
        [(f"MaxNorm {where}", {target: MaxNorm()}) for where, target in everywhere[:1]],
        [("WeightAveraging", {"training": WeightAveraging()})],
        [("EarlyStopping", {"training": EarlyStopping()})] if _row_count(x) >= MIN_WATCHED_ROWS else [],
    ]
    allowed = [arms for arms in kinds if arms and _applies(model, arms[0][1], x)]
    by_layer = {arms[0][0]: dict(arms[1:]) for arms in allowed if len(arms) > 1}
    return SearchArms(dict(arms[0] for arms in allowed), by_layer)


def frontier_arms(model: keras.Model, tensor: str) -> dict[str, Terms]:
    """Return the arms of a search along the frontier of score and exact zeros of a tensor, the most important first.

    L1 on the tensor, on all outputs, on all weights, and on the outputs and the weights of each layer; then Hoyer on
    the tensor. L2 is left out: its pull ends at zero, so it makes no entry exactly zero.

    Args:
        model: a compiled model.
        tensor: the activation whose exact zeros count.

    Errors: `InputError` if the model has no weights to regularize, or if `tensor` is not one activation of it.

    """
    site = find_tensor(model, tensor)
    weights, outputs = _layers(model)
    own = site.path if outputs.get(site.path) == site.name else site.name
    others = {layer: target for layer, target in outputs.items() if target != site.name}
    at_tensor, layers = (f"activations of {own}", site.name), [*_placed({own: site.name, **others}, "activations")]
    kernels = _placed(weights, "weights")
    joint = [place for place in (*layers[:1], *kernels[:1]) if " of " not in place[0]]
    places = dict([at_tensor, *joint, *layers, *kernels])
    arms: dict[str, Terms] = {f"L1 {where}": {target: L1("auto")} for where, target in places.items()}
    where, target = at_tensor
    return arms | {f"Hoyer {where}": {target: Hoyer("auto")}}


def find_tensor(model: keras.Model, tensor: str) -> Site:
    """Return the activation of a model with this name.

    Errors: `InputError` for a name that is unknown, that several have, or that is a weight.
    """
    sites = match_target(model, tensor)
    if len(sites) != 1 or not sites[0].is_activation:
        names = nearest_names(tensor, [site.name for site in find_sites(model) if site.quantity == "output"])
        raise InputError(f"Expected frontier as one activation, such as 'code/output', got {tensor!r}. {names}")
    return sites[0]


def _layers(model: keras.Model) -> tuple[dict[str, str], dict[str, str]]:
    """Return the weights and the outputs of each layer as one target; without the output of the last layer.

    Errors: `InputError` for a model without weights.
    """
    sites = find_sites(model)
    weights = _by_layer([site for site in sites if site.part is None and site.quantity in WEIGHTS])
    if not weights:
        raise InputError("Expected a model with kernels or embeddings to penalize, found none. Give arms to a Study.")
    last = next(reversed(weights))
    hidden = {site.path for site in sites if site.quantity == "output" and site.in_globs}
    return weights, {layer: f"{layer}/output" for layer in weights if layer in hidden and layer != last}


def _placed(targets: Mapping[str, str], what: str) -> list[tuple[str, str]]:
    """Return (name, target) of all layers together, where there are several, and then of each layer."""
    joint = [(f"all {what}", ", ".join(targets.values()))] if len(targets) > 1 else []
    return [*joint, *((f"{what} of {layer}", target) for layer, target in targets.items())]


def _by_layer(sites: list[Site]) -> dict[str, str]:
    """Return the weights of each layer as one target."""
    layers: dict[str, list[str]] = {}
    for site in sites:
        if site.variable is not None and site.variable.trainable:
            layers.setdefault(site.path, []).append(site.name)
    return {layer: ", ".join(names) for layer, names in layers.items()}


def _row_count(x: Any) -> int:
    leaves: list[Any] = [] if x is None else keras.tree.flatten(x)
    return len(leaves[0]) if leaves and isinstance(leaves[0], Sized) else 0


def _applies(model: keras.Model, terms: Terms, x: Any) -> bool:
    """Return True if a model allows the terms: noise on numbers, labels of a loss over classes, averages once."""
    try:
        bound = read_terms(model, terms)
        check_labels(model, bound, x)
        if any(isinstance(term.regularizer, WeightAveraging) for term in bound):
            check_averageable(model.optimizer)
    except BridleError:
        return False
    return True


def groups_of(arm: Arm) -> tuple[str, ...]:
    """Return the groups of an arm's regularizers, such as ("weights", "noise")."""
    return tuple(dict.fromkeys(_group(target, text) for target, text in arm.terms))


def _group(target: str, text: str) -> str:
    kind = KINDS.get(text.partition("(")[0], Rate)
    group = next((name for name, classes in GROUPS.items() if issubclass(kind, classes)), None)
    if group is not None:
        return group
    return "activations" if target.split(",")[0].rpartition("/")[2] in ACTIVATIONS else "weights"


def best_of_groups(order: Iterable[Arm]) -> list[str]:
    """Return the name of the best arm of each group, in the order of the arms."""
    best: dict[tuple[str, ...], str] = {}
    for arm in order:
        best.setdefault(groups_of(arm), arm.name)
    return list(best.values())
