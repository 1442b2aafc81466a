"""The page: one file that needs no network and is complete without its scripts."""

import math
from collections.abc import Iterable, Mapping, Sequence

from bridle._cards import markup
from bridle._errors import InputError
from bridle.plots import Drawing
from bridle.report._assets import (
    CSS,
    EXPLORE_SCRIPT,
    PLOTLY_SCRIPT,
    PLOTLY_STYLE,
    PLOTLY_STYLE_ID,
    REPORT_SCRIPT,
    content_policy,
    data_uri,
    explorer_elements,
    read_script,
    script_elements,
)
from bridle.report._cells import Group, make_cells
from bridle.report._explorer import Explorer, explorer_html, make_explorer, pack_explorers
from bridle.report._reproduce import reproduction, strength_meaning
from bridle.report._section import Section, Sheet

MAX_OPEN_ROWS = 30
"""The most candidates in a table that is not folded."""
MAX_FIRST_INCHES = 6.0
"""The height of the picture below the verdict at most, so that both fit on one screen."""


def page(title: str, sections: Sequence[Section], lead: str = "") -> str:
    """Return one self-contained HTML page: for each study the verdict, a picture, and what stands behind it.

    Scripts replace some pictures by charts that show values under the pointer; without scripts, and on paper, the
    pictures stay. A content security policy allows only these scripts, the style of the page and inline pictures. All
    text from users is escaped.

    Args:
        title: the heading of the page.
        sections: the studies, in order; with several, the page starts with the answer of each.
        lead: text below the title.

    Errors: `InputError` without any section.

    """
    if not sections:
        raise InputError("Expected at least one section in a report, got none. Give a Section(title, result).")
    alone = len(sections) == 1
    body = [f"<main>\n<h1>{markup(title)}</h1>", *_paragraphs(lead, "lead")]
    body += [] if alone else [_summary(sections)]
    made = {
        f"study-{index}": make_explorer(section.result, section.evidence, len(sections))
        for index, section in enumerate(sections, start=1)
    }
    explorers = {key: explorer for key, explorer in made.items() if explorer is not None}
    for index, section in enumerate(sections, start=1):
        key, has_heading = f"study-{index}", not (alone and section.title in ("", title))
        body += [f'<h2 id="{key}">{markup(section.title)}</h2>'] if has_heading else []
        body.append(_study(section, key, "h3" if has_heading else "h2", explorers.get(key)))
    body.append("</main>")
    charts = {
        _chart_key(f"study-{index}", name): chart
        for index, section in enumerate(sections, start=1)
        for name, chart in section.charts.items()
    }
    body += [script_elements(charts)] if charts else []
    body += [explorer_elements(*pack_explorers(explorers))] if explorers else []
    return _head(title, bool(charts), bool(explorers)) + "\n".join(body) + "\n</body>\n</html>\n"


def _head(title: str, has_charts: bool, has_explorers: bool) -> str:
    names = [PLOTLY_SCRIPT, REPORT_SCRIPT] if has_charts else []
    names += [EXPLORE_SCRIPT] if has_explorers else []
    rules, style = content_policy((CSS, *([PLOTLY_STYLE] if has_charts else [])), map(read_script, names)), ""
    if has_charts:
        style = f'<style id="{PLOTLY_STYLE_ID}">{PLOTLY_STYLE}</style>\n'
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{rules}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{markup(title)}</title>\n{style}<style>{CSS}</style>\n</head>\n<body>\n"
    )


def _summary(sections: Sequence[Section]) -> str:
    items = (
        f'<p><a href="#study-{index}">{markup(section.title)}</a>: {markup(" ".join(section.sentences[:2]))}</p>'
        for index, section in enumerate(sections, start=1)
    )
    return f'<nav aria-label="Answers">{"".join(items)}</nav>'


def _study(section: Section, key: str, tag: str, explorer: Explorer | None) -> str:
    parts = [
        *_paragraphs(section.intro),
        '<div class="verdict">',
        *(f"<p>{markup(line).replace(' %', '&nbsp;%')}</p>" for line in section.sentences),
        "</div>",
    ]
    first = first_drawing(section.drawings)
    parts += [_figure(first, key, section)] if first else []
    parts += [_extra_table(sheet) for sheet in (*section.equal_zeros, *section.baselines)]
    details = [*map(_paragraph, section.details), *_diagnoses(section), *map(_extra_table, section.confidence)]
    parts += [_folded("Details of this answer", details)]
    parts += [_folded("The rows and columns", map(_paragraph, section.notes))] if section.notes else []
    parts += [_extra_table(sheet) for sheet in section.tables]
    parts += [explorer_html(explorer, key, tag)] if explorer else []
    parts += [_figure(drawing, key, section) for drawing in section.drawings if drawing is not first]
    table, candidates = _study_table(section), len(section.result.setting_arm)
    parts.append(_folded(f"All {candidates} candidates", [table]) if candidates > MAX_OPEN_ROWS else table)
    parts += [_heading("Keras code", tag), _code(section.code)] if section.code else []
    return "\n".join([*parts, *_method(section, tag), *_reproduction(section, tag)])


def first_drawing(drawings: Sequence[Drawing]) -> Drawing | None:
    """Return the picture below the verdict: the sweep, or the gains if the sweep has a panel for each arm."""
    wide = next((drawing for drawing in drawings if drawing.name == "gains"), None)
    first = next(iter(drawings), None)
    return wide if wide and first and first.figure.get_figheight() > MAX_FIRST_INCHES else first


