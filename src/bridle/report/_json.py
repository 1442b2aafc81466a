"""The result as strict JSON: no NaN, and statuses as words."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from bridle.report._baselines import baseline_rows
from bridle.report._confidence import confidence_rows
from bridle.report._details import detail_lines
from bridle.report._findings import find_all
from bridle.report._hand_over import hand_over_facts
from bridle.report._table import rows
from bridle.report._verdict import sentences
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import Comparison, Evidence, weigh_evidence


def to_json(result: StudyResult, evidence: Evidence | None = None) -> dict[str, object]:
    """Return all results of a study for a program, as plain values; unknown numbers are null.

    Keys: `verdict` and its `sentences`; `details`, the lines behind it; `diagnoses` with code and sentence; `score`;
    `seeds`; `folds` (rows trained on and validated on); `arms`
    with terms, slots, what `best` and `1se` select, the score `quoted` for it (along a frontier, that at the zeros of
    the answer), and what `recommended` selects for the
    `winner`, the arm that is handed over; `recommended` (the candidate of this rule over all arms, with its expected
    gain; along a frontier, that of the answer with its measured one); `primary` (the gain of the choice among all
    candidates, uncorrected, or null where `best` chooses without
    scores of single rows); `gains` (differences to `none`,
    positive is better, with corrected intervals, for validation and each held-out part); `held_out_checks` (for each
    held-out part, the difference of the selected arm, the standard error of its distance from the gain of the verdict,
    and whether chance explains that; empty along a frontier); `table`; `members`
    (every fit with its setting, seed, fold, status and last values); `baselines` (the selected network and models that
    are no networks, with the scores of each fold and the differences); `handed_over` (seeds that are averaged, scores
    of a single one and of their mean); `confidence` (log loss and calibration error, each as it is and with the
    temperature of the other folds); `nested`, if it was requested; `protocol`; `provenance`.
    """
    evidence = evidence or weigh_evidence(result)
    lines = sentences(result, evidence)
    return {
        name: strict(value)
        for name, value in {
            "verdict": "\n".join(lines),
            "sentences": lines,
            "details": detail_lines(result, evidence),
            "diagnoses": [{"code": one.code, "sentence": one.sentence} for one in find_all(result, evidence)],
            "score": {"name": result.score.name, "maximize": result.score.maximize},
            "seeds": result.seeds,
            "folds": [{"train": train, "validation": validation} for train, validation in result.fold_rows],
            "held_out_rows": result.held_out_rows,
            "arms": [_arm(result, evidence, arm) for arm in range(len(result.arms))],
            "winner": None if evidence.winner is None else result.arms[evidence.winner].name,
            "primary": None if evidence.primary is None else _comparison(evidence.primary),
            "recommended": _recommended(result, evidence),
            "gains": _gains(result, evidence),
            "held_out_checks": {name: vars(check) for name, check in evidence.held_out_checks.items()},
            "table": rows(result, evidence),
            "members": [_fit(result, member) for member in range(len(result.members))],
            "baselines": _baselines(result, evidence),
            "handed_over": hand_over_facts(result, evidence),
            "confidence": confidence_rows(result, evidence),
            "nested": None if result.nested is None else vars(result.nested),
            "protocol": result.protocol,
            "provenance": result.provenance,
        }.items()
    }


def strict(value: object) -> Any:
    """Return a value in JSON's types: NumPy becomes plain, NaN and infinity null, unknown types their text."""
    match value:
        case None | bool() | str():
            return value
        case np.generic() | np.ndarray():
            return strict(value.tolist())
        case int():
            return int(value)
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): strict(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [strict(inner) for inner in value]
    return str(value)


def _arm(result: StudyResult, evidence: Evidence, arm: int) -> dict[str, object]:
    choice = evidence.choices.get(arm)
    return {
        "name": result.arms[arm].name,
        "terms": [{"target": target, "penalty": penalty} for target, penalty in result.arms[arm].terms],
        "slots": [result.slots[slot] for slot in result.arms[arm].slots],
        "best": None if choice is None else _setting(result, choice.best),
        "1se": None if choice is None else _setting(result, choice.one_se),
        "recommended": None if arm != evidence.winner else _setting(result, evidence.candidate(arm)),
        "quoted": evidence.answer_scores.get(arm),
    }


def _recommended(result: StudyResult, evidence: Evidence) -> dict[str, object] | None:
    offer = evidence.recommendation
    if offer is None:
        return None
    names = ("gain", "error", "prior_gain", "data_share", "learned", "reason")
    return {
        "arm": result.arms[offer.arm].name,
        **_setting(result, offer.candidate),
        **{name: getattr(offer, name) for name in names},
    }


def _setting(result: StudyResult, setting: int) -> dict[str, object]:
    return {"setting": setting, "strengths": result.strengths(setting)}


def _baselines(result: StudyResult, evidence: Evidence) -> list[dict[str, object]]:
    """Return the rows of the baselines' table; each but the first, the network, with the scores of its folds."""
    network, *rows = baseline_rows(result, evidence) or [{}]
    pairs = zip(rows, result.baselines, strict=True)
    return [{**network}, *({**row, "folds": baseline.scores} for row, baseline in pairs)] if network else []


def _gains(result: StudyResult, evidence: Evidence) -> list[dict[str, object]]:
    by_rows = {"validation": evidence.gains, **evidence.held_out_gains}
    return [_gain(result, evidence, part, arm, gain) for part, gains in by_rows.items() for arm, gain in gains.items()]


def _gain(result: StudyResult, evidence: Evidence, part: str, arm: int, gain: Comparison) -> dict[str, object]:
    return {
        "arm": result.arms[arm].name,
        "rows": part,
        **_setting(result, evidence.choices[arm].best if part == "validation" else evidence.candidate(arm)),
        **_comparison(gain),
    }


def _comparison(gain: Comparison) -> dict[str, object]:
    return {
        "difference": gain.difference,
        "low": gain.low,
        "high": gain.high,
        "p_value": gain.p_value,
        "level": gain.level,
        "over": gain.over,
        "evidence": gain.clear,
    }


def _fit(result: StudyResult, member: int) -> dict[str, object]:
    setting, fold = int(result.members.setting[member]), int(result.members.fold[member])
    last = dict(zip(result.quantities, result.curves[member, -1], strict=True))
    scores = {name: value for name, value in last.items() if name.startswith(("train/", "validation/"))}
    held_out = {
        f"{part}/{name}": values[member, index]
        for part, values in result.held_out.items()
        for index, name in enumerate(result.held_out_names)
    }
    return {
        "arm": result.arms[result.setting_arm[setting]].name,
        "setting": setting,
        "strengths": result.strengths(setting),
        "seed": result.members.seed[member],
        "fold": "all rows" if fold == ALL_ROWS else fold,
        "status": result.members.status(member),
        "last": scores | (held_out if fold == ALL_ROWS else {}),
    }
