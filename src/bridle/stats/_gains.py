"""Gains over no penalty: of the procedure that chooses among all candidates, and of each arm."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from bridle.results import StudyResult
from bridle.stats._compare import AtLevel, Comparison, compare, compare_all, correct
from bridle.stats._intervals import possible_differences
from bridle.stats._rows import RowTable, best_of, compare_rows, read_rows
from bridle.stats._select import Choice, cross_select
from bridle.stats._summary import nan_mean


@dataclass(frozen=True)
class Terms:
    """Terms of the comparisons of one study."""

    level: float
    family: int
    """The number of arms that intervals are corrected over."""
    share: bool
    """True if scores are shares of rows."""
    widest: float
    """The largest possible difference."""


@dataclass(frozen=True)
class Gains:
    """Scores of each arm, each fold at the strength chosen without its rows, and their differences to none."""

    quoted: dict[int, float]
    arms: dict[int, Comparison]
    primary: Comparison | None = None
    chosen: float = np.nan
    """The mean score of the procedure."""


def find_gains(
    result: StudyResult, choices: Mapping[int, Choice], terms: Terms, selected: list[int | None] | None = None
) -> Gains:
    """Compare each arm with none, on single rows where the result has their scores, else on folds.

    Args:
        result: the measurements of the study.
        choices: the candidates that `best` selects, by arm.
        terms: the terms of the comparisons.
        selected: what the procedure selects for each fold, without its rows. By default the best candidate of all, on
            single rows only.

    """
    table = read_rows(result)
    if table is None:
        return _over_folds(result, choices, terms, selected)
    return _over_rows(result, table, choices, terms, selected)


def _over_folds(
    result: StudyResult, choices: Mapping[int, Choice], terms: Terms, selected: list[int | None] | None
) -> Gains:
    scores, maximize = result.scores(), result.score.maximize
    tables = {arm: cross_select(result.path(arm), scores, maximize=maximize) for arm in choices}
    quoted = {arm: _mean(table) for arm, table in tables.items()}
    arms = [arm for arm in choices if arm != 0]
    if 0 not in choices or not arms:
        return Gains(quoted, {})
    sign = 1.0 if maximize else -1.0
    pairs = compare_all(
        [sign * tables[arm] for arm in arms],
        sign * scores[choices[0].best],
        result.fold_rows,
        level=terms.level,
        family=terms.family,
        share=terms.share,
        widest=terms.widest,
    )
    gains = Gains(quoted, dict(zip(arms, pairs, strict=True)))
    if selected is None or result.folds == 1:
        return gains
    scores, none = sign * fold_table(result, selected), sign * scores[choices[0].best]
    primary = compare(scores, none, result.fold_rows, level=terms.level, share=terms.share, widest=terms.widest)
    return replace(gains, primary=primary, chosen=sign * _mean(scores))


def _over_rows(
    result: StudyResult,
    table: RowTable,
    choices: Mapping[int, Choice],
    terms: Terms,
    selected: list[int | None] | None,
) -> Gains:
    sign = 1.0 if result.score.maximize else -1.0
    paths = {arm: result.path(arm) for arm in choices}
    outside = table.outside()

    def choose(path: Int[np.ndarray, "point"]) -> list[int | None]:
        """Return the best candidate for each fold, without the rows that it validates; the first on a tie."""
        rule = best_of(path, maximize=result.score.maximize)
        return [rule(scores) for scores in outside]

    inside = {arm: choose(path) for arm, path in paths.items()}
    quoted = {arm: _mean(fold_table(result, candidates)) for arm, candidates in inside.items()}
    arms = [arm for arm in choices if arm != 0]
    if 0 not in choices or not arms:
        return Gains(quoted, {})
    none = sign * table.scores[choices[0].best]

    def against_none(candidates: list[int | None]) -> AtLevel:
        scores = sign * table.take(candidates)

        def at_level(level: float) -> Comparison:
            gain = compare_rows(scores, none, table, level=level, share=terms.share, widest=terms.widest)
            return _cut(gain, sign * table.mean(scores), sign * table.mean(none), sign) if terms.share else gain

        return at_level

    pairs = correct([against_none(inside[arm]) for arm in arms], level=terms.level, family=terms.family)
    candidates = selected or choose(np.concatenate(list(paths.values())))
    primary = against_none(candidates)(terms.level)
    return Gains(quoted, dict(zip(arms, pairs, strict=True)), primary, _mean(fold_table(result, candidates)))


def _cut(gain: Comparison, share: float, none: float, sign: float) -> Comparison:
    """Cut the interval of a difference of shares to what the exact intervals of both shares allow."""
    if not (np.isfinite(gain.low) and np.isfinite(share) and np.isfinite(none)):
        return gain
    low, high = sorted(sign * end for end in possible_differences(share, none, gain.count, level=gain.level))
    return replace(gain, low=max(gain.low, low), high=min(gain.high, high))


def fold_table(result: StudyResult, candidates: list[int | None]) -> Float[np.ndarray, "seed fold"]:
    """Return the scores where each fold has a candidate of its own; NaN for a fold without."""
    scores = result.scores()
    table = np.full(scores.shape[1:], np.nan)
    for fold, candidate in enumerate(candidates):
        if candidate is not None:
            table[:, fold] = scores[candidate, :, fold]
    return table


def _mean(table: Float[np.ndarray, "seed fold"]) -> float:
    return float(nan_mean(nan_mean(table, axis=0), axis=0))
