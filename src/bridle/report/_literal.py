"""Text that a person named, made harmless: shown as it stands, whatever it holds."""

import re
from html import escape

from bridle.plots import shorten

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Control characters, halves of characters, and what turns the direction of the text: numbers could read backwards."""


def visible(text: object) -> str:
    r"""`text` with characters that are not seen, and that would change how others are seen, written as codes.

    >>> visible("gain \u202e38.0")
    'gain \\u202e38.0'
    """
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", str(text))


def markup(text: object) -> str:
    """`text` as HTML that shows it, in an element or in a quoted attribute.

    >>> markup('<b> & "b"')
    '&lt;b&gt; &amp; &quot;b&quot;'
    """
    return escape(visible(text))


def one_line(text: object, width: int) -> str:
    """`text` on one line, in at most `width` characters."""
    return shorten(" ".join(visible(text).split()), width)


def label(text: object, width: int = 60) -> str:
    """`text` as a label for plotly, which reads tags, links and entities in labels: here they are only shown.

    >>> label('<a href="javascript:alert(1)">x</a>', 20)
    '&lt;a href="java…&gt;x&lt;/a&gt;'
    """
    return escape(one_line(text, width), quote=False)
