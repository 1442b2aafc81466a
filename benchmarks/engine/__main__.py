"""Measure every way of training every family, each in a process of its own, the ways taking turns over rounds."""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.engine.families import FAMILIES
from benchmarks.engine.report import Runs, as_markdown, as_text, summarize
from benchmarks.engine.ways import WAYS

ROOT = Path(__file__).parents[2]
NUMBERS = ROOT / "benchmarks" / "engine.json"
PAGE = ROOT / "docs" / "benchmarks.md"
SIZES, QUICK_SIZES = [1, 16, 256], [1, 16]
QUICK_WAYS = ["fit", "hand", "bridle"]


def main() -> None:
    options = _options()
    if options.markdown:
        PAGE.write_text(as_markdown(json.loads(NUMBERS.read_text())))
    elif options.check:
        _check(options.family)
    elif options.way:
        print(json.dumps(_one(options.way, options.family[0], options.quick)))
    else:
        _measure(options.family, options.rounds, options.quick)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--family", choices=FAMILIES, nargs="+", default=list(FAMILIES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round, fewer ways and members")
    parser.add_argument("--check", action="store_true", help="compare the hand-written programs with Keras")
    parser.add_argument("--markdown", action="store_true", help=f"write {PAGE.relative_to(ROOT)} from the last numbers")
    parser.add_argument("--way", choices=[*WAYS, "machine"], help="measure this one in this process")
    return parser.parse_args()


def _check(families: list[str]) -> None:
    from benchmarks.engine.check import check

    for name in families:
        check(name)


def _one(way: str, family: str, quick: bool) -> dict:
    if way == "machine":
        from benchmarks.engine.costs import machine

        return machine()
    return WAYS[way](family, QUICK_SIZES if quick else SIZES)


def _apart(way: str, family: str, quick: bool) -> dict:
    """Run one way in a process of its own."""
    flags = ["--way", way, "--family", family, *(["--quick"] if quick else [])]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.engine", *flags], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def _measure(families: list[str], rounds: int, quick: bool) -> None:
    runs: Runs = {}
    peaks: list[dict] = []
    rounds = 1 if quick else rounds
    for number in range(rounds):
        peaks.append(_apart("machine", families[0], quick))
        for family in families:
            for way in QUICK_WAYS if quick else WAYS:
                print(f"round {number + 1}/{rounds}: {family}, {way}", file=sys.stderr)
                runs.setdefault((family, way), []).append(_apart(way, family, quick))
    found = {"facts": _facts(rounds), **summarize(runs, peaks)}
    print(as_text(found))
    NUMBERS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
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
