"""What weight decay does beside what is meant by it."""

from collections.abc import Sequence

import keras

from bridle._keras import Decay
from bridle.auditing._rows import Finding
from bridle.auditing._words import count
from bridle.placement import Site

SHIFTS = ("bias", "beta")
SCALES = ("gamma",)
TABLES = ("embeddings",)
HOW = (
    "Call optimizer.exclude_from_weight_decay(var_names=['bias', 'beta', 'gamma', 'embeddings']) before compile(), or "
    'take the decay out and place bridle.regularize(model, {"*/kernel": bridle.L2(…)}).'
)


def found_on(decay: Decay, model: keras.Model, known: Sequence[Site]) -> tuple[Finding, ...]:
    """Everything to say about the weight decay of a compiled model."""
    names = {id(place.variable): place.name for place in known if place.variable is not None and place.part is None}
    found = (
        _also_hits(decay, names),
        *(_matches_nothing(decay, model, pattern) for pattern in decay.patterns),
        _not_saved(decay),
    )
    return tuple(filter(None, found))


def _also_hits(decay: Decay, names: dict[int, str]) -> Finding | None:
    """Decay is meant for what multiplies inputs; Keras decays every trained variable."""
    groups = {"bias or shift": SHIFTS, "scale": SCALES, "embedding table": TABLES}
    hit: list[str] = []
    said: list[str] = []
    for noun, members in groups.items():
        found = [names.get(id(v), v.path) for v in decay.decayed if v.name in members]
        if found:
            many = "biases and shifts" if noun == "bias or shift" else f"{noun}s"
            said.append(count(len(found), noun, many))
            hit += found
    if not hit:
        return None
    shown = ", ".join(hit[:4]) + (f" and {len(hit) - 4} more" if len(hit) > 4 else "")
    return Finding(
        "decays more than kernels", f"it shrinks {' and '.join(said)} at every step too: {shown}. {HOW}", "warning"
    )


def _matches_nothing(decay: Decay, model: keras.Model, pattern: str) -> Finding | None:
    variables = model.trainable_variables
    if decay.matched(pattern, variables):
        return None
    known = ", ".join(sorted({repr(variable.name) for variable in variables}))
    return Finding(
        "excludes nothing",
        f"exclude_from_weight_decay was given {pattern!r}, which Keras searches in the variables' short names "
        f"({known}), not in the names of layers. {HOW}",
    )


def _not_saved(decay: Decay) -> Finding | None:
    if not decay.excluded:
        return None
    return Finding(
        "exclusions lost on save",
        f"{count(len(decay.excluded), 'weight')} excluded from decay; the optimizer's configuration does not hold "
        "that, so a loaded model decays them. Call exclude_from_weight_decay again on a new optimizer after loading, "
        "or penalize kernels instead of decaying all.",
        "warning",
    )
