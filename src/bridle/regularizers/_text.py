"""Values in the language of penalties: numbers, words, lists, `grid(…)` and schedules. No code is evaluated."""

import ast
import sys
from typing import Any

from bridle._errors import InputError, KindError, short_repr
from bridle.regularizers._schedule import exponential, linear, steps, warmup
from bridle.regularizers._strength import grid

MAX_NUMBER = sys.float_info.max
"""The largest number in a text."""
EXAMPLE = "Write for example l2(1e-3), l1(auto), l1(1e-4, per=batch), l2(grid(1e-6, 1e-1)) or l2(warmup(1e-3, 50))."
"""The end of every message about a text."""
CALLS = {"grid": (grid, (2, 3)), "linear": (linear, (3,)), "exponential": (exponential, (3,)), "warmup": (warmup, (2,))}
"""Functions by name, each with the allowed numbers of its arguments."""


def parse(text: object) -> ast.expr:
    """Return the expression in a text.

    Errors: `InputError` for text that is not an expression; `KindError` for another type.
    """
    if not isinstance(text, str):
        raise KindError(f"Expected a penalty as text, got {short_repr(text)}. {EXAMPLE}")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InputError(f"Expected a penalty, got {short_repr(text, 200)}. {EXAMPLE}") from None


def strength_from_config(value: Any) -> Any:
    """Return a strength from a configuration, where schedules are text."""
    return value_of(parse(value), value) if isinstance(value, str) else value


def value_of(node: ast.expr, text: str) -> Any:
    """Return the value of one argument."""
    match node:
        case ast.Constant(value=int() as value) if value > MAX_NUMBER:
            raise InputError(f"Expected numbers up to {MAX_NUMBER:.2g}, got a larger one in {short_repr(text, 200)}.")
        case ast.Constant(value=value):
            return value
        case ast.Name(id=word):
            return word
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float()) as literal):
            return -value_of(literal, text)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [value_of(item, text) for item in items]
        case ast.Call(func=ast.Name(id=name), args=items, keywords=[]) if (
            name in CALLS and len(items) in CALLS[name][1]
        ):
            return CALLS[name][0](*(value_of(item, text) for item in items))
        case ast.Call(func=ast.Name(id="steps"), args=[ast.Dict(keys=keys, values=values)], keywords=[]) if all(keys):
            return _steps(
                [value_of(key, text) for key in keys if key is not None],
                [value_of(value, text) for value in values],
                text,
            )
        case _:
            raise InputError(
                f"Expected a number, 'auto', a list, grid(low, high) or a schedule, got "
                f"{short_repr(ast.get_source_segment(text.strip(), node))} in {short_repr(text, 200)}. {EXAMPLE}"
            )


def _steps(epochs: list[Any], strengths: list[Any], text: str) -> Any:
    if not all(isinstance(epoch, int) for epoch in epochs) or len(set(epochs)) < len(epochs):
        raise InputError(f"Expected epochs as whole numbers, each once, in steps({{…}}), got {short_repr(text, 200)}.")
    return steps(dict(zip(epochs, strengths, strict=True)))
