"""Series and long tables that several test files share."""

import numpy as np
import pandas as pd


def hourly(days: int = 20, seed: int = 0) -> pd.DataFrame:
    """An hourly series with a daily season, a level of weekends, and a column that follows it."""
    draw = np.random.default_rng(seed)
    time = pd.date_range("2025-03-03", periods=24 * days, freq="h")
    load = 50 + 10 * np.sin(2 * np.pi * time.hour / 24) - 8 * (time.day_of_week >= 5) + draw.normal(0, 1, len(time))
    return pd.DataFrame(
        {"t": time.strftime("%Y-%m-%d %H:%M"), "load": load.round(2), "noise": draw.normal(size=len(time))}
    )


def sensors(count: int = 24, seed: int = 0) -> pd.DataFrame:
    """Sequences of 3 to 9 steps; the label says whether `a` rises, its level does not help. `lab` has two in each."""
    draw, frames = np.random.default_rng(seed), []
    for number in range(count):
        steps = int(draw.integers(3, 10))
        slope = 1 if number % 2 else -1
        frames.append(
            pd.DataFrame(
                {
                    "id": f"s{number:02d}",
                    "t": np.arange(steps) * 2 + 1,
                    "a": slope * np.arange(steps) + draw.normal(0, 0.1, steps) + draw.normal(0, 3),
                    "kind": draw.choice(["x", "y"], steps),
                    "lab": f"lab{number // 2}",
                    "label": "up" if slope > 0 else "down",
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
