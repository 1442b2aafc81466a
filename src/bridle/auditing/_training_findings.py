"""Settings of a compiled model that regularize outside the loss, and their problems.

Weight decay, penalties of the optimizer, averages of weights, and smoothed labels.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np

from bridle._keras import Average, Decay, Smoothing, averages_of, decays_of, optimizer_penalties, smoothings_of
from bridle.auditing._bridle_effects import decayed_by_bridle
from bridle.auditing._format import count_text
from bridle.auditing._result import Finding, Kind, Row, Rule, apply_rules
from bridle.placement import Site
from bridle.regularizers import Penalty

NOT_KERNELS = {
    ("bias or shift", "biases and shifts"): ("bias", "beta"),
    ("scale", "scales"): ("gamma",),
    ("embedding table", "embedding tables"): ("embeddings",),
}
"""Variables that usually should not decay: the nouns for one and several, and the names of variables."""
NAMES_LISTED = 4
"""The number of names in a text before it counts the rest."""
REMEDY = (
    "Call optimizer.exclude_from_weight_decay(var_names=['bias', 'beta', 'gamma', 'embeddings']) before compile(), or "
    'remove the decay and use bridle.regularize(model, {"*/kernel": bridle.L2(…)}).'
)


def training_rows(model: keras.Model, sites: Sequence[Site]) -> list[Row]:
    """Return the rows of the optimizer and of the loss of a compiled model."""
    names = {id(site.variable): site.name for site in sites if site.variable is not None and site.part is None}
    rows: list[Row] = []
    elsewhere = decayed_by_bridle(model)
    for decay in (without(decay, elsewhere) for decay in decays_of(model)):
        rows.append(_row("optimizer", decay.text, explain_decay(decay, model, names), "decay", decay_effect(decay)))
    rows += [_row("optimizer", text, (), "penalty", PENALIZES) for text in optimizer_penalties(model)]
    for average in averages_of(model):
        rows.append(_row("training", average.text, explain_average(average, names), "average", average_effect(average)))
    for smoothing in smoothings_of(model):
        where = f"labels of {smoothing.output}" if smoothing.output else "labels"
        rows.append(_row(where, smoothing.text, apply_rules(SMOOTHING, smoothing), "labels", label_effect(smoothing)))
    return rows


def without(decay: Decay, replaced: set[int]) -> Decay:
    """Return a decay without the weights, by identity, that decay otherwise."""
    pairs = [pair for pair in zip(decay.decayed, decay.shares, strict=True) if id(pair[0]) not in replaced]
    variables, shares = zip(*pairs, strict=True) if pairs else ((), ())
    return replace(decay, decayed=variables, shares=shares, taken_over=len(decay.decayed) - len(pairs))


PENALIZES = "is part of the update, not of the loss"


def _row(where: str, text: str, findings: tuple[Finding, ...], kind: Kind, effect: str) -> Row:
    return Row(where, text, math.nan, math.nan, findings, kind, effect)


def decay_effect(decay: Decay) -> str:
    """Return the share of the weights that the next update takes away, and after how many updates they are halved."""
    shares = [share for share in decay.shares if share == share]
    if not decay.decayed:
        return "shrinks nothing" + (": bridle.WeightDecay takes its place" if decay.taken_over else "")
    if not shares:
        return f"shrinks {count_text(len(decay.decayed), 'weight')} at each update"
    least, most = min(shares), max(shares)
    share = f"{most:.3g}" if math.isclose(least, most, rel_tol=1e-3) else f"{least:.3g} to {most:.3g}"
    if not most:
        return f"takes nothing from {count_text(len(decay.decayed), 'weight')} at the present learning rate"
    half = math.log(0.5) / math.log1p(-min(most, 0.999))
    return (
        f"takes {share} of {count_text(len(decay.decayed), 'weight')} at each update, half in {half:,.0f} without a "
        "gradient"
    )


def explain_decay(decay: Decay, model: keras.Model, names: dict[int, str]) -> tuple[Finding, ...]:
    """Return the findings about the weight decay of a compiled model."""
    findings = (
        _decays_others(decay, names),
        *(_excludes_nothing(decay, model, pattern) for pattern in decay.patterns),
        *apply_rules(DECAY, decay),
        _is_penalized_too(decay, names),
    )
    return tuple(finding for finding in findings if finding is not None)


def _decays_others(decay: Decay, names: dict[int, str]) -> Finding | None:
    """Report variables other than kernels: Keras decays every trained variable."""
    targets: list[str] = []
    counts: list[str] = []
    for (singular, plural), members in NOT_KERNELS.items():
        decayed = [names.get(id(v)) or v.path for v in decay.decayed if v.name in members]
        if decayed:
            counts.append(count_text(len(decayed), singular, plural))
            targets += decayed
    if not targets:
        return None
    return Finding(
        "decays more than kernels",
        f"it shrinks {' and '.join(counts)} at every step too: {_listed(targets)}. {REMEDY}",
        "warning",
    )


def _listed(targets: list[str]) -> str:
    rest = len(targets) - NAMES_LISTED
    return ", ".join(targets[:NAMES_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def _excludes_nothing(decay: Decay, model: keras.Model, pattern: str) -> Finding | None:
    variables = model.trainable_variables
    if decay.matched(pattern, variables):
        return None
    names = ", ".join(sorted({repr(variable.name) for variable in variables}))
    return Finding(
        "excludes nothing",
        f"exclude_from_weight_decay was given {pattern!r}, which Keras searches in the variables' short names "
        f"({names}), not in the names of layers. {REMEDY}",
    )


def _is_penalized_too(decay: Decay, names: dict[int, str]) -> Finding | None:
    """Report weights that have an L2 penalty and are decayed as well."""
    both = [names.get(id(v)) or v.path for v in decay.decayed if _has_l2(v.regularizer)]
    if not both:
        return None
    return Finding(
        "decays and is penalized",
        f"{_listed(both)} {'has' if len(both) == 1 else 'have'} an L2 penalty too, which also shrinks: the two add up, "
        "and no single number says how strong they are. Leave one of them out.",
        "warning",
    )


def _has_l2(regularizer: object) -> bool:
    if isinstance(regularizer, Penalty):
        return regularizer.kind in ("l2", "l1l2")
    strength = getattr(regularizer, "l2", None)
    return isinstance(regularizer, keras.regularizers.Regularizer) and strength is not None and bool(np.any(strength))


def _end_of_no_decay(decay: Decay) -> str:
    error = "updates end with an error of PyTorch, which takes no empty list"
    return error if decay.fails else "the decay does nothing"


DECAY: tuple[Rule[Decay], ...] = (
    Rule(
        "excludes nothing",
        lambda d: d.strangers > 0,
        lambda d: (
            f"exclude_from_weight_decay was given {count_text(d.strangers, 'variable')} that this model does not have, "
            "such as those of the model that it was cloned from. Give it model.get_layer(…).bias and so on of this "
            "model, before compile()."
        ),
    ),
    Rule(
        "exclusions not passed on",
        lambda d: d.outside,
        lambda d: (
            "exclude_from_weight_decay was called on the LossScaleOptimizer, which leaves decay to the optimizer "
            "inside it: nothing is excluded. Call it on optimizer.inner_optimizer, before training."
        ),
    ),
    Rule(
        "excludes everything",
        lambda d: not d.decayed and not d.taken_over,
        lambda d: (
            f"all {count_text(len(d.excluded), 'trained weight')} are excluded, so {_end_of_no_decay(d)}. Keras "
            "searches the given texts anywhere in the short names: 'kernel' is in 'recurrent_kernel' too."
        ),
        "warning",
    ),
    Rule(
        "exclusions lost on save",
        lambda d: bool(d.excluded),
        lambda d: (
            f"{count_text(len(d.excluded), 'weight')} excluded from decay; the optimizer's configuration does not hold "
            "this, so a loaded model decays them. Call exclude_from_weight_decay again on a new optimizer after "
            "loading, or penalize kernels instead of decay."
        ),
        "warning",
    ),
)


def average_effect(average: Average) -> str:
    """Return over how many updates weights are averaged, and when the average replaces them."""
    updates = 1 / (1 - average.momentum) if average.momentum < 1 else math.inf
    when = "at the end of fit" if average.overwrites_every is None else f"every {average.overwrites_every} updates"
    return f"averages the weights of about {updates:,.0f} updates, and puts the average in their place {when}"


def explain_average(average: Average, names: dict[int, str]) -> tuple[Finding, ...]:
    """Return the findings about an average of weights."""
    findings = apply_rules(AVERAGE, average)
    if not average.constrained:
        return findings
    targets = _listed([names.get(id(v)) or v.path for v in average.constrained])
    text = (
        f"Keras averages weights before it applies their constraints, so the average that ends up in {targets} need "
        "not obey them. Leave one of the two out, or apply the constraint after fit."
    )
    return (*findings, Finding("breaks constraints", text))


AVERAGE: tuple[Rule[Average], ...] = (
    Rule(
        "does nothing",
        lambda a: a.momentum == 0,
        lambda a: "with ema_momentum=0 the average is the last weights. The default is 0.99.",
        "warning",
    ),
    Rule(
        "validation sees other weights",
        lambda a: a.overwrites_every is None and a.momentum > 0,
        lambda a: (
            "the average replaces the weights at the end of fit only. Until then validation scores, ModelCheckpoint "
            "and EarlyStopping use the weights themselves, and restore_best_weights=True puts those back after the "
            "average. Add keras.callbacks.SwapEMAWeights(swap_on_epoch=True) before these callbacks."
        ),
        "warning",
    ),
)


def label_effect(smoothing: Smoothing) -> str:
    """Return what a loss makes of its labels."""
    epsilon = smoothing.epsilon
    if smoothing.binary:
        return f"trains and validates with {epsilon / 2:g} and {1 - epsilon / 2:g} instead of 0 and 1"
    return f"spreads {epsilon:.3g} of each label evenly over all classes, also in val_loss"


SMOOTHING: tuple[Rule[Smoothing], ...] = (
    Rule(
        "set too late",
        lambda s: not math.isclose(s.epsilon, s.declared, rel_tol=1e-9),
        lambda s: (
            f"label_smoothing was set to {s.declared:g} after the loss was built, which computes with {s.epsilon:g} "
            "until it is saved and loaded. Build the loss with label_smoothing and call compile() again."
        ),
    ),
    Rule(
        "no labels are left",
        lambda s: s.epsilon >= 1,
        lambda s: "every label is the same for all classes: there is nothing to learn. Usual values are 0.05 to 0.2.",
    ),
)
