"""The page docs/claims.md: the claims table, and who chooses better, each from its numbers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.chosen import DECADES, FOLDS, ROWS, TRAIN, WAYS

HEAD = ("chosen by", "accuracy on fresh rows", "minus the tutorial's way", "better, worse", "chose none")
ALONE = ("setting", "accuracy on fresh rows, minus none")
TITLES = {"circles": "Circles", "moons": "Two moons"}


def page(claims: Mapping[str, Any], chosen: Mapping[str, Any]) -> str:
    """Both parts, as Markdown."""
    from benchmarks.claims import as_markdown

    return as_markdown(claims) + "\n" + section(chosen)


def section(chosen: Mapping[str, Any]) -> str:
    """Who chooses better, for each generator."""
    parts = ["## Who chooses better, the tutorial or cross-validation?", _how(chosen)]
    for name in filter(chosen.get, TITLES):
        found = chosen[name]
        title = f"### {TITLES[name]}, {found['epochs']} epochs: {answer(found['summary'])}"
        each = "Each setting against no penalty, over the drawn data sets:"
        parts += [title, _table(HEAD, _rows(found)), _counts(found), why(found), each, _table(ALONE, _alone(found))]
    return "\n\n".join(parts) + "\n"


def _how(chosen: Mapping[str, Any]) -> str:
    facts = next(iter(chosen.values()))
    sets, seeds, epochs = len(facts["sets"]), facts["seeds"], facts["epochs"]
    whole = "as in the tutorials" if epochs == 4000 else "fewer than the tutorials' 4000"
    minutes = " and ".join(f"{found['minutes']:.0f} ({found['cpu_minutes']:.0f} of CPU)" for found in chosen.values())
    grid = ", ".join(f"{strength:g}" for strength in DECADES)
    return (
        f"{sets} data sets of {ROWS} rows drawn from each generator, {TRAIN} of them to train on, {epochs} epochs, "
        f"{whole}. The tutorial's way trains each of its settings once and takes the best on the {ROWS - TRAIN} test "
        f"rows, the weakest of several. bridle's way sees the {TRAIN} training rows only: {FOLDS} folds × {seeds} "
        f"seeds over the honest arms of the case at {grid}. What either way chose is trained on the {TRAIN} rows from "
        f"the same {seeds} seeds and judged on the same 20,000 fresh rows. Differences are in percentage points, by "
        f"data set: mean ± standard error, 95 % interval. It took {minutes} minutes (`python -m benchmarks.chosen`)."
    )


def answer(summary: Mapping[str, Any]) -> str:
    """Whether what cross-validation chooses is at least as good as the tutorial's choice, in words."""
    gain = summary["honest"]
    if gain["low"] > 0:
        return "cross-validation chooses better"
    if gain["high"] < 0:
        return "cross-validation chooses worse"
    side = "no worse on average" if gain["difference"] >= 0 else "a little worse on average"
    return f"cross-validation is {side}, and the difference is not clear"


def why(found: Mapping[str, Any]) -> str:
    """What the choice had to go by."""
    settings, (fallback, level) = found["settings"], (found["summary"][way] for way in ("verdict", "same_rows"))
    helps, hurts = sum(line["low"] > 0 for line in settings), sum(line["high"] < 0 for line in settings)
    return (
        f"Of {len(settings)} settings, {helps} are clearly better than no penalty over these data sets, and {hurts} "
        f"clearly worse. Cross-validation has {TRAIN} rows to judge by, so that one row is {100 / TRAIN:.1f} points: "
        "more than most useful settings differ by, so that the best mean is often luck, and a bad one can have it. "
        f"The tutorial's way has the labels of {ROWS - TRAIN} more rows. With those to judge by, over all seeds, "
        f"bridle's arms differ from the tutorial's way by {_apart(level)} points{_therefore(level)}. "
        "Where a penalty is taken only if the verdict sees evidence for it, the accuracy differs from the tutorial's "
        f"by {_apart(fallback)} points; that was no penalty in {fallback['took_none']} of {len(found['sets'])}."
    )


def _therefore(level: Mapping[str, float]) -> str:
    """What the comparison with equal rows says about the reason."""
    if level["low"] > 0:
        return ": with the same rows it chooses better, so that the rows make the difference"
    if level["low"] >= -0.005:
        return ": with the same rows it is as good to half a point, so that the rows make the difference"
    return ": the rows alone do not explain it"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows(found: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for way, title in WAYS.items():
        line = found["summary"][way]
        apart = "" if way == "tutorial" else _apart(line)
        count = "" if way == "tutorial" else f"{line['better']}, {line['worse']}"
        yield title, f"{line['accuracy']:.4f}", apart, count, f"{line['took_none']} of {len(found['sets'])}"


def _alone(found: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for line in found["settings"]:
        yield line["setting"], _apart(line)


def _apart(line: Mapping[str, Any]) -> str:
    """A difference in percentage points: mean ± standard error (interval)."""
    from benchmarks.claims import number

    middle, low, high = (number(100 * line[name], 2, signed=True) for name in ("difference", "low", "high"))
    return f"{middle} ± {number(100 * line['error'], 2)} ({low} to {high})"


def _counts(found: Mapping[str, Any]) -> str:
    """What was chosen how often."""
    said = []
    for way in ("tutorial", "honest"):
        names = [line["chosen"][way] for line in found["sets"]]
        counts = sorted({name: names.count(name) for name in names}.items(), key=lambda pair: (-pair[1], pair[0]))
        said.append(f"{WAYS[way][0].upper()}{WAYS[way][1:]}: {', '.join(f'{n} ({k})' for n, k in counts)}.")
    return "\n\n".join(said)
