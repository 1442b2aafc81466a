"""The selected model of a table with the preparation of new rows: saved without pickle, loaded, applied."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import keras
import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped

from bridle import store
from bridle._errors import InputError, StoreError, first_line
from bridle.sequences import SEQUENCE_FORMAT, read_preparation
from bridle.sources._plain import as_frame
from bridle.tables import Layout, NewRows, Preparation, Problem, decode_target
from bridle.tuning._image_network import own_image_network
from bridle.tuning._image_preparation import IMAGE_FORMAT, ImagePreparation
from bridle.tuning._model_file import load_model, model_path, save_model
from bridle.tuning._network import NetworkFunction, outputs_of, own_network
from bridle.tuning._scale import Scale

APPLY = "apply.json"


class RowPreparation(Protocol):
    """Fitted preparation of the rows of new data."""

    @property
    def layout(self) -> Layout:
        """The columns that are features, by which a file of new data is read."""
        ...

    @property
    def input_shape(self) -> int | tuple[int, ...]:
        """The shape of one prepared row; an int for a row of features."""
        ...

    def new_rows(self, table: Any) -> NewRows:
        """Return the rows that `transform` takes, and the columns that name them in a table of predictions."""
        ...

    def transform(self, rows: Any) -> np.ndarray:
        """Return prepared rows."""
        ...

    def unknown_counts(self, table: Any) -> dict[str, dict[str, int]]:
        """Count the rows with categories that the training rows do not have, by column."""
        ...

    def to_json(self) -> dict[str, object]:
        """Return the fitted preparation as strict JSON, with its `format`."""
        ...


READERS: Mapping[str, Callable[[object], RowPreparation]] = MappingProxyType(
    {SEQUENCE_FORMAT: read_preparation, IMAGE_FORMAT: ImagePreparation.from_json}
)
"""Functions that restore a preparation from JSON, by its format; that of tables is the default."""


@dataclass(frozen=True)
class Applied:
    """Selected model of a table, with the preparation of new rows."""

    model: keras.Model
    preparation: RowPreparation
    problem: Problem
    scale: Scale

    def predict(self, table: Any) -> pd.DataFrame:
        """Return one row for each row of `table`: the prediction, and for classes the probability of each class.

        For a model of sequences, there is one row for each sequence, and for a forecast one for each complete window,
        with the columns that name it. For a model of images, `table` is the path of a folder or of an image, or a data
        frame with a column of names; there is one row for each image that can be read.

        Errors: `InputError` for a missing column or for text in a numeric column.
        """
        return self.predict_rows(self.preparation.new_rows(as_frame(table)))

    def predict_rows(self, new: NewRows) -> pd.DataFrame:
        """Return the predictions of rows that `preparation.new_rows` returned."""
        raw = np.asarray(self.model.predict(self.preparation.transform(new.rows), verbose=0))
        columns = pd.DataFrame(prediction_columns(self.problem, self.scale, raw), index=new.names.index)
        return pd.concat([new.names, columns], axis=1)


def prediction_columns(
    problem: Problem, scale: Scale, raw: Float[np.ndarray, "row ..."]
) -> dict[str, Shaped[np.ndarray, "row"]]:
    """Return the columns of a table of predictions: the target or targets, and the probabilities of classes.

    Args:
        problem: what the network predicts.
        scale: the scale of a number.
        raw: the outputs of the network.

    """
    if problem.parts:
        return _several_classes(problem, raw)
    if problem.classes is None:
        return dict(zip(problem.names, scale.restored(raw).T, strict=True))
    shares = np.column_stack([1 - raw[:, 0], raw[:, 0]]) if raw.shape[1] == 1 else raw
    columns = {f"p({label})": shares[:, index] for index, label in enumerate(problem.classes)}
    return {problem.target: decode_target(problem, shares.argmax(axis=1)), **columns}


def _several_classes(problem: Problem, shares: np.ndarray) -> dict[str, np.ndarray]:
    """Return the class of each of several targets, and after them probabilities.

    Of outputs (row, target, class) it is the probability of each class, else that of the second class of each target.
    Of columns with the same name, the second has " (2)" after it.
    """
    if shares.ndim == 3:
        own = {part: shares[:, n, : len(part.classes or ())] for n, part in enumerate(problem.parts)}
        classes = {part.target: decode_target(part, values.argmax(axis=1)) for part, values in own.items()}
        columns = [column for values in own.values() for column in values.T]
        labels = [f"p({part.target}={label})" for part in own for label in part.classes or ()]
        return classes | dict(zip(_distinct(labels, classes), columns, strict=True))
    classes = {
        part.target: decode_target(part, (shares[:, n] > 0.5).astype(int)) for n, part in enumerate(problem.parts)
    }
    labels = [f"p({part.target}={label})" for part in problem.parts for label in (part.classes or ())[1:]]
    return classes | dict(zip(_distinct(labels, classes), shares.T, strict=True))


def _distinct(names: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return names that differ from each other and from others, with a number after one that is taken.

    >>> _distinct(["p(a=b=c)", "p(a=b=c)"], ["a", "a=b"])
    ['p(a=b=c)', 'p(a=b=c) (2)']
    """
    given, taken = [], set(others)
    for name in names:
        numbered = (f"{name} ({number})" for number in count(2))
        given.append(next(new for new in chain([name], numbered) if new not in taken))
        taken.add(given[-1])
    return given


def save_applied(folder: Path, applied: Applied) -> None:
    """Write `model.keras` and `apply.json` into a folder, without pickle."""
    words = {
        "preparation": applied.preparation.to_json(),
        "problem": applied.problem.to_json(),
        "scale": vars(applied.scale),
    }
    text = json.dumps(words, indent=1, allow_nan=False).encode()
    store.write_atomic(folder / APPLY, lambda file: file.write(text))
    save_model(applied.model, folder)


def load_applied(folder: str | Path, *, model: NetworkFunction | None = None) -> Applied:
    """Load the model that `Tuned.save` wrote, ready to predict.

    Args:
        folder: path of the folder.
        model: the function `(inputs, outputs)` that `tune` was given, for a model that needs custom code.

    Errors: `StoreError` if the folder holds no such model, or if the model needs custom code.

    """
    folder = Path(folder)
    model_path(folder)
    if not (folder / APPLY).is_file():
        raise StoreError(
            f"Expected a folder of `bridle tune --out`, got {str(folder)!r}, which holds no {APPLY}. Give another one."
        )
    try:
        words = json.loads((folder / APPLY).read_text(encoding="utf-8"))
        read = READERS.get(words["preparation"].get("format"), Preparation.from_json)
        preparation, problem = read(words["preparation"]), Problem.from_json(words["problem"])
        scale = Scale.from_json(words["scale"], 1 if problem.parts else len(problem.names))
    except InputError as error:
        raise StoreError(f"Expected {str(folder / APPLY)!r} as `bridle tune` wrote it. {error}") from error
    except Exception as error:  # a damaged file fails in many ways
        raise StoreError(f"Expected {str(folder / APPLY)!r} as `bridle tune` wrote it. {first_line(error)}") from error
    build = None if model is None else _builder(model, preparation, problem)
    return Applied(load_model(folder, build), preparation, problem, scale)


def _builder(function: NetworkFunction, preparation: RowPreparation, problem: Problem) -> Callable[[], keras.Model]:
    """Return the call of a user's function with the same arguments as in training."""
    if isinstance(preparation, ImagePreparation):
        return partial(
            own_image_network, function, preparation.form, 1 if problem.classes is None else len(problem.classes)
        )
    return partial(own_network, function, preparation.input_shape, outputs_of(problem))
