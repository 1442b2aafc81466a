"""Keys of fits: hashes of all that a fit is a function of. Comparison of the facts of two studies."""

import hashlib
import json
import platform
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from bridle._errors import OtherStudyError
from bridle.engine import FitSpec, Stopping
from bridle.sources import StoredArray
from bridle.study.execution._requests import FitRequest

StudyFacts = dict[str, Any]
"""Facts by name, as JSON can hold them."""
EXTENDABLE = ("strengths", "seeds", "epochs", "race", "nested")
"""Facts that an extension may change; stored fits stay as they are."""
STORED_STARTS = {"random": "fresh", "model": "weights"}
"""The words of stored facts for `initial_weights`."""
STORED_PATHS = {None: "cold", "decreasing": "strong to weak", "increasing": "weak to strong"}
"""The words of stored facts for `warm_start`."""
HASHED_ROWS = 64
"""Rows on disk of a fold that are hashed as they are read, which shows another preparation."""
MAX_LISTED_VALUES = 6
"""Length of a list that a message writes out."""
MAX_VALUE_CHARS = 80
"""Length of a value that a message writes out."""


def device_type() -> str:
    """Return the device type; fits are bitwise reproducible per device type."""
    return f"{jax.devices()[0].device_kind}, {platform.machine()}"


def differences(before: StudyFacts, now: StudyFacts) -> dict[str, str]:
    """Return the differences of two studies in words, by the name of the fact."""
    names = dict.fromkeys([*now, *before])
    return {
        name: _difference_text(before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)
    }


def check_same(before: StudyFacts, now: StudyFacts, folder: object, extend: bool) -> None:
    """Raise unless a folder holds this very study, or with `extend` one that this study continues.

    Errors: `OtherStudyError` with every difference in words.
    """
    changes = differences(before, now)
    blocking = [name for name in changes if not (extend and name in EXTENDABLE)]
    if not blocking:
        return
    words = "; ".join(f"{name}: {changes[name]}" for name in blocking)
    extendable = all(name in EXTENDABLE for name in blocking)
    advice = "Extend it with extend=True." if extendable else "Give another folder, or the same study."
    message = f"Expected the study that {str(folder)!r} holds, got another one. {words}."
    raise OtherStudyError(message, advice, grows=extendable)


def key_with_network(key: bytes) -> bytes:
    """Return the key of the same fit as it is stored with its trained variables."""
    return _hash(key, b"with its trained variables")


def digest(value: object) -> str:
    """Return a hash of a value that JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


class FitKeys:
    """The keys of fits: hashes of all that a fit is a function of.

    These are the compiled program with its constants; the rows of the fold; initial variables and optimizer state;
    seed, fold, strengths and recipe; and with a warm start the fits before it. Programs that cannot be compiled are
    identified by the facts of their study alone.
    """

    def __init__(self, facts: StudyFacts) -> None:
        self._core = digest({name: value for name, value in facts.items() if name not in EXTENDABLE})
        self._cache: dict[tuple, tuple[bytes, tuple[weakref.ref, ...]]] = {}

    def of_chain(self, requests: Sequence[FitRequest], fits: Sequence[FitSpec], held_out: Mapping) -> list[bytes]:
        """Return a key for each fit of a chain."""
        keys, before = [], b""
        for request, fit in zip(requests, fits, strict=True):
            numbers = f"{request.seed} {request.fold} {request.strengths.hex()}".encode()
            before = _hash(before, self._context(fit, held_out), self._start(request, fit), numbers)
            keys.append(before)
        return keys

    def _context(self, fit: FitSpec, held_out: Mapping) -> bytes:
        def compute() -> bytes:
            recipe = fit.programs.recipe
            stops, cuts = np.asarray(recipe.stops).tobytes(), str((fit.rows.cuts, fit.programs.width)).encode()
            rule = _stopping_text(recipe.stopping)
            words = f"{recipe.epochs} {recipe.batch_size} {recipe.shuffle} {rule}".encode()
            leaves = jax.tree.leaves((fit.rows.rows, dict(held_out)))
            rows = [leaf if isinstance(leaf, StoredArray) else np.asarray(leaf) for leaf in leaves]
            shapes = repr([(array.shape, array.dtype.str) for array in rows]).encode()
            program = (self._core + fit.programs.identity).encode()
            contents = [_stored_content(array) if isinstance(array, StoredArray) else array for array in rows]
            return _hash(program, stops, cuts, words, shapes, *contents)

        return self._cached(("context", id(fit.rows), id(fit.programs)), (fit.rows, fit.programs), compute)

    def _start(self, request: FitRequest, fit: FitSpec) -> bytes:
        def compute() -> bytes:
            leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(tuple(fit.start()))]
            return _hash(*(np.ascontiguousarray(leaf) for leaf in leaves))

        return self._cached(("start", request.seed, request.rate), (), compute)

    def _cached(self, name: tuple, objects: tuple, compute: Callable[[], bytes]) -> bytes:
        """Return a cached hash; names hold `id()`s, and weak references guard against reused ids."""
        value, refs = self._cache.get(name, (b"", ()))
        if not value or not all(ref() is thing for ref, thing in zip(refs, objects, strict=True)):
            value = compute()
            self._cache[name] = value, tuple(weakref.ref(thing) for thing in objects)
        return value


def _stored_content(rows: StoredArray) -> bytes:
    """Return a hash of a selection of rows on disk: their numbers, and some rows as they are read.

    The facts of the study hash all rows of the files, so they need not be read once more for each fold.
    """
    order = np.arange(len(rows)) if rows.order is None else rows.order
    some = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), HASHED_ROWS)).astype(int))
    return _hash(np.asarray(order, np.int64), rows.take(some))


def _stopping_text(rule: Stopping | None) -> str:
    """Return a rule as the text that is hashed, which does not follow the names of its class."""
    if rule is None:
        return "None"
    return (
        f"Stopping(measure={rule.measure!r}, maximize={rule.maximize!r}, patience={rule.patience!r}, "
        f"min_delta={rule.min_delta!r}, keep_best={rule.keep_best!r})"
    )


def _hash(*pieces: Any) -> bytes:
    state = hashlib.sha256()
    for piece in pieces:
        data = piece if isinstance(piece, bytes) else np.ascontiguousarray(piece).data.cast("B")
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.digest()


def _difference_text(before: object, now: object) -> str:
    """Return two values, or for dictionaries the differences inside them."""
    if isinstance(before, dict) and isinstance(now, dict):
        inner = differences(before, now)
        return ", ".join(f"{name}: {words}" for name, words in inner.items())
    return f"{_short_text(before)} there, {_short_text(now)} now"


def _short_text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, list) and len(value) > MAX_LISTED_VALUES:
        return f"{len(value)} of them"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= MAX_VALUE_CHARS else f"{text[:60]}… #{digest(text)[:8]}"
