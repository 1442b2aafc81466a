"""`RegularizedRegressor`: a regressor of scikit-learn that chooses the regularization of its network."""

from functools import partial
from typing import Any

import keras
import numpy as np
from jaxtyping import Float64, Shaped
from sklearn.base import RegressorMixin

from bridle.estimators._network import Output, RegularizedNetwork
from bridle.estimators._rows import Folds


class RegularizedRegressor(RegressorMixin, RegularizedNetwork):
    """Regressor that chooses the regularization of its network by cross-validation.

    `fit` compares the arms over folds and seeds, selects one with its strength, and trains the network with it on all
    rows, once for each seed. Predictions are the mean over seeds. Features and target are scaled by each fold's
    training rows.

    Args:
        model: compiled `keras.Model`, or a function `(inputs, outputs)` that returns one. Default None: hidden layers
            of 64 and 32 units, trained by Adam on the mean squared error.
        arms: dictionary `{name: {target: regularizer}}` as in `bridle.Study`; `"all"`, one arm of each kind that the
            network allows; or None (default), L1 and L2 on weights, activations and pre-activations.
        seeds: int ≥ 1, networks with other initial weights and shuffling. Default 5.
        folds: int ≥ 2. Default 5; fewer where there are fewer rows.
        epochs: int ≥ 1. Default 100.
        batch_size: int ≥ 1. Default 64.
        scoring: the measure to select by: `"loss"`, or the name of a compiled metric. Default: the first metric, which
            is r² for the default network; the loss where all rows of some fold have the same target.
        rule: `"recommended"` (default), `"best"` or `"1se"`, as in `bridle.Result`.
        scale: bool, whether to scale the features to mean 0 and deviation 1. Default True.
        race: bool, whether to give further seeds to the better half of the candidates only. Default True.
        random_state: int ≥ 0, the first seed; `RandomState`; or None (default), 0.
        progress: bool, whether to draw a progress bar on standard error. Default False.

    Attributes after `fit`: `result_`, the `bridle.Result` with report, table and pictures; `model_`, the trained
    `keras.Model`; `arm_` and `strengths_`, what was selected; `n_features_in_`, `feature_names_in_`.

    Rows are sorted before training, so their order does not change a fit. Use `bridle.Study` with a splitter for
    rows in the order of time.

    Errors: `InputError`, a `ValueError`, for arguments outside their range and rows that cannot be used; `BackendError`
    in `fit` if Keras does not run on JAX.

    >>> import bridle
    >>> from sklearn.datasets import load_diabetes
    >>> x, y = load_diabetes(return_X_y=True)
    >>> arms = {"L2": {"*/kernel": bridle.L2([1e-2])}}
    >>> regressor = bridle.RegularizedRegressor(arms=arms, seeds=1, folds=2, epochs=5).fit(x, y)
    >>> regressor.predict(x).shape
    (442,)

    """

    def predict(self, X: Any) -> Float64[np.ndarray, "row ..."]:  # noqa: N803
        """Return the predictions, of shape (rows,), or (rows, outputs) for a target of several outputs."""
        outputs = self._outputs(X).astype(np.float64)
        return outputs[:, 0] if self._columns == 0 else outputs

    @property
    def _is_number(self) -> bool:
        return True

    def _score(self, target: Shaped[np.ndarray, "row ..."], folds: Folds) -> str | None:
        """Return the score to select by: the loss where r² is not defined, since all rows of some fold are alike."""
        alike = any((np.ptp(target[validation], axis=0) == 0).any() for _, validation in folds)
        return "loss" if alike and self.scoring is None and self.model is None else self.scoring

    def _read_target(self, y: Shaped[np.ndarray, "row ..."]) -> tuple[Shaped[np.ndarray, "row ..."], Output]:
        self._columns = 0 if y.ndim == 1 else y.shape[1]
        metric = partial(keras.metrics.R2Score, name="r2")
        return y.astype(np.float32), Output(max(1, self._columns), "linear", "mse", metric)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
