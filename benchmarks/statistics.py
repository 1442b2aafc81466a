"""The page docs/statistics.md: the template statistics.md with the numbers of the simulations.

`python -m benchmarks.statistics` writes it from calibration.json, few_folds.json and ranges.json.
"""

import json
from pathlib import Path

from benchmarks import calibration, few_folds, ranges

PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"
TEXT = Path(__file__).parent / "statistics.md"
KINDS = {
    "one strength": "one arm with one strength",
    "one arm": "one arm, the best of three strengths",
    "several arms": "three arms, any of them",
}


def page() -> str:
    """Return the page."""
    found, lines = json.loads(calibration.NUMBERS.read_text()), json.loads(ranges.NUMBERS.read_text())
    few = json.loads(few_folds.NUMBERS.read_text())
    return TEXT.read_text().format(
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
