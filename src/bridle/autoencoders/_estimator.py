"""`SparseAutoencoder`: a builder of Keras autoencoders, and a transformer of scikit-learn."""

import re
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from bridle._errors import InputError, short_repr
from bridle._keras import require_jax
from bridle.autoencoders._saelens import Weights, read_saelens, write_saelens
from bridle.layers import BatchTopK, JumpReLU, SparseActivation, TiedDense, TopK, UnitNormDense
from bridle.sources._plain import as_frame, plain_rows
from bridle.study import train_single

CODE = "code"
"""The name of the layer whose output is the code."""
DECODERS = ("unit", "free", "tied")
"""The kinds of decoders."""
CALL = re.compile(r"(topk|batchtopk|jumprelu)\(([^()]+)\)")
"""Text of an activation with a number."""
FLOATS = [np.float64, np.float32]
"""Types of rows that the transformer preserves."""


class SparseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Sparse autoencoder: `code = activation(x @ W + b)`, `reconstruction = code @ components + intercept`.

    It minimizes `mean_rows mean_features (x - reconstruction)^2 + penalty(code)`, by Adam. As an estimator of
    scikit-learn it has `fit`, `transform`, `inverse_transform` and `components_`, as `MiniBatchDictionaryLearning` has.
    As a builder, `model(features)` returns the Keras model for a study of many penalties and seeds.

    With F features, `bridle.L1(2 * alpha / F)` is the penalty of `MiniBatchDictionaryLearning(alpha=alpha)`. There the
    code is the solution of a lasso, here that of an encoder, which is faster and a little worse.

    Args:
        units: int ≥ 1, the size of the code. Default 64.
        penalty: a regularizer of the code with one strength, such as `bridle.L1(1e-3)` or `"l1(1e-3)"`; a dictionary
            `{target: regularizer}` with targets of the model, such as `{"encoder/kernel": …, "inputs": …}`; or None
            (default).
        activation: `"relu"` (default) or another activation of Keras; `"topk(k)"`, `"batchtopk(k)"`, `"jumprelu(l0)"`;
            or a layer, such as `bridle.layers.TopK(8, revive=1e-3)`.
        decoder: `"unit"` (default), atoms of norm one; `"free"`; or `"tied"`, the transposed encoder with unit norm.
        learning_rate: float > 0, of Adam. Default 1e-3.
        epochs: int ≥ 1. Default 100.
        batch_size: int ≥ 1. Default 64.
        random_state: int ≥ 0, `RandomState`, or None (default), for initial weights and shuffling.

    Attributes after `fit`: `components_`, the atoms, of shape (units, features); `intercept_`, of shape (features,);
    `encoder_kernel_`, of shape (features, units); `encoder_bias_`, of shape (units,); `losses_`, the mean squared error
    along the epochs; `n_iter_`, the epochs; `n_features_in_`.

    Errors: `InputError`, a `ValueError`, for arguments outside their range, and if the loss does not stay finite;
    `BackendError` in `fit` if Keras does not run on JAX.

    >>> import bridle
    >>> from sklearn.datasets import load_digits
    >>> x = load_digits().data / 16
    >>> sparse = bridle.SparseAutoencoder(32, activation="topk(4)", epochs=5, random_state=0).fit(x)
    >>> code = sparse.transform(x)
    >>> code.shape, int((code != 0).sum(axis=1).max()), sparse.components_.shape
    ((1797, 32), 4, (32, 64))

    Source: Ng, "Sparse autoencoder", CS294A lecture notes, 2011; Cunningham et al., "Sparse autoencoders find highly
    interpretable features in language models", ICLR 2024.

    """

    def __init__(
        self,
        units: int = 64,
        penalty: Any = None,
        *,
        activation: Any = "relu",
        decoder: Literal["unit", "free", "tied"] = "unit",
        learning_rate: float = 1e-3,
        epochs: int = 100,
        batch_size: int = 64,
        random_state: Any = None,
    ) -> None:
        self.units = units
        self.penalty = penalty
        self.activation = activation
        self.decoder = decoder
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state

    def model(self, features: int) -> keras.Model:
        """Return the untrained Keras model for rows of `features` numbers, compiled, without the penalty.

        Its layers are `encoder` (or `tied`), `code` and `decoder`. The targets of penalties are `code/output`,
        `encoder/kernel` and so on.

        >>> import bridle
        >>> [layer.name for layer in bridle.SparseAutoencoder(8).model(4).layers[1:]]
        ['encoder', 'code', 'decoder']

        """
        if self.decoder not in DECODERS:
            raise InputError(f"Expected one of {', '.join(DECODERS)} for decoder, got {short_repr(self.decoder)}.")
        x, code = keras.Input((features,), name="x"), read_activation(self.activation)
        if self.decoder == "tied":
            tied = TiedDense(self.units, unit_norm=True, name="tied")
            model = keras.Model(x, tied(code(tied(x)), decode=True), name="sparse_autoencoder")
        else:
            layer = UnitNormDense if self.decoder == "unit" else keras.layers.Dense
            encoded = keras.layers.Dense(_whole(self.units, "units"), name="encoder")(x)
            model = keras.Model(x, layer(features, name="decoder")(code(encoded)), name="sparse_autoencoder")
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(f"Expected a learning_rate > 0, got {short_repr(self.learning_rate)}.")
        model.compile(keras.optimizers.Adam(self.learning_rate), "mse")
        return model

    def fit(self, X: Any, y: None = None) -> "SparseAutoencoder":  # noqa: N803 - scikit-learn's name
        """Train on rows of shape (rows, features); `y` is ignored."""
        require_jax()
        rows = validate_data(self, as_frame(X, "X"), accept_sparse="csr", dtype=FLOATS, ensure_min_samples=2)
        rows = plain_rows(rows, "X")
        seed, x = self._seed(), np.asarray(rows, np.float32)
        model, terms = self.model(x.shape[1]), self.penalty
        if terms is None or not hasattr(terms, "keys"):
            terms = {} if terms is None else {f"{CODE}/output": terms}
        done = train_single(model, terms, x, x, seed=seed, epochs=self.epochs, batch_size=self.batch_size)
        variables = (*model.trainable_variables, *model.non_trainable_variables)
        for variable, value in zip(variables, done.variables, strict=True):
            variable.assign(value)
        self._set_weights(_weights_of(model))
        self.losses_, self.n_iter_ = done.losses, self.epochs
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the codes of rows, of shape (rows, units), in the type of the rows."""
        check_is_fitted(self)
        rows = plain_rows(validate_data(self, as_frame(X, "X"), accept_sparse="csr", reset=False, dtype=FLOATS), "X")
        linear = rows @ self.encoder_kernel_.astype(rows.dtype) + self.encoder_bias_.astype(rows.dtype)
        layer = self._code_layer()
        code = keras.ops.convert_to_numpy(layer(linear.astype(np.float32)))
        if isinstance(layer, SparseActivation) or self.activation == "relu":  # it selects, so the digits can stay
            return np.where(code != 0, linear, np.zeros_like(linear))
        return code.astype(rows.dtype)

    def inverse_transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the reconstruction from codes of shape (rows, units), of shape (rows, features)."""
        check_is_fitted(self)
        code = np.asarray(X)
        if code.ndim != 2 or code.shape[1] != len(self.components_):
            raise InputError(f"Expected codes of shape (rows, {len(self.components_)}), got {code.shape}.")
        return code @ self.components_.astype(code.dtype) + self.intercept_.astype(code.dtype)

    def score(self, X: Any, y: None = None) -> float:  # noqa: N803
        """Return the explained share of the variance, 1 - FVU, over rows and features; `y` is ignored."""
        X = plain_rows(X, "X")  # noqa: N806
        rest = np.asarray(X, float) - self.inverse_transform(np.asarray(self.transform(X), float))
        spread = np.sum((np.asarray(X, float) - np.mean(np.asarray(X, float), axis=0)) ** 2)
        return float(1 - np.sum(rest**2) / spread) if spread > 0 else float("nan")

    def fitted_model(self) -> keras.Model:
        """Return the trained Keras model; it needs bridle only where it has layers of `bridle.layers`."""
        check_is_fitted(self)
        model = self.model(self.n_features_in_)
        tied = self.decoder == "tied"
        encoder = model.get_layer("tied" if tied else "encoder")
        biases = [self.encoder_bias_, self.intercept_] if tied else [self.encoder_bias_]
        encoder.set_weights([self.encoder_kernel_, *biases])
        if not tied:
            model.get_layer("decoder").set_weights([self.components_, self.intercept_])
        model.get_layer(CODE).set_weights(self._code_weights)
        return model

    def save_saelens(self, folder: str | Path) -> Path:
        """Write `sae_weights.safetensors` and `cfg.json` in the layout of SAELens 6 into a folder; return it.

        `"relu"` becomes its architecture standard, TopK topk, JumpReLU and BatchTopK jumprelu.

        Errors: `InputError` for another activation.
        """
        check_is_fitted(self)
        return write_saelens(Path(folder), self._weights(), self._code_layer())

    @classmethod
    def load_saelens(cls, folder: str | Path) -> "SparseAutoencoder":
        """Return the autoencoder that a folder in the layout of SAELens holds, ready to transform.

        Errors: `StoreError` for files that cannot be read; `InputError` for another architecture than standard, topk
        and jumprelu, and for inputs that are normalized.
        """
        weights, layer = read_saelens(Path(folder))
        loaded = cls(len(weights.decoder), activation=layer, decoder="free")
        loaded.n_features_in_ = weights.decoder.shape[1]
        loaded._set_weights(weights)
        return loaded

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _code_layer(self) -> keras.Layer:
        layer = read_activation(self.activation)
        layer.build((None, len(self.components_)))
        layer.set_weights(self._code_weights)
        return layer

    def _weights(self) -> Weights:
        return Weights(
            self.encoder_kernel_, self.encoder_bias_, self.components_, self.intercept_, tuple(self._code_weights)
        )

    def _set_weights(self, weights: Weights) -> None:
        self.encoder_kernel_, self.encoder_bias_ = weights.encoder, weights.encoder_bias
        self.components_, self.intercept_ = weights.decoder, weights.decoder_bias
        self._code_weights = list(weights.code)


def read_activation(activation: Any) -> keras.Layer:
    """Return the layer of an activation: of its name, of text such as `topk(8)`, or a copy of a layer.

    Errors: `InputError` for anything else.
    """
    if isinstance(activation, keras.Layer):
        return type(activation).from_config({**activation.get_config(), "name": CODE})
    match = CALL.fullmatch(activation.replace("_", "").lower()) if isinstance(activation, str) else None
    if match is not None:
        kind, text = match.groups()
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if kind == "jumprelu":
            return JumpReLU(l0=value, name=CODE)
        return {"topk": TopK, "batchtopk": BatchTopK}[kind](value, name=CODE)
    try:
        return keras.layers.Activation(activation, name=CODE)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"Expected an activation, got {short_repr(activation)}. Write a name of Keras such as 'relu', 'topk(8)', "
            "'batchtopk(8)', 'jumprelu(1e-3)', or give a layer."
        ) from error


def _whole(value: Any, argument: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"Expected a whole number of at least 1 for `{argument}`, got {short_repr(value)}.")
    return int(value)


def _weights_of(model: keras.Model) -> Weights:
    """Return copies of the weights of a model of `SparseAutoencoder.model`."""
    named = {layer.name: [np.array(weight) for weight in layer.get_weights()] for layer in model.layers}
    if "tied" in named:
        kernel, bias, decoder_bias = named["tied"]
        return Weights(kernel, bias, np.ascontiguousarray(kernel.T), decoder_bias, tuple(named[CODE]))
    (kernel, bias), (atoms, decoder_bias) = named["encoder"], named["decoder"]
    return Weights(kernel, bias, atoms, decoder_bias, tuple(named[CODE]))
