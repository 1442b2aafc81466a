"""The tensors of a result: those measured, those that an arm regularizes, and their sparsity."""

from fnmatch import fnmatchcase

import numpy as np
from jaxtyping import Float

from bridle._errors import InputError, nearest_names
from bridle.results import StudyResult
from bridle.stats import Evidence, nan_mean, rank_arms


def measured_tensors(result: StudyResult, kind: str) -> list[str]:
    """Return the tensors that have the diagnostic `kind`."""
    return [name.partition("/")[2] for name in result.diagnostic_names if name.startswith(f"{kind}/")]


def is_weight(result: StudyResult, target: str) -> bool:
    """Return True if a target names weights, which alone have a norm."""
    return any(name == target or fnmatchcase(name, target) for name in measured_tensors(result, "norm"))


def regularized_tensors(result: StudyResult, arm: int) -> list[str]:
    """Return the measured tensors that an arm charges, and the outputs of layers whose activations it charges."""
    weights = measured_tensors(result, "norm")
    tensors = []
    for target, _ in result.arms[arm].terms:
        layer = target.rpartition("/")[0]
        output = [] if is_weight(result, target) else [f"{layer}/output"]
        tensors += [
            name
            for name in measured_tensors(result, "zeros")
            if any(name == pattern or fnmatchcase(name, pattern) for pattern in (target, *output))
        ]
    return sorted(set(tensors), key=lambda name: (name in weights, name))


def zero_fractions(result: StudyResult, tensor: str) -> Float[np.ndarray, "setting"]:
    """Return the fraction of exact zeros of one tensor for every setting, averaged over seeds and folds."""
    return nan_mean(result.by_candidate(result.diagnostic(f"zeros/{tensor}")), (1, 2))


def sparse_tensors(result: StudyResult, arm: int) -> list[str]:
    """Return the tensors in which an arm can make zeros: those it charges, but outputs instead of pre-activations."""
    names = regularized_tensors(result, arm)
    before = {f"{name.rpartition('/')[0]}/preactivation" for name in names if name.endswith("/output")}
    return [name for name in names if name not in before]


def leading_arm(result: StudyResult, evidence: Evidence) -> int | None:
    """Return the penalized arm with the largest gain; None if no arm has finished fits.

    Without fits of `none` to compare with, return the arm with the best mean.
    """
    compared = rank_arms(evidence.gains)
    if compared:
        return compared[0]
    sign = 1.0 if result.score.maximize else -1.0
    mean = evidence.validation.mean
    arms = [arm for arm in evidence.choices if arm != 0]
    return max(arms, key=lambda arm: sign * mean[evidence.choices[arm].best], default=None)


def resolve_name(name: str | None, names: list[str], what: str, missing: str) -> str:
    """Return `name` if it is among `names`; the first of `names` for None.

    Errors: `InputError` that lists the nearest names, or with the sentence `missing` if there are no names.
    """
    if not names:
        raise InputError(missing)
    if name is not None and name not in names:
        raise InputError(f"Expected {what}, got {name!r}. {nearest_names(name, names)}")
    return names[0] if name is None else name
