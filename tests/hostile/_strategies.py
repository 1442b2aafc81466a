"""Hostile values: text, numbers and trees of them as files can hold them."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from hypothesis import strategies as st

NASTY = (
    "", " ", "\0", "\x1b[2J\x1b[31m", "\x07", "\u202e7.0", "\u2066a\u2069", "\u200f", "\r", "\r\n", "\t=1", "=cmd()",
    "+1", "-1", "@a", "'", '"', '"""', "\\", "../", "/etc/passwd", "C:\\x", "[", "]", "[[", "*", "**/**", "a/b",
    "{", "}", "{0}", "%s", "$(x)", "`x`", "None", "nan", "NaN", "inf", "-inf", "1e999", "-0", "0x" + "f" * 400,
    "9" * 5000, "1_0",
    "a" * 20_000, "(" * 500, "[" * 300 + "]" * 300, "-" * 3000 + "1", "1" + "+1" * 3000, "none", "auto", "True",
    "\ufeff", "\u2028", "\uff1d1", "é", "日本", "😀",
)  # fmt: skip


def texts() -> st.SearchStrategy[str]:
    """Any text, and text that has spoiled other programs."""
    return st.one_of(st.sampled_from(range(len(NASTY))).map(NASTY.__getitem__), st.text(max_size=40))


def numbers() -> st.SearchStrategy[int | float]:
    """Whole and other numbers, small, huge and not finite."""
    return st.one_of(
        st.integers(-3, 20),
        st.integers(),
        st.sampled_from([2**31, 2**63, 2**64, 10**400, -(10**400)]),
        st.floats(),
    )


def trees(*, dates: bool = False) -> st.SearchStrategy[Any]:
    """Values of a JSON or TOML file, nested."""
    leaves = st.one_of(st.booleans(), numbers(), texts())
    leaves = (
        leaves | st.sampled_from([date(2020, 1, 1), datetime(2020, 1, 1), time(1)]) if dates else leaves | st.none()
    )
    nested = st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(), inner, max_size=4), max_leaves=8
    )
    return st.one_of(nested, st.integers(1, 60).map(_deep))


def _deep(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def places(tree: Any) -> list[tuple[Any, ...]]:
    """The way to every value in a tree."""
    if isinstance(tree, Mapping | list):
        items = tree.items() if isinstance(tree, Mapping) else enumerate(tree)
        return [(), *((key, *rest) for key, value in items for rest in places(value))]
    return [()]


def replaced(tree: Any, place: tuple[Any, ...], value: Any, name: str | None = None) -> Any:
    """A tree with another value at a place; with `name`, the entry there gets that name too."""
    if not place:
        return value
    if isinstance(tree, list):
        return [replaced(each, place[1:], value, name) if n == place[0] else each for n, each in enumerate(tree)]
    last = name is not None and len(place) == 1
    return {
        (name if last and key == place[0] else key): replaced(each, place[1:], value, name) if key == place[0] else each
        for key, each in tree.items()
    }


@st.composite
def spoiled_trees(draw: st.DrawFn, tree: Any, values: st.SearchStrategy[Any]) -> Any:
    """A good tree with one to three of its values replaced, and names with them."""
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places(tree)))
        tree = replaced(tree, place, draw(values), draw(st.none() | st.none() | texts()))
    return tree


@st.composite
def spoiled_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Good bytes cut, flipped, and with others put in."""
    made = bytearray(content)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(made) - 1)))
        match draw(st.integers(0, 4)):
            case 0 if made:
                made[at] ^= 1 << draw(st.integers(0, 7))
            case 1 if made:
                made[at] = draw(st.integers(0, 255))
            case 2:
                made[at:at] = draw(st.binary(max_size=8))
            case 3:
                del made[at : at + draw(st.integers(1, 64))]
            case 4:
                del made[at:]
    return bytes(made)
