"""`python -m benchmarks.prior` grows the bank, learns the curves and writes docs/prior.md.

`--minutes 0` only learns. `--kinds` grows and judges those of noise, decay, limits and labels alone.
The bank lies in `benchmarks/prior/bank`, or in the folder `BRIDLE_BANK`. Public tables as CSV files, in the folder
`tables` or `BRIDLE_TABLES`, are drawn from as well.
"""

import argparse
import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.prior.learn import Sample

    from bridle.stats._prior import Prior

os.environ.setdefault("KERAS_BACKEND", "jax")

ROOT = Path(__file__).parents[2]
NUMBERS, PAGE = ROOT / "benchmarks/prior/numbers.json", ROOT / "docs/prior.md"
SAMPLE = ROOT / "tests/stats/prior_sample.json"
APART, WITHOUT = ("moons", "circles"), ROOT / "benchmarks/prior/without_moons_and_circles.json"
"""The families of `python -m benchmarks.chosen`, and the curves of all others, with which it judges the rule."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prior", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="how long the bank may grow")
    parser.add_argument("--kinds", action="store_true", help="only the studies of the other kinds")
    parser.add_argument("--markdown", action="store_true", help="only write docs/prior.md from the last numbers")
    options = parser.parse_args()
    from benchmarks.prior.page import page

    from bridle.stats._prior import PRIOR_FILE

    if not options.markdown:
        if options.minutes > 0:
            from benchmarks.prior.bank import grow

            if not options.kinds:
                grow(options.minutes / 2)
            grow(options.minutes if options.kinds else options.minutes / 2, kinds=True)
        learn_all(PRIOR_FILE, penalties=not options.kinds)
    PAGE.write_text(page(json.loads(NUMBERS.read_text()), json.loads(PRIOR_FILE.read_text())), encoding="utf-8")


def learn_all(path: Path, penalties: bool) -> None:
    """Write the curves of the penalties, and the numbers of the evaluation, or the numbers of the other kinds alone."""
    from benchmarks.prior.learn import load
    from benchmarks.prior.page import numbers_of_kinds

    from bridle.stats._prior import load_prior, prior_to_json

    every = load()
    found = {} if penalties else json.loads(NUMBERS.read_text())
    if penalties:
        learned = learn_penalties([sample for sample in every if sample.of_penalties], found)
        for file, curves in zip((path, WITHOUT), learned, strict=True):
            file.write_text(json.dumps(prior_to_json(curves), ensure_ascii=False) + "\n", encoding="utf-8")
    load_prior.cache_clear()
    shipped = load_prior(path)
    assert shipped is not None
    found["kinds"] = numbers_of_kinds([sample for sample in every if not sample.of_penalties], shipped)
    NUMBERS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def learn_penalties(every: "Sequence[Sample]", found: dict[str, object]) -> "tuple[Prior, Prior]":
    """Return the curves of penalties, of all families and without those apart; add the numbers of the evaluation."""
    import numpy as np
    from benchmarks.prior.evaluate import prior_gains, priors_without, transfers
    from benchmarks.prior.learn import learn, lines_of
    from benchmarks.prior.page import numbers, sample_for_tests

    from bridle import __version__

    found |= numbers(every)
    samples = [sample for sample in every if not sample.tests_only]
    sizes = {str(size): sum(sample.rows == size for sample in samples) for size in (30, 100, 300, 1000)}
    about = {
        "made by": "python -m benchmarks.prior",
        "date": date.today().isoformat(),
        "bridle": __version__,
        "studies": len(samples),
        "families": len({sample.family for sample in samples}),
        "studies by rows": sizes,
        "networks": sorted({sample.network for sample in samples}),
        "sources": sorted({sample.name for sample in samples}),
    }
    SAMPLE.write_text(json.dumps(sample_for_tests(samples)) + "\n")
    prior = replace(learn(lines_of(samples), about), transfers=np.array(found["transfers"], float))
    others = [sample for sample in samples if sample.family not in APART]
    alone = prior_gains(others, priors_without(others))
    return prior, replace(learn(lines_of(others)), transfers=transfers(alone).astype(float))


if __name__ == "__main__":
    main()
