"""The tables of docs/strengths.md, from the code: `python tests/conversion/_page.py` brings the page up to date."""

import re
from pathlib import Path

from bridle.conversion import CONVENTIONS, presets

PAGE = Path(__file__).parents[2] / "docs" / "strengths.md"
SUBJECTS = ("weights", "activations", "decay", "dropout", "noise", "labels")


def with_tables(page: str) -> str:
    """The page with each `<!-- table: name -->` … `<!-- end -->` filled in."""
    tables = {subject: _conventions(subject) for subject in SUBJECTS} | {"presets": _presets()}
    return re.sub(
        r"<!-- table: (\w+) -->.*?<!-- end -->",
        lambda found: f"<!-- table: {found[1]} -->\n{tables[found[1]]}\n<!-- end -->",
        page,
        flags=re.DOTALL,
    )


def _conventions(subject: str) -> str:
    rows = [
        (f"`{one.name}`", " ".join(filter(None, [one.says(), one.note])), one.rule)
        for one in CONVENTIONS
        if one.subject == subject
    ]
    return _table(("write", "what it means", "factor"), rows)


def _presets() -> str:
    rows = [
        (
            f"`{one.name}`",
            one.printed,
            f"`{one.where} = {one.text}`",
            " ".join(filter(None, [f"{one.source}.", one.note])),
            one.meaning,
        )
        for one in presets.values()
    ]
    return _table(("name", "printed", "in bridle", "source", "meaning"), rows)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
