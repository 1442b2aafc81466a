"""Ten thousand fits through the public interface: the moons network, 20 strengths × 100 seeds × 5 splits, 100 epochs.

Run it with `make bench`; the bars are 60 seconds and 2 GB.
"""

import json
import os
import platform
import resource
from pathlib import Path
from time import perf_counter

os.environ.setdefault("KERAS_BACKEND", "jax")

EPOCHS, STRENGTHS, SEEDS, SPLITS = 100, 20, 100, 5
BAR_SECONDS, BAR_MIB = 60, 2e9 / 2**20
NUMBERS = Path(__file__).with_suffix(".json")


def main() -> None:
    began = perf_counter()
    result = study()
    seconds, peak = perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    members = len(result.data.members)
    print(
        f"{members} fits of {EPOCHS} epochs: {seconds:.1f} s (bar {BAR_SECONDS}), peak {peak:.0f} MiB "
        f"(bar {BAR_MIB:.0f}), {result.data.provenance['compilations']} programs"
    )
    facts = {"cores": len(os.sched_getaffinity(0)), "python": platform.python_version(), "members": members}
    facts |= {"epochs": EPOCHS, "seconds": seconds, "peak_mib": peak}
    NUMBERS.write_text(json.dumps(facts, indent=1) + "\n")


def study() -> object:
    """100 rows, 30 of them to train on in each split."""
    from benchmarks.engine.families import moons_model
    from sklearn.datasets import make_moons
    from sklearn.model_selection import ShuffleSplit

    import bridle

    x, y = make_moons(n_samples=100, noise=0.2, random_state=1)
    splits = ShuffleSplit(SPLITS, train_size=30, test_size=70, random_state=0)
    model = moons_model()
    where = f"{model.layers[0].name}/kernel"
    arms = {"L2": {where: bridle.L2(bridle.grid(1e-6, 1e-1, STRENGTHS))}}
    asked = bridle.Study(model, arms, seeds=SEEDS, folds=splits, epochs=EPOCHS, curve_points=1)
    return asked.run(x.astype("float32"), y, progress=False)


if __name__ == "__main__":
    main()
