"""Text that a person named, made harmless: shown as it stands, whatever it holds."""

from html import escape

from bridle._text import escape_control_characters
from bridle.wording import shorten


def markup(text: object) -> str:
    """`text` as HTML that shows it, in an element or in a quoted attribute.

    >>> markup('<b> & "b"')
    '&lt;b&gt; &amp; &quot;b&quot;'
    """
    return escape(escape_control_characters(text))


def one_line(text: object, width: int) -> str:
    """`text` on one line, in at most `width` characters."""
    return shorten(" ".join(escape_control_characters(text).split()), width)


def label(text: object, width: int = 60) -> str:
    """`text` as a label for plotly, which reads tags, links and entities in labels: here they are only shown.

    >>> label('<a href="javascript:alert(1)">x</a>', 20)
    '&lt;a href="java…&gt;x&lt;/a&gt;'
    """
    return escape(one_line(text, width), quote=False)
