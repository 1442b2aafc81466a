"""`RegularizedClassifier`: a classifier of scikit-learn that chooses the regularization of its network."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import keras
import numpy as np
from jaxtyping import Float64, Int, Shaped
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from bridle._errors import InputError, short_repr
from bridle.estimators._network import Output, RegularizedNetwork
from bridle.sources._plain import as_frame

MULTILABEL = "multilabel-indicator"
"""The type of a target of several labels, each 0 or 1."""
MULTITARGET = "multiclass-multioutput"
"""The type of several targets of classes."""


class RegularizedClassifier(ClassifierMixin, RegularizedNetwork):
    """Classifier that chooses the regularization of its network by cross-validation.

    `fit` compares the arms over folds and seeds, selects one with its strength, and trains the network with it on all
    rows, once for each seed. Predictions are the mean over seeds. Features are scaled by each fold's training rows.

    Args:
        model: compiled `keras.Model`, or a function `(inputs, outputs)` that returns one: outputs is 1 for two classes,
            else the number of classes, or of labels; for several targets a tuple, the number of classes of each, for an
            output of shape (targets, most classes). Default None: hidden layers of 64 and 32 units, trained by Adam.
        arms: dictionary `{name: {target: regularizer}}` as in `bridle.Study`; `"all"`, one arm of each kind that the
            network allows; or None (default), L1 and L2 on weights, activations and pre-activations.
        seeds: int ≥ 1, networks with other initial weights and shuffling. Default 5.
        folds: int ≥ 2. Default 5; fewer where a class has fewer rows.
        epochs: int ≥ 1. Default 100.
        batch_size: int ≥ 1. Default 64.
        scoring: the measure to select by: `"loss"`, or the name of a compiled metric. Default: the first metric, which
            is accuracy for the default network.
        rule: `"recommended"` (default), `"best"` or `"1se"`, as in `bridle.Result`.
        class_weight: `"balanced"`, `{class: weight}` for training rows, or None (default).
        scale: bool, whether to scale the features to mean 0 and deviation 1. Default True.
        race: bool, whether to give further seeds to the better half of the candidates only. Default True.
        random_state: int ≥ 0, the first seed; `RandomState`; or None (default), 0.
        progress: bool, whether to draw a progress bar on standard error. Default False.

    Attributes after `fit`: `classes_`, for several targets a list; `result_`, the `bridle.Result` with report, table
    and pictures; `model_`, the trained `keras.Model`; `arm_` and `strengths_`, what was selected; `n_features_in_`,
    `feature_names_in_`.

    Columns of y that are all 0 and 1 are several labels; other columns are several targets.

    Rows are sorted before training, so their order does not change a fit. Use `bridle.Study` with a splitter for
    rows in the order of time.

    Errors: `InputError`, a `ValueError`, for arguments outside their range and rows that cannot be used; `BackendError`
    in `fit` if Keras does not run on JAX.

    >>> import bridle
    >>> from sklearn.datasets import make_moons
    >>> x, y = make_moons(60, noise=0.2, random_state=1)
    >>> arms = {"L2": {"*/kernel": bridle.L2([1e-3, 1e-2])}}
    >>> classifier = bridle.RegularizedClassifier(arms=arms, seeds=1, folds=2, epochs=20).fit(x, y)
    >>> classifier.predict_proba(x).shape, classifier.arm_ in ("none", "L2")
    ((60, 2), True)

    """

    classes_: Any

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
        class_weight: Any = None,
        scale: bool = True,
        race: bool = True,
        random_state: Any = None,
        progress: bool = False,
    ) -> None:
        super().__init__(
            model,
            arms,
            seeds=seeds,
            folds=folds,
            epochs=epochs,
            batch_size=batch_size,
            scoring=scoring,
            rule=rule,
            scale=scale,
            race=race,
            random_state=random_state,
            progress=progress,
        )
        self.class_weight = class_weight

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """Return the probability of each class, of shape (rows, classes); of several labels, of each label.

        For several targets, return a list of such arrays, one for each.
        """
        outputs = self._outputs(X).astype(float)
        from_logits = getattr(self.model_.loss, "from_logits", False)
        if self._several_targets:
            each = outputs.reshape(len(outputs), len(self.classes_), -1)
            parts = [each[:, n, : len(classes)] for n, classes in enumerate(self.classes_)]
            return [_softmax(part) if from_logits else part / part.sum(axis=1, keepdims=True) for part in parts]
        if from_logits:
            outputs = _softmax(outputs) if outputs.shape[1] > 1 and not self._several else 1 / (1 + np.exp(-outputs))
        if self._several:
            return outputs
        if outputs.shape[1] == 1:
            return np.concatenate([1 - outputs, outputs], axis=1)
        return outputs / outputs.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Shaped[np.ndarray, "row ..."]:  # noqa: N803
        """Return the most probable class of each row; of several labels 0 or 1 for each, of shape (rows, labels).

        For several targets, return the class of each, of shape (rows, targets).
        """
        shares = self.predict_proba(X)
        if self._several_targets:
            columns = [classes[part.argmax(axis=1)] for classes, part in zip(self.classes_, shares, strict=True)]
            return np.stack(columns, axis=1)
        if self._several:
            return (shares > 0.5).astype(int)
        return self.classes_[shares.argmax(axis=1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Return the accuracy; of several labels or targets, the share of rows in which all are right."""
        if not self._several_targets:
            return super().score(X, y, sample_weight)
        right = self.predict(X) == np.asarray(as_frame(y, "y"))
        return float(np.average(right.all(axis=1), weights=sample_weight))

    @property
    def _several(self) -> bool:
        return self._target_type == MULTILABEL

    @property
    def _several_targets(self) -> bool:
        return isinstance(getattr(self, "classes_", None), list)

    @property
    def _is_number(self) -> bool:
        return False

    def _read_target(self, y: Shaped[np.ndarray, "row ..."]) -> tuple[Shaped[np.ndarray, "row ..."], Output]:
        self._target_type = _target_type(y)
        if self._several:
            self.classes_ = np.arange(y.shape[1])
            metric = partial(keras.metrics.BinaryAccuracy, name="accuracy")
            return np.asarray(y), Output(y.shape[1], "sigmoid", "binary_crossentropy", metric)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if y.ndim > 1:
            return self._read_targets(y)
        self.classes_, target = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(f"Expected at least two classes in y, got only one class, {self.classes_.tolist()[0]!r}.")
        if len(self.classes_) == 2:
            return target, Output(1, "sigmoid", "binary_crossentropy", lambda: "accuracy")
        units = len(self.classes_)
        return target, Output(units, "softmax", "sparse_categorical_crossentropy", lambda: "accuracy")

    def _read_targets(self, y: Shaped[np.ndarray, "row target"]) -> tuple[Int[np.ndarray, "row target"], Output]:
        """Return the class numbers of several targets; `classes_` becomes a list."""
        pairs = [np.unique(_of_one_type(column), return_inverse=True) for column in y.T]
        self.classes_ = [classes for classes, _ in pairs]
        single = [number for number, classes in enumerate(self.classes_) if len(classes) < 2]
        if single:
            label = self.classes_[single[0]].tolist()[0]
            raise InputError(
                f"Expected at least two classes in each column of y, got only {label!r} in column {single[0]}. Leave "
                "this column out."
            )
        metric = partial(keras.metrics.SparseCategoricalAccuracy, name="accuracy")
        counts = tuple(map(len, self.classes_))
        return np.stack([target for _, target in pairs], axis=1), Output(
            counts, "softmax", "sparse_categorical_crossentropy", metric
        )

    def _labels(self, target: Shaped[np.ndarray, "row ..."]) -> Int[np.ndarray, "row"] | None:
        """Return the class of each row; of several targets the combination, where each is in enough rows."""
        if not self._several_targets:
            return super()._labels(target)
        _, combined, counts = np.unique(target, axis=0, return_inverse=True, return_counts=True)
        return combined.reshape(-1) if counts.min() >= self._count("folds", 2) else None

    def _class_weights(self) -> Any:
        """Return the weights by class number.

        Errors: `InputError` for several targets.
        """
        if self._several_targets and self.class_weight is not None:
            raise InputError(
                f"Expected one target for class_weight, got {len(self.classes_)}. Weigh rows by sample_weight instead."
            )
        if not isinstance(self.class_weight, Mapping):
            return self.class_weight
        unknown = [label for label in self.class_weight if label not in self.classes_.tolist()]
        if unknown:
            raise InputError(f"Expected weights of classes in y, got one of {short_repr(unknown[0])}.")
        return {number: self.class_weight.get(label, 1.0) for number, label in enumerate(self.classes_.tolist())}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = self.model is None  # a given network may have a loss of one class
        tags.target_tags.multi_output = self.model is None
        return tags


def _target_type(y: Shaped[np.ndarray, "row ..."]) -> str:
    """Return the type of a target in the words of scikit-learn; several labels are each 0 or 1.

    Errors: `ValueError` for numbers that are no classes.
    """
    if y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind == "O":  # text and numbers do not sort together
        for column in y.T:
            check_classification_targets(_of_one_type(column))
        return MULTITARGET
    check_classification_targets(y)
    found = type_of_target(y)
    return MULTITARGET if found == MULTILABEL and not np.isin(y, (0, 1)).all() else found


def _of_one_type(column: Shaped[np.ndarray, "row"]) -> Shaped[np.ndarray, "row"]:
    """Return a column of a table of mixed types as numbers, where it has numbers."""
    plain = np.array(column.tolist())
    return plain if plain.dtype.kind in "biuf" else column


def _softmax(logits: Float64[np.ndarray, "row class"]) -> Float64[np.ndarray, "row class"]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
