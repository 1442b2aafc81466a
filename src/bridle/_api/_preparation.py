"""The fitted transformers of a study's rows: from memory or from a store, and as lines of Python."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from bridle._errors import InputError, KindError, StoreError
from bridle.results import StoredTransformer, StudyResult
from bridle.sources._fingerprint import row_hashes
from bridle.sources._read import rows_alone
from bridle.study.data import (
    build_transformer,
    import_lines,
    plain_rows,
    read_inputs,
    restore_target,
    transform_rows,
    transformer_line,
    transformer_text,
)

MIN_SHARE = 0.05
"""Share of rows that equal rows of a study, beyond that of chance, from which on they count as rows of the study."""
MAX_ERRORS = 3.0
"""Standard errors of the share of chance that the share has to exceed."""
NAMES = {"x": "preprocessor", "y": "target_preprocessor"}


class Preparation:
    """The fitted transformers of the refits: of the rows (`x`) and of the target (`y`).

    Args:
        stored: the transformers as stored in the result.
        fitted: the transformer objects, if the study ran in this process.
        folds: the transformers of each fold, if the study keeps the networks of the folds.
        fold: the fold, if these are the transformers of one.

    """

    def __init__(
        self,
        stored: Mapping[str, StoredTransformer],
        fitted: tuple[Any, Any] = (None, None),
        *,
        folds: Sequence["Preparation"] = (),
        fold: int | None = None,
    ) -> None:
        self._stored = stored
        self.folds, self._fold = tuple(folds), fold
        self._fitted = {part: one for part, one in zip("xy", fitted, strict=True) if one is not None}

    def get(self, part: str) -> Any:
        """Return a fitted transformer, or None if the study had no such transformer.

        Errors: `InputError` if it could not be stored and was not set; `StoreError` if its stored form is damaged.
        """
        if part not in self._fitted and part in self._stored:
            stored = self._stored[part]
            if stored.words is None and self._fold is not None:
                raise InputError(
                    f"The folder of this study does not hold {' '.join(stored.text.split())} as it was fitted in fold "
                    f"{self._fold}: only transformers of scikit-learn without functions are stored. Use the result "
                    "that study.run returns, or another transformer."
                )
            if stored.words is None:
                raise InputError(
                    f"The folder of this study does not hold its fitted {' '.join(stored.text.split())}: only "
                    f"transformers of scikit-learn without functions are stored. Fit it on the rows of the study and "
                    f"set result.{NAMES[part]} to it. For a table, `bridle predict` applies it."
                )
            self._fitted[part] = build_transformer(stored)
        return self._fitted.get(part)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that a transformer prepares: `x`, `y`, both or none."""
        return tuple(part for part in "xy" if part in self._fitted or part in self._stored)

    def set(self, part: str, transformer: Any) -> None:
        """Set a fitted transformer.

        Errors: `KindError` if it has no `transform`.
        """
        if not callable(getattr(transformer, "transform", None)):
            raise KindError(f"Expected a fitted transformer as {NAMES[part]}, got {type(transformer).__name__}.")
        self._fitted[part] = transformer

    def predict(self, model: keras.Model, rows: Any) -> Any:
        """Return the predictions of a model for unprepared rows, in the units of the original target."""
        rows_as, target_as, rows = self.get("x"), self.get("y"), rows_alone(rows)
        x = read_inputs(rows if rows_as is None else transform_rows(rows_as, plain_rows(rows, "rows"), "rows"))
        prediction = model.predict(x, verbose=0)
        return prediction if target_as is None else self.restore(np.asarray(prediction))

    def restore(self, prediction: np.ndarray) -> np.ndarray:
        """Return a prediction in the units of the original target."""
        target_as = self.get("y")
        return prediction if target_as is None else restore_target(target_as, prediction)

    def prepare(self, rows: Any, target: Any) -> tuple[Any, Any]:
        """Return rows and target as the network takes them."""
        target_as = self.get("y")
        if target_as is not None:
            target = transform_rows(target_as, np.asarray(target).reshape(len(target), -1), "y")
        return self.prepare_rows(rows), target

    def prepare_rows(self, rows: Any) -> Any:
        """Return rows as the network takes them."""
        rows_as, rows = self.get("x"), rows_alone(rows)
        return rows if rows_as is None else transform_rows(rows_as, plain_rows(rows, "x"), "x")

    def lines(self) -> str:
        """Return Python lines that prepare rows `x` and a target `y`; empty without transformers."""
        if not self._stored:
            return ""
        imports: set[str] = set()
        body: list[str] = []
        for part in sorted(self._stored):
            value, name = ("x", "y.reshape(len(y), -1)")[part == "y"], NAMES[part]
            try:
                fitted = self.get(part)
            except (InputError, StoreError):
                body.append(f"# {part} goes through {' '.join(self._stored[part].text.split())} before training")
                continue
            needed = import_lines(fitted)
            if needed:
                imports |= set(needed)
                body.append(f"{name} = {transformer_text(fitted)}.fit({value})")
                body.append(f"{part} = {name}.transform({value})")
            else:
                body.append(f"# {part} goes through {transformer_line(fitted)} before training: result.{name}")
        top = "# The network takes prepared rows, as below. result.predict prepares rows itself.\n"
        head = "".join(f"{line}\n" for line in sorted(imports))
        return top + head + ("\n" if imports else "") + "\n".join(body) + "\n\n"


def fold_preparations(data: StudyResult, fitted: Sequence[tuple[Any, Any]] = ()) -> tuple[Preparation, ...]:
    """Return the transformers of each fold, if a study keeps the networks of the folds.

    `fitted` are the objects, if the study ran in this process.
    """
    folds = () if data.fold_networks is None else data.fold_networks.preparation
    pairs = fitted if folds and fitted else [(None, None)] * len(folds)
    return tuple(
        Preparation(stored, pair, fold=fold) for fold, (stored, pair) in enumerate(zip(folds, pairs, strict=True))
    )


def count_study_rows(rows: Any, hashes: np.ndarray) -> int:
    """Return the number of rows that equal a row of a study, or 0 if they are not more than chance explains.

    By chance, new rows equal those of the study as often as its rows equal each other. So rows with few distinct
    values, which cannot be told apart, count as new ones.

    Args:
        rows: the rows, unprepared.
        hashes: those of `row_hashes` of the rows of the study.

    """
    own = row_hashes(plain_rows(rows_alone(rows)))
    if not len(own) or not len(hashes):
        return 0
    _, places, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    shared, chance = np.isin(own, hashes), float(np.mean(counts[places] > 1))
    error = np.sqrt(chance * (1 - chance) * (1 / len(own) + 1 / len(hashes)))
    return int(shared.sum()) if shared.mean() - chance > max(MIN_SHARE, MAX_ERRORS * error) else 0


def study_order(rows: Any, hashes: np.ndarray) -> np.ndarray | None:
    """Return the position of each row of a study among rows that are the same in any order; None for other rows.

    Equal rows keep their order.
    """
    own = row_hashes(plain_rows(rows_alone(rows)))
    given, asked = np.argsort(own, kind="stable"), np.argsort(hashes, kind="stable")
    if not np.array_equal(own[given], hashes[asked]):
        return None
    order = np.empty(len(own), int)
    order[asked] = given
    return order
