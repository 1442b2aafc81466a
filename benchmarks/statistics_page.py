"""The page docs/statistics.md: the template statistics.md with the numbers of the simulations.

`python -m benchmarks.statistics_page` writes it from power.json, calibration.json, few_folds.json and ranges.json.
"""

import json
from pathlib import Path

from benchmarks import calibration, few_folds, ranges
from benchmarks.power.__main__ import LOOKED, MANY, RULES
from benchmarks.power.__main__ import NUMBERS as POWER
from benchmarks.power._judge import DESIGNS

PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"
TEXT = Path(__file__).parent / "statistics.md"
LEAST_FRESH = 25
"""The fewest studies whose coverage is shown."""
LOOK_COUNTS = (1, 2, 5, 10, 20)
LOOK_WAYS = {
    "ignored": "looks ignored",
    "extended": "5 seeds planned, then extended by one at a time",
    "planned": "20 seeds planned",
}
KINDS = {
    "one strength": "one arm with one strength",
    "one arm": "one arm, the best of three strengths",
    "several arms": "three arms, any of them",
}


def page() -> str:
    """Return the page."""
    found, lines = json.loads(calibration.NUMBERS.read_text()), json.loads(ranges.NUMBERS.read_text())
    few, power = json.loads(few_folds.NUMBERS.read_text()), json.loads(POWER.read_text())
    looked = json.loads(LOOKED.read_text())
    return TEXT.read_text().format(
        power_studies=_span([line["studies"] for line in power]),
        power=_power([line for line in power if not line["family"].startswith("null")]),
        chance=_chance([line for line in power if line["family"].startswith("null")]),
        **_rules(json.loads(RULES.read_text())),
        **_fresh([line for line in power if line["design"] == next(iter(DESIGNS))]),
        looked=_looked(looked),
        looked_studies=looked["studies"],
        many_seeds=MANY,
        studies=found["studies"],
        rows=calibration.ROWS,
        folds=calibration.FOLDS,
        seeds=calibration.SEEDS,
        units=calibration.UNITS,
        epochs=calibration.EPOCHS,
        strength=calibration.STRENGTH,
        fresh=calibration.FRESH,
        coverage=_coverage(found["coverage"]),
        said=_said(found["coverage"]),
        claims=_claims(found["false claims"]),
        arms=few_folds.ARMS,
        few_rows=few_folds.ROWS,
        few_studies=few["studies"],
        few=_few(few["false claims"]),
        fine=ranges.FINE,
        coarse=ranges.COARSE,
        auto_seeds=ranges.SEEDS,
        auto_folds=ranges.FOLDS,
        ranges=_ranges(lines),
        held=sum(line["inside"] for line in lines),
        lines=len(lines),
        most=max(line["fits"] / line["coarse"] for line in lines),
    )


def _span(counts: list[int]) -> str:
    """Return the least and the largest of some counts as text."""
    least, most = min(counts), max(counts)
    return str(most) if least == most else f"{least} to {most}"


def _by_design(lines: list[dict]) -> list[dict[str, dict]]:
    """Return the lines of both designs of each setting and score."""
    keys = dict.fromkeys((line["family"], line["rows"], line["score"]) for line in lines)
    return [
        {line["design"]: line for line in lines if (line["family"], line["rows"], line["score"]) == key} for key in keys
    ]


def _power(lines: list[dict]) -> str:
    first, second = DESIGNS
    head = ("data", "rows", "studies", "score", "true gain", "in errors", "folds", "rows", second)
    head = (*head, "covers", "fresh", second, "training")
    rows = []
    for both in _by_design(lines):
        one, other = both[first], both[second]
        facts = (one["family"], str(one["rows"]), str(one["studies"]), one["score"], f"{one['truth']:.4f}")
        shares = (one["before"], one["claims"], other["claims"], one["covers"], _fresh_share(one), other["covers"])
        size = f"{one['truth'] / one['error']:.1f}"
        rows.append((*facts, size, *(_percent(share, 0) for share in shares), f"{one['training']:.1f}"))
    return _table(head, rows)


def _chance(lines: list[dict]) -> str:
    first, second = DESIGNS
    head = (
        "data",
        "rows",
        "studies",
        "score",
        "folds",
        "rows",
        second,
        "looks ignored",
        "looks",
        "covers",
        "fresh",
        second,
    )
    rows = []
    for both in _by_design(lines):
        one, other = both[first], both[second]
        shares = (one["before"], one["claims"], other["claims"], one["looks ignored"], one["looks"])
        shares = (*shares, one["covers"], _fresh_share(one), other["covers"])
        facts = (one["family"], str(one["rows"]), str(one["studies"]), one["score"])
        rows.append((*facts, *(_percent(share, 1) for share in shares)))
    return _table(head, rows)


