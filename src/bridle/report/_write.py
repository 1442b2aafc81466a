"""The files of a report, each written atomically."""

import json
import os
import re
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from matplotlib.figure import Figure

from bridle._errors import StoreError
from bridle.report._html import page
from bridle.report._json import strict, to_json
from bridle.report._section import Section
from bridle.store import write_atomic

PNG_DPI = 150
"""Resolution of the figures."""
MAX_SLUG_CHARS = 40
"""The longest name that a title gives to a file."""


@dataclass(frozen=True)
class Written:
    """Paths of the files of a report."""

    page: Path
    numbers: Path
    figures: tuple[Path, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files."""
        return (self.page, self.numbers, *self.figures)


def write(
    folder: str | os.PathLike[str],
    title: str,
    sections: Sequence[Section],
    lead: str = "",
    extra: Mapping[str, object] | None = None,
) -> Written:
    """Write `report.html`, `result.json` and one PNG per picture into `folder`, and make it if it is missing.

    Each file is replaced completely or not at all. With several sections the names of figures begin with the
    section's title, `honest-sweep.png`. `result.json` holds `title`, `lead`, `sections` (each `to_json` with a
    `title`) and `extra`.

    Errors: `StoreError` if the folder cannot be made or written; `InputError` without any section.
    """
    folder = Path(folder)
    text = page(title, sections, lead)
    numbers = {
        "title": title,
        "lead": lead,
        "sections": [{"title": section.title, **to_json(section.result, section.evidence)} for section in sections],
        "extra": strict(extra or {}),
    }
    prefixes = [""] if len(sections) == 1 else [f"{name}-" for name in slugs([section.title for section in sections])]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        figures = tuple(
            _write_file(folder / f"{prefix}{drawing.name}.png", drawing.figure)
            for prefix, section in zip(prefixes, sections, strict=True)
            for drawing in section.drawings
        )
        dumped = json.dumps(numbers, allow_nan=False, indent=1, ensure_ascii=False)
        return Written(
            page=_write_file(folder / "report.html", text.encode()),
            numbers=_write_file(folder / "result.json", f"{dumped}\n".encode()),
            figures=figures,
        )
    except OSError as error:
        raise StoreError(
            f"Expected a folder that can be written, got {str(folder)!r} ({error.strerror or error}). "
            "Give another folder, or make this one writable."
        ) from None


def slugs(titles: Sequence[str]) -> list[str]:
    """Return names that are safe in any file system, one per title and all different.

    >>> slugs(["Tutorial's protocol", "Honest", "honest!", "../"])
    ['tutorial-s-protocol', 'honest', 'honest-2', 'study']
    """
    names: list[str] = []
    for title in titles:
        plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
        base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG_CHARS].strip("-") or "study"
        name, count = base, 1
        while name in names:
            count += 1
            name = f"{base}-{count}"
        names.append(name)
    return names


def _write_file(path: Path, content: bytes | Figure) -> Path:
    """Write one file, completely or not at all."""
    write_atomic(path, lambda file: _save(content, file) if isinstance(content, Figure) else file.write(content))
    return path


def _save(figure: Figure, file: BinaryIO) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(file, format="png", dpi=PNG_DPI, facecolor="white")
