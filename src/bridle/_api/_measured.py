"""Measures after the fits: a function of a trained model, applied to every refit of a study."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import ArrayLike

from bridle._api._hand_over import ModelMaker
from bridle._api._selection import select
from bridle._errors import InputError
from bridle.stats import Evidence, compare_predictors, mean_interval, nan_mean
from bridle.wording import brief_name

Measure = Callable[[keras.Model], ArrayLike]
OVER = ("seeds", "rows")


def measure_refits(
    maker: ModelMaker,
    evidence: Evidence,
    function: Measure,
    arms: str | Sequence[str] | None,
    rule: str | None,
    over: str,
) -> pd.DataFrame:
    """Return one row per candidate with a measure of its refits. The arguments are those of `Result.measure`."""
    if over not in OVER:
        raise InputError(f"Expected over='seeds' or over='rows', got {over!r}.")
    data, refits = maker.data, maker.fits()
    names = [data.arms[index].name for index in evidence.choices] if arms is None else arms
    selected = [select(data, evidence, arm, rule or "best") for arm in ([names] if isinstance(names, str) else names)]
    wanted = {candidate for index, best in selected for candidate in ([best] if rule else data.path(index).tolist())}
    nothing = [candidate for candidate in data.path(0).tolist() if any(candidate == key[0] for key in refits)]
    order = [candidate for arm in range(len(data.arms)) for candidate in data.path(arm).tolist()]
    order = [one for one in order if any(one == key[0] for key in refits) and one in {*wanted, *nothing}]
    values = _apply(maker, function, {key: refit for key, refit in refits.items() if key[0] in order}, over)
    interval = _over_seeds if over == "seeds" else _over_rows
    lines: list[dict[str, Any]] = []
    for candidate in order:
        measured, reference = values[candidate], values[nothing[0]] if nothing and candidate not in nothing else None
        line: dict[str, Any] = {
            "arm": data.arms[int(data.setting_arm[candidate])].name,
            "candidate": brief_name(data, candidate),
            "seeds": int(np.isfinite(measured.reshape(len(measured), -1)).any(axis=1).sum()),
        }
        line |= dict(zip(("mean", "low", "high"), interval(measured, None), strict=True))
        found = (np.nan,) * 3 if reference is None else interval(measured, reference)
        lines.append(line | dict(zip(("difference", "difference_low", "difference_high"), found, strict=True)))
    return pd.DataFrame(lines)


def _apply(
    maker: ModelMaker, function: Measure, refits: Mapping[tuple[int, int], int], over: str
) -> dict[int, Float[np.ndarray, "seed …"]]:
    """Return what a function measures of each refit, by candidate; NaN for seeds without a refit."""
    model = maker.one(next(iter(refits.values())))
    measured: dict[tuple[int, int], np.ndarray] = {}
    for key, refit in refits.items():
        maker.load(model, refit)
        measured[key] = _checked(function(model), over)
    shapes = list(dict.fromkeys(value.shape for value in measured.values()))
    if len(shapes) > 1:
        raise InputError(
            f"Expected as many values from the function of a measure for every model, got shapes {shapes[0]} and "
            f"{shapes[1]}. Measure the same rows."
        )
    values = {candidate: np.full((len(maker.data.seeds), *shapes[0]), np.nan) for candidate, _ in measured}
    for (candidate, seed), value in measured.items():
        values[candidate][seed] = value
    return values


def _checked(value: ArrayLike, over: str) -> Float[np.ndarray, "…"]:
    """Return what a function measured as a number, or as one value for each row."""
    array = np.asarray(value)
    numeric = array.dtype.kind in "biuf"
    if not numeric or array.ndim > 1 or not array.size or (over == "rows" and not array.ndim):
        what = "one number for each row" if over == "rows" else "a number, or one for each row,"
        got = f"an array of shape {array.shape}" if numeric and array.ndim else repr(value)
        raise InputError(f"Expected {what} from the function of a measure, got {got}.")
    return array.astype(float)


def _over_seeds(values: np.ndarray, other: np.ndarray | None) -> tuple[float, float, float]:
    """Return a mean and its interval over seeds; with `other` that of the difference, paired by seed."""
    both = values if other is None else values - other
    return mean_interval(both if both.ndim == 1 else nan_mean(both, 1))


def _over_rows(values: np.ndarray, other: np.ndarray | None) -> tuple[float, float, float]:
    """Return a mean and its interval over rows, of the means over seeds; with `other` that of the difference."""
    if other is None:
        return mean_interval(nan_mean(values, 0))
    both = np.isfinite(values) & np.isfinite(other)
    first, second = (nan_mean(np.where(both, side, np.nan), 0) for side in (values, other))
    found = compare_predictors(first, second, np.ones(len(first)))
    return found.difference, found.low, found.high
