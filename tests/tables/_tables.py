"""Tables that several test files share."""

import numpy as np
import pandas as pd


def pets(rows=60, seed=0):
    """A table with every kind of column: used ones first, then those that must be left out, then the target."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "kg": draw.normal(4, 2, rows),
            "age": draw.integers(0, 15, rows).astype(float),
            "kind": draw.choice(["cat", "dog", "eel"], rows),
            "town": draw.choice(["Bern", "Graz", None], rows),
            "tame": draw.random(rows) < 0.5,
            "id": np.arange(rows),
            "chip": [f"c{number:03d}" for number in range(rows)],
            "empty": [None] * rows,
            "same": ["x"] * rows,
            "born": pd.date_range("2020-01-01", periods=rows).strftime("%Y-%m-%d"),
            "sold": pd.date_range("2020-01-01", periods=rows),
            "price": draw.normal(size=rows),
        }
    )
    table.loc[draw.choice(rows, 9, replace=False), "kg"] = np.nan
    return table


def rare():
    """A table with 40 categories, the first 30 of them more frequent than the others."""
    labels = [f"c{number:02d}" for number in range(40) for _ in range(2 + (number < 30))]
    return pd.DataFrame({"a": labels, "x": np.linspace(0, 1, len(labels))})
