"""Both rules on the same simulated fits: what each selects, how often its gain is claimed, and how often it covers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.power._judge import DESIGNS, Simulated, scores_of, studies
from benchmarks.power._simulate import Setting

from bridle.results import StudyResult
from bridle.stats import best_of, compare_rows, is_share, read_rows
from bridle.stats._prior import load_prior
from bridle.stats._recommend import make_recommender

TRAINING = Path(__file__).parent / "training.json"
"""Training losses of candidates by setting: means of three other studies, for pieces that were stored without."""


@dataclass(frozen=True)
class Choices:
    """What a rule selects in one study: over all folds, and for each fold by the others."""

    whole: int
    folds: list[int | None]


def choices(result: StudyResult) -> dict[str, Choices] | None:
    """Return the choices of both rules; None where the learned curves have no part in the choice."""
    candidates = np.arange(len(result.setting_arm))
    recommender, table = make_recommender(result, load_prior(), np.zeros(len(candidates), bool)), read_rows(result)
    if isinstance(recommender, str):
        return None
    best = best_of(candidates, maximize=result.score.maximize)
    return {
        "best": Choices(best(result.scores()), table.choose(best)),
        "recommended": Choices(recommender.recommend().candidate, recommender.by_fold()),
    }


def compare_rules(setting: Setting, folder: Path, count: int) -> list[dict[str, object]]:
    """Return a line for each score of a setting that the learned curves know, and each rule."""
    lines = []
    for score in scores_of(setting):
        simulated = list(studies(setting, folder, score, next(iter(DESIGNS)), known_training(setting)))[:count]
        made = [(study, choices(study.result)) for study in simulated]
        for rule in ("best", "recommended") if made and made[0][1] else ():
            line = judge_rule([(study, by_rule[rule]) for study, by_rule in made if by_rule])
            lines.append({"family": setting.family, "rows": setting.rows, "score": score, "rule": rule, **line})
    return lines


def known_training(setting: Setting) -> np.ndarray | None:
    """Return the training losses of the candidates of a setting, for pieces without."""
    stored = json.loads(TRAINING.read_text()).get(setting.name)
    return None if stored is None else np.array(stored)


def judge_rule(made: Sequence[tuple[Simulated, Choices]]) -> dict[str, float]:
    """Return the true gain of the procedure and of what is handed over, the share of claims, and the coverage."""
    differences, ends, truths, handed_over = [], [], [], []
    for study, chosen in made:
        result, sign = study.result, 1.0 if study.result.score.maximize else -1.0
        table, share = read_rows(result), is_share(result.scores(), result.fold_rows)
        scores, none = (sign * table.take(each) for each in (chosen.folds, [0] * len(chosen.folds)))
        gain = compare_rows(scores, none, table, share=share)
        differences.append(gain.difference)
        ends.append((gain.low, gain.high))
        fresh = study.fresh
        truths.append(sign * np.nanmean([fresh[c, :, f] - fresh[0, :, f] for f, c in enumerate(chosen.folds)]))
        handed_over.append(sign * np.nanmean(fresh[chosen.whole] - fresh[0]))
    (low, high), truth = np.array(ends).T, float(np.mean(truths))
    known = np.isfinite(low)
    return {
        "studies": len(made),
        "truth": truth,
        "handed over": float(np.mean(handed_over)),
        "estimate": float(np.mean(differences)),
        "claims": float(np.mean(low > 0)),
        "covers": float(np.mean(((low <= truth) & (truth <= high))[known])),
        "too low": float(np.mean(high < truth)),
        "too high": float(np.mean(low > truth)),
        "no interval": float(1 - known.mean()),
    }
