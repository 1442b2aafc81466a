"""The table: one row per setting."""

import numpy as np
import pandas as pd

from bridle.report._facts import measured_tensors, ordered, rule, zero_fractions
from bridle.results import StudyResult
from bridle.stats import Evidence, nan_mean, weigh_evidence

Row = dict[str, str | float]


def rows(result: StudyResult, evidence: Evidence | None = None) -> list[Row]:
    """One dictionary per setting, arm by arm and weak to strong, with the same keys in each.

    `arm`; each slot's strength (NaN where the arm has no such slot); `train` and `validation`, the mean score
    over seeds, then folds; `se` over folds; `sd over seeds`; `finished`, as `150/150`; `epoch kept`, the mean one,
    where fits keep another than the last; `zeros <tensor>`, the fraction of exact zeros; `rule`: `best`, `1se`,
    both or neither; one column per held-out part, the mean of the refits over seeds, NaN for settings that were
    not refitted.
    """
    evidence = evidence or weigh_evidence(result)
    columns = _columns(result, evidence)
    made = []
    for setting in ordered(result):
        own = result.strengths(setting)
        arm = int(result.setting_arm[setting])
        row: Row = {"arm": result.arms[arm].name}
        row |= {slot: own.get(slot, float("nan")) for slot in result.slots}
        row |= {name: column[setting] for name, column in columns.items()}
        made.append(row | {"rule": rule(evidence, arm, setting)} | _held_out(result, setting))
    return made


def _columns(result: StudyResult, evidence: Evidence) -> dict[str, list]:
    good, total = result.counts()
    return {
        "train": evidence.train.mean.tolist(),
        "validation": evidence.validation.mean.tolist(),
        "se": evidence.validation.error.tolist(),
        "sd over seeds": evidence.validation.seed_sd.tolist(),
        "finished": [f"{done}/{all_}" for done, all_ in zip(good, total, strict=True)],
        **_kept(result),
        **{f"zeros {tensor}": zero_fractions(result, tensor).tolist() for tensor in measured_tensors(result, "zeros")},
    }


def _kept(result: StudyResult) -> dict[str, list]:
    members = result.members
    if np.all(members.kept[members.finished] == result.epochs[-1]):
        return {}
    return {"epoch kept": nan_mean(result.by_candidate(members.kept), (1, 2)).tolist()}


def _held_out(result: StudyResult, setting: int) -> Row:
    return {name: float(nan_mean(result.held_out_scores(name)[setting], 0)) for name in result.held_out}


def table(result: StudyResult) -> pd.DataFrame:
    """`rows` as a data frame."""
    return pd.DataFrame(rows(result))
