"""Tables of a study: one row per candidate, one row per fit, and cells that are safe in a spreadsheet."""

import re

import numpy as np
import pandas as pd

from bridle.report._facts import ordered, rule
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import Evidence, nan_mean, weigh_evidence
from bridle.wording import measured_tensors, zero_fractions

Row = dict[str, str | float]
"""The cells of one candidate by column."""
FORMULA_START = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""The first characters of a formula for a spreadsheet, also in their wide forms."""


def rows(result: StudyResult, evidence: Evidence | None = None) -> list[Row]:
    """Return one dictionary per candidate, arm by arm and weak to strong, with the same keys in each.

    `arm`; the strength of each slot (NaN if the arm has no such slot); `train` and `validation`, the mean score
    over seeds, then folds; `se` over folds; `sd over seeds`; `finished`, as `150/150`; `epoch kept`, the mean one,
    if fits keep another epoch than the last; `zeros <tensor>`, the fraction of exact zeros; `rule`: `best`, `1se`,
    both or neither; one column per held-out part, the mean of the refits over seeds, NaN for candidates that were
    not refitted.
    """
    evidence = evidence or weigh_evidence(result)
    columns = _columns(result, evidence)
    lines = []
    for setting in ordered(result):
        strengths = result.strengths(setting)
        arm = int(result.setting_arm[setting])
        row: Row = {"arm": result.arms[arm].name}
        row |= {slot: strengths.get(slot, float("nan")) for slot in result.slots}
        row |= {name: column[setting] for name, column in columns.items()}
        lines.append(row | {"rule": rule(evidence, arm, setting)} | _held_out(result, setting))
    return lines


def _columns(result: StudyResult, evidence: Evidence) -> dict[str, list]:
    finished, planned = result.counts()
    return {
        "train": evidence.train.mean.tolist(),
        "validation": evidence.validation.mean.tolist(),
        "se": evidence.validation.error.tolist(),
        "sd over seeds": evidence.validation.seed_sd.tolist(),
        "finished": [f"{done}/{total}" for done, total in zip(finished, planned, strict=True)],
        **_epoch_kept(result),
        **{f"zeros {tensor}": zero_fractions(result, tensor).tolist() for tensor in measured_tensors(result, "zeros")},
    }


def _epoch_kept(result: StudyResult) -> dict[str, list]:
    members = result.members
    if np.all(members.kept[members.finished] == result.epochs[-1]):
        return {}
    return {"epoch kept": nan_mean(result.by_candidate(members.kept), (1, 2)).tolist()}


def _held_out(result: StudyResult, setting: int) -> Row:
    return {name: float(nan_mean(result.held_out_scores(name)[setting], 0)) for name in result.held_out}


def table(result: StudyResult) -> pd.DataFrame:
    """Return `rows` as a data frame."""
    return pd.DataFrame(rows(result))


def members(data: StudyResult) -> pd.DataFrame:
    """Return one row for each fit, with refits on all rows after the fits of the folds.

    Columns: `arm`, `strength of <slot>` (empty if the arm has no such penalty), `seed`, `fold` (0, 1, …, or "all"),
    `status`, `epochs` trained and `kept`; then the last value of every curve, as `validation/accuracy`; diagnostics
    of the trained weights, as `zeros/<tensor>`; and `<held-out rows>: <measure>` for refits.
    """
    fits = data.members
    arms = data.setting_arm[fits.setting]
    columns: dict[str, object] = {"arm": [data.arms[arm].name for arm in arms]}
    for slot, name in enumerate(data.slots):
        has_slot = np.array([slot in data.arms[arm].slots for arm in arms], bool)
        columns[f"strength of {name}"] = np.where(has_slot, data.setting_strengths[fits.setting, slot], np.nan)
    columns |= {
        "seed": fits.seed,
        "fold": ["all" if fold == ALL_ROWS else str(fold) for fold in fits.fold],
        "status": [fits.status(fit) for fit in range(len(fits))],
        "epochs": fits.epochs,
        "kept": fits.kept,
    }
    columns |= {name: data.quantity(name)[:, -1] for name in data.quantities}
    columns |= {name: data.diagnostic(name) for name in data.diagnostic_names}
    for name, values in data.held_out.items():
        columns |= {f"{name}: {measure}": values[:, index] for index, measure in enumerate(data.held_out_names)}
    frame = pd.DataFrame(columns)
    return frame.iloc[np.argsort(fits.fold == ALL_ROWS, kind="stable")].reset_index(drop=True)


def safe_cells(frame: pd.DataFrame) -> pd.DataFrame:
    r"""Return the table with an apostrophe before each text that a spreadsheet would run as a formula.

    These are texts in cells and names of columns that begin with = + - @, a tab or a line break. Numbers stay
    numbers, missing cells stay missing, and the index does not change.

    >>> safe_cells(pd.DataFrame({"label": ["=1+1", "rose"], "share": [-0.5, 1.0]})).to_csv(index=False)
    "label,share\n'=1+1,-0.5\nrose,1.0\n"
    """
    safe = frame.copy()
    for index, kind in enumerate(frame.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            safe.isetitem(index, frame.iloc[:, index].astype(object).map(_safe))
    safe.columns = pd.Index([_safe(name) for name in frame.columns])
    return safe


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and FORMULA_START.match(cell) else cell
