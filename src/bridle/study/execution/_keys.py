"""What a study is a function of: as a plan in words, to be compared; and as the keys of its members."""

import hashlib
import json
import platform
import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import keras
import numpy as np

from bridle._errors import OtherStudyError
from bridle._keras import fingerprint_model
from bridle.engine import ENGINE, FitSpec, Stopping
from bridle.study.data import fingerprint
from bridle.study.design import NONE, EarlyStopping, Prepared, score_text
from bridle.study.execution._requests import FitRequest

Plan = dict[str, Any]
"""Facts by name, as JSON can hold them."""
GROWS = ("strengths", "seeds", "epochs", "race", "nested")
"""Facts of which an extension may change any: members that are there stay what they are."""
STORED_STARTS = {"random": "fresh", "model": "weights"}
"""The words of a stored plan for `initial_weights`."""
STORED_PATHS = {None: "cold", "decreasing": "strong to weak", "increasing": "weak to strong"}
"""The words of a stored plan for `warm_start`."""


def plan_of(prepared: Prepared, race: bool, nested: object) -> Plan:
    """Everything that decides a study's numbers, by the names that a person knows."""
    question, rows = prepared.question, prepared.rows
    given = (rows.sample_weight, rows.groups, rows.class_weight, rows.validation)
    plan = {
        "model": fingerprint_model(prepared.model),
        "arms": {
            arm.name: {
                **{term.target: term.to_text() for term in arm.terms},
                **({} if arm.learning_rate is None else {"learning_rate": arm.learning_rate}),
            }
            for arm in prepared.arms
            if arm.name != NONE
        },
        "strengths": {
            f"{arm.name}: {prepared.penalty_terms.slots[slot]}": "auto" if grid.open else list(grid.values)
            for arm in prepared.arms
            for slot, grid in zip(arm.slots, arm.grids, strict=True)
        },
        "rows": f"{prepared.fold_rows.sum(axis=1).max()} rows, {fingerprint(rows.x, rows.y)[:16]}",
        "weights, groups and validation rows": _print(given),
        "preparation": [_said(rows.preprocessor), _said(rows.target_preprocessor)],
        "held-out rows": {name: fingerprint(*pair)[:16] for name, pair in rows.held_out.items()},
        "folds": question.folds if isinstance(question.folds, int) else _said(question.folds),
        "seeds": [int(seed) for seed in question.seed_numbers],
        "epochs": question.epochs,
        "batch size": question.batch_size,
        "shuffle": question.shuffle,
        "score": score_text(prepared.engine.program, prepared.score),
        "points": question.curve_points,
        "start": STORED_STARTS[question.initial_weights],
        "path": STORED_PATHS[question.warm_start],
        "early stopping": None if question.early_stopping is None else _early_stopping(question.early_stopping),
        "race": race,
        "nested": nested if isinstance(nested, int | None) else _said(nested),
        **({"padded steps": "left out of losses and metrics"} if prepared.engine.program.masked else {}),
        "engine": ENGINE,
        "keras": keras.__version__,
        "jax": jax.__version__,
        "device": device(),
    }
    return json.loads(json.dumps(plan))  # as it will be read


def _early_stopping(rule: EarlyStopping) -> dict[str, Any]:
    """Return a rule under the names that are stored, which do not follow those of its class."""
    return {
        "patience": rule.patience,
        "watch": rule.validation_fraction,
        "monitor": rule.monitor,
        "min_delta": rule.min_delta,
        "keep_best": rule.restore_best_weights,
    }


def device() -> str:
    """The kind of device on which fits have the same bits."""
    return f"{jax.devices()[0].device_kind}, {platform.machine()}"


def differences(there: Plan, now: Plan) -> dict[str, str]:
    """Where two plans differ, in words by the name of the fact."""
    names = dict.fromkeys([*now, *there])
    return {name: _difference(there.get(name), now.get(name)) for name in names if there.get(name) != now.get(name)}


def check_same(there: Plan, now: Plan, folder: object, extend: bool) -> None:
    """See that a folder holds this very study, or with `extend` one that this study continues.

    Errors: `OtherStudyError` with every difference in words.
    """
    found = differences(there, now)
    blocking = [name for name in found if not (extend and name in GROWS)]
    if not blocking:
        return
    said = "; ".join(f"{name}: {found[name]}" for name in blocking)
    grows = all(name in GROWS for name in blocking)
    advice = "Extend it with extend=True." if grows else "Give another folder, or the same study."
    message = f"Expected the study that {str(folder)!r} holds, got another one. {said}."
    raise OtherStudyError(message, advice, grows=grows)


