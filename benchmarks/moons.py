"""How fast: the same training on the moons network, five ways, in one run.

Each way runs in a process of its own (so that peak memory is its own) and the ways take turns over several rounds
(so that a noisy machine is noisy for all). Compilation is counted apart. Run it with `make bench`.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

os.environ.setdefault("KERAS_BACKEND", "jax")

EPOCHS, TRAIN, HIDDEN, STRENGTH = 4000, 30, 500, 1e-3
GRID = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]
HERE = Path(__file__).parent
WAYS = {
    "fit": "loop of model.fit",
    "fit-steps": "the same, steps_per_execution=32",
    "sklearn": "scikit-learn MLPClassifier",
    "hand": "hand-written JAX, one program, 2 threads",
    "bridle": "bridle",
}


def rows():
    """30 rows to train on, 70 to validate."""
    from sklearn.datasets import make_moons

    x, y = make_moons(n_samples=100, noise=0.2, random_state=1)
    x = x.astype("float32")
    return x[:TRAIN], y[:TRAIN], x[TRAIN:], y[TRAIN:]


def network(**options):
    import keras

    penalty = keras.regularizers.L2(STRENGTH) if options.pop("penalized", False) else None
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(HIDDEN, activation="relu", name="hidden", kernel_regularizer=penalty),
            keras.layers.Dense(1, activation="sigmoid", name="out"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], **options)
    return model


def run_fit(validate: bool, **options) -> dict:
    """`model.fit`, its first two epochs (which compile) apart."""
    x, y, xv, yv = rows()
    model, held = network(penalized=True, **options), (xv, yv) if validate else None
    began = perf_counter()
    model.fit(x, y, validation_data=held, epochs=2, verbose=0)
    compiling, epochs = perf_counter() - began, 300
    began = perf_counter()
    model.fit(x, y, validation_data=held, epochs=epochs, verbose=0)
    return {"us": (perf_counter() - began) / epochs * 1e6, "compile": compiling, "compilations": 2 if validate else 1}


def run_sklearn(validate: bool) -> dict:
    """Two threads do not help here: its loop holds Python's lock."""
    import warnings

    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")
    x, y, xv, yv = rows()
    epochs = 1500
    net = MLPClassifier((HIDDEN,), alpha=STRENGTH, batch_size=TRAIN, max_iter=epochs, n_iter_no_change=epochs, tol=0.0)
    began = perf_counter()
    if validate:
        for _ in range(epochs):
            net.partial_fit(x, y, classes=[0, 1])
            net.score(xv, yv)
    else:
        net.fit(x, y)
        epochs = net.n_iter_
    return {"us": (perf_counter() - began) / epochs * 1e6, "compile": 0.0, "compilations": 0}


