"""The base of the estimators: rows in, a study of regularizers, the selected network, predictions out."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import keras
import numpy as np
from jaxtyping import Float32, Shaped
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state, estimator_html_repr
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from bridle._api import RULES, Study, run_prepared, search_arms
from bridle._errors import InputError, KindError, short_repr
from bridle._keras import is_rebuildable, require_jax
from bridle.estimators._callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from bridle.estimators._rows import Folds, choose_folds, order_rows
from bridle.sources._plain import as_frame, plain_rows
from bridle.study import RunOptions
from bridle.tuning import NEWEST, VERSIONS, default_arms, dense_network, own_network

CHUNK_ROWS = 1024
"""Rows that are predicted at a time. The last rows are filled up, so every prediction runs the same operations."""
SEED_LIMIT = 2**31 - 100
"""The limit of a first seed that is drawn."""


@dataclass(frozen=True)
class Output:
    """The last layer of a network, its loss and its metric."""

    units: int | tuple[int, ...]
    """The number of outputs, or the number of classes of each of several targets."""
    activation: str
    loss: str
    metric: Callable[[], Any]


class RegularizedNetwork(CallbackSupportMixin, BaseEstimator, ABC):
    """Base of the estimators: arguments, training and the outputs of the selected network."""

    def __init__(
        self,
        model: Any = None,
        arms: Mapping[str, Mapping[str, Any]] | Literal["all"] | None = None,
        *,
        seeds: int = 5,
        folds: int = 5,
        epochs: int | None = None,
        batch_size: int | None = None,
        scoring: str | None = None,
        rule: Literal["recommended", "best", "1se"] = "recommended",
        scale: bool = True,
        race: bool = True,
        random_state: Any = None,
        progress: bool = False,
    ) -> None:
        self.model = model
        self.arms = arms
        self.seeds = seeds
        self.folds = folds
        self.epochs = epochs
        self.batch_size = batch_size
        self.scoring = scoring
        self.rule = rule
        self.scale = scale
        self.race = race
        self.random_state = random_state
        self.progress = progress

    @abstractmethod
    def _read_target(self, y: Shaped[np.ndarray, "row ..."]) -> tuple[Shaped[np.ndarray, "row ..."], Output]:
        """Return the target as a network takes it, with its output; set the attributes that describe it."""

    @property
    @abstractmethod
    def _is_number(self) -> bool:
        """True if the target is scaled."""

    def _score(self, target: Shaped[np.ndarray, "row ..."], folds: Folds) -> str | None:
        """Return the score to select by; None for the first compiled metric."""
        return self.scoring

    def _labels(self, target: Shaped[np.ndarray, "row ..."]) -> Shaped[np.ndarray, "row"] | None:
        """Return the class of each row, by which folds are stratified; None if it has none."""
        return target.astype(int) if target.ndim == 1 and not self._is_number else None

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Any:  # noqa: N803
        """Compare the regularizers by cross-validation, and train the selected network on all rows.

        Args:
            X: array, sparse matrix, or table of numbers of pandas, polars (also lazy) or Arrow, of shape (rows,
                features).
            y: target, of shape (rows,), or (rows, outputs) for several labels, numbers or targets of classes.
            sample_weight: one weight ≥ 0 for each row. Whole weights count rows: a row of weight 3 is the same as
                three equal rows. Default None.
            groups: one value for each row. Rows of one group share a fold. Default None: equal rows do.

        Callbacks of scikit-learn from 1.9 on, set by `set_callbacks`, are told of the stages of the study and of each
        fit in them; they cannot stop it.

        Returns: the estimator.

        """
        require_jax()
        if self.rule not in RULES:
            raise InputError(f"Expected the rule 'recommended', 'best' or '1se', got {short_repr(self.rule)}.")
        x, y = validate_data(
            self,
            as_frame(X, "X"),
            as_frame(y, "y"),
            accept_sparse="csr",
            dtype=np.float32,
            multi_output=True,
            y_numeric=self._is_number,
            ensure_min_samples=2,
        )
        x = plain_rows(x, "X")
        weight = (
            None
            if sample_weight is None
            else _check_sample_weight(sample_weight, x, dtype=np.float32, ensure_non_negative=True)
        )
        if groups is not None and np.shape(groups) != (len(x),):
            raise InputError(f"Expected one group for each of {len(x)} rows, got the shape {np.shape(groups)}.")
        rows = order_rows(x, y, weight, None if groups is None else np.asarray(groups))
        target, output = self._read_target(rows.y)
        network = self._network(x.shape[1], output)
        folds = choose_folds(self._labels(target), rows.groups, self._count("folds", 2))
        score = self._score(target, folds)
        study = self._study(network, folds, score, partial(own_network, self.model, x.shape[1], output.units))
        is_pooled = str(score).startswith("pooled:")  # such a score needs all fits
        prepared = study.prepare(
            rows.x,
            target,
            sample_weight=rows.weight,
            class_weight=self._class_weights(),
            preprocessor=StandardScaler() if self.scale else None,
            target_preprocessor=StandardScaler() if self._is_number else None,
        )
        race = "rounds" if self.race and self.seeds > 1 and not is_pooled else False
        for note in filter(None, prepared.notes):
            warnings.warn(note, stacklevel=3)
        tasks = FitTasks(self, X=X, y=y, metadata={"sample_weight": sample_weight, "groups": groups})
        self.result_ = run_prepared(prepared, RunOptions(race=race, progress=self.progress), watch=tasks)
        best = self.result_.best(rule=self.rule)
        self.arm_, self.strengths_ = best.arm, dict(best.strengths)
        self.model_ = self.result_.model(rule=self.rule)
        tasks.end()
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def verdict(self) -> str:
        """Return the answer of the study: what was chosen, what it gains with its interval, what to do next."""
        check_is_fitted(self)
        return self.result_.verdict()

    def code(self) -> str:
        """Return the Keras code of the network with the selected regularizers."""
        check_is_fitted(self)
        return self.result_.code(rule=self.rule)

    def _html_repr(self) -> str:
        """Return the parameters as scikit-learn shows them in a notebook, and after `fit` the card of the study."""
        return estimator_html_repr(self) + (self.result_._repr_html_() if hasattr(self, "result_") else "")

    def _class_weights(self) -> Any:
        """Return the weights of the classes, for training rows only."""
        return None

    def _outputs(self, X: Any) -> Float32[np.ndarray, "row output"]:  # noqa: N803
        """Return the outputs of the selected network, in the units of the target."""
        check_is_fitted(self)
        x = plain_rows(validate_data(self, as_frame(X, "X"), accept_sparse="csr", reset=False, dtype=np.float32), "X")
        if (scaler := self.result_.preprocessor) is not None:
            x = scaler.transform(x).astype(np.float32)
        parts = [self._chunk(x[first : first + CHUNK_ROWS]) for first in range(0, len(x), CHUNK_ROWS)]
        outputs = np.concatenate(parts)
        if (scaler := self.result_.target_preprocessor) is not None:
            outputs = scaler.inverse_transform(outputs).astype(np.float32)
        return outputs

    def _chunk(self, x: Float32[np.ndarray, "row feature"]) -> Float32[np.ndarray, "row output"]:
        padded = np.zeros((CHUNK_ROWS, x.shape[1]), np.float32)
        padded[: len(x)] = x
        outputs = keras.ops.convert_to_numpy(self.model_(padded, training=False))
        return outputs.reshape(CHUNK_ROWS, -1)[: len(x)]

    def _network(self, inputs: int, output: Output) -> keras.Model:
        """Return the network: the user's, or the default one of tables."""
        if self.model is None:
            return _default_network(inputs, output)
        if isinstance(self.model, keras.Model):
            return own_network(lambda inputs, outputs: self.model, inputs, output.units)
        if not callable(self.model):
            raise KindError(
                f"Expected model as a compiled keras.Model or a function (inputs, outputs) that returns one, got "
                f"{short_repr(self.model)}."
            )
        return own_network(self.model, inputs, output.units)

    def _study(self, network: keras.Model, folds: Folds, score: str | None, build: Callable[[], keras.Model]) -> Study:
        """Return the study of this network, which `build` makes again."""
        defaults = VERSIONS[NEWEST]
        arms = self.arms
        if arms is None:
            arms = default_arms(network, defaults.kinds, defaults.targets)
        elif isinstance(arms, str):
            if arms != "all":
                raise InputError(f"Expected arms as a dictionary, 'all' or None, got {short_repr(arms)}.")
            arms = search_arms(network).kinds
        again = is_rebuildable(network) or isinstance(self.model, keras.Model)
        first = self._first_seed()
        return Study(
            network if again else build,
            arms,
            seeds=range(first, first + self._count("seeds", 1)),
            folds=folds,
            epochs=defaults.epochs if self.epochs is None else self.epochs,
            batch_size=defaults.batch_size if self.batch_size is None else self.batch_size,
            score=score,
        )

    def _first_seed(self) -> int:
        if self.random_state is None or isinstance(self.random_state, int | np.integer):
            return int(self.random_state or 0)
        return int(check_random_state(self.random_state).randint(SEED_LIMIT))

    def _count(self, name: str, least: int) -> int:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"Expected {name} as a whole number of at least {least}, got {short_repr(value)}.")
        return int(value)


def _default_network(inputs: int, output: Output) -> keras.Model:
    """Return the dense network of `bridle.tune` with the output and the loss of a target, compiled with Adam."""
    defaults = VERSIONS[NEWEST]
    model = dense_network(inputs, output.units, hidden=defaults.hidden, last=output.activation)
    model.compile(keras.optimizers.Adam(defaults.learning_rate), output.loss, metrics=[output.metric()])
    return model