def digest(value: object) -> str:
    """A hash of what JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


class Keys:
    """The keys of members: hashes of all that a fit is a function of.

    That is the compiled program with its constants; the rows of the fold; initial variables and optimizer state;
    seed, fold, strengths and recipe; and on a warm path the fits before it. What cannot be compiled is known by its
    plan alone.
    """

    def __init__(self, plan: Plan) -> None:
        self._core = digest({name: value for name, value in plan.items() if name not in GROWS})
        self._made: dict[tuple, tuple[bytes, tuple[weakref.ref, ...]]] = {}

    def chain(
        self, prepared: Prepared, orders: Sequence[FitRequest], fits: Sequence[FitSpec], held_out: Mapping
    ) -> list[bytes]:
        """A key for each fit of a chain."""
        found, before = [], b""
        for order, fit in zip(orders, fits, strict=True):
            numbers = f"{order.seed} {order.fold} {order.strengths.hex()}".encode()
            before = _hash(before, self._context(prepared, fit, held_out), self._start(order, fit), numbers)
            found.append(before)
        return found

    def _context(self, prepared: Prepared, fit: FitSpec, held_out: Mapping) -> bytes:
        def make() -> bytes:
            recipe = prepared.engine.recipe
            stops, cuts = np.asarray(recipe.stops).tobytes(), str((fit.rows.cuts, fit.programs.width)).encode()
            words = f"{recipe.epochs} {recipe.batch_size} {recipe.shuffle} {_stopping(recipe.stopping)}".encode()
            rows = [np.asarray(leaf) for leaf in jax.tree.leaves((fit.rows.rows, dict(held_out)))]
            shapes = repr([(array.shape, array.dtype.str) for array in rows]).encode()
            program = (self._core + fit.programs.identity).encode()
            return _hash(program, stops, cuts, words, shapes, *rows)

        return self._once(("context", id(fit.rows), id(fit.programs)), (fit.rows, fit.programs), make)

    def _start(self, order: FitRequest, fit: FitSpec) -> bytes:
        def make() -> bytes:
            leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(tuple(fit.start()))]
            return _hash(*(np.ascontiguousarray(leaf) for leaf in leaves))

        return self._once(("start", order.seed, order.rate), (), make)

    def _once(self, name: tuple, things: tuple, make: Callable[[], bytes]) -> bytes:
        """Made once, as long as the things live that the name refers to by their addresses."""
        made, refs = self._made.get(name, (b"", ()))
        if not made or not all(ref() is thing for ref, thing in zip(refs, things, strict=True)):
            made = make()
            self._made[name] = made, tuple(weakref.ref(thing) for thing in things)
        return made


def _stopping(rule: Stopping | None) -> str:
    """Return a rule as text that is hashed, which does not follow the names of its class."""
    if rule is None:
        return "None"
    return (
        f"Stopping(measure={rule.measure!r}, maximize={rule.maximize!r}, patience={rule.patience!r}, "
        f"min_delta={rule.min_delta!r}, keep_best={rule.keep_best!r})"
    )


def _hash(*pieces: Any) -> bytes:
    made = hashlib.sha256()
    for piece in pieces:
        data = piece if isinstance(piece, bytes) else memoryview(np.ascontiguousarray(piece)).cast("B")
        made.update(len(data).to_bytes(8, "little"))
        made.update(data)
    return made.digest()


def _print(values: tuple) -> str:
    return fingerprint(*values)[:16] if any(value is not None for value in values) else "none"


def _said(thing: object) -> str | None:
    """A splitter or transformer in words, without addresses, which are others in every process."""
    return None if thing is None else re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))


def _difference(there: object, now: object) -> str:
    """Two values, or where they are long what differs inside them."""
    if isinstance(there, dict) and isinstance(now, dict):
        inner = differences(there, now)
        return ", ".join(f"{name}: {said}" for name, said in inner.items())
    return f"{_short(there)} there, {_short(now)} now"


def _short(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, list) and len(value) > 6:
        return f"{len(value)} of them"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:60]}… #{digest(text)[:8]}"
