"""Which tensors of a result a picture is about: what was measured, what an arm charges, and how sparse that is."""

from fnmatch import fnmatchcase

import numpy as np
from jaxtyping import Float

from bridle._errors import InputError, nearest_names
from bridle.results import StudyResult
from bridle.stats import Evidence, nan_mean, rank_arms


def measured_tensors(result: StudyResult, kind: str) -> list[str]:
    """The tensors of which the diagnostic `kind` is known."""
    return [name.partition("/")[2] for name in result.diagnostic_names if name.startswith(f"{kind}/")]


def is_weight(result: StudyResult, target: str) -> bool:
    """Whether a target names weights: only of those is a norm known."""
    return any(name == target or fnmatchcase(name, target) for name in measured_tensors(result, "norm"))


def regularized_tensors(result: StudyResult, arm: int) -> list[str]:
    """The measured tensors that an arm charges, and the outputs of the layers whose activations it charges."""
    weights = measured_tensors(result, "norm")
    found = []
    for target, _ in result.arms[arm].terms:
        layer = target.rpartition("/")[0]
        output = [] if is_weight(result, target) else [f"{layer}/output"]
        found += [
            name
            for name in measured_tensors(result, "zeros")
            if any(name == wanted or fnmatchcase(name, wanted) for wanted in (target, *output))
        ]
    return sorted(set(found), key=lambda name: (name in weights, name))


def zero_fractions(result: StudyResult, tensor: str) -> Float[np.ndarray, "setting"]:
    """The fraction of exact zeros of one tensor, for every setting, over seeds and folds."""
    return nan_mean(result.by_candidate(result.diagnostic(f"zeros/{tensor}")), (1, 2))


def sparse_tensors(result: StudyResult, arm: int) -> list[str]:
    """The tensors in which an arm can make zeros: what it charges, but outputs instead of pre-activations."""
    names = regularized_tensors(result, arm)
    before = {f"{name.rpartition('/')[0]}/preactivation" for name in names if name.endswith("/output")}
    return [name for name in names if name not in before]


def leading_arm(result: StudyResult, evidence: Evidence) -> int | None:
    """Return the penalized arm with the largest gain; None where none finished.

    Without fits of `none` to compare with, it is the arm whose best has the best mean.
    """
    compared = rank_arms(evidence.gains)
    if compared:
        return compared[0]
    sign = 1.0 if result.score.maximize else -1.0
    mean = evidence.validation.mean
    arms = [arm for arm in evidence.choices if arm != 0]
    return max(arms, key=lambda arm: sign * mean[evidence.choices[arm].best], default=None)


def resolve_name(name: str | None, known: list[str], what: str, missing: str) -> str:
    """`name` where it is among `known`, the first of those where none was asked for.

    Errors: `InputError` that lists near names, or says what is `missing` where nothing is known.
    """
    if not known:
        raise InputError(missing)
    if name is not None and name not in known:
        raise InputError(f"Expected {what}, got {name!r}. {nearest_names(name, known)}")
    return known[0] if name is None else name
