"""From the runs of all processes to one list of numbers, and from that to a table in the terminal or in Markdown."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.engine.families import FAMILIES
from benchmarks.engine.ways import SHORT, TITLES

HAND_BAR = 1.25
"""How many times the hand-written program's time bridle may take."""
NEAR = 0.5
"""The share of a peak from which on that peak is what bounds a program."""
READING = """\
Every way trains the same networks on the same rows, shuffles every epoch and measures validation rows after each.
bridle and the hand-written programs measure training rows after every fifth epoch; the others average over each epoch
what its steps found on the way. Ways run in processes of their own, which are there together and run turn by turn. A
figure is the median of all turns, with its quartiles; a ratio is the median of the ratios within turns. Milliseconds
are for one epoch of one fit of the population, building a model or drawing initial weights counted and compilation
apart; slow ways train one member, and large populations of slow families train fewer epochs. `model.fit` compiles anew
for each model, bridle and the hand-written programs once for the population. The hand-written CNN makes its first
patches once for all rows, before training, which only somebody who knows the data can do. "Programs" counts the
compilations of XLA in `model.fit`, and the training programs elsewhere. A share of the copy above 100 % says that the
arrays stay in caches. The first fit of a process is measured in processes of its own, Keras and bridle in turn: a model
is built, and trained for 20 epochs with whatever is compiled for that.

How the engine works, and where it does not help: [engine.md](engine.md)."""
Runs = dict[tuple[str, str], list[dict]]
"""By (family, way): what each round found."""
Firsts = dict[str, list[dict[str, float]]]
"""By family: seconds of the first fit of a process by way, for each pair of processes."""


def summarize(runs: Runs, firsts: Firsts, peaks: Sequence[dict]) -> dict[str, Any]:
    """Medians and ranges of everything, with the shares of the machine's peak."""
    machine = {key: max(peak[key] for peak in peaks) for key in ("gflops", "gbs")}
    found = {
        name: {**_family(name, runs, machine), "first": _first(firsts[name])}
        for name in FAMILIES
        if (name, "bridle") in runs
    }
    return {"machine": machine, "families": found}


def _family(name: str, runs: Runs, machine: dict[str, float]) -> dict[str, Any]:
    ways = {way: _way(runs[name, way]) for way in TITLES if (name, way) in runs}
    for line in ways["bridle"]["populations"]:
        fit, hand, own = (_turns(runs[name, way], line["population"]) for way in ("fit", "hand", "bridle"))
        line["fit_ratio"] = _middle(a["ms"] / b["ms"] for a, b in zip(fit, own, strict=True))
        line["hand_ratio"] = _middle(b["ms"] / a["ms"] for a, b in zip(hand, own, strict=True))
    work, largest = runs[name, "hand"][0], ways["bridle"]["populations"][-1]
    return {
        "title": FAMILIES[name].title,
        "length": FAMILIES[name].length,
        "bar": FAMILIES[name].bar,
        "ways": ways,
        "share": _share(work, largest["ms"], ways["bridle"]["operations"], machine),
    }


def _first(pairs: Sequence[dict[str, float]]) -> dict[str, Any]:
    """The medians of both ways, and that of their ratios within a pair, with its quartiles."""
    ratios = [pair["bridle"] / pair["fit"] for pair in pairs]
    low, middle, high = _quartiles(ratios)
    seconds = {way: _middle(pair[way] for pair in pairs) for way in ("fit", "bridle")}
    return {**seconds, "ratio": middle, "range": [low, high], "pairs": len(pairs)}


def _turns(rounds: Sequence[dict], size: int) -> list[dict]:
    """What a way measured whenever populations of this size had their turn."""
    return [sample for run in rounds for sample in run["turns"][size]]


def _way(rounds: Sequence[dict]) -> dict[str, Any]:
    if "skipped" in rounds[0]:
        return {"skipped": rounds[0]["skipped"]}
    facts = {key: _middle(run[key] for run in rounds) for key in rounds[0] if key not in ("turns", "flops", "bytes")}
    by_size: dict[int, list[dict]] = {}
    for sample in (sample for size in rounds[0]["turns"] for sample in _turns(rounds, size)):
        by_size.setdefault(sample["population"], []).append(sample)
    return {**facts, "populations": list(map(_population, by_size.values()))}


def _population(samples: Sequence[dict]) -> dict[str, Any]:
    ms = [sample["ms"] for sample in samples]
    low, middle, high = _quartiles(ms)
    fixed = {key: samples[0][key] for key in ("population", "epochs")}
    return {**fixed, "ms": middle, "range": [low, high], "peak_mib": _middle(x["peak_mib"] for x in samples)}


def _quartiles(values: list[float]) -> list[float]:
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3


def _middle(values: Any) -> float:
    return statistics.median(list(values))


