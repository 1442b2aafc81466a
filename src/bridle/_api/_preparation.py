"""The preparation of a study's rows: fitted transformers in memory or from a store, and the lines that repeat them."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from bridle._errors import InputError, KindError, StoreError
from bridle.results import StoredTransformer
from bridle.study.data import (
    build_transformer,
    import_lines,
    read_inputs,
    restore_target,
    transform_rows,
    transformer_line,
    transformer_text,
)

NAMES = {"x": "preprocessor", "y": "target_preprocessor"}


class Preparation:
    """The transformers that the refits' rows went through: of the rows (`x`) and of their target (`y`).

    Args:
        stored: what the result holds of them.
        fitted: the transformers themselves, where the study ran in this process.

    """

    def __init__(self, stored: Mapping[str, StoredTransformer], fitted: tuple[Any, Any] = (None, None)) -> None:
        self._stored = stored
        self._fitted = {part: one for part, one in zip("xy", fitted, strict=True) if one is not None}

    def get(self, part: str) -> Any:
        """Return a fitted transformer; None where the study had none.

        Errors: `InputError` where it cannot be stored and was not set; `StoreError` where its stored form is damaged.
        """
        if part not in self._fitted and part in self._stored:
            stored = self._stored[part]
            if stored.words is None:
                raise InputError(
                    f"Expected the fitted {' '.join(stored.text.split())} of this study, which its folder does not "
                    f"hold: transformers of scikit-learn's own without functions are stored. Fit it on the rows of "
                    f"the study and set result.{NAMES[part]} to it; for a table, `bridle predict` applies it."
                )
            self._fitted[part] = build_transformer(stored)
        return self._fitted.get(part)

    def set(self, part: str, transformer: Any) -> None:
        """Take a fitted transformer from a person.

        Errors: `KindError` for what does not transform.
        """
        if not callable(getattr(transformer, "transform", None)):
            raise KindError(f"Expected a fitted transformer as {NAMES[part]}, got {type(transformer).__name__}.")
        self._fitted[part] = transformer

    def predict(self, model: keras.Model, rows: Any) -> Any:
        """Return a model's predictions for rows as they are, in the units of the target as it is."""
        rows_as, target_as = self.get("x"), self.get("y")
        x = read_inputs(rows if rows_as is None else transform_rows(rows_as, rows, "rows"))
        prediction = model.predict(x, verbose=0)  # pyright: ignore[reportArgumentType] - Keras annotates a default of "auto" as str
        return prediction if target_as is None else restore_target(target_as, np.asarray(prediction))

    def lines(self) -> str:
        """Return Python lines that prepare rows `x` and a target `y`; empty where nothing was prepared."""
        if not self._stored:
            return ""
        imports, body = set(), []
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
        top = "# The network takes prepared rows, as below; result.predict takes them as they are.\n"
        head = "".join(f"{line}\n" for line in sorted(imports))
        return top + head + ("\n" if imports else "") + "\n".join(body) + "\n\n"