def run_hand(validate: bool) -> dict:
    """What a person who knows JAX would write for this one network."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    x, y, xv, yv = rows()
    x, y, xv, yv = jnp.array(x), jnp.array(y, "float32")[:, None], jnp.array(xv), jnp.array(yv, "float32")[:, None]

    def logits(p, rows):
        return jax.nn.relu(rows @ p[0] + p[1]) @ p[2] + p[3]

    def data_loss(z, labels):
        return jnp.mean(jnp.maximum(z, 0) - z * labels + jnp.log1p(jnp.exp(-jnp.abs(z))))

    def loss(p, strength):
        return data_loss(logits(p, x), y) + strength * jnp.sum(p[0] ** 2)

    def measure(p, rows, labels):
        z = logits(p, rows)
        return data_loss(z, labels), jnp.mean((z > 0) == (labels > 0.5))

    def epoch(carry, _, strength):
        p, m, v, t = carry
        value, g = jax.value_and_grad(loss)(p, strength)
        t = t + 1
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        m = [0.9 * a + 0.1 * b for a, b in zip(m, g, strict=True)]
        v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g, strict=True)]
        p = [w - rate * a / (jnp.sqrt(b) + 1e-7) for w, a, b in zip(p, m, v, strict=True)]
        seen = jnp.stack([value, *measure(p, x, y), *measure(p, xv, yv)]) if validate else value
        return (p, m, v, t), seen

    def train(carry, strength):
        return lax.scan(lambda c, i: epoch(c, i, strength), carry, None, length=1000)

    def start(seed):
        a, b = jax.random.split(jax.random.key(seed))
        wide, thin = (6 / (2 + HIDDEN)) ** 0.5, (6 / (HIDDEN + 1)) ** 0.5
        p = [
            jax.random.uniform(a, (2, HIDDEN), minval=-wide, maxval=wide),
            jnp.zeros(HIDDEN),
            jax.random.uniform(b, (HIDDEN, 1), minval=-thin, maxval=thin),
            jnp.zeros(1),
        ]
        zeros = [jnp.zeros_like(w) for w in p]
        return p, zeros, zeros, jnp.float32(0)

    began = perf_counter()
    program = jax.jit(train).lower(start(0), jnp.float32(0)).compile()
    compiling = perf_counter() - began

    def member(seed):
        carry = starts[seed]
        for _ in range(EPOCHS // 1000):
            carry, seen = program(carry, jnp.float32(STRENGTH))
        return seen.block_until_ready()

    fits = 60
    starts = [start(seed) for seed in range(fits)]
    began = perf_counter()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(member, range(fits)))
    return {"us": (perf_counter() - began) / (fits * EPOCHS) * 1e6, "compile": compiling, "compilations": 1}


def run_bridle(validate: bool) -> dict:
    """The public interface, refits and diagnostics included."""
    import bridle

    x, y, xv, yv = rows()
    study = bridle.Study(
        network(),
        {"L2": {"hidden/kernel": bridle.L2(GRID)}},
        seeds=30,
        epochs=EPOCHS,
        points=EPOCHS if validate else 1,
    )
    began = perf_counter()
    result = study.run(x, y, validation=(xv, yv), progress=False)
    seconds = perf_counter() - began
    facts = result.data.provenance
    epochs = len(result.data.members) * EPOCHS
    return {
        "us": (seconds - facts["compile_seconds"]) / epochs * 1e6,
        "compile": facts["compile_seconds"],
        "compilations": facts["compilations"],
    }


def one(way: str, validate: bool) -> dict:
    """Measure one way in this process."""
    run = {
        "fit": run_fit,
        "fit-steps": lambda validate: run_fit(validate, steps_per_execution=32),
        "sklearn": run_sklearn,
        "hand": run_hand,
        "bridle": run_bridle,
    }[way]
    return {**run(validate), "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def apart(*arguments: str) -> dict:
    """Run this file in a process of its own."""
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def whole_study() -> dict:
    """6 strengths × 30 seeds × 4000 epochs, from the start of Python to the written report."""
    import tempfile

    import bridle

    x, y, xv, yv = rows()
    study = bridle.Study(network(), {"L2": {"hidden/kernel": bridle.L2(GRID)}}, seeds=30, epochs=EPOCHS)
    result = study.run(x, y, validation=(xv, yv), progress=False)
    with tempfile.TemporaryDirectory() as folder:
        result.report(Path(folder) / "report.html")
    return {"fits": len(result.data.members), "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=[*WAYS, "study"])
    parser.add_argument("--validate", action="store_true")
    options = parser.parse_args()
    if options.way:
        print(json.dumps(whole_study() if options.way == "study" else one(options.way, options.validate)))
        return
    found: dict = {}
    for number in range(options.rounds):
        for validate in (True, False):
            for way in WAYS:
                print(
                    f"round {number + 1}/{options.rounds}: {way}{', validating' if validate else ''}", file=sys.stderr
                )
                got = apart("--way", way, *(["--validate"] if validate else []))
                found.setdefault((way, validate), []).append(got)
    studies = []
    for _ in range(options.rounds):
        began = perf_counter()
        studies.append({**apart("--way", "study"), "seconds": perf_counter() - began})
    report(found, studies)


def report(found: dict, studies: list[dict]) -> None:
    """Print the table and write it as JSON."""
    lines: list[dict] = []
    for validate in (True, False):
        print(f"\nmoons 2-{HIDDEN}-1, {TRAIN} rows, {'validating every epoch' if validate else 'not validating'}")
        print(
            f"{'way':42} {'µs/epoch of one fit':>20} {'bridle is':>10} "
            f"{'compile s':>10} {'programs':>9} {'peak MiB':>9}"
        )
        ours = statistics.median(run["us"] for run in found["bridle", validate])
        for way, name in WAYS.items():
            runs = found[way, validate]
            us = [run["us"] for run in runs]
            line = {
                "way": name,
                "validating": validate,
                "us_per_epoch": statistics.median(us),
                "us_range": [min(us), max(us)],
                "ratio_to_bridle": statistics.median(us) / ours,
                "compile_seconds": statistics.median(run["compile"] for run in runs),
                "compilations": runs[0]["compilations"],
                "peak_mib": statistics.median(run["peak_mib"] for run in runs),
            }
            lines.append(line)
            spread = f"{line['us_per_epoch']:.1f} ({min(us):.1f}-{max(us):.1f})"
            print(
                f"{name:42} {spread:>20} {line['ratio_to_bridle']:>9.2f}× {line['compile_seconds']:>10.2f} "
                f"{line['compilations']:>9} {line['peak_mib']:>9.0f}"
            )
    seconds = [study["seconds"] for study in studies]
    print(
        f"\nwhole study, 6 strengths × 30 seeds × {EPOCHS} epochs and none and refits ({studies[0]['fits']} fits), "
        f"Python's start to report: {statistics.median(seconds):.1f} s ({min(seconds):.1f}-{max(seconds):.1f}), "
        f"peak {statistics.median(study['peak_mib'] for study in studies):.0f} MiB"
    )
    facts = {"machine": platform.machine(), "cores": len(os.sched_getaffinity(0)), "python": platform.python_version()}
    path = HERE / "moons.json"
    path.write_text(json.dumps({"facts": facts, "lines": lines, "study_seconds": seconds}, indent=1) + "\n")
    print(f"numbers in {path.name}")


if __name__ == "__main__":
    main()
