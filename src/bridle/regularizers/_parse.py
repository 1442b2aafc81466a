"""The language of penalties as text: `l2(1e-3)`, `l1(auto, per=batch)`, `l1l2(l1=1e-4, l2=grid(1e-6, 1e-1))`."""

import ast

from bridle._errors import InputError, nearest_names, short_repr
from bridle.regularizers._anchor import L2SP
from bridle.regularizers._base import Penalty
from bridle.regularizers._batch import KL, Decorrelation, MeanActivation
from bridle.regularizers._confidence import Confidence
from bridle.regularizers._groups import GroupLasso, SparseGroupLasso
from bridle.regularizers._matrices import MaxNorm, Nuclear, Orthogonality, SpectralNorm
from bridle.regularizers._norms import L1, L1L2, L2
from bridle.regularizers._ratio import Hoyer
from bridle.regularizers._recurrent import AR, TAR
from bridle.regularizers._smooth import Binarizing, Log, SmoothL1
from bridle.regularizers._text import EXAMPLE, parse, value_of

NORMS = (L1, L2, L1L2, Log, SmoothL1, Hoyer)
WEIGHTS = (GroupLasso, SparseGroupLasso, Orthogonality, SpectralNorm, Nuclear, MaxNorm, L2SP)
ACTIVATIONS = (KL, MeanActivation, Decorrelation, AR, TAR, Confidence, Binarizing)
KINDS: dict[str, type[Penalty]] = {penalty.kind: penalty for penalty in (*NORMS, *WEIGHTS, *ACTIVATIONS)}
"""The family by its names in text; `Custom` holds a function and has no text."""


def parse_penalty(text: str) -> Penalty:
    """Read one penalty from text. Nothing is evaluated: only names, numbers, lists, `grid(…)` and schedules are known.

    Errors: `InputError` that quotes the text and names what was not understood.

    >>> parse_penalty("l2(1e-3)")
    L2(strength=0.001)
    """
    call = parse(text)
    if isinstance(call, ast.Name):
        call = ast.Call(call, [], [])
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise InputError(f"Expected a penalty, got {short_repr(text, 200)}. {EXAMPLE}")
    kind = KINDS[_known(call.func.id, text)]
    allowed = (*kind.names, *kind.options)
    options = {keyword.arg: value_of(keyword.value, text) for keyword in call.keywords}
    if any(key not in allowed for key in options) or len(call.args) > len(kind.names):
        raise InputError(f"Expected the arguments {', '.join(allowed)} of {kind.kind}, got {short_repr(text, 200)}.")
    given = dict(zip(kind.names, (value_of(item, text) for item in call.args), strict=False))
    if len(given) + len(call.keywords) > len(given | options):
        raise InputError(f"Expected each argument of {kind.kind} once, got {short_repr(text, 200)}.")
    return kind(**given, **options)


def _known(name: str, text: str) -> str:
    """The kind that a name means, whatever its case and underscores: `L1_L2`, `GroupLasso` and `group_lasso` too."""
    flat = _flat(name)
    found = next((kind for kind, penalty in KINDS.items() if flat in (kind, _flat(penalty.__name__))), None)
    if found is None:
        raise InputError(
            f"Expected a known penalty, got {short_repr(name)} in {short_repr(text, 200)}. "
            f"{nearest_names(name.lower(), KINDS)}"
        )
    return found


def _flat(name: str) -> str:
    return name.lower().replace("_", "")