def _rules(lines: list[dict]) -> dict[str, str | float]:
    """Return the table of both rules, and the coverage and the claims of `recommended` over all studies, in percent."""
    head = ("data", "rows", "studies", "score", "true gain", "recommended", "handed over", "recommended")
    head = (*head, "claims", "recommended", "covers", "recommended")
    rows = []
    for best, offer in zip(lines[::2], lines[1::2], strict=True):
        facts = (best["family"], str(best["rows"]), str(best["studies"]), best["score"])
        gains = (f"{line[name]:.4f}" for name in ("truth", "handed over") for line in (best, offer))
        shares = (_percent(line[name], 1) for name in ("claims", "covers") for line in (best, offer))
        rows.append((*facts, *gains, *shares))
    offers = lines[1::2]
    useless = [line for line in offers if line["family"].startswith("null")]
    covered = sum(line["covers"] * line["studies"] * (1 - line["no interval"]) for line in offers)
    known = sum(line["studies"] * (1 - line["no interval"]) for line in offers)
    return {
        "rules": _table(head, rows),
        "rule_studies": sum(line["studies"] for line in offers),
        "rule_covers": 100 * covered / known,
        "useless_studies": sum(line["studies"] for line in useless),
        "useless_claims": 100
        * sum(line["claims"] * line["studies"] for line in useless)
        / sum(line["studies"] for line in useless),
    }


def _fresh_share(line: dict) -> float | None:
    """Return the coverage over fresh studies, if there are enough."""
    return line["fresh covers"] if line["fresh studies"] >= LEAST_FRESH else None


def _fresh(lines: list[dict]) -> dict[str, float]:
    """Return the number of fresh studies over all lines, and their coverage in percent."""
    used = [line for line in lines if _fresh_share(line) is not None]
    count = sum(line["fresh studies"] for line in used)
    return {
        "fresh_studies": count,
        "fresh_covers": 100 * sum(line["fresh covers"] * line["fresh studies"] for line in used) / max(count, 1),
    }


def _percent(share: float | None, digits: int) -> str:
    return "" if share is None else f"{100 * share:.{digits}f} %"


def _looked(found: dict) -> str:
    head = ("", *(f"{count} look{'s' if count > 1 else ''}" for count in LOOK_COUNTS))
    return _table(
        head,
        [
            (words, *(f"{100 * found[way][count - 1]:.1f} %" for count in LOOK_COUNTS))
            for way, words in LOOK_WAYS.items()
        ],
    )


def _coverage(found: dict) -> str:
    head = ("score", "true difference", "mean estimate", "covers", "lies too low", "lies too high", "mean width")
    rows = [
        (
            name,
            f"{sign(name) * own['truth']:.4f} ± {own['truth error']:.4f}",
            f"{sign(name) * own['mean difference']:.4f}",
            *(f"{100 * own[what]:.1f} %" for what in ("covers", "too low", "too high")),
            f"{own['width']:.3f}",
        )
        for name, own in found.items()
    ]
    return _table(head, rows)


def sign(name: str) -> int:
    """Return the sign with which a difference is shown: losses stay losses."""
    return calibration.SIGNS[name]


def _said(found: dict) -> str:
    """Return in words which intervals cover 93 to 97 %, and which are too wide or too narrow."""
    words = []
    for name, own in found.items():
        share = 100 * own["covers"]
        if 93 <= share <= 97:
            words.append(f"for the {name} 95 % intervals cover in {share:.1f} %")
        else:
            wide = "wider" if share > 97 else "narrower"
            words.append(f"for the {name} they cover in {share:.1f} %, so they are {wide} than necessary")
    text = "; ".join(words)
    return f"{text[0].upper()}{text[1:]}."


def _claims(found: dict) -> str:
    head = ("", *found)
    return _table(
        head, [(words, *(f"{100 * own[kind]:.1f} %" for own in found.values())) for kind, words in KINDS.items()]
    )


def _few(found: dict) -> str:
    head = ("", *few_folds.SIGNS)
    return _table(
        head, [(words, *(f"{100 * own[name]:.1f} %" for name in few_folds.SIGNS)) for words, own in found.items()]
    )


def _ranges(lines: list[dict]) -> str:
    head = ("data", "arm", "score", "range found", "best of the fine grid", "inside", "none", "fine", "auto", "fits")
    rows = [
        (
            line["data"],
            line["arm"],
            line["score"],
            f"{line['low']:.2g} to {line['high']:.2g}",
            f"{line['best']:.2g}" if line["best"] else "none",
            "yes" if line["inside"] else "**no**",
            *(f"{line[name]:.4g}" for name in ("none", "fine", "auto")),
            f"{line['fits'] / line['coarse']:.2f}",
        )
        for line in lines
    ]
    return _table(head, rows)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page())
