"""Validation of saved dictionaries."""

import sys
from collections.abc import Callable, Mapping

from bridle._errors import InputError

DAMAGED = "The file was changed or written by another version: run `bridle tune` again."


def saved(content: object, name: str, rules: Mapping[str, tuple[str, Callable[[object], bool]]]) -> Mapping:
    """Return a saved dictionary after checking that it has exactly the entries of `rules`, each as expected."""
    if not isinstance(content, Mapping) or set(content) != set(rules):
        got = sorted(map(str, content)) if isinstance(content, Mapping) else content
        raise InputError(f"Expected the saved {name} to have the entries {sorted(rules)}, got {got!r:.200}. {DAMAGED}")
    for entry, (expected, holds) in rules.items():
        got = content[entry]
        if not holds(got):
            raise InputError(f"Expected {expected} as {entry!r} of the saved {name}, got {got!r:.200}. {DAMAGED}")
    return content


def is_count(value: object) -> bool:
    """Check for an integer ≥ 0; a bool is not one."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_names(value: object) -> bool:
    """Check for a list of distinct texts."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value) and len(set(value)) == len(value)


def is_finite_list(value: object) -> bool:
    """Check for a list of finite numbers, none of them a bool or too large for a float."""
    limit = sys.float_info.max
    return isinstance(value, list) and all(type(item) in (int, float) and abs(item) <= limit for item in value)


def is_flags(value: object) -> bool:
    """Check for a list of true and false."""
    return isinstance(value, list) and all(isinstance(item, bool) for item in value)


def is_pairs(value: object) -> bool:
    """Check for a list of pairs of texts."""
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in value
    )
