"""Problems of the weight decay of a compiled optimizer."""

from collections.abc import Sequence

import keras

from bridle._keras import Decay
from bridle.auditing._format import count_text
from bridle.auditing._result import Finding
from bridle.placement import Site

NOT_KERNELS = {
    ("bias or shift", "biases and shifts"): ("bias", "beta"),
    ("scale", "scales"): ("gamma",),
    ("embedding table", "embedding tables"): ("embeddings",),
}
"""Variables that decay usually should leave alone: the nouns for one and several, and the names of variables."""
NAMES_LISTED = 4
"""Names that a text lists before it counts the rest."""
REMEDY = (
    "Call optimizer.exclude_from_weight_decay(var_names=['bias', 'beta', 'gamma', 'embeddings']) before compile(), or "
    'take the decay out and place bridle.regularize(model, {"*/kernel": bridle.L2(…)}).'
)


def explain_decay(decay: Decay, model: keras.Model, sites: Sequence[Site]) -> tuple[Finding, ...]:
    """Return the findings about the weight decay of a compiled model."""
    names = {id(site.variable): site.name for site in sites if site.variable is not None and site.part is None}
    findings = (
        _decays_others(decay, names),
        *(_excludes_nothing(decay, model, pattern) for pattern in decay.patterns),
        _loses_exclusions(decay),
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
    rest = len(targets) - NAMES_LISTED
    listed = ", ".join(targets[:NAMES_LISTED]) + (f" and {rest} more" if rest > 0 else "")
    return Finding(
        "decays more than kernels",
        f"it shrinks {' and '.join(counts)} at every step too: {listed}. {REMEDY}",
        "warning",
    )


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


def _loses_exclusions(decay: Decay) -> Finding | None:
    if not decay.excluded:
        return None
    return Finding(
        "exclusions lost on save",
        f"{count_text(len(decay.excluded), 'weight')} excluded from decay; the optimizer's configuration does not hold "
        "that, so a loaded model decays them. Call exclude_from_weight_decay again on a new optimizer after loading, "
        "or penalize kernels instead of decaying all.",
        "warning",
    )
