"""`SparseAutoencoder`: scikit-learn's checks, against a formula in NumPy, files of SAELens, bad input."""

import json
import os

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import estimator_checks_generator

import bridle
from bridle.autoencoders._saelens import read_safetensors, write_safetensors

X = load_digits().data[:200] / 16
LONG_CHECKS = (
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_fit_returns_self",
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_f_contiguous_array_estimator",
    "check_fit2d_1feature",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
    "check_transformer_data_not_an_array",
    "check_transformer_general",
    "check_transformer_preserve_dtypes",
)
"""Checks of scikit-learn that train several networks, left to `make torture`."""


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_a_sparse_matrix_and_a_table_are_their_array() -> None:
    """To train on, to transform and to score."""
    one = bridle.SparseAutoencoder(4, epochs=1, random_state=0).fit(X)
    for rows in (csr_array(X), pa.table({str(index): column for index, column in enumerate(X.T)})):
        other = bridle.SparseAutoencoder(4, epochs=1, random_state=0).fit(rows)
        np.testing.assert_array_equal(other.transform(rows), one.transform(X))
        assert other.score(rows) == one.score(X)


def test_scikit_learn_accepts_it() -> None:
    """Every check of an estimator passes, none is expected to fail."""
    passed, left_out = 0, () if os.environ.get("BRIDLE_TORTURE") else LONG_CHECKS
    for estimator, check in estimator_checks_generator(bridle.SparseAutoencoder(units=3, epochs=2)):
        if getattr(check, "func", check).__name__ not in (*left_out, "check_array_api_input"):
            check(estimator)
            passed += 1
    assert passed > (22 if left_out else 44)


def relu(z: np.ndarray, layer: keras.Layer) -> np.ndarray:
    return np.maximum(z, 0)


def top_two(z: np.ndarray, layer: keras.Layer) -> np.ndarray:
    return np.where((z >= np.sort(z, axis=1)[:, -2:-1]) & (z > 0), z, 0)


def over_level(z: np.ndarray, layer: keras.Layer) -> np.ndarray:
    return np.where((z >= np.asarray(layer.level.value)) & (z > 0), z, 0)


def over_threshold(z: np.ndarray, layer: keras.Layer) -> np.ndarray:
    return np.where(z > np.exp(np.asarray(layer.log_threshold.value)), z, 0)


@pytest.mark.parametrize(
    ("options", "formula"),
    [
        ({"penalty": "l1(1e-3)", "decoder": "free"}, relu),
        ({"activation": bridle.layers.BatchTopK(2)}, over_level),
        ({"activation": "jumprelu(1e-4)", "decoder": "tied"}, over_threshold),
    ],
)
def test_codes_reconstruction_and_files(options, formula, tmp_path) -> None:
    """Code and reconstruction follow the formulas, in the Keras model too; SAELens's files give the same codes."""
    sparse = bridle.SparseAutoencoder(8, epochs=15, random_state=0, **options).fit(X)
    assert sparse.losses_[-1] < sparse.losses_[0]
    model, code = sparse.fitted_model(), sparse.transform(X)
    linear = X @ sparse.encoder_kernel_.astype(float) + sparse.encoder_bias_
    np.testing.assert_allclose(code, formula(linear, model.get_layer("code")), atol=1e-6)
    reconstruction = sparse.inverse_transform(code)
    np.testing.assert_allclose(reconstruction, code @ sparse.components_.astype(float) + sparse.intercept_, atol=1e-6)
    np.testing.assert_allclose(model.predict(X.astype("float32"), verbose=0), reconstruction, atol=1e-5)
    np.testing.assert_allclose(sparse.losses_[-1], ((X - reconstruction) ** 2).mean(), rtol=1e-4)
    spread = ((X - X.mean(axis=0)) ** 2).sum()
    assert sparse.score(X) == pytest.approx(1 - ((X - reconstruction) ** 2).sum() / spread)
    if sparse.decoder != "free":
        np.testing.assert_allclose(np.linalg.norm(sparse.components_, axis=1), 1, rtol=1e-5)
    loaded = bridle.SparseAutoencoder.load_saelens(sparse.save_saelens(tmp_path / "sae"))
    np.testing.assert_array_equal(loaded.transform(X), code)
    np.testing.assert_array_equal(loaded.inverse_transform(code), reconstruction)


def test_a_table_goes_in_and_names_come_out() -> None:
    """Columns of a data frame; a data frame on request; the penalty counts."""
    table = pd.DataFrame(X, columns=[f"pixel {number}" for number in range(64)])
    plain = bridle.SparseAutoencoder(5, epochs=10, random_state=0).set_output(transform="pandas").fit(table)
    codes = plain.transform(table)
    assert list(codes.columns) == [f"sparseautoencoder{number}" for number in range(5)]
    sparse = bridle.SparseAutoencoder(5, {"code/output": bridle.L1(0.03)}, epochs=10, random_state=0).fit(table)
    assert (sparse.transform(table) != 0).sum() < 0.9 * (codes.to_numpy() != 0).sum()


