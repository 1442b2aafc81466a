"""The diagnoses that apply to a study: one sentence with its numbers, and the next step."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bridle.report._baselines import worse_than_baseline
from bridle.report._cause import constant_score, find_cause
from bridle.report._confidence import mostly_confidence
from bridle.report._diagnoses import (
    DOMINANT_SHARE,
    dead,
    dominates,
    needed_rows,
    overfits,
    penalty_share,
    still_falling,
    unconverged,
)
from bridle.report._diagnosis_pages import Diagnosis, find_diagnosis
from bridle.report._facts import contradicting, lead, missing_fits, no_interval
from bridle.report._notes import counted, edge, find_edges, over_seeds
from bridle.report._selection_notes import optimism
from bridle.results import StudyResult
from bridle.stats import SAME, Evidence, weigh_evidence
from bridle.wording import escape_control_characters, leading_arm, strength_text, tried_kind

TROUBLES = ("BR002", "BR003", "BR004", "BR005")
"""Diagnoses of a network without a penalty, which do not matter where a penalty clearly beats it."""


@dataclass(frozen=True)
class Finding:
    """A diagnosis that applies to a study."""

    code: str
    sentence: str
    """What was seen, with the numbers of this study."""
    step: str = ""
    """The next step, without its verb's capital and a full stop; empty if there is nothing to do."""

    @property
    def diagnosis(self) -> Diagnosis:
        """The page of the diagnosis."""
        return find_diagnosis(self.code)


Check = Callable[[StudyResult, Evidence], Finding | None]
"""A check of one study: the finding, or None if it does not apply."""


def find_all(result: StudyResult, evidence: Evidence | None = None) -> tuple[Finding, ...]:
    """Return the diagnoses that apply, the most urgent first."""
    evidence = evidence or weigh_evidence(result)
    findings = (check(result, evidence) for check in (CHECKS if evidence.sparse is None else SPARSE_CHECKS))
    return tuple(
        Finding(one.code, escape_control_characters(" ".join(one.sentence.split())), one.step)
        for one in findings
        if one is not None and one.sentence
    )


def next_step(result: StudyResult, evidence: Evidence, findings: tuple[Finding, ...]) -> Finding | None:
    """Return the most urgent finding with a step; those about the network without a penalty only if they matter."""
    clear = evidence.claim is not None and evidence.claim.low > 0 and constant_score(result, evidence) is None
    return next((one for one in findings if one.step and not (clear and one.code in TROUBLES)), None)


def explain(result: StudyResult, evidence: Evidence | None = None) -> str:
    """Return the diagnoses that apply to a study, each with what was seen and what to do."""
    findings = find_all(result, evidence)
    if not findings:
        return "No diagnosis applies to this study."
    parts = [
        f"{one.code}: {one.diagnosis.title}\n  {one.sentence}\n  What to do: {one.diagnosis.action}" for one in findings
    ]
    return "\n\n".join(parts)


def _incomplete(result: StudyResult, evidence: Evidence) -> Finding | None:
    missing = missing_fits(result)
    if not missing:
        return None
    sentence = f"{missing:,} of {len(result.members):,} fits did not run."
    return Finding("BR017", sentence, f"run it again, since {missing:,} of {len(result.members):,} fits are missing")


def _baseline(result: StudyResult, evidence: Evidence) -> Finding | None:
    return Finding("BR019", *worse_than_baseline(result, evidence))


def _diverged(result: StudyResult, evidence: Evidence) -> Finding | None:
    diverged = int((result.members.diverged_at >= 0).sum())
    if not diverged:
        return None
    sentence = counted(result, evidence) or f"{diverged} fits diverged."
    return Finding(
        "BR014", sentence, f"lower the learning rate, since {diverged:,} of {len(result.members):,} fits diverged"
    )


def _cause(result: StudyResult, evidence: Evidence) -> Finding | None:
    cause = find_cause(result, evidence)
    return None if cause is None else Finding(cause.code, cause.sentence, cause.step)


