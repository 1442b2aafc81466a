"""The page: one file that needs no network, and reads as well without its scripts."""

import math
from collections.abc import Iterable, Mapping, Sequence

from bridle._errors import InputError
from bridle.plots import Drawing
from bridle.report._again import facts_again
from bridle.report._cells import Group
from bridle.report._cells import cells as written
from bridle.report._css import CSS
from bridle.report._literal import markup
from bridle.report._notes import meaning
from bridle.report._scripts import LIBRARY, OWN, SHEET, SHEET_ID, policy, script, scripts
from bridle.report._section import Section, Sheet
from bridle.report._svg import data_uri


def page(title: str, sections: Sequence[Section], lead: str = "") -> str:
    """One self-contained HTML page: for each study the verdict, the table, the pictures, how it was done.

    Scripts draw charts with values to point at over some of the pictures; without them, and on paper, the pictures
    stay. A content security policy forbids everything but these scripts, the page's own style and inline pictures.
    All text that a person named is escaped.

    Args:
        title: the heading of the page.
        sections: the studies, in order; with several, the page opens with the answer of each.
        lead: words below the title.

    Errors: `InputError` without any section.

    """
    if not sections:
        raise InputError("Expected at least one section in a report, got none. Give a Section(title, result).")
    alone = len(sections) == 1
    body = [f"<h1>{markup(title)}</h1>", *_paragraphs(lead, "lead")]
    body += [] if alone else [_summary(sections)]
    for number, section in enumerate(sections, start=1):
        titled = not (alone and section.title in ("", title))
        body += [f'<h2 id="study-{number}">{markup(section.title)}</h2>'] if titled else []
        body.append(_study(section, f"study-{number}", "h3" if titled else "h2"))
    charts = {_chart(f"study-{n}", name): c for n, s in enumerate(sections, start=1) for name, c in s.charts.items()}
    body += [scripts(charts)] if charts else []
    return _head(title, bool(charts)) + "\n".join(body) + "\n</body>\n</html>\n"


def _head(title: str, lively: bool) -> str:
    rules = policy((CSS, SHEET), (script(LIBRARY), script(OWN))) if lively else policy((CSS,), ())
    sheet = f'<style id="{SHEET_ID}">{SHEET}</style>\n' if lively else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{rules}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{markup(title)}</title>\n{sheet}<style>{CSS}</style>\n</head>\n<body>\n"
    )


def _summary(sections: Sequence[Section]) -> str:
    items = (
        f'<p><a href="#study-{number}">{markup(section.title)}</a>: {markup(section.sentences[0])}</p>'
        for number, section in enumerate(sections, start=1)
    )
    return f'<nav aria-label="Answers">{"".join(items)}</nav>'


def _study(section: Section, key: str, heading: str) -> str:
    parts = [
        *_paragraphs(section.intro),
        '<div class="verdict">',
        *(f"<p>{markup(line)}</p>" for line in section.sentences),
        "</div>",
    ]
    parts += [_sheet(sheet) for sheet in section.tables]
    parts += [_table(section), *(_figure(drawing, key, section) for drawing in section.drawings)]
    parts += [_titled("The lines to paste", heading), _code(section.code)] if section.code else []
    return "\n".join([*parts, *_how(section, heading), *_again(section, heading)])


def _titled(words: str, heading: str) -> str:
    return f'<{heading} class="part">{words}</{heading}>'


def _code(lines: str) -> str:
    return f'<pre tabindex="0"><code>{markup(lines)}</code></pre>'


def _paragraphs(text: str, kind: str = "") -> list[str]:
    opening = f'<p class="{kind}">' if kind else "<p>"
    return [f"{opening}{markup(line)}</p>" for line in text.splitlines() if line.strip()]


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
    heading = "" if named else f'<tr><th scope="rowgroup" colspan="{columns}">{markup(group.heading)}</th></tr>'
    return f"<tbody>{heading}{''.join(lines)}</tbody>"


def _row(tag: str, values: Iterable[object], attributes: str = "", kind: str = "") -> str:
    return f"<tr{kind}>{''.join(f'<{tag}{attributes}>{markup(str(value))}</{tag}>' for value in values)}</tr>"


def _sheet(sheet: Sheet) -> str:
    words = [any(isinstance(row[column], str) for row in sheet.rows) for column in range(len(sheet.headers))]
    head = "".join(
        f'<th scope="col"{_kind(word)}>{markup(name)}</th>' for name, word in zip(sheet.headers, words, strict=True)
    )
    rows = [zip(row, words, strict=True) for row in sheet.rows]
    cells = ("".join(f"<td{_kind(word)}>{markup(_fact(value))}</td>" for value, word in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return _framed(sheet.caption, f"<tr>{head}</tr>", f"<tbody>{body}</tbody>")


def _framed(caption: str, head: str, bodies: str) -> str:
    table = f"<table><caption>{markup(caption)}</caption><thead>{head}</thead>{bodies}</table>"
    return f'<div class="scroll">{table}</div>'


def _kind(word: bool) -> str:
    return ' class="word"' if word else ""


def _chart(key: str, name: str) -> str:
    return f"{key}-{name}"


def _figure(drawing: Drawing, key: str, section: Section) -> str:
    """A picture, and where there is one the name of the chart that is drawn over it."""
    chart = f' data-chart="{_chart(key, drawing.name)}"' if drawing.name in section.charts else ""
    return (
        f'<figure{chart}><img src="{data_uri(drawing.figure)}" alt="{markup(drawing.alt)}">'
        f"<figcaption>{markup(drawing.caption)}</figcaption></figure>"
    )


def _how(section: Section, heading: str) -> list[str]:
    result = section.result
    terms = {
        arm.name: "; ".join(f"{target}: {penalty}" for target, penalty in arm.terms) for arm in result.arms if arm.terms
    }
    rows = [f"{train:,} rows trained on, {validation:,} validated on" for train, validation in result.fold_rows]
    done = int(result.members.finished.sum())
    fits = {
        "folds": "; ".join(dict.fromkeys(rows)),
        "seeds": f"{len(result.seeds)}",
        "fits": f"{len(result.members):,}, of which {done:,} finished",
    }
    return [
        _titled("How it was done", heading),
        *_paragraphs(result.protocol),
        *_paragraphs(meaning(result)),
        _facts(fits | terms),
        *([_titled("Where the numbers come from", heading), _facts(result.provenance)] if result.provenance else []),
    ]


def _again(section: Section, heading: str) -> list[str]:
    """The command that repeats the study, where it is known, and what must be the same for the same numbers."""
    known = [_code(section.again)] if section.again else []
    return [_titled("Do it again", heading), *known, *_paragraphs(facts_again(section.result))]


def _facts(facts: Mapping[str, object]) -> str:
    items = "".join(f"<dt>{markup(str(name))}</dt><dd>{markup(_fact(value))}</dd>" for name, value in facts.items())
    return f"<dl>{items}</dl>"


def _fact(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else "unknown"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_fact(inner)}" for name, inner in value.items())
    return str(value)
