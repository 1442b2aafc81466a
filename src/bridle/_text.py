"""Text from users and files: escape control and bidirectional characters before display, and check arrays of text."""

import re

import numpy as np

LAST_CODE_POINT = 0x10FFFF
"""The largest code point of Unicode."""
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Control characters, surrogates, and marks of direction, which could make numbers read backwards."""


def escape_control_characters(text: object) -> str:
    r"""Return text with control and bidirectional characters as codes, so that a terminal does not obey them.

    Tabs and line breaks stay.

    >>> escape_control_characters("gain \u202e38.0")
    'gain \\u202e38.0'
    """
    return CONTROL_CHARACTERS.sub(lambda match: f"\\u{ord(match[0]):04x}", str(text))


def has_valid_characters(array: np.ndarray) -> bool:
    """Return False for an array of text with invalid code points: NumPy takes any four bytes for a character.

    >>> has_valid_characters(np.array(["a", "b"])), has_valid_characters(np.array([2**21], "u4").view("U1"))
    (True, False)
    """
    if array.dtype.kind != "U":
        return True
    kind = np.dtype("u4").newbyteorder(array.dtype.byteorder)
    return not (np.ascontiguousarray(array).reshape(-1).view(kind) > LAST_CODE_POINT).any()
