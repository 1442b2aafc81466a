"""What `bridle tune` and a study wrote, spoiled: opened or refused with a sentence; nothing in it is run."""

import json
import warnings
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tests.hostile._hostile import folder, survives, tries
from tests.hostile._strategies import spoiled_bytes, spoiled_trees, trees
from tests.plots._synthetic import study

import bridle
from bridle._api._stored import built_model
from bridle._errors import StoreError
from bridle.results import StoredTransformer, StudyResult
from bridle.store import save
from bridle.study.data import build_transformer, transform_rows
from bridle.study.data._transformers import store_transformer
from bridle.tables import Preparation, find_layout, find_problem
from bridle.tuning import load_applied

TABLE = pd.DataFrame({"a": np.arange(12.0), "b": list("xyz") * 4, "kind": list("pq") * 6})


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files that `predict` reads."""
    place = tmp_path_factory.mktemp("answer")
    problem = find_problem(TABLE, "kind")
    preparation = Preparation(find_layout(TABLE, "kind")).fit(TABLE)
    words = {"preparation": preparation.to_json(), "problem": problem.to_json(), "scale": {"mean": 0.0, "sd": 1.0}}
    (place / "apply.json").write_text(json.dumps(words))
    model = keras.Sequential([keras.Input((len(preparation.layout.features),)), keras.layers.Dense(1, "sigmoid")])
    model.save(place / "model.keras")
    return {path.name: path.read_bytes() for path in place.iterdir()}


@tries(40)
@given(st.data())
def test_any_answer_is_applied_or_refused(answer: dict[str, bytes], data: st.DataObject) -> None:
    """`apply.json` with other values, and both files cut and flipped."""
    spoiled = data.draw(st.sampled_from(["words", *answer]))
    if spoiled == "words":
        tree = data.draw(spoiled_trees(json.loads(answer["apply.json"]), trees()))
        files = {**answer, "apply.json": json.dumps(tree).encode("utf-8", "replace")}
    else:
        files = {**answer, spoiled: data.draw(spoiled_bytes(answer[spoiled]))}
    with folder() as place, survives():
        for name, content in files.items():
            (place / name).write_bytes(content)
        assert len(load_applied(place).predict(TABLE)) == len(TABLE)


@tries(40)
@given(st.data())
def test_any_model_of_a_study_is_built_or_refused(data: st.DataObject) -> None:
    """The configuration that a stored study holds."""
    good = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu")]).to_json()
    text = data.draw(spoiled_trees(json.loads(good), trees()).map(json.dumps) | st.text(max_size=20))
    with survives():
        assert built_model(text, "answer").layers


def test_code_in_a_stored_study_is_not_run(model, tmp_path: Path) -> None:
    """A model that names what Keras does not have is refused before Keras sees it."""
    text = model.to_json()
    save(_stored(text), tmp_path / "good")
    assert bridle.load(tmp_path / "good").data.model_json == text
    config = json.loads(text)
    config["config"]["layers"][1] = {"module": "os", "class_name": "system", "config": "true", "registered_name": None}
    save(_stored(json.dumps(config)), tmp_path / "bad")
    spoiled = bridle.load(tmp_path / "bad")
    assert len(spoiled.table())
    with pytest.raises(StoreError, match="needs the code of 'system'"):
        spoiled.model()


def test_a_model_that_is_too_large_is_refused_before_it_is_built(tmp_path: Path) -> None:
    """Five weights for each of 2**31 units, of which the study holds none."""
    text = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).to_json()
    save(_stored(text.replace('"units": 3', f'"units": {2**31}')), tmp_path / "large")
    with survives(), pytest.raises(StoreError, match="40,960 MiB"):
        bridle.load(tmp_path / "large").model()


def _stored(text: str) -> StudyResult:
    """A result with such a model."""
    return study(seeds=1, folds=2, model_json=text).with_provenance(bad=0)


@pytest.fixture(scope="module")
def fitted() -> StoredTransformer:
    """A chain of transformers with numbers, text and flags among its attributes."""
    rows = TABLE[["a", "b"]]
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["a"]), (OneHotEncoder(handle_unknown="ignore"), ["b"])
    )
    return store_transformer(columns.fit(rows), rows)


@tries(40)
@given(st.data())
def test_any_stored_preparation_transforms_or_is_refused(fitted: StoredTransformer, data: st.DataObject) -> None:
    """Its words with other values; no class but scikit-learn's listed ones is made, and no method replaced."""
    words = data.draw(spoiled_trees(json.loads(json.dumps(fitted.words)), trees()))
    with survives(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transform_rows(build_transformer(StoredTransformer("", words, fitted.arrays)), TABLE[["a", "b"]], "rows")
