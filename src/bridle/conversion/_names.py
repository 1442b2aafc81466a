"""Names of conventions as users type them: `keras2.3 l1 activity`, `PyTorch weight decay`, `tf.keras 2.11 activity`.

Names are read without regard to case, spaces and punctuation, and a version by the range it lies in.
"""

import re

from bridle._errors import InputError, nearest_names
from bridle.conversion._convention import Convention, Norm, Subject
from bridle.conversion._table import CONVENTIONS

Version = tuple[int, int, int]
LAST = 10**6
"""The part of a version that matches any number."""

LIST = "`bridle convert --list` shows all."
VERSIONED = re.compile(r"^(tf\.?keras|tensorflow|tf|keras)[\s=v]*(\d+(?:\.\d+)*)\S*\s*(.*)$")
NORM = re.compile(r"(?<![\w.])(l[12])(?!\w)")
WORDS = {
    r"\b(activity|kernel|bias)_regularizer\b": r"\1",
    r"\bactivations?\b": "activity",
    r"\b(kernel|bias|weight)s?\b(?![_ ]decay)": "weights",
}

_RANGES: tuple[tuple[Version, Version, str], ...] = (
    ((1, 0, 0), (1, 0, 5), "keras1.0.5 activity"),
    ((1, 0, 7), (2, 3, LAST), "keras2.3 activity"),
    ((2, 4, 0), (2, 15, LAST), "tf.keras activity"),
    ((3, 0, 0), (3, 13, LAST), "keras3.13 activity"),
    ((3, 14, 0), (LAST, LAST, LAST), "keras3.14 activity"),
)
_TENSORFLOW: tuple[tuple[Version, Version, str], ...] = (((2, 0, 0), (2, 15, LAST), "tf.keras activity"),)
_BY_NAME = {convention.name: convention for convention in CONVENTIONS}


def find(text: str) -> tuple[Convention, Norm | None]:
    """Return the convention and the norm that a text names; the only norm where there is one.

    Errors: `InputError` that lists the nearest names, or names the missing part (a version, weights or activity).
    """
    if not isinstance(text, str):
        raise InputError(f"Expected a convention as text, such as 'keras2.3 activity', got {text!r}. {LIST}")
    plain = " ".join(text.lower().split())
    if _key(plain) in _KEYS:
        convention, norm = _KEYS[_key(plain)], None
    else:
        rest, norm = _without_norm(plain, text)
        convention = _versioned(rest, norm, text) or _plain(rest, norm, text)
    if convention.norm and norm and convention.norm != norm:
        raise InputError(f"Expected {convention.norm.upper()} for {convention.name!r}, its only norm, got {text!r}.")
    return convention, convention.norm or norm


def bridle_convention(subject: Subject) -> Convention:
    """Return bridle's own convention for a subject."""
    return _BY_NAME[BRIDLE[subject]]


BRIDLE: dict[Subject, str] = {
    "weights": "bridle weights",
    "activations": "bridle activity",
    "decay": "bridle decay",
    "dropout": "bridle dropout",
    "noise": "bridle noise",
    "labels": "bridle labelsmoothing",
}
"""The name of bridle's convention for each subject."""


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text)


_KEYS = {_key(name): convention for convention in CONVENTIONS for name in (convention.name, *convention.aliases)}


def _without_norm(plain: str, text: str) -> tuple[str, Norm | None]:
    """Return the text without `l1` or `l2`, its words in one form, and that norm."""
    norms = sorted(set(NORM.findall(plain)))
    if len(norms) > 1:
        raise InputError(f"Expected L1 or L2, got both in {text!r}. Convert each strength by itself.")
    rest = " ".join(NORM.sub(" ", plain).split())
    for pattern, word in WORDS.items():
        rest = re.sub(pattern, word, rest)
    return rest, norms[0] if norms else None


def _plain(rest: str, norm: Norm | None, text: str) -> Convention:
    """Return a convention without a version; a bare `keras l2` or `l2` is about weights."""
    for name in (rest, f"{rest or 'keras'} weights" if norm else rest):
        if _key(name) in _KEYS:
            return _KEYS[_key(name)]
    if _key(rest) == "kerasactivity":
        raise InputError(f"Expected the version of Keras, got {text!r}: {_versions()}. {LIST}")
    if _key(rest) in ("keras", "tfkeras", "bridle"):
        raise InputError(f"Expected weights or activity, got {text!r}. Write '{rest} l2' or '{text} activity'. {LIST}")
    names = [name for convention in CONVENTIONS for name in (convention.name, *convention.aliases)]
    nearest = nearest_names(text.lower(), ["keras l2", "keras l1", *names])
    raise InputError(f"Expected a known convention, got {text!r}. {nearest} {LIST}")


def _versioned(rest: str, norm: Norm | None, text: str) -> Convention | None:
    """Return a convention of Keras with a version; None if there is no version."""
    match = VERSIONED.match(rest)
    if match is None:
        return None
    package, digits, about = match.groups()
    if about != "activity":
        return _plain(f"keras {about}".strip(), norm, text)
    parts = [int(part) for part in digits.split(".")][:3]
    low, high = ((*parts, *(fill,) * (3 - len(parts))) for fill in (0, LAST))
    ranges = _RANGES if package == "keras" else _TENSORFLOW
    for first, last, name in ranges:
        if first <= low and high <= last:
            return _BY_NAME[name]
    if package != "keras":
        raise InputError(
            f"Expected tf.keras of TensorFlow 2.0 to 2.15, got {text!r}. Later ones come with Keras 3: give the "
            f"version of Keras, as 'keras3.14 activity'. {LIST}"
        )
    if any(first <= high and low <= last for first, last, _ in ranges):
        raise InputError(f"Expected a full version of Keras, got {text!r}: {_versions()}. {LIST}")
    raise InputError(f"Expected a version of Keras whose activity penalty is known, got {text!r}: {_versions()}.")


def _versions() -> str:
    return (
        "1.0.0–1.0.5, 2.4–2.15 and 3.14 on divide by the batch size, 1.0.7–2.3.1 and 3.0–3.13 do not; "
        "1.0.6 added one value for each unit, which no strength matches"
    )
