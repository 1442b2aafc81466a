"""Cards: how results look in a notebook, as HTML without scripts, in light and dark."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from bridle.wording import escape_control_characters

NAME = "bridle-card"
"""The class of a card, to which all rules of its style are limited."""
STYLE = """
.CARD{color-scheme:light dark;--ink:#1b1f24;--muted:#59636e;--line:#d9dee3;--ground:#fff;--soft:#f4f6f8;--mark:#0072b2;
max-width:60rem;padding:.75rem 1rem;border:1px solid var(--line);border-radius:6px;background:var(--ground);
color:var(--ink);font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
overflow-wrap:anywhere}
@media (prefers-color-scheme:dark){.CARD{--ink:#e8ebee;--muted:#a3adb8;--line:#3d444d;--ground:#111418;--soft:#1a1f25;
--mark:#5fb6f2}}
.CARD p{margin:.35rem 0;max-width:46rem;color:var(--ink)}
.CARD .verdict{border-left:4px solid var(--mark);background:var(--soft);padding:.5rem .75rem}
.CARD .verdict p:first-child{font-size:1.1rem;font-weight:600;margin-top:0}
.CARD details{margin:.5rem 0}
.CARD summary{cursor:pointer;font-weight:600}
.CARD figure{margin:.75rem 0}
.CARD img{display:block;max-width:100%;height:auto}
.CARD figcaption,.CARD caption{color:var(--muted);font-size:.85rem;text-align:left;caption-side:bottom}
.CARD .scroll{overflow-x:auto}
.CARD table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;margin:.25rem 0}
.CARD th,.CARD td{padding:.2rem .8rem .2rem 0;text-align:right;background:var(--ground);color:var(--ink);
white-space:nowrap;border-bottom:1px solid var(--line)}
.CARD th:first-child,.CARD td:first-child,.CARD .word{text-align:left}
.CARD td:first-child{white-space:normal;min-width:8rem}
.CARD tr.chosen td{font-weight:700;background:var(--soft)}
.CARD pre{overflow-x:auto;padding:.6rem .8rem;border:1px solid var(--line);border-radius:6px;font-size:.8rem;
background:var(--soft);color:var(--ink)}
""".replace("CARD", NAME).replace("\n", "")
"""The style of a card. It has its own ground, since a notebook does not say whether it is light or dark."""

CHOSEN_ROW = '<tr class="chosen">'
"""The beginning of a bold line."""


def markup(text: object) -> str:
    """Return HTML that shows `text` literally, in an element or in a quoted attribute.

    >>> markup('<b> & "b"')
    '&lt;b&gt; &amp; &quot;b&quot;'
    """
    return escape(escape_control_characters(text))


def card(*parts: str) -> str:
    """Return one card with these parts, which are HTML already.

    >>> card(paragraph("1 < 2"))[-33:]
    '</style><p>1 &lt; 2</p></section>'
    """
    return f'<section class="{NAME}"><style>{STYLE}</style>{"".join(parts)}</section>'


@dataclass(frozen=True)
class Frame:
    """A whole page with scripts, in a frame of a notebook that keeps them apart from it."""

    page: str = field(repr=False)
    """The page, without anything loaded from elsewhere."""
    height: int
    """Pixels."""

    def _repr_html_(self) -> str:
        """Return the frame. Its scripts reach nothing but the page."""
        return (
            f'<iframe srcdoc="{escape(self.page)}" sandbox="allow-scripts" title="Interactive pictures" '
            f'style="width:100%;height:{self.height}px;border:1px solid #8886;border-radius:6px"></iframe>'
        )


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{markup(text)}</p>"


def verdict_box(sentences: Iterable[str]) -> str:
    """Return the sentences of a verdict, the first one large."""
    return f'<div class="verdict">{"".join(map(paragraph, sentences))}</div>'


def folded(title: str, *parts: str) -> str:
    """Return a part that opens on a click."""
    return f"<details><summary>{markup(title)}</summary>{''.join(parts)}</details>"


def code_box(lines: str) -> str:
    """Return lines of code."""
    return f'<pre tabindex="0"><code>{markup(lines)}</code></pre>'


def table_box(
    headers: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "", *, chosen: Iterable[int] = ()
) -> str:
    """Return a table; columns of text are left, others right, and the lines `chosen` are bold.

    Args:
        headers: the names of the columns.
        rows: the cells; `None` and NaN are left empty.
        caption: the sentence below it.
        chosen: the indices of the bold lines.

    """
    lines, bold = [list(row) for row in rows], set(chosen)
    words = [any(isinstance(line[column], str) for line in lines) for column in range(len(headers))]
    head = "".join(
        f'<th scope="col"{_kind(word)}>{markup(name)}</th>' for name, word in zip(headers, words, strict=True)
    )
    body = "".join(
        (CHOSEN_ROW if index in bold else "<tr>")
        + "".join(f"<td{_kind(word)}>{markup(_cell(value))}</td>" for value, word in zip(line, words, strict=True))
        + "</tr>"
        for index, line in enumerate(lines)
    )
    below = f"<caption>{markup(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table>{below}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _kind(word: bool) -> str:
    return ' class="word"' if word else ""


def _cell(value: object) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