def _edge(result: StudyResult, evidence: Evidence) -> Finding | None:
    edges = find_edges(result, evidence)
    if not edges:
        return None
    end = edges[0]
    step = f"try strengths {'above' if end.largest else 'below'} {strength_text(end.value)} as well"
    step = step if len(edges) == 1 else "try a wider range of strengths"
    return Finding("BR007", edge(result, evidence), step if evidence.winner else "")


def _dominates(result: StudyResult, evidence: Evidence) -> Finding | None:
    arm = leading_arm(result, evidence)
    if arm is None:
        return None
    best = evidence.candidate(arm)
    weakest = best == int(result.path(arm)[0]) and float(penalty_share(result)[best]) > DOMINANT_SHARE
    step = "try weaker strengths too, since the penalty is most of what is minimized" if weakest else ""
    return Finding("BR006", dominates(result, evidence), step)


def _unconverged(result: StudyResult, evidence: Evidence) -> Finding | None:
    sentence, arms = unconverged(result, evidence), {arm for arm, _ in still_falling(result, evidence)}
    settled = evidence.claim is not None and evidence.claim.low > 0 and evidence.winner not in arms
    return Finding("BR011", sentence, "" if settled else "train for more epochs, since the loss still falls")


def _one_set(result: StudyResult, evidence: Evidence) -> Finding | None:
    step = "use folds=5, since one validation set says little about other rows"
    sentence = over_seeds(result, evidence)
    if result.folds == 1 and not sentence and leading_arm(result, evidence) in evidence.gains:
        sentence = f"There is one validation set, of {int(result.fold_rows[0, 1]):,} rows."
    return Finding("BR015", sentence, step)


def _no_interval(result: StudyResult, evidence: Evidence) -> Finding | None:
    arm = leading_arm(result, evidence)
    gain = lead(result, evidence)[0] if arm in evidence.gains else None
    if gain is None or np.isfinite(gain.low) or not gain.missing:
        return None
    text = no_interval(gain)
    more = {"rows": "more rows", "folds": "more folds"}.get(gain.over, "several folds")
    step = "" if gain.missing == SAME else f"use {more}, since these scores give no interval"
    return Finding("BR016", f"{text[0].upper()}{text[1:]}.", step)


def _too_few(result: StudyResult, evidence: Evidence) -> Finding | None:
    rows = needed_rows(result, evidence)
    if rows is None:
        return None
    return Finding("BR012", rows.sentence, rows.step)


def _overfits(result: StudyResult, evidence: Evidence) -> Finding | None:
    step = f"compare with early stopping, since the network without a {tried_kind(result)} overfits"
    return Finding("BR010", overfits(result, evidence), "" if evidence.winner else step)


def _dead(result: StudyResult, evidence: Evidence) -> Finding | None:
    return Finding("BR013", dead(result, evidence))


def _confidence(result: StudyResult, evidence: Evidence) -> Finding | None:
    return Finding("BR020", *mostly_confidence(result, evidence))


def _contradicted(result: StudyResult, evidence: Evidence) -> Finding | None:
    check = contradicting(result, evidence)
    if check is None or check[1].explained:
        return None
    name, facts = check
    sentence = (
        f"On the {facts.rows:,} {name} rows the difference is {facts.difference:.3g}, over the folds "
        f"{lead(result, evidence)[0].difference:.3g}: further apart than chance explains (standard error "
        f"{facts.error:.2g}; positive is better)."
    )
    return Finding("BR022", sentence, f"compare the {name} rows with the rest before you use it")


def _optimism(result: StudyResult, evidence: Evidence) -> Finding | None:
    return Finding("BR018", optimism(result, evidence))


CHECKS: tuple[Check, ...] = (
    *(_incomplete, _baseline, _diverged, _cause, _no_interval, _one_set, _contradicted, _edge, _dominates, _too_few),
    *(_unconverged, _overfits, _confidence, _dead, _optimism),
)
"""The checks in the order of their urgency."""
SPARSE_CHECKS: tuple[Check, ...] = (_incomplete, _diverged, _unconverged, _one_set, _dead)
"""Those of a search along the frontier, whose answer has a worse score on purpose."""