def _folded(title: str, content: Iterable[str]) -> str:
    """Return a part of the page that opens on a click, and is open on paper."""
    return f"<details><summary>{title}</summary>\n{''.join(content)}\n</details>"


def _diagnoses(section: Section) -> list[str]:
    """Return the diagnoses that apply, each with its code, its sentence and what to do."""
    items = [
        f"<dt>{finding.code}</dt><dd><strong>{markup(finding.diagnosis.title)}.</strong> {markup(finding.sentence)} "
        f"<em>What to do:</em> {markup(finding.diagnosis.action)}</dd>"
        for finding in section.findings
    ]
    return [f"<dl>{''.join(items)}</dl>"] if items else []


def _paragraph(text: str) -> str:
    return f"<p>{markup(text)}</p>"


def _heading(text: str, tag: str) -> str:
    return f'<{tag} class="part">{text}</{tag}>'


def _code(lines: str) -> str:
    return f'<pre tabindex="0"><code>{markup(lines)}</code></pre>'


def _paragraphs(text: str, kind: str = "") -> list[str]:
    opening = f'<p class="{kind}">' if kind else "<p>"
    return [f"{opening}{markup(line)}</p>" for line in text.splitlines() if line.strip()]


def _study_table(section: Section) -> str:
    text = make_cells(section.result, section.evidence)
    head = _row("th", text.headers, ' scope="col"')
    bodies = "".join(_group(group, len(text.headers)) for group in text.groups)
    return _table(text.caption, head, bodies)


def _group(group: Group, columns: int) -> str:
    lines = [
        _row("td", line, kind=' class="best"' if "best" in rule else "")
        for line, rule in zip(group.lines, group.rules, strict=True)
    ]
    is_row = bool(group.lines) and group.lines[0][0] == group.heading
    heading = "" if is_row else f'<tr><th scope="rowgroup" colspan="{columns}">{markup(group.heading)}</th></tr>'
    return f"<tbody>{heading}{''.join(lines)}</tbody>"


def _row(tag: str, values: Iterable[object], attributes: str = "", kind: str = "") -> str:
    return f"<tr{kind}>{''.join(f'<{tag}{attributes}>{markup(str(value))}</{tag}>' for value in values)}</tr>"


def _extra_table(sheet: Sheet) -> str:
    is_text = [any(isinstance(row[column], str) for row in sheet.rows) for column in range(len(sheet.headers))]
    head = "".join(
        f'<th scope="col"{_class(text)}>{markup(name)}</th>' for name, text in zip(sheet.headers, is_text, strict=True)
    )
    rows = [zip(row, is_text, strict=True) for row in sheet.rows]
    cells = ("".join(f"<td{_class(text)}>{markup(_value_text(value))}</td>" for value, text in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return _table(sheet.caption, f"<tr>{head}</tr>", f"<tbody>{body}</tbody>")


def _table(caption: str, head: str, bodies: str) -> str:
    table = f"<table><caption>{markup(caption)}</caption><thead>{head}</thead>{bodies}</table>"
    return f'<div class="scroll" tabindex="0" role="group" aria-label="{markup(caption)}">{table}</div>'


def _class(is_text: bool) -> str:
    return ' class="word"' if is_text else ""


def _chart_key(key: str, name: str) -> str:
    return f"{key}-{name}"


def _figure(drawing: Drawing, key: str, section: Section) -> str:
    """Return a picture and, if there is one, the key of the chart that replaces it."""
    chart = f' data-chart="{_chart_key(key, drawing.name)}"' if drawing.name in section.charts else ""
    return (
        f'<figure{chart}><img src="{data_uri(drawing.figure)}" alt="{markup(drawing.alt)}">'
        f"<figcaption>{markup(drawing.caption)}</figcaption></figure>"
    )


def _method(section: Section, tag: str) -> list[str]:
    result = section.result
    terms = {
        arm.name: "; ".join(f"{target}: {penalty}" for target, penalty in arm.terms) for arm in result.arms if arm.terms
    }
    rows = [f"{train:,} training rows, {validation:,} validation rows" for train, validation in result.fold_rows]
    done = int(result.members.finished.sum())
    fits = {
        "folds": "; ".join(dict.fromkeys(rows)),
        "seeds": f"{len(result.seeds)}",
        "fits": f"{len(result.members):,}, of which {done:,} finished",
    }
    return [
        _heading("Method", tag),
        *_paragraphs(result.protocol),
        *_paragraphs(strength_meaning(result)),
        _definitions(fits | terms),
        *([_heading("Provenance", tag), _definitions(result.provenance)] if result.provenance else []),
    ]


def _reproduction(section: Section, tag: str) -> list[str]:
    """Return the command that repeats the study, if known, and what must stay the same."""
    command = [_code(section.again)] if section.again else []
    return [_heading("Reproduce this study", tag), *command, *_paragraphs(reproduction(section.result))]


def _definitions(facts: Mapping[str, object]) -> str:
    items = "".join(
        f"<dt>{markup(str(name))}</dt><dd>{markup(_value_text(value))}</dd>" for name, value in facts.items()
    )
    return f"<dl>{items}</dl>"


def _value_text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else "unknown"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value_text(inner)}" for name, inner in value.items())
    return str(value)
