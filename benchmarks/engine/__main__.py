"""Measure every way of training every family, each in a process of its own, the ways taking turns in every round."""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from typing import Any

from benchmarks.engine.families import FAMILIES
from benchmarks.engine.report import Firsts, Runs, as_markdown, as_text, summarize
from benchmarks.engine.turns import ROOT, first_fits, take_turns
from benchmarks.engine.ways import WAYS, serve

NUMBERS = ROOT / "benchmarks" / "engine.json"
PAGE = ROOT / "docs" / "benchmarks.md"
SIZES, QUICK_SIZES = [1, 16, 256], [1, 16]
QUICK_WAYS = ["fit", "hand", "bridle"]
FIRST_WAYS, FIRST_PAIRS = ["fit", "bridle"], 6
"""Ways whose first fit is compared, and how often in each round."""


def main() -> None:
    options = _options()
    if options.markdown:
        PAGE.write_text(as_markdown(json.loads(NUMBERS.read_text())))
    elif options.check:
        _check(options.family)
    elif options.way == "machine":
        from benchmarks.engine.costs import machine

        print(json.dumps(machine()))
    elif options.way:
        serve(options.way, options.family[0])
    else:
        _measure(options.family, options.rounds, options.quick)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--family", choices=FAMILIES, nargs="+", default=list(FAMILIES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round, fewer ways and members")
    parser.add_argument("--check", action="store_true", help="compare the hand-written programs with Keras")
    parser.add_argument("--markdown", action="store_true", help=f"write {PAGE.relative_to(ROOT)} from the last numbers")
    parser.add_argument(
        "--way",
        choices=[*WAYS, "machine"],
        help="measure this one in this process, for each size that standard input names",
    )
    return parser.parse_args()


def _check(families: list[str]) -> None:
    from benchmarks.engine.check import check

    for name in families:
        check(name)


def _machine() -> dict:
    """The machine's peaks, measured in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.engine", "--way", "machine"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _measure(families: list[str], rounds: int, quick: bool) -> None:
    runs: Runs = {}
    firsts: Firsts = {}
    peaks: list[dict] = []
    rounds = 1 if quick else rounds
    for number in range(rounds):
        peaks.append(_machine())
        for family in families:
            print(f"round {number + 1}/{rounds}: {family}", file=sys.stderr)
            ways, sizes = (QUICK_WAYS, QUICK_SIZES) if quick else (list(WAYS), SIZES)
            for way, found in take_turns(family, ways, sizes, backwards=number % 2 == 1).items():
                runs.setdefault((family, way), []).append(found)
            firsts.setdefault(family, []).extend(first_fits(family, FIRST_WAYS, 1 if quick else FIRST_PAIRS))
    summary = {"facts": _facts(rounds), **summarize(runs, firsts, peaks)}
    print(as_text(summary))
    NUMBERS.write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    print(f"\nnumbers in {NUMBERS.relative_to(ROOT)}")


def _facts(rounds: int) -> dict[str, Any]:
    versions = {name: _version(name) for name in ("jax", "keras", "torch")}
    cores = len(os.sched_getaffinity(0))
    return {"cores": cores, "machine": platform.machine(), "Python": platform.python_version(), **versions} | {
        "rounds": rounds
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
