"""Text that a person named, as it is shown: what is not seen, or turns what is seen around, is written as codes."""

import re

import numpy as np

LAST = 0x10FFFF
"""The largest number of a character."""
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Control characters, halves of characters, and what turns the direction of the text: numbers could read backwards."""


def escape_control_characters(text: object) -> str:
    r"""`text` with characters that are not seen, and that would change how others are seen, written as codes.

    Tabs and line breaks stay. A terminal does nothing of what the text could tell it to do.

    >>> escape_control_characters("gain \u202e38.0")
    'gain \\u202e38.0'
    """
    return CONTROL_CHARACTERS.sub(lambda found: f"\\u{ord(found[0]):04x}", str(text))


def has_valid_characters(array: np.ndarray) -> bool:
    """Whether an array from a file has only characters, where it has text: NumPy takes any four bytes for one.

    >>> has_valid_characters(np.array(["a", "b"])), has_valid_characters(np.array([2**21], "u4").view("U1"))
    (True, False)
    """
    if array.dtype.kind != "U":
        return True
    kind = np.dtype("u4").newbyteorder(array.dtype.byteorder)
    return not (np.ascontiguousarray(array).reshape(-1).view(kind) > LAST).any()
