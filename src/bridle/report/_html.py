"""The page: one file, without scripts, that needs no network."""

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from bridle._errors import InputError
from bridle.plots import Drawing
from bridle.report._cells import Group
from bridle.report._cells import cells as written
from bridle.report._css import CSS
from bridle.report._notes import meaning
from bridle.report._section import Section, Sheet
from bridle.report._svg import data_uri


def page(title: str, sections: Sequence[Section], lead: str = "") -> str:
    """One self-contained HTML page: for each study the verdict, the table, the pictures, how it was done.

    A content security policy forbids everything but the page's own style and inline pictures. All text that
    a person named is escaped.

    Args:
        title: the heading of the page.
        sections: the studies, in order; with several, the page opens with the answer of each.
        lead: words below the title.

    Errors: `InputError` without any section.

    """
    if not sections:
        raise InputError("Expected at least one section in a report, got none. Give a Section(title, result).")
    alone = len(sections) == 1
    body = [f"<h1>{escape(title)}</h1>", *_paragraphs(lead, "lead")]
    body += [] if alone else [_summary(sections)]
    for number, section in enumerate(sections, start=1):
        heading = f'<h2 id="study-{number}">{escape(section.title)}</h2>'
        body += [] if alone and section.title in ("", title) else [heading]
        body.append(_study(section))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{_policy()}\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _policy() -> str:
    digest = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
    rules = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return f'<meta http-equiv="Content-Security-Policy" content="{rules}">'


def _summary(sections: Sequence[Section]) -> str:
    items = (
        f'<p><a href="#study-{number}">{escape(section.title)}</a>: {escape(section.sentences[0])}</p>'
        for number, section in enumerate(sections, start=1)
    )
    return f'<nav aria-label="Answers">{"".join(items)}</nav>'


def _study(section: Section) -> str:
    parts = [
        *_paragraphs(section.intro),
        '<div class="verdict">',
        *(f"<p>{escape(line)}</p>" for line in section.sentences),
        "</div>",
    ]
    parts += [_sheet(sheet) for sheet in section.tables]
    parts += [_table(section), *(_figure(drawing) for drawing in section.drawings)]
    parts += [f"<h3>The lines to paste</h3><pre><code>{escape(section.code)}</code></pre>"] if section.code else []
    parts.append(_how(section))
    return "\n".join(parts)


def _paragraphs(text: str, kind: str = "") -> list[str]:
    opening = f'<p class="{kind}">' if kind else "<p>"
    return [f"{opening}{escape(line)}</p>" for line in text.splitlines() if line.strip()]


def _table(section: Section) -> str:
    shown = written(section.result, section.evidence)
    head = _row("th", shown.headers, ' scope="col"')
    bodies = "".join(_group(group, len(shown.headers)) for group in shown.groups)
    return _framed(shown.caption, head, bodies)


def _group(group: Group, columns: int) -> str:
    lines = [
        _row("td", line, kind=' class="best"' if "best" in rule else "")
        for line, rule in zip(group.lines, group.rules, strict=True)
    ]
    named = bool(group.lines) and group.lines[0][0] == group.heading
    heading = "" if named else f'<tr><th scope="rowgroup" colspan="{columns}">{escape(group.heading)}</th></tr>'
    return f"<tbody>{heading}{''.join(lines)}</tbody>"


def _row(tag: str, values: Iterable[object], attributes: str = "", kind: str = "") -> str:
    return f"<tr{kind}>{''.join(f'<{tag}{attributes}>{escape(str(value))}</{tag}>' for value in values)}</tr>"


def _sheet(sheet: Sheet) -> str:
    words = [any(isinstance(row[column], str) for row in sheet.rows) for column in range(len(sheet.headers))]
    head = "".join(
        f'<th scope="col"{_kind(word)}>{escape(name)}</th>' for name, word in zip(sheet.headers, words, strict=True)
    )
    rows = [zip(row, words, strict=True) for row in sheet.rows]
    cells = ("".join(f"<td{_kind(word)}>{escape(_fact(value))}</td>" for value, word in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return _framed(sheet.caption, f"<tr>{head}</tr>", f"<tbody>{body}</tbody>")


def _framed(caption: str, head: str, bodies: str) -> str:
    table = f"<table><caption>{escape(caption)}</caption><thead>{head}</thead>{bodies}</table>"
    return f'<div class="scroll">{table}</div>'


def _kind(word: bool) -> str:
    return ' class="word"' if word else ""


def _figure(drawing: Drawing) -> str:
    return (
        f'<figure><img src="{data_uri(drawing.figure)}" alt="{escape(drawing.alt)}">'
        f"<figcaption>{escape(drawing.caption)}</figcaption></figure>"
    )


def _how(section: Section) -> str:
    result = section.result
    terms = {
        arm.name: "; ".join(f"{target}: {penalty}" for target, penalty in arm.terms) for arm in result.arms if arm.terms
    }
    rows = [f"{train:,} rows trained on, {validation:,} validated on" for train, validation in result.fold_rows]
    facts = {"folds": "; ".join(dict.fromkeys(rows)), "seeds": f"{len(result.seeds)}", **terms}
    provenance = _facts(result.provenance)
    return "\n".join(
        [
            "<h3>How it was done</h3>",
            *_paragraphs(result.protocol),
            *_paragraphs(meaning(result)),
            _facts(facts),
            *(["<h3>Where the numbers come from</h3>", provenance] if result.provenance else []),
        ]
    )


def _facts(facts: Mapping[str, object]) -> str:
    items = "".join(f"<dt>{escape(str(name))}</dt><dd>{escape(_fact(value))}</dd>" for name, value in facts.items())
    return f"<dl>{items}</dl>"


def _fact(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else "unknown"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_fact(inner)}" for name, inner in value.items())
    return str(value)
