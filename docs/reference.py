"""The generated pages of the site: one for each public name, and one for each diagnosis."""

import inspect
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import bridle
from bridle.report import DIAGNOSES, Diagnosis

sys.path.insert(0, str(Path(__file__).parent))

import api
import diagnoses

ROOT = Path(__file__).parents[1]
PROJECT = ("CHANGELOG", "SECURITY", "CONTRIBUTING")
"""Texts of the project that are pages of the site too."""
GROUP = re.compile(r"\n\n(?=[A-Z])")
"""What separates the groups in the contents of `help(bridle)`."""


def write(names: Path, codes: Path, project: Path) -> None:
    """Write the reference into the folder `names`, the diagnoses and texts of the project into others.

    Files that did not change stay as they are, so that a second build is quick.
    """
    pages = {names / "index.md": contents()}
    pages |= {names / f"{name}.md": name_page(name) for name in public_names()}
    pages |= {codes / "index.md": diagnosis_contents()}
    pages |= {codes / f"{one.code.lower()}.md": diagnosis_page(one) for one in DIAGNOSES}
    pages |= {project / f"{name.lower()}.md": _project_page(name) for name in PROJECT}
    for path, text in pages.items():
        path.parent.mkdir(exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def public_names() -> list[str]:
    """Return the public names of the package."""
    return [name for name in bridle.__all__ if name != "__version__"]


def contents() -> str:
    """Return the page of contents: the groups of `help(bridle)`, with links."""
    text = inspect.cleandoc(bridle.__doc__ or "")
    lines = ["# Reference", "", "Every public name, with its formula, its arguments, its errors and an example.", ""]
    left = set(public_names())
    for group in GROUP.split(text)[1:]:
        title, *rest = group.splitlines()
        words = [word for line in rest for word in re.findall(r"\b\w+\b", line.strip().partition("   ")[0])]
        found = list(dict.fromkeys(word for word in words if word in left))
        if found:
            left -= set(found)
            lines += [f"## {title}", "", *map(_entry, found), ""]
    if left:
        lines += ["## More", "", *map(_entry, sorted(left)), ""]
    return "\n".join(lines) + _tree(public_names())


def _entry(name: str) -> str:
    summary = (inspect.getdoc(getattr(bridle, name)) or "").partition("\n\n")[0].replace("\n", " ")
    return f"* [`bridle.{name}`]({name}.md): {summary}"


def name_page(name: str) -> str:
    """Return the page of one public name, with its public methods."""
    return f"# bridle.{name}\n\n" + _literal(api._section(name, getattr(bridle, name)).partition("\n\n")[2])


def _literal(text: str) -> str:
    """Return blocks of docstrings, with examples in a block of their own, which is coloured."""

    def split(match: re.Match[str]) -> str:
        body, parts = match[1].rstrip("\n"), []
        for paragraph in re.split(r"\n\n", body):
            is_example = paragraph.lstrip().startswith(">>>")
            kind = "pycon" if is_example else "text"
            if parts and parts[-1][0] == kind == "text":
                parts[-1][1].append(paragraph)
            else:
                parts.append((kind, [paragraph]))
        return _blocks(parts)

    return re.sub(r"```text\n(.*?)\n```", split, text, flags=re.DOTALL)


def _blocks(parts: Iterable[tuple[str, list[str]]]) -> str:
    blocks = []
    for kind, paragraphs in parts:
        body = "\n\n".join(paragraphs)
        blocks.append(f"```{kind}\n{body}\n```\n")
    return "\n".join(blocks)


def diagnosis_contents() -> str:
    """Return the table of all diagnoses."""
    rows = "\n".join(f"| [{one.code}]({one.code.lower()}.md) | {one.title} |" for one in DIAGNOSES)
    names = [one.code.lower() for one in DIAGNOSES]
    return f"{diagnoses.HEAD}| code | diagnosis |\n|---|---|\n{rows}\n\n" + _tree(names)


def diagnosis_page(one: Diagnosis) -> str:
    """Return the page of one diagnosis: what was seen, why it matters, what to do."""
    return (
        f"# {one.code}: {one.title}\n\n{one.pattern}\n\n## Why it matters\n\n{one.reason}\n\n"
        f"## What to do\n\n{one.action}\n"
    )


def _project_page(name: str) -> str:
    """Return a text of the project with its links into `docs` as links of the site."""
    return re.sub(r"\(docs/([\w-]+\.md)", r"(../\1", (ROOT / f"{name}.md").read_text(encoding="utf-8"))


def _tree(names: Iterable[str]) -> str:
    entries = "\n".join(names)
    return f"\n```{{toctree}}\n:hidden:\n\n{entries}\n```\n"