def _share(work: dict, ms: float, operations: float, machine: dict[str, float]) -> dict[str, Any]:
    """What an epoch needs at least, by the hand-written program, against what bridle's largest population reached."""
    gflops, gbs = work["flops"] / ms / 1e6, work["bytes"] / ms / 1e6
    arithmetic, memory = gflops / machine["gflops"], gbs / machine["gbs"]
    return {
        "mflop": work["flops"] / 1e6,
        "mbyte": work["bytes"] / 1e6,
        "gflops": gflops,
        "of_product": arithmetic,
        "of_copy": memory,
        "bound": _bound(arithmetic, memory, operations, ms),
    }


def _bound(arithmetic: float, memory: float, operations: float, ms: float) -> str:
    """In words. A share of the copy above one says that the arrays stay in caches, where no copy is a bound."""
    each = f"{operations:.0f} operations an epoch, {ms * 1e3 / operations:.2f} µs of the machine each"
    if arithmetic >= NEAR:
        return f"arithmetic ({each})"
    return f"memory ({each})" if NEAR <= memory <= 1 else f"operations that are small ({each})"


HEAD = ("way", "members", "epochs", "ms per member-epoch", "compile s", "programs", "peak MiB", "against bars")


def tables(found: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """(title, head, rows) of each table, as text."""
    for family in found["families"].values():
        yield f"{family['title']}, fits of {family['length']} epochs", HEAD, list(_rows(family))
    head = ("family", "model.fit s", "bridle s", "bridle / fit", "pairs", "bridle is faster from")
    yield f"One member, {SHORT} epochs, compilation counted, imports not", head, list(_short_rows(found))
    machine = found["machine"]
    title = f"Share of this machine's {machine['gflops']:.0f} GFLOP/s (product) and {machine['gbs']:.0f} GB/s (copy)"
    head = ("family", "MFLOP/epoch", "MB/epoch", "GFLOP/s", "of product", "of copy", "bound by")
    yield title, head, list(_share_rows(found))


def _rows(family: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for way, facts in family["ways"].items():
        if "skipped" in facts:
            yield TITLES[way], facts["skipped"], *[""] * (len(HEAD) - 2)
            continue
        for line in facts["populations"]:
            yield (
                TITLES[way],
                str(line["population"]),
                str(line["epochs"]),
                f"{line['ms']:.4g} ({line['range'][0]:.4g}–{line['range'][1]:.4g})",
                f"{facts['compile_seconds']:.2f}",
                f"{facts['compilations']:.0f}",
                f"{line['peak_mib']:.0f}",
                _bars(line, family["bar"]),
            )


def _bars(line: dict[str, Any], bar: float) -> str:
    if "fit_ratio" not in line:
        return ""
    return f"fit {line['fit_ratio']:.1f}× (≥ {bar:g}), hand {line['hand_ratio']:.2f} (≤ {HAND_BAR})"


def _short_rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for family in found["families"].values():
        first = family["first"]
        fit, ours, (low, high) = first["fit"], first["bridle"], first["range"]
        saved = (family["ways"]["fit"]["populations"][0]["ms"] - family["ways"]["bridle"]["populations"][0]["ms"]) / 1e3
        even = f"{SHORT + max(0.0, (ours - fit) / saved):.0f} epochs" if saved > 0 else "never"
        ratio = f"{first['ratio']:.2f} ({low:.2f}–{high:.2f}; ≤ 1)"
        yield family["title"], f"{fit:.2f}", f"{ours:.2f}", ratio, str(first["pairs"]), even


def _share_rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for family in found["families"].values():
        share = family["share"]
        numbers = f"{share['mflop']:.1f}", f"{share['mbyte']:.1f}", f"{share['gflops']:.2f}"
        shares = f"{share['of_product']:.0%}", f"{share['of_copy']:.0%}"
        yield family["title"], *numbers, *shares, share["bound"]


def as_text(found: dict[str, Any]) -> str:
    """Tables for a terminal."""
    parts = []
    for title, head, rows in tables(found):
        widths = [max(len(row[number]) for row in (head, *rows)) for number in range(len(head))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
        parts.append("\n".join([title, *(line.rstrip() for line in lines)]))
    return "\n\n".join(parts)


def as_markdown(found: dict[str, Any]) -> str:
    """The same tables for the documentation, with the facts of the machine."""
    facts = ", ".join(f"{name} {value}" for name, value in found["facts"].items())
    parts = [
        "# Benchmarks",
        "<!-- generated by benchmarks/engine/report.py, run make docs -->",
        f"Measured by `make bench`: {facts}.",
        READING,
    ]
    for title, head, rows in tables(found):
        lines = [head, tuple("---" for _ in head), *rows]
        parts.append("\n".join([f"## {title}", "", *(f"| {' | '.join(row)} |" for row in lines)]))
    return "\n\n".join(parts) + "\n"
