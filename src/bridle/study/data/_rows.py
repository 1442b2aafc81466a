"""The rows of a study as the user gives them, and their preparation by the user's transformers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bridle._errors import InputError
from bridle.results import StoredTransformer
from bridle.sources._plain import plain_rows
from bridle.sources._source import OnPath
from bridle.sources._stored import StoredArray
from bridle.sources._trees import count_rows, take_rows
from bridle.study.data._arrays import Data, read_rows
from bridle.study.data._preparation import (
    as_column,
    fit_in_passes,
    fit_transformer,
    transform_rows,
    transform_stored,
    transform_stored_training,
    transform_training_rows,
)
from bridle.study.data._transformers import store_transformer, transformer_text

STORED_CHECK_ROWS = 100
"""The number of rows that check a stored preprocessor against the fitted one."""


@dataclass(frozen=True)
class Rows:
    """The rows of a study, as the user gives them.

    `preprocessor` is a scikit-learn transformer of x (a scaler, an encoder), `target_preprocessor` one of y; each
    is fitted on the training rows of every fold. `class_weight` is `{class: weight}` or "balanced"; it weighs
    training rows only, as in `fit`. Without y the target is x as the model reads it, after `preprocessor`; then
    `validation` and `held_out` are rows alone. `validation=(x, y)` is one split instead of folds. `held_out` sets
    are evaluated once, after selection. Both may have weights: `(x, y, sample_weight)`.
    """

    x: Any
    y: Any = None
    sample_weight: Any = None
    groups: Any = None
    class_weight: Any = None
    validation: tuple[Any, ...] | None = None
    held_out: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    preprocessor: Any = None
    target_preprocessor: Any = None
    ordered: bool = False
    """True if rows are in the order of time, so that a number of folds means folds in this order."""
    moments: Any = None
    """Numbers of rows in the order of time, equal for equal times; None if all times differ."""
    paths: Mapping[str, OnPath] = field(default_factory=dict)
    """The parts, `x` or others, that another process reads from files."""

    def __getstate__(self) -> dict[str, Any]:
        """Travel without the parts that are in files; `loaded` reads them there."""
        return {**vars(self), **self.paths}

    def loaded(self) -> "Rows":
        """Return the rows with all parts in memory that were left in files on the way to this process.

        Errors: `InputError` where a file is missing here.
        """
        left = {name: part.load() for name, part in vars(self).items() if isinstance(part, OnPath)}
        return replace(self, **left) if left else self

    def __post_init__(self) -> None:
        if self.y is None:
            self._check_reconstruction()
        for name, parts in {"validation": self.validation, **self.held_out}.items():
            if parts is not None and (not isinstance(parts, tuple | list) or len(parts) not in (2, 3)):
                size = f" of {len(parts)}" if isinstance(parts, tuple | list) else ""
                raise InputError(f"Expected {name}=(x, y) or (x, y, sample_weight), got {type(parts).__name__}{size}.")
        outside = {
            name: tuple(plain_rows(part, f"{name} {'xyw'[index]}") for index, part in enumerate(parts))
            for name, parts in self.held_out.items()
        }
        judge = self.validation and tuple(plain_rows(part, "validation") for part in self.validation)
        plain = {"x": plain_rows(self.x), "y": plain_rows(self.y, "y"), "held_out": outside, "validation": judge}
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    @property
    def reconstructs(self) -> bool:
        """True if the target is x."""
        return self.y is None

    def _check_reconstruction(self) -> None:
        """Complete rows without labels, `validation=x` to `(x, None)`; raise `InputError` for options of labels."""
        for name in ("class_weight", "target_preprocessor"):
            if getattr(self, name) is not None:
                raise InputError(
                    f"Expected no {name} without y, since the target is x as the model reads it. Give y, or "
                    f"{'sample_weight' if name == 'class_weight' else 'preprocessor'} instead."
                )
        held_out = {name: self._without_labels(parts, name) for name, parts in self.held_out.items()}
        object.__setattr__(self, "held_out", held_out)
        if self.validation is not None:
            object.__setattr__(self, "validation", self._without_labels(self.validation, "validation"))

    def _without_labels(self, parts: Any, name: str) -> tuple[Any, ...]:
        """Return rows of a study without labels as `(x, None)` or `(x, None, weight)`."""
        if isinstance(parts, tuple | list) and len(parts) in (2, 3) and parts[1] is None:
            return tuple(parts)
        if isinstance(parts, tuple) and not isinstance(self.x, tuple | list):
            raise InputError(f"Expected {name} as rows alone, since the study has no y, got a tuple. Give {name}=x.")
        return parts, None


@dataclass(frozen=True)
class RowPreparer:
    """Preparation of rows: the user's preprocessors, and the checks against model and loss."""

    rows: Rows
    loss: str
    outputs: tuple[int | None, ...]
    final: list[tuple[Any, Any]] = field(default_factory=list)
    """The preprocessors of x and y that the refits use, once they are fitted."""
    _on_all_rows: list[tuple[Any, Any]] = field(default_factory=list, repr=False, compare=False)
    """The preprocessors fitted on all rows, once they are needed."""
    _all: list[Data] = field(default_factory=list, repr=False, compare=False)
    """All rows as arrays, between `all_rows` and `release`."""

    @property
    def prepares(self) -> bool:
        """True if a preprocessor is fitted to rows before training."""
        return self.rows.preprocessor is not None or self.rows.target_preprocessor is not None

    def check(self, x: Any, y: Any, weight: Any = None, name: str = "") -> Data:
        """Return arrays after the checks of `read_rows`."""
        return read_rows(x, y, loss=self.loss, outputs=self.outputs, weight=weight, name=name)

    def fitted(self, train: np.ndarray | None) -> tuple[Any, Any]:
        """Return the preprocessors of x and y, fitted on rows by index; None is all rows, fitted once."""
        if train is None and self._on_all_rows:
            return self._on_all_rows[0]
        x, y = (value if train is None else take_rows(value, train) for value in (self.rows.x, self.rows.y))
        target = self.rows.target_preprocessor
        fitted_target = None if target is None else fit_transformer(target, as_column(y))
        fit = fit_in_passes if isinstance(x, StoredArray) else fit_transformer
        fitted = fit(self.rows.preprocessor, x, y), fitted_target
        if train is None:
            self._on_all_rows.append(fitted)
        return fitted

    def stored(self) -> dict[str, StoredTransformer]:
        """Return the preprocessors of the refits in storable form, by `x` and `y`; before refits their text."""
        templates = {"x": self.rows.preprocessor, "y": self.rows.target_preprocessor}
        templates = {part: transformer for part, transformer in templates.items() if transformer is not None}
        if not self.final or not templates:
            return {part: StoredTransformer(transformer_text(transformer)) for part, transformer in templates.items()}
        return self.storable(self.final[0])

    def storable(self, pair: tuple[Any, Any]) -> dict[str, StoredTransformer]:
        """Return fitted preprocessors of x and y in storable form, by `x` and `y`."""
        some = np.arange(min(STORED_CHECK_ROWS, count_rows(self.rows.x)))
        fitted = {part: one for part, one in zip("xy", pair, strict=True) if one is not None}
        rows = {part: take_rows(getattr(self.rows, part), some) for part in fitted}
        rows = {part: as_column(some) if part == "y" else in_memory(some) for part, some in rows.items()}
        return {part: store_transformer(one, rows[part]) for part, one in fitted.items()}

    def all_rows(self) -> Data:
        """Return all rows as arrays, the preprocessors fitted on all of them; they are kept until `release`."""
        rows = self.rows
        if not self._all:
            self._all.append(self.arrays(rows.x, rows.y, rows.sample_weight, self.fitted(None)))
        return self._all[0]

    def release(self) -> None:
        """Give up the memory of `all_rows`."""
        self._all.clear()

    def arrays(
        self, x: Any, y: Any, weight: Any, fitted: tuple[Any, Any], name: str = "", *, training: bool = False
    ) -> Data:
        """Return rows after fitted preprocessors, checked; `training` says that they were fitted to these rows."""
        label = f"{name} " if name else ""
        if fitted[0] is not None:
            plain = plain_rows(x, f"{label}x")
            if isinstance(x, StoredArray):
                x = (
                    transform_stored_training(fitted[0], plain, y, f"{label}x")
                    if training
                    else transform_stored(fitted[0], plain, f"{label}x")
                )
            elif training:
                x = transform_training_rows(fitted[0], plain, y, f"{label}x")
            else:
                x = transform_rows(fitted[0], plain, f"{label}x")
        if fitted[1] is not None:
            y = transform_rows(fitted[1], as_column(y), f"{label}y")
        if self.rows.reconstructs:
            return replace(self.check(x, x, weight, name), labels=None, several_labels=False)
        return self.check(x, y, weight, name)

    def outside(self, parts: Sequence[Any], fitted: tuple[Any, Any], name: str) -> Data:
        """Return additional rows, `(x, y)` or `(x, y, weight)`, prepared and checked."""
        x, y, weight = (*parts, None)[:3]
        return self.arrays(x, y, weight, fitted, name)


def in_memory(values: Any) -> Any:
    """Return some rows as an array if they are on disk, else as they are."""
    return values.load() if isinstance(values, StoredArray) else values
