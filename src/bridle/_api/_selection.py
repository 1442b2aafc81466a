"""The selection of a candidate by its arm and a rule, and its regularizers from their texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from bridle._errors import InputError, StoreError, nearest_names
from bridle.placement import Term, by_target
from bridle.regularizers import Penalty, Regularizer, parse_regularizer
from bridle.results import StudyResult
from bridle.stats import Evidence

RULES = ("recommended", "best", "1se")


@dataclass(frozen=True)
class Best:
    """Selected candidate of an arm."""

    arm: str
    """The name of the arm."""
    rule: str
    """The rule that selected it: `"recommended"`, `"best"` or `"1se"`."""
    strengths: dict[str, float]
    """The strengths by name."""
    mean: float
    """The mean validation score over seeds and folds."""
    error: float
    """The standard error of the mean across folds; NaN for a single validation set."""


def select(data: StudyResult, evidence: Evidence, arm: str | None, rule: str) -> tuple[int, int]:
    """Return the arm and the candidate that a rule selects, by index.

    Errors: `InputError` for an unknown arm or rule, and where no fit finished.
    """
    if rule not in RULES:
        raise InputError(f"Expected the rule 'recommended', 'best' or '1se', got {rule!r}.")
    names = [existing.name for existing in data.arms]
    if arm is not None and arm not in names:
        raise InputError(f"Expected an arm of this study, got {arm!r}. {nearest_names(arm, names)}")
    default = evidence.winner if rule == "recommended" else evidence.best_arm
    index = default if arm is None else names.index(arm)
    if index is None or index not in evidence.choices:
        raise InputError("There is no finished fit to select from: every fit diverged or did not run.")
    if rule == "recommended":
        return index, evidence.candidate(index)
    return index, evidence.choices[index].best if rule == "best" else evidence.choices[index].one_se


def best(data: StudyResult, evidence: Evidence, arm: str | None, rule: str) -> Best:
    """Return the selected candidate with its mean validation score."""
    index, candidate = select(data, evidence, arm, rule)
    mean, error = (float(value[candidate]) for value in (evidence.validation.mean, evidence.validation.error))
    return Best(data.arms[index].name, rule, data.strengths(candidate), mean, error)


def stored_regularizer(text: str, strengths: Mapping[str, float]) -> Regularizer:
    """Return a regularizer from its text, with values in place of the names of strengths."""
    for slot, value in strengths.items():
        text = text.replace(f"{{{slot}}}", f"{value:.12g}")
    try:
        return parse_regularizer(text)
    except InputError as error:
        raise StoreError(
            f"Expected a penalty of bridle in the stored study, got {text.partition('(')[0]!r}, whose code a study "
            "does not store. Write the penalty again, with the strengths of Result.best."
        ) from error


Terms = Mapping[str, tuple[Term, ...]]
"""The terms of each arm as the user wrote them."""


def selected_terms(data: StudyResult, terms: Terms | None, candidate: int) -> dict[str, Any]:
    """Return the regularizers of a candidate by target; from their stored texts where `terms` is None."""
    strengths, arm = data.strengths(candidate), data.arms[int(data.setting_arm[candidate])]
    if terms is not None:
        placed = terms[arm.name]
        return by_target((t.target, t.regularizer.at(*(strengths[slot] for slot in t.slots))) for t in placed)
    return by_target((target, stored_regularizer(text, strengths)) for target, text in arm.terms)


def placeable_terms(data: StudyResult, terms: Terms | None, candidate: int) -> dict[str, Any]:
    """Return the regularizers of a candidate that a model takes.

    Errors: `InputError` if their pretrained weights are missing.
    """
    found = {target: value for target, value in selected_terms(data, terms, candidate).items() if target != "training"}
    placed = keras.tree.flatten(found)
    if terms is None and any(isinstance(term, Penalty) and term.needs_anchor for term in placed):
        raise InputError(
            "A stored study does not hold the pretrained weights that l2sp pulls toward. "
            "Take the model from the result of study.run, or give the anchor as an array."
        )
    return found
