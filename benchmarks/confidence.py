"""When is it said that most of a lower loss is confidence? Simulated studies of which that is known, without training.

`python -m benchmarks.confidence` prints the share of studies with the diagnosis BR020 by threshold, and the bias of
calibration errors of networks that are perfectly calibrated.
"""

import numpy as np

from bridle.report._confidence import MIN_LOWER_SHARE, Explained
from bridle.stats import ClassRows, calibration_error, cross_fit_temperature

STUDIES, SEEDS, FOLDS, SIGNAL = 400, 3, 5, 2.0
ROWS = (60, 200)
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
CASES = {
    "lower confidence alone": ((0.8, 2.5), (0.8, 1.0)),
    "a better network, both calibrated": ((1.6, 1.0), (0.8, 1.0)),
    "a better network, both too confident": ((1.6, 2.0), (0.8, 2.0)),
    "both": ((1.4, 2.0), (0.8, 1.0)),
}
"""The noise of a network's logits and their factor: without a penalty, and with one."""


def networks(rng: np.random.Generator, logit: np.ndarray, noise: float, factor: float) -> np.ndarray:
    """Return logits (seed, row, 2) of networks that are calibrated but for a factor."""
    shared, single = rng.normal(size=(1, len(logit))), rng.normal(size=(SEEDS, len(logit)))
    seen = logit + noise * (np.sqrt(0.7) * shared + np.sqrt(0.3) * single)
    posterior = seen * SIGNAL**2 / (SIGNAL**2 + noise**2)
    spread = SIGNAL**2 * noise**2 / (SIGNAL**2 + noise**2)
    calibrated = posterior / np.sqrt(1 + np.pi * spread / 8)  # the logit of the mean probability (MacKay 1992)
    return np.stack([np.zeros_like(calibrated), factor * calibrated], axis=2)


def shares(rng: np.random.Generator, rows: int, case: tuple[tuple[float, float], tuple[float, float]]) -> list[float]:
    """Return the share of the gain that is called confidence in each study; NaN where no gain is worth explaining."""
    values = []
    for _ in range(STUDIES):
        logit = SIGNAL * rng.normal(size=rows)
        labels = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
        fits = []
        for noise, factor in case:
            logits, cuts = networks(rng, logit, noise, factor), np.array_split(np.arange(rows), FOLDS)
            fits.append(cross_fit_temperature([ClassRows(logits[:, c], labels[c], np.ones(len(c))) for c in cuts]))
        losses = Explained(*fits[0].log_loss, *fits[1].log_loss, temperature=fits[0].temperature)
        values.append(losses.share if losses.none - losses.penalized > MIN_LOWER_SHARE * losses.none else np.nan)
    return values


def main() -> None:
    """Print both tables."""
    rng = np.random.default_rng(0)
    print("| rows | the gain is | studies with a gain |", *(f"≥ {limit} |" for limit in THRESHOLDS))
    for rows in ROWS:
        for name, case in CASES.items():
            values = np.array(shares(rng, rows, case))
            seen = np.isfinite(values)
            flagged = (f"{100 * np.mean(values[seen] >= limit):.0f} % |" for limit in THRESHOLDS)
            print(f"| {rows} | {name} | {100 * seen.mean():.0f} % |", *flagged, flush=True)
    print("\n| rows | calibration error with 15 bins | with rising bins |, where the truth is 0")
    for rows in (60, 200, 1000):
        errors = []
        for _ in range(STUDIES):
            confidence = 1 / (1 + np.exp(-np.abs(SIGNAL * rng.normal(size=rows))))
            correct = rng.random(rows) < confidence
            errors.append([calibration_error(confidence, correct, bins=15), calibration_error(confidence, correct)])
        print(f"| {rows} |", *(f"{value:.3f} |" for value in np.mean(errors, axis=0)), flush=True)


if __name__ == "__main__":
    main()
