"""The registry of regularizers, and regularizers read from text: `l2(1e-3)`, `l1(auto, per=batch)`, `dropout(0.2)`."""

import ast
from typing import TypeVar, cast

import keras

from bridle._errors import InputError, nearest_names, short_repr
from bridle.regularizers._penalty import Penalty
from bridle.regularizers._regularizer import Regularizer
from bridle.regularizers._text import EXAMPLE, parse, value_of

KINDS: dict[str, type[Regularizer]] = {}
"""The regularizers of bridle by their names in text. `Custom` holds a function and has no text."""
PENALTIES: dict[str, type[Penalty]] = {}
"""Those of `KINDS` that add to the loss."""
RegularizerClass = TypeVar("RegularizerClass", bound=type[Regularizer])
PenaltyClass = TypeVar("PenaltyClass", bound=type[Penalty])


def regularizer(cls: RegularizerClass) -> RegularizerClass:
    """Register a class as a regularizer of bridle: with Keras for saved models, and in `KINDS` for its text."""
    if "kind" in vars(cls):
        KINDS[cls.kind] = cls
    return cast(RegularizerClass, keras.saving.register_keras_serializable("bridle")(cls))


def penalty(cls: PenaltyClass) -> PenaltyClass:
    """Register a class as a penalty of bridle.

    The package imports every file in it, so a new penalty takes three edits: its class with this decorator, its name
    in the stub `bridle/__init__.pyi`, and its formula in NumPy in `bridle/auditing/_formulas.py`. Text, configuration,
    saved models, ranges to search, pages and tests follow from these.
    """
    if "kind" in vars(cls):
        PENALTIES[cls.kind] = cls
    return regularizer(cls)


def parse_penalty(text: str) -> Penalty:
    """Parse one penalty from text: names, numbers, lists, `grid(…)` and schedules. No code is evaluated.

    Errors: `InputError` for text that is not a penalty; it quotes the text and the unknown part.

    >>> parse_penalty("l2(1e-3)")
    L2(strength=0.001)
    """
    parsed = parse_regularizer(text)
    if not isinstance(parsed, Penalty):
        raise InputError(f"Expected a penalty, got {short_repr(text, 200)}. Use bridle.parse_regularizer.")
    return parsed


def parse_regularizer(text: str) -> Regularizer:
    """Parse one regularizer of any kind from text, as `parse_penalty` does.

    Errors: `InputError` for text that is not a regularizer; it quotes the text and the unknown part.

    >>> parse_regularizer("l1(0.1)")
    L1(strength=0.1)
    """
    call = parse(text)
    if isinstance(call, ast.Name):
        call = ast.Call(call, [], [])
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise InputError(f"Expected a regularizer, got {short_repr(text, 200)}. {EXAMPLE}")
    kind = KINDS[_find_kind(call.func.id, text)]
    kind = KINDS[kind.kind_of_text([str(keyword.arg) for keyword in call.keywords], len(call.args))]
    allowed = (*kind.names, *kind.options)
    options = {str(keyword.arg): value_of(keyword.value, text) for keyword in call.keywords}
    if any(key not in allowed for key in options) or len(call.args) > len(kind.names):
        raise InputError(f"Expected the arguments {', '.join(allowed)} of {kind.kind}, got {short_repr(text, 200)}.")
    positional = dict(zip(kind.names, (value_of(item, text) for item in call.args), strict=False))
    if len(positional) + len(call.keywords) > len(positional | options):
        raise InputError(f"Expected each argument of {kind.kind} once, got {short_repr(text, 200)}.")
    return kind(**positional, **options)


def _find_kind(name: str, text: str) -> str:
    """Return the kind of a name in any case, with or without underscores: `L1_L2`, `GroupLasso`, `group_lasso`."""
    flat = _flat(name)
    match = next((kind for kind, cls in KINDS.items() if flat in (kind, _flat(cls.__name__))), None)
    if match is None:
        raise InputError(
            f"Expected a known regularizer, got {short_repr(name)} in {short_repr(text, 200)}. "
            f"{nearest_names(name.lower(), KINDS)}"
        )
    return match


def _flat(name: str) -> str:
    return name.lower().replace("_", "")