def test_the_layout_of_saelens(tmp_path) -> None:
    """Files as SAELens writes them: a bias that is subtracted first, norms that count, half precision."""
    rng = np.random.default_rng(0)
    arrays = {"W_enc": (6, 4), "b_enc": (4,), "W_dec": (4, 6), "b_dec": (6,), "threshold": (4,)}
    arrays = {name: rng.normal(size=shape).astype("float32") for name, shape in arrays.items()}
    arrays["threshold"] = np.abs(arrays["threshold"])
    write_safetensors(tmp_path / "sae_weights.safetensors", arrays)
    config = {"d_in": 6, "d_sae": 4, "architecture": "topk", "k": 2, "rescale_acts_by_decoder_norm": True}
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    sparse, x = bridle.SparseAutoencoder.load_saelens(tmp_path), rng.normal(size=(20, 6))
    norms = np.linalg.norm(arrays["W_dec"], axis=1)
    z = ((x - arrays["b_dec"]) @ arrays["W_enc"] + arrays["b_enc"]) * norms
    np.testing.assert_allclose(sparse.transform(x), top_two(z, None), rtol=1e-4, atol=1e-6)
    reconstruction = (top_two(z, None) / norms) @ arrays["W_dec"] + arrays["b_dec"]
    np.testing.assert_allclose(sparse.inverse_transform(sparse.transform(x)), reconstruction, rtol=1e-4, atol=1e-5)
    (tmp_path / "cfg.json").write_text(json.dumps({**config, "architecture": "jumprelu"}))
    config = {**config, "architecture": "jumprelu", "rescale_acts_by_decoder_norm": False}
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    z = (x - arrays["b_dec"]) @ arrays["W_enc"] + arrays["b_enc"]
    expected = np.where(z > arrays["threshold"], z, 0)
    np.testing.assert_allclose(bridle.SparseAutoencoder.load_saelens(tmp_path).transform(x), expected, atol=1e-5)


def test_safetensors_are_those_of_the_format(tmp_path) -> None:
    """Eight bytes of length, a JSON header, little-endian numbers; also half precision and bfloat16."""
    header = {"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
    header |= {"b": {"dtype": "F16", "shape": [1, 1], "data_offsets": [4, 6]}, "__metadata__": {"format": "pt"}}
    text = json.dumps(header).encode()
    content = len(text).to_bytes(8, "little") + text + b"\x80\x3f\x40\xc0" + np.float16(0.5).tobytes()
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    arrays = read_safetensors(path)
    assert arrays["a"].tolist() == [1.0, -3.0]
    assert arrays["b"].tolist() == [[0.5]]
    bad = [
        content[:-1],
        content[:20],
        b"",
        b"\xff" * 40,
        content.replace(b"BF16", b"F128"),
        b"\x02" + 7 * b"\0" + b"[]",
    ]
    for broken in bad:
        path.write_bytes(broken)
        with pytest.raises(bridle.BridleError, match="complete safetensors file"):
            read_safetensors(path)
    with pytest.raises(bridle.BridleError, match="complete safetensors file"):
        read_safetensors(tmp_path / "none")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": 0}, "whole number of at least 1 for `units`, got 0"),
        ({"activation": "topk(9)"}, r"at least k = 9 units at 'code', got 4"),
        ({"activation": "topk(all)"}, "for `k` of TopK, got nan"),
        ({"activation": "swoosh"}, "Expected an activation, got 'swoosh'"),
        ({"decoder": "loose"}, "one of unit, free, tied for decoder, got 'loose'"),
        ({"learning_rate": -1.0}, "learning_rate > 0, got -1.0"),
        ({"penalty": bridle.L1("auto")}, "one strength for each regularizer of a single fit"),
        ({"penalty": {"coder/output": "l1(0.1)"}}, "coder"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_bad_arguments_get_a_sentence(options, message: str) -> None:
    """Before any training."""
    with pytest.raises(bridle.BridleError, match=message):
        bridle.SparseAutoencoder(**{"units": 4, "epochs": 1, **options}).fit(X[:10])


def test_bad_folders_get_a_sentence(tmp_path) -> None:
    """A folder without files, another architecture, arrays that do not fit, an activation that SAELens lacks."""
    load = bridle.SparseAutoencoder.load_saelens
    with pytest.raises(bridle.BridleError, match=r"Expected the file cfg\.json of SAELens"):
        load(tmp_path)
    (tmp_path / "cfg.json").write_text('{"architecture": "gated"}')
    with pytest.raises(bridle.BridleError, match=r"standard, topk, jumprelu in .*, got 'gated'"):
        load(tmp_path)
    (tmp_path / "cfg.json").write_text('{"architecture": "standard", "normalize_activations": "layer_norm"}')
    with pytest.raises(bridle.BridleError, match="normalize_activations='none', got 'layer_norm'"):
        load(tmp_path)
    (tmp_path / "cfg.json").write_text('{"architecture": "standard"}')
    arrays = {"W_enc": np.ones((3, 2)), "b_enc": np.ones(2), "W_dec": np.ones((2, 2)), "b_dec": np.ones(3)}
    write_safetensors(tmp_path / "sae_weights.safetensors", arrays)
    with pytest.raises(bridle.BridleError, match=r"arrays that fit in .*W_dec \(2, 2\)"):
        load(tmp_path)
    sparse = bridle.SparseAutoencoder(3, activation="sigmoid", epochs=1).fit(X[:10])
    with pytest.raises(bridle.BridleError, match="which SAELens has"):
        sparse.save_saelens(tmp_path)
