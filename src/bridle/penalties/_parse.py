"""The language of penalties as text: `l2(1e-3)`, `l1(auto, per=batch)`, `l1l2(l1=1e-4, l2=grid(1e-6, 1e-1))`."""

import ast

from bridle._errors import InputError, near
from bridle.penalties._base import Penalty
from bridle.penalties._norms import L1, L1L2, L2
from bridle.penalties._strength import grid

KINDS: dict[str, type[Penalty]] = {penalty.kind: penalty for penalty in (L1, L2, L1L2)}
EXAMPLE = "Write for example l2(1e-3), l1(auto), l1(1e-4, per=batch) or l2(grid(1e-6, 1e-1))."


def parse_penalty(text: str) -> Penalty:
    """Read one penalty from text. Nothing is evaluated: only names, numbers, lists and `grid(…)` are known.

    Errors: `InputError` that quotes the text and names what was not understood.

    >>> parse_penalty("l2(1e-3)")
    L2(strength=0.001)
    """
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise InputError(f"Expected a penalty, got {text!r}. {EXAMPLE}") from None
    if isinstance(call, ast.Name):
        call = ast.Call(call, [], [])
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise InputError(f"Expected a penalty, got {text!r}. {EXAMPLE}")
    name = call.func.id.lower()
    if name not in KINDS:
        raise InputError(f"Expected a known penalty, got {call.func.id!r} in {text!r}. {near(name, KINDS)}")
    options = {keyword.arg: _value(keyword.value, text) for keyword in call.keywords}
    unknown = [key for key in options if key not in (*KINDS[name].names, "per")]
    if unknown or len(call.args) > len(KINDS[name].names):
        raise InputError(f"Expected the arguments {', '.join((*KINDS[name].names, 'per'))} of {name}, got {text!r}.")
    given = dict(zip(KINDS[name].names, (_value(item, text) for item in call.args), strict=False))
    if given.keys() & options.keys():
        raise InputError(f"Expected each argument of {name} once, got {text!r}.")
    return KINDS[name](**{"per": "sample", **given, **options})


def _value(node: ast.expr, text: str) -> object:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=word):
            return word
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item, text) for item in items]
        case ast.Call(func=ast.Name(id="grid"), args=items, keywords=[]) if len(items) in (2, 3):
            return grid(*(_value(item, text) for item in items))
    raise InputError(
        f"Expected a number, 'auto', a list or grid(low, high), got {ast.unparse(node)!r} in {text!r}. {EXAMPLE}"
    )
