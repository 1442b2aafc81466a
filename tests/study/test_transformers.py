"""Fitted transformers of scikit-learn stored without pickle: they transform as before, and files cannot do harm."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn import compose, decomposition, feature_selection, impute, pipeline, preprocessing

from bridle import BridleError
from bridle.results import StoredTransformer
from bridle.store._arrays import pack, unpack
from bridle.study.data._transformers import build_transformer, import_lines, store_transformer, transformer_text

GENERATOR = np.random.default_rng(0)
NUMBERS = GENERATOR.lognormal(size=(40, 3))
GAPS = np.where(GENERATOR.random((40, 3)) < 0.2, np.nan, NUMBERS)
TABLE = pd.DataFrame({"a": NUMBERS[:, 0], "b": NUMBERS[:, 1], "c": GENERATOR.choice(["x", "y", "z"], 40)})
TRANSFORMERS = {
    "standard": (preprocessing.StandardScaler(), NUMBERS),
    "min-max": (preprocessing.MinMaxScaler((-1, 1), clip=True), NUMBERS),
    "robust": (preprocessing.RobustScaler(quantile_range=(10.0, 90.0)), NUMBERS),
    "max-abs": (preprocessing.MaxAbsScaler(), NUMBERS),
    "normalizer": (preprocessing.Normalizer(), NUMBERS),
    "binarizer": (preprocessing.Binarizer(threshold=0.5), NUMBERS),
    "quantiles": (preprocessing.QuantileTransformer(n_quantiles=10, output_distribution="normal"), NUMBERS),
    "power": (preprocessing.PowerTransformer(), NUMBERS),
    "box-cox": (preprocessing.PowerTransformer("box-cox", standardize=False), NUMBERS),
    "bins": (preprocessing.KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"), NUMBERS),
    "one-hot": (preprocessing.OneHotEncoder(), TABLE[["c"]]),
    "one-hot, rare ones together": (preprocessing.OneHotEncoder(min_frequency=14), TABLE[["c"]]),
    "one-hot, unknown ignored": (preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False), TABLE),
    "ordinal": (preprocessing.OrdinalEncoder(), TABLE[["c"]]),
    "imputer": (impute.SimpleImputer(strategy="median", add_indicator=True), GAPS),
    "most frequent": (impute.SimpleImputer(strategy="most_frequent"), TABLE[["c"]]),
    "components": (decomposition.PCA(2, random_state=0), NUMBERS),
    "variance": (feature_selection.VarianceThreshold(0.1), NUMBERS),
    "chain": (
        pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler(), decomposition.PCA(2)),
        GAPS,
    ),
    "columns": (
        compose.make_column_transformer(
            (preprocessing.StandardScaler(), ["a", "b"]), (preprocessing.OneHotEncoder(), ["c"])
        ),
        TABLE,
    ),
    "columns by number, others passed on": (
        compose.ColumnTransformer([("scaled", preprocessing.StandardScaler(), [0])], remainder="passthrough"),
        NUMBERS,
    ),
    "columns by slice, others dropped": (
        compose.ColumnTransformer([("scaled", preprocessing.MinMaxScaler(), slice(0, 2))]),
        NUMBERS,
    ),
    "pandas output": (preprocessing.StandardScaler().set_output(transform="pandas"), TABLE[["a", "b"]]),
}


def through_a_file(stored: StoredTransformer) -> StoredTransformer:
    """The same after JSON and an archive of arrays."""
    words = json.loads(json.dumps(stored.words, allow_nan=False))
    return StoredTransformer(stored.text, words, unpack(pack(stored.arrays)))


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_stored_transformer_transforms_as_before(name: str) -> None:
    """Bit for bit, and inverts as before where it can."""
    transformer, rows = TRANSFORMERS[name]
    fitted = transformer.fit(rows)
    stored = store_transformer(fitted, rows)
    assert stored.words is not None
    again = build_transformer(through_a_file(stored))
    expected, got = (
        value.toarray() if hasattr(value, "toarray") else np.asarray(value)
        for value in (fitted.transform(rows), again.transform(rows))
    )
    np.testing.assert_array_equal(got, expected)
    if hasattr(fitted, "inverse_transform") and name not in ("chain", "imputer", "columns", "most frequent"):
        np.testing.assert_array_equal(again.inverse_transform(got), fitted.inverse_transform(expected))
    assert transformer_text(again) == transformer_text(fitted)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_the_lines_to_paste_make_the_same_transformer(name: str) -> None:
    """Imports and expression run, and give the parameters of the original."""
    transformer, _ = TRANSFORMERS[name]
    names: dict[str, object] = {}
    exec("\n".join(import_lines(transformer)), names)
    again = eval(transformer_text(transformer), names)
    assert repr(again) == repr(transformer)


@pytest.mark.parametrize(
    "transformer",
    [
        preprocessing.FunctionTransformer(np.log1p),
        pipeline.make_pipeline(preprocessing.FunctionTransformer(np.log1p), preprocessing.StandardScaler()),
        preprocessing.SplineTransformer(),
    ],
    ids=["function", "function in a chain", "splines"],
)
def test_what_holds_functions_is_not_stored(transformer) -> None:
    assert store_transformer(transformer.fit(NUMBERS), NUMBERS).words is None


HOSTILE = {
    "other class": {"class": "os.system", "params": {}, "fitted": {}},
    "class that is no text": {"class": ["sklearn"], "params": {}, "fitted": {}},
    "class of scikit-learn that is not listed": {"class": "sklearn.svm.SVC", "params": {}, "fitted": {}},
    "method replaced": {"class": "sklearn.preprocessing.StandardScaler", "params": {}, "fitted": {"transform": 1}},
    "dunder": {"class": "sklearn.preprocessing.StandardScaler", "params": {}, "fitted": {"__class__": 1}},
    "unknown parameter": {"class": "sklearn.preprocessing.StandardScaler", "params": {"evil": 1}, "fitted": {}},
    "cache on disk": {
        "class": "sklearn.pipeline.Pipeline",
        "params": {"steps": {"list": []}, "memory": "/tmp/x"},
        "fitted": {},
    },
    "processes": {
        "class": "sklearn.compose.ColumnTransformer",
        "params": {"transformers": {"list": []}, "n_jobs": 10**6},
        "fitted": {},
    },
    "missing array": {
        "class": "sklearn.preprocessing.StandardScaler",
        "params": {},
        "fitted": {"mean_": {"array": "7"}},
    },
    "type that is not listed": {"type": "memmap"},
    "list": [],
    "two kinds": {"list": [], "tuple": []},
    "unknown kind": {"eval": "1"},
    "no words of an estimator": {"class": "sklearn.preprocessing.StandardScaler"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_of_a_stranger_is_refused(name: str) -> None:
    with pytest.raises(BridleError, match="stored transformer"):
        build_transformer(StoredTransformer("StandardScaler()", HOSTILE[name], {}))


def test_a_deep_file_is_refused() -> None:
    words: dict = {"list": []}
    for _ in range(200):
        words = {"list": [words]}
    with pytest.raises(BridleError, match="levels"):
        build_transformer(StoredTransformer("", words, {}))
