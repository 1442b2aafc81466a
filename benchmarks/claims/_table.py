"""The table "published, measured, holds?": as plain values, and from those as Markdown, for a page, for a terminal."""

import math
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import jax
import keras
from benchmarks.claims._claim import ACCURACY, NONE
from benchmarks.claims._judge import RULE
from benchmarks.claims._measure import Measured
from benchmarks.claims._run import ClaimsRun, Ran

from bridle._version import __version__
from bridle.engine import core_count
from bridle.report import Sheet, strict

HEAD = (
    "claim", "published", "measured, mean ± sd", "difference, as claimed", "seen in", "honest protocol", "fresh rows",
    "holds?",
)  # fmt: skip
READING = """\
**Measured** is the tutorial's protocol: its rows, its network, its number of epochs, from many seeds instead of one;
mean ± standard deviation over the runs, of the accuracy on its test rows, and the difference with its interval over
seeds (on iris over random splits, Nadeau–Bengio). **Seen in** is the share of runs that show the claim, by however
little: what a person who runs the tutorial once is likely to believe. **Honest protocol** is cross-validation inside
the training rows; where the claim names no single strength, a grid of strengths is tried, and each fold takes the one
that the other folds choose. **Fresh rows** are 20,000 more from the same generator, on which the tutorial's own fits
are judged: the truth for these training rows, with its interval over seeds. All intervals are at 95 %, each for
itself, not corrected for the number of claims; differences of accuracy and of zeros are in percentage points, and
positive is what the claim says. The 20,070 rows of the protocols below are 70 test rows and 20,000 fresh ones."""


def as_json(run: ClaimsRun) -> dict[str, Any]:
    """Everything that the table says, as plain values; what is not known is null."""
    facts = {
        "bridle": __version__,
        "keras": keras.__version__,
        "jax": jax.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": core_count(),
        "minutes": round(run.seconds / 60, 1),
        "CPU minutes": round(run.cpu_seconds / 60, 1),
        "whole": run.whole,
    }
    return strict({"facts": facts, "experiments": [_experiment(each) for each in run.ran]})


def _experiment(ran: Ran) -> dict[str, Any]:
    honest = ran.honest
    return {
        "name": ran.experiment.name,
        "title": ran.experiment.title,
        "epochs": int(ran.tutorial.epochs[-1]),
        "tutorial": ran.tutorial.protocol,
        "honest": None if honest is None else honest.protocol,
        "fits": len(ran.tutorial.members) + (0 if honest is None else len(honest.members)),
        "claims": [_line(each) for each in ran.measured],
    }


def _line(measured: Measured) -> dict[str, Any]:
    claim = measured.claim
    return {
        "key": claim.key,
        "claim": claim.says,
        "published": claim.published,
        "quantity": claim.quantity,
        "sides": {
            "tutorial": [asdict(side) for side in claim.tutorial],
            "honest": [asdict(side) for side in claim.honest],
        },
        "measured": asdict(measured.runs),
        "honest": None if measured.honest is None else asdict(measured.honest),
        "fresh": None if measured.truth is None else asdict(measured.truth),
        "holds": measured.holds,
    }


def rows(found: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], list[tuple[str, ...]]]]:
    """Each experiment with the cells of its lines, in the order of `HEAD`."""
    for experiment in found["experiments"]:
        yield experiment, [cells(line) for line in experiment["claims"]]


def cells(line: Mapping[str, Any]) -> tuple[str, ...]:
    """One line in words and rounded numbers."""
    return (
        line["claim"],
        line["published"],
        " → ".join(f"{mean} ± {sd}" for mean, sd in means(line)),
        spread(line["measured"]["gain"], is_share(line)),
        seen(line),
        spread(line["honest"], is_share(line)),
        spread(line["fresh"], is_share(line)),
        line["holds"],
    )


def means(line: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Mean and standard deviation of both sides in the tutorial's protocol, without the penalty first."""
    runs, gain = line["measured"], line["measured"]["gain"]
    places = 3 if is_share(line) else _places(gain["more"])
    sides = [(gain["less"], runs["less_sd"]), (gain["more"], runs["more_sd"])]
    ordered = sides[::-1] if line["sides"]["tutorial"][0]["arm"] == NONE.arm else sides
    return [(number(mean, places), number(sd, places)) for mean, sd in ordered]


def seen(line: Mapping[str, Any]) -> str:
    """The share of runs that show the claim."""
    share = line["measured"]["seen"]
    return "" if share is None else f"{share:.0%}"


def is_share(line: Mapping[str, Any]) -> bool:
    """Whether a claim is about a share, whose differences are written in percentage points."""
    return line["quantity"].startswith((ACCURACY, "zeros/"))


def spread(found: Mapping[str, Any] | None, share: bool) -> str:
    """A difference and its interval: shares of rows in points, other quantities in three digits."""
    if found is None:
        return "–"
    scale, places = (100, 1) if share else (1, _places(found["difference"]))
    values = [None if found[name] is None else scale * found[name] for name in ("difference", "low", "high")]
    middle, low, high = (number(value, places, signed=True) for value in values)
    return middle if values[1] is None else f"{middle} ({low} to {high})"


def number(value: float | None, places: int, *, signed: bool = False) -> str:
    """A rounded number with a true minus sign; zero has no sign."""
    if value is None:
        return "unknown"
    text = f"{value:.{places}f}"
    plain = text.lstrip("-")
    if not float(plain):
        return plain
    return f"−{plain}" if text.startswith("-") else f"+{plain}" if signed else plain


def _places(value: float | None) -> int:
    """Decimals that show three digits."""
    return 2 if not value else max(0, 2 - math.floor(math.log10(abs(value))))


def as_markdown(found: Mapping[str, Any]) -> str:
    """The page: how to read it, the rule, and a table for each experiment."""
    facts = ", ".join(f"{name} {value}" for name, value in found["facts"].items() if name != "whole")
    early = [] if found["facts"]["whole"] else ["Stopped early: what had not finished is missing."]
    parts = [
        "# Published claims, measured",
        f"Written by `python -m benchmarks.claims`: {facts}.",
        *early,
        READING,
        RULE,
        tally(found),
    ]
    for experiment, lines in rows(found):
        parts += [f"## {experiment['title']}", _markdown(HEAD, lines), _protocols(experiment)]
    return "\n\n".join(parts) + "\n"


def tally(found: Mapping[str, Any]) -> str:
    """How many claims came out how."""
    said = [line["holds"] for experiment in found["experiments"] for line in experiment["claims"]]
    counts = sorted(Counter(said).items(), key=lambda pair: -pair[1])
    return f"Of {len(said)} claims and proposals: {', '.join(f'{count} {word}' for word, count in counts)}."


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *lines))


def _protocols(experiment: Mapping[str, Any]) -> str:
    said = {"The tutorial's protocol": experiment["tutorial"], "The honest one": experiment["honest"]}
    known = [f"{name}: {text}" for name, text in said.items() if text]
    return "\n\n".join([*known, f"{experiment['fits']:,} fits."])


def sheets(found: Mapping[str, Any]) -> dict[str, Sheet]:
    """The table of each experiment for a report, by the name of the experiment."""
    read = "Published and measured; 95 % intervals, differences of shares in percentage points."
    return {each["name"]: Sheet(f"{each['title']}. {read}", HEAD, tuple(lines)) for each, lines in rows(found)}
