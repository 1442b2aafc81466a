"""Scales of strengths, and how well the curves of different data agree on each."""

from collections.abc import Sequence

import numpy as np
from benchmarks.prior.learn import FADE, NAMES, STEP, Sample

from bridle.stats._prior import SHARE

SCALE_KINDS = ("as it is", "initial loss / penalty", "initial gradients", "half of the spread", "training loss")
FINE = np.arange(-8, 6, 0.125)
STRENGTH_FADE = 1.5
"""Decades below the weakest strength of a path at which its gain is taken as 0."""


def places_of(sample: Sample, kind: str, arm: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the candidates of an arm, weak to strong, their places on a scale, and where the gain is taken as 0."""
    path, numbers = np.flatnonzero(sample.arm == arm), sample.numbers
    if kind == "training loss":
        path = path[np.argsort(sample.place[path], kind="stable")]
        place = sample.place[path] + STEP * np.arange(len(path))
        return path, place, min(sample.place[0], place[0]) - FADE
    place, weakest = np.log10(sample.strength[path]), np.log10(sample.strength[path[0]])
    if kind == "initial loss / penalty":
        place = place - np.log10(numbers["initial_loss"] / numbers["initial_penalty"])[sample.slot(arm)]
    elif kind == "initial gradients":
        place = place - np.log10(numbers["loss_gradient"] / numbers["penalty_gradient"])[sample.slot(arm)]
    elif kind == "half of the spread":
        spread = np.nan_to_num(numbers["spread"].mean(1))
        ratio = np.minimum.accumulate(spread[path] / max(spread[0], 1e-9))
        place = place - np.interp(-0.5, -np.r_[1.0, ratio], np.r_[weakest - 1, place])
    return path, place, place[0] - STRENGTH_FADE


def best_strengths(samples: Sequence[Sample]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Return by kind of gain, arm and scale the mean gain at the place that other families choose, and the oracle's.

    The gains are relative; both are means over families, in percent, the first with its 95 % interval. A place at which
    the other families gain nothing is no penalty.
    """
    table: dict[str, dict[str, dict[str, dict[str, float]]]] = {"accuracy": {}, "log loss or squared error": {}}
    for score, arm, name in ((score, arm, name) for score in table for arm, name in enumerate(NAMES)):
        table[score][name] = {}
        for kind in SCALE_KINDS:
            families, curves, most = [], [], []
            for sample in samples:
                if (sample.arm == arm).any() and (score != "accuracy" or sample.classes):
                    path, place, start = places_of(sample, kind, arm)
                    gains = sample.gains(SHARE if score == "accuracy" else sample.measures[-1])[path]
                    curves.append(np.interp(FINE, np.r_[start, place], np.r_[0.0, gains]))
                    most.append(max(0.0, float(gains.max())))
                    families.append(sample.family)
            names, lines = np.array(families), np.array(curves)
            means = {family: lines[names == family].mean(0) for family in sorted(set(families))}
            kept = []
            for family, mean in means.items():
                others = np.mean([other for rest, other in means.items() if rest != family], axis=0)
                kept.append(mean[others.argmax()] if others.max() > 0 else 0.0)
            half = 196 * float(np.std(kept, ddof=1)) / len(kept) ** 0.5
            oracle = np.mean([np.array(most)[names == family].mean() for family in means])
            table[score][name][kind] = {"kept": 100 * float(np.mean(kept)), "half": half, "oracle": 100 * float(oracle)}
    return table
