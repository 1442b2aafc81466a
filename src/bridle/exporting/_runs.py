"""A study as the runs of a tracker: parameters, numbers and curves of the study, of candidates and of fits."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from bridle._api import Result
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import Comparison, nan_mean
from bridle.wording import brief_name

Value = str | int | float
PARTS = ("train/", "validation/", "fit/", "penalty/", "watch/")
"""The beginnings of the quantities that are curves."""
UNSAFE = re.compile(r"[^A-Za-z0-9_. -]+")
UNTRACKED = re.compile(r"[^A-Za-z0-9_./: -]+")
"""Characters that a name of MLflow must not have."""
MAX_NAME_CHARS = 80
FACTS = ("epochs", "batch_size", "device", "data_sha256", "bridle", "keras", "jax", "numpy")
"""Facts of the provenance that are parameters."""


@dataclass(frozen=True)
class Curve:
    """One quantity over epochs, where it was measured."""

    epochs: Int[np.ndarray, "point"]
    values: Float[np.ndarray, "point"]


@dataclass(frozen=True)
class Run:
    """A run of a tracker: a study, a candidate, or one fit."""

    name: str
    parameters: Mapping[str, Value]
    metrics: Mapping[str, float]
    """Finite numbers only."""
    curves: Mapping[str, Curve] = field(default_factory=dict[str, Curve])
    succeeded: bool = True


def study_run(result: Result, name: str) -> Run:
    """Return a study as one run, with the curves of the selected candidate of each arm.

    Its metrics are `score`, that of the selected network on rows that did not select it, `score without a penalty`,
    `gain` with the interval `gain low` to `gain high` of the verdict, scores on held-out rows, and for each arm
    `arms/<arm>/score` and its gain. Gains are positive where a penalty is better. Of a search along the frontier, the
    numbers of an arm are those at the share `exact zeros` of the answer, and missing where it does not reach that.
    """
    data, evidence = result.data, result.evidence
    names = safe_names([arm.name for arm in data.arms])
    metrics = {"fits": len(data.members), "fits finished": int(data.members.finished.sum())}
    metrics |= _answer(result)
    for arm, score in evidence.answer_scores.items():
        metrics[f"arms/{names[arm]}/score"] = score
    for arm, gain in evidence.answer_gains.items():
        metrics |= {f"arms/{names[arm]}/{key}": value for key, value in _interval(gain).items()}
    parameters: dict[str, Value] = {
        "score": data.score.name,
        "arms": ", ".join(arm.name for arm in data.arms),
        "candidates": len(data.setting_arm),
        "seeds": ", ".join(map(str, data.seeds.tolist())),
        "folds": data.folds,
        "rule": "recommended" if evidence.sparse is None else "frontier",
        "selected": "" if evidence.winner is None else data.arms[evidence.winner].name,
    }
    if evidence.sparse is not None:
        parameters["frontier"] = evidence.sparse.tensor
        metrics["exact zeros"] = evidence.sparse.level
    if evidence.winner is not None:
        candidate = evidence.candidate(evidence.winner)
        parameters |= {f"selected {slot}": value for slot, value in data.strengths(candidate).items()}
    for arm in data.arms:
        if arm.terms:
            parameters[f"arm {arm.name}"] = "; ".join(f"{target}: {text}" for target, text in arm.terms)
    parameters |= {fact: _plain(data.provenance[fact]) for fact in FACTS if fact in data.provenance}
    curves = {
        f"arms/{names[arm]}/{quantity}": curve
        for arm in evidence.choices
        for quantity, curve in _mean_curves(data, evidence.candidate(arm)).items()
        if quantity.startswith(("train/", "validation/"))
    }
    return Run(name, parameters, _finite(metrics), curves)


def candidate_runs(result: Result) -> Iterator[Run]:
    """Yield each candidate as a run: its mean scores, and its mean curves over seeds and folds."""
    data, evidence = result.data, result.evidence
    for setting in range(len(data.setting_arm)):
        metrics = {
            f"validation/{data.score.measure}": float(evidence.validation.mean[setting]),
            "standard error": float(evidence.validation.error[setting]),
            f"train/{data.score.measure}": float(evidence.train.mean[setting]),
        }
        for part in data.held_out:
            metrics[f"{part}/{data.score.measure}"] = float(nan_mean(data.held_out_scores(part)[setting], 0))
        yield Run(brief_name(data, setting), _candidate(data, setting), _finite(metrics), _mean_curves(data, setting))


def fit_runs(result: Result) -> Iterator[Run]:
    """Yield each fit as a run, with its status, its last numbers and its curves."""
    data, fits = result.data, result.data.members
    for fit in range(len(fits)):
        setting, fold = int(fits.setting[fit]), int(fits.fold[fit])
        rows = "all rows" if fold == ALL_ROWS else f"fold {fold}"
        curves = _curves(data, data.curves[fit])
        metrics = {name: float(curve.values[-1]) for name, curve in curves.items()}
        diagnostics = zip(data.diagnostic_names, data.diagnostics[fit].tolist(), strict=True)
        metrics |= {name: value for name, value in diagnostics if not name.startswith("unit")}
        for part, values in data.held_out.items():
            metrics |= {f"{part}/{name}": float(values[fit, index]) for index, name in enumerate(data.held_out_names)}
        parameters = _candidate(data, setting) | {
            "seed": int(fits.seed[fit]),
            "fold": "all" if fold == ALL_ROWS else str(fold),
            "status": fits.status(fit),
            "epochs": int(fits.epochs[fit]),
            "epoch kept": int(fits.kept[fit]),
        }
        name = f"{brief_name(data, setting)}, seed {fits.seed[fit]}, {rows}"
        yield Run(name, parameters, _finite(metrics), curves, bool(fits.finished[fit]))


def safe_names(names: Sequence[str]) -> list[str]:
    """Return names that every file system and tracker accepts, all different.

    >>> safe_names(["L2 weights: 0.1", "../a*b", "..", "A*B", "L2 weights: 0.1"])
    ['L2 weights 0.1', 'a_b', 'run', 'A_B 2', 'L2 weights 0.1 2']
    """
    safe: list[str] = []
    taken: set[str] = set()
    for name in names:
        base = UNSAFE.sub("_", name.replace(": ", " ").replace(", ", " "))[:MAX_NAME_CHARS].strip("._ ") or "run"
        unique, count = base, 1
        while unique.lower() in taken:
            count += 1
            unique = f"{base} {count}"
        taken.add(unique.lower())
        safe.append(unique)
    return safe


def text_pages(result: Result) -> dict[str, str]:
    """Return the texts of a study by name: the verdict and what stands behind it."""
    texts = {"verdict": result.verdict(), "details": result.details(), "diagnoses": result.explain()}
    return {name: text for name, text in texts.items() if text}


def claim_of(result: Result) -> Comparison | None:
    """Return the comparison with no penalty that the verdict is about; None for a study without one."""
    evidence = result.evidence
    if evidence.sparse is not None:
        return evidence.answer_gains.get(evidence.sparse.arm)
    return evidence.claim or evidence.primary


def _answer(result: Result) -> dict[str, float]:
    """Return the scores and the gain of the verdict."""
    data, evidence = result.data, result.evidence
    claim = claim_of(result)
    answer = {"score without a penalty": float(evidence.quoted.get(0, np.nan))} | (
        {} if claim is None else _interval(claim)
    )
    if evidence.winner is None:
        return answer
    by_choice = evidence.winner and claim is not None and claim is evidence.primary
    scores = evidence.answer_scores
    answer["score"] = evidence.chosen if by_choice else float(scores.get(evidence.winner, np.nan))
    candidate = evidence.candidate(evidence.winner)
    for part in data.held_out:
        answer[f"{part}/{data.score.measure}"] = float(nan_mean(data.held_out_scores(part)[candidate], 0))
    return answer


def _interval(gain: Comparison) -> dict[str, float]:
    return {"gain": gain.difference, "gain low": gain.low, "gain high": gain.high}


def _candidate(data: StudyResult, setting: int) -> dict[str, Value]:
    return {"arm": data.arms[data.setting_arm[setting]].name, **data.strengths(setting)}


def _mean_curves(data: StudyResult, setting: int) -> dict[str, Curve]:
    """Return the curves of a candidate, each the mean over its finished fits of folds."""
    fits = data.members
    selected = (fits.setting == setting) & (fits.fold != ALL_ROWS) & fits.finished
    return _curves(data, nan_mean(data.curves[selected], 0)) if selected.any() else {}


def _curves(data: StudyResult, values: Float[np.ndarray, "point quantity"]) -> dict[str, Curve]:
    curves = {}
    for index, quantity in enumerate(data.quantities):
        measured = np.isfinite(values[:, index])
        if quantity.startswith(PARTS) and measured.any():
            curves[quantity] = Curve(data.epochs[measured], values[measured, index])
    return curves


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items() if np.isfinite(value)}


def _plain(value: object) -> Value:
    return value if isinstance(value, int | float) else str(value)
