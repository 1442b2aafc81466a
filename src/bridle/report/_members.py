"""Every fit as a row of a table, for a person's own analysis."""

import numpy as np
import pandas as pd

from bridle.results import ALL_ROWS, StudyResult


def members(data: StudyResult) -> pd.DataFrame:
    """One row for each fit, refits on all rows after those of the folds.

    Columns: `arm`, `strength of <slot>` (empty where the arm has no such penalty), `seed`, `fold` (0, 1, …, or "all"),
    `status`, `epochs` trained and `kept`; then the last value of every curve, as `validation/accuracy`; what was
    measured on the trained weights, as `zeros/<tensor>`; and `<held-out rows>: <measure>` for refits.
    """
    found = data.members
    arm = data.setting_arm[found.setting]
    columns: dict[str, object] = {"arm": [data.arms[number].name for number in arm]}
    for slot, name in enumerate(data.slots):
        own = np.array([slot in data.arms[number].slots for number in arm], bool)
        columns[f"strength of {name}"] = np.where(own, data.setting_strengths[found.setting, slot], np.nan)
    columns |= {
        "seed": found.seed,
        "fold": ["all" if fold == ALL_ROWS else str(fold) for fold in found.fold],
        "status": [found.status(number) for number in range(len(found))],
        "epochs": found.epochs,
        "kept": found.kept,
    }
    columns |= {name: data.quantity(name)[:, -1] for name in data.quantities}
    columns |= {name: data.diagnostic(name) for name in data.diagnostic_names}
    for name, values in data.held_out.items():
        columns |= {f"{name}: {measure}": values[:, number] for number, measure in enumerate(data.held_out_names)}
    table = pd.DataFrame(columns)
    return table.iloc[np.argsort(found.fold == ALL_ROWS, kind="stable")].reset_index(drop=True)
