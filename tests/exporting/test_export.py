"""Exports: what each writes is read back by the program it is for."""

import base64
import json
import os
import re
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from tests.cli.test_cli import flowers

import bridle
from bridle._errors import InputError, StoreError
from bridle.exporting._columns import RULES, describe_features
from bridle.report import Section
from bridle.tables import LayoutRules, Preparation, find_layout


@pytest.fixture(scope="module")
def answered(tmp_path_factory) -> Path:
    """A folder as `bridle tune` writes it, with an arm whose name is not safe as a path."""
    folder = tmp_path_factory.mktemp("answered") / "answer"
    arms = {"L1 | ../weights": {"hidden*/kernel": bridle.L1([1e-3, 0.1])}}
    table = flowers(30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Section, "drawings", property(lambda section: ()))
        answer = bridle.tune(table, "species", arms=arms, seeds=1, folds=3, epochs=3, race=False, progress=False)
        answer.save(folder)
    answer.result.save(folder / "study")
    return folder


@pytest.fixture(scope="module")
def result(answered) -> bridle.Result:
    """The study of that folder."""
    return bridle.load(answered / "study")


@pytest.fixture(autouse=True)
def quiet(monkeypatch) -> None:
    """Reports with one picture, and trackers that ask no server."""
    drawings = Section.drawings.func
    monkeypatch.setattr(Section, "drawings", property(lambda section: drawings(section)[:1]))
    monkeypatch.setenv("DO_NOT_TRACK", "true")


def test_a_card_is_read_by_the_hub(command, answered, tmp_path) -> None:
    """Its metadata have scores with intervals in words; its folder predicts."""
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    code, out, err = command("export", str(answered), "card", "--to", "card", "--license", "mit")
    assert (code, err) == (0, "")
    assert "apply.json has names" in out
    card = hub.ModelCard.load("card/README.md")
    assert (card.data.library_name, card.data.license) == ("keras", "mit")
    assert (card.data.pipeline_tag, card.data.model_name) == ("tabular-classification", "answer")
    cross_validated, test = card.data.eval_results
    assert cross_validated.metric_type == test.metric_type == "accuracy"
    assert re.search(r"gain over no penalty -?\d.*(interval|without)", cross_validated.metric_name)
    result = bridle.load(answered / "study")
    assert cross_validated.metric_value == pytest.approx(result.evidence.quoted[result.evidence.winner])
    text = card.content
    assert result.verdict().splitlines()[1] in text
    assert r"| L1 \| ../weights (hidden\*/kernel l1) | 0.001 |" in text
    assert f"**{'none' if result.evidence.winner == 0 else '0.'}" in text
    for name in re.findall(r"\]\(([^)]+)\)", text):
        assert (tmp_path / "card" / name).is_file(), name
    flowers(5).to_csv("new.csv", index=False)
    assert command("predict", "card", "new.csv")[0] == 0


def test_tensorboard_reads_its_events(answered, result, tmp_path) -> None:
    """A folder for each candidate and fit, with curves, strengths, texts and a picture, without TensorFlow."""
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    had = "tensorflow" in sys.modules
    out = tmp_path / "events"
    for _ in range(2):  # a second export takes the place of the first
        exported = bridle.export(answered, out, to="tensorboard", fits=True)
    assert had or "tensorflow" not in sys.modules
    assert len(exported.files) == 1 + 3 + len(result.data.members) == len(list(out.rglob("events*")))
    run = EventAccumulator(str(out / "L1 _ .._weights 0.001")).Reload()
    fits = result.data.members
    selected = (fits.setting == 1) & (fits.fold >= 0)
    mean = result.data.quantity("validation/accuracy")[selected].mean(axis=0)
    assert [event.value for event in run.Scalars("validation/accuracy")] == pytest.approx(mean)
    assert [event.step for event in run.Scalars("validation/accuracy")] == result.data.epochs.tolist()
    loss = result.data.quantity("train/loss")[selected, -1].mean()
    assert run.Scalars("train/loss")[-1].value == pytest.approx(loss)
    content = run.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert start.hparams["hidden*/kernel l1"].number_value == pytest.approx(1e-3)
    study = EventAccumulator(str(out / "study")).Reload()
    assert result.verdict().splitlines()[0] in study.Tensors("verdict")[0].tensor_proto.string_val[0].decode()
    assert study.Images("pictures/sweep")[0].width > 10
    one = EventAccumulator(str(out / "fits" / "none seed 0 fold 2")).Reload()
    assert len(one.Scalars("train/loss")) == 1


def test_mlflow_reads_its_runs(answered, result, tmp_path, monkeypatch) -> None:
    """One run for the study, with its fits below it and the model and the report as artifacts."""
    pytest.importorskip("mlflow", reason="mlflow is not installed")
    from mlflow import MlflowClient

    monkeypatch.setattr("bridle.exporting._trackers.find_spec", lambda name: None)  # files, and no database
    exported = bridle.export(answered, tmp_path / "runs", to="mlflow", fits=True)
    assert "MLFLOW_ALLOW_FILE_STORE" not in os.environ
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = MlflowClient((tmp_path / "runs").as_uri())
    assert f"{len(result.data.members)} runs of its fits" in exported.text
    experiment = client.get_experiment_by_name("bridle").experiment_id
    runs = client.search_runs([experiment], max_results=100)
    (study,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == study.info.run_id]
    assert len(children) == len(runs) - 1 == len(result.data.members)
    assert study.data.tags["mlflow.note.content"] == result.verdict()
    assert study.data.metrics["score"] == pytest.approx(result.evidence.quoted[result.evidence.winner])
    assert study.data.params["selected"] == result.data.arms[result.evidence.winner].name
    assert {"model.keras", "apply.json", "report.html", "sweep.png", "verdict.txt"} <= {
        artifact.path for artifact in client.list_artifacts(study.info.run_id)
    }
    (child,) = [run for run in children if (run.data.params["arm"], run.data.params["fold"]) == ("none", "1")]
    history = client.get_metric_history(child.info.run_id, "validation/loss")
    fits = result.data.members
    (fit,) = np.flatnonzero((fits.setting == 0) & (fits.fold == 1))
    curve = result.data.quantity("validation/loss")[fit]
    points = {metric.step: metric.value for metric in history}
    assert [points[epoch] for epoch in result.data.epochs.tolist()] == pytest.approx(curve)


def test_trackio_reads_its_runs(answered, result, tmp_path, monkeypatch) -> None:
    """One run for the study, and its fits as a group; nothing is sent."""
    if "trackio" not in sys.modules:  # it reads its folder once
        monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    trackio = pytest.importorskip("trackio", reason="trackio is not installed")
    from trackio.sqlite_storage import SQLiteStorage

    exported = bridle.export(answered, "answer", to="trackio", fits=True)
    assert exported.text.endswith("To see it: trackio show --project answer")
    runs = {run.name: run for run in trackio.Api().runs("answer")}
    assert len(runs) == 1 + len(result.data.members)
    assert runs["answer"].config["verdict"] == result.verdict()
    assert runs["none, seed 0, fold 1"].config["_Group"] == "fits of answer"
    fits = result.data.members
    (fit,) = np.flatnonzero((fits.setting == 0) & (fits.fold == 1))
    logs = SQLiteStorage.get_logs("answer", "none, seed 0, fold 1")
    curve = result.data.quantity("validation/loss")[fit]
    assert [log["validation/loss"] for log in logs] == pytest.approx(curve)


def test_onnxruntime_reads_the_model(command, answered) -> None:
    """A program that knows only the file prepares rows by its metadata and gets the same predictions."""
    pytest.importorskip("jax2onnx", reason="jax2onnx is not installed")
    import onnxruntime

    flowers(60).to_csv("new.csv", index=False)
    code, out, err = command("export", str(answered), "model.onnx", "--rows", "new.csv")
    assert (code, err) == (0, "")
    assert "On 60 rows, onnxruntime gives Keras's predictions" in out
    session = onnxruntime.InferenceSession("model.onnx")
    words = json.loads(session.get_modelmeta().custom_metadata_map["bridle"])
    table = pd.read_csv("new.csv")
    columns = [feature_values(feature, table[feature["column"]]) for feature in words["features"]]
    (probabilities,) = session.run(["prediction"], {"rows": np.column_stack(columns).astype("float32")})
    predictions = command("predict", str(answered), "new.csv", "--out", "out.csv") and pd.read_csv("out.csv")
    assert [words["target"]["classes"][index] for index in probabilities.argmax(1)] == predictions["species"].tolist()
    assert probabilities == pytest.approx(predictions.iloc[:, 1:].to_numpy(), abs=1e-5)


def feature_values(feature: dict, cells: pd.Series, learned: dict | None = None) -> np.ndarray:
    """Prepare a column as the rules of the metadata say."""
    kind, learned = feature["kind"], learned or {}
    if "always" in feature:
        return np.zeros(len(cells))
    if kind == "missing":
        return cells.isna()
    if kind == "category":
        return cells.fillna("(missing)").isin(feature["labels"])
    if kind == "term":
        return np.array([scaled(term_weights(text, learned))[feature["place"]] for text in cells])
    if kind == "direction":
        numbers = np.frombuffer(base64.b64decode(learned["directions"]), "<f2").astype(float)
        directions = numbers.reshape(-1, len(learned["terms"]))
        return np.array([scaled(directions @ term_weights(text, learned))[feature["place"]] for text in cells])
    if kind == "mean":
        means = dict(zip(learned["categories"], learned["means"], strict=True))
        x = np.array([means.get(cell, learned["overall"])[feature["place"]] for cell in cells])
    elif kind == "frequency":
        counts = dict(zip(learned["categories"], learned["counts"], strict=True))
        x = np.log1p([counts.get(cell, 0) for cell in cells])
    elif kind == "date":
        x = date_part(feature["part"], pd.to_datetime(cells, format=feature["pattern"]))
        if "scale" not in feature:
            return x
    else:
        x = cells
    return (np.where(np.isnan(x), feature["median"], x) - feature["mean"]) / feature["scale"]


def term_weights(text: str, learned: dict) -> np.ndarray:
    """Return the weights of the terms of a text."""
    words = re.findall(r"\w\w+", text.lower())
    counts = Counter([*words, *map(" ".join, pairwise(words))])
    count = np.array([counts[term] for term in learned["terms"]])
    return np.where(count > 0, (1 + np.log(np.maximum(count, 1))) * learned["idf"], 0)


def scaled(weights: np.ndarray) -> np.ndarray:
    """Scale to length 4, and fill with 0 up to the number of features."""
    return np.pad(weights / max(np.linalg.norm(weights), 1e-9) * 4, (0, 200))


def date_part(part: str, times: pd.Series) -> np.ndarray:
    """Compute a part of dates."""
    seconds = ((times - pd.Timestamp(0)) / pd.Timedelta(1, "s")).to_numpy()
    if part == "trend":
        return seconds / 86400
    if part == "day of month":
        return times.dt.day.to_numpy(float)
    name, _, wave = part.partition(" ")
    if not wave:
        return (times.dt.day_name() == part).to_numpy(float)
    days = {"season": 365.2425, "day": 1, "half-day": 0.5}[name]
    return {"sin": np.sin, "cos": np.cos}[wave](2 * np.pi * seconds / (86400 * days))


def test_the_rules_of_the_metadata_prepare_rows() -> None:
    """Dates, many categories, free text and gaps: the words alone give the numbers that the network takes."""
    rows = np.arange(90)
    table = pd.DataFrame({"when": pd.date_range("2024-01-01 06:00", periods=90, freq="31h").astype(str)})
    table["city"] = [f"c{row % 35}" for row in rows]
    table["note"] = [f"word{row % 4} other{row % 3} Thing a word{row % 4} {row}" for row in rows]
    table["text"] = [" ".join(f"of{row % divisor}" for divisor in range(7, 16)) for row in rows]
    table["size"] = np.where(rows % 9 == 1, np.nan, rows % 11)
    table["colour"] = np.where(rows % 4 == 0, None, np.where(rows % 3, "red", "blue"))
    table.loc[75:, "colour"] = "green"  # no training row has it
    layout = find_layout(table, rules=LayoutRules(dates=True, encode=True, words=True))
    preparation = Preparation(layout).fit(table[:70], rows[:70] % 13)
    features = list(describe_features(preparation))
    assert {feature["kind"] for feature in features} == set(RULES)
    learned = preparation.to_json()["learned"]["columns"]
    values = [feature_values(one, table[one["column"]], learned.get(one["column"])) for one in features]
    assert np.column_stack(values) == pytest.approx(preparation.transform(table), abs=2e-5)


def test_pooling_and_two_inputs_become_onnx(monkeypatch) -> None:
    """Keras writes a maximum over an image that onnxruntime cannot run, so that is repaired; others are refused."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("jax2onnx", reason="jax2onnx is not installed")
    import onnxruntime

    from bridle.exporting import _onnx

    layers = keras.layers
    left, right = keras.Input((6, 7, 2), name="left"), keras.Input((3,), name="right")
    pooled = layers.MaxPooling2D((3, 2), strides=1)(layers.MaxPooling2D(2, padding="same")(left))
    model = keras.Model([left, right], layers.Dense(2)(layers.Concatenate()([layers.Flatten()(pooled), right])))
    inputs = _onnx._inputs(model)
    arrays = _onnx._drawn(model, inputs)
    content = _onnx._translated(model, inputs, onnx).SerializeToString()
    expected = [model.predict(arrays, verbose=0)]
    assert _onnx._difference(expected, _onnx._run(onnxruntime, content, arrays)) < 1e-5
    monkeypatch.setattr(_onnx, "_repair_pooling", lambda graph, onnx: None)
    content = _onnx._translated(model, inputs, onnx).SerializeToString()
    with pytest.raises(InputError, match="Expected a model that onnxruntime can run"):
        _onnx._run(onnxruntime, content, arrays)
    backwards = keras.Sequential([keras.Input((4, 2)), layers.LSTM(3, go_backwards=True), layers.Dense(1)])
    with pytest.raises(InputError, match=r"can translate to ONNX, got Dense, LSTM\. It says: "):
        _onnx._translated(backwards, _onnx._inputs(backwards), onnx)


def test_an_onnx_that_differs_is_not_written(answered, tmp_path, monkeypatch) -> None:
    """The check decides, not the exporter."""
    pytest.importorskip("jax2onnx", reason="jax2onnx is not installed")
    from bridle.exporting import _onnx

    real = _onnx._run
    monkeypatch.setattr(_onnx, "_run", lambda *args: [part + 0.01 for part in real(*args)])
    with pytest.raises(InputError, match=r"got a difference of 0\.01 on 100 drawn rows, above 0\.0001"):
        bridle.export(answered, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_tables_are_exported(answered, result, tmp_path) -> None:
    """By the ending, from a folder, a result and a `Tuned` alike."""
    for ending, read in {"csv": pd.read_csv, "parquet": pd.read_parquet, "json": pd.read_json}.items():
        exported = bridle.export(result, tmp_path / f"fits.{ending}")
        assert (exported.kind, exported.files) == (ending, (tmp_path / f"fits.{ending}",))
        assert str(exported).startswith(f"{len(result.data.members)} fits in ")
        assert len(read(exported.path)) == len(result.data.members)
    assert bridle.export(answered, tmp_path / "again.csv").path.read_text() == (tmp_path / "fits.csv").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"out": "x"}, "Expected a file ending in .csv, .parquet, .json, .onnx, or --to as one of"),
        ({"out": "x", "to": "mlflw"}, "Nearest: 'mlflow'"),
        ({"out": "x.csv", "fits": True}, "Expected fits with an export to mlflow or tensorboard or trackio only"),
        ({"out": "x", "to": "card", "rows": [1]}, "Expected rows with an export to onnx only, got 'card'"),
        ({"out": "x.onnx", "license": "mit"}, "Expected license with an export to card only, got 'onnx'"),
        ({"out": "x.csv", "study": 3}, "Expected a Result, a Tuned or the path of a folder to export, got 3"),
        ({"out": "x.csv", "study": "."}, "which holds none"),
    ],
)
def test_exports_that_cannot_be(tmp_path, monkeypatch, options, said) -> None:
    """A sentence, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    study = options.pop("study", ".")
    with pytest.raises(bridle.BridleError, match=re.escape(said)):
        bridle.export(study, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_missing_is_named(answered, tmp_path, monkeypatch) -> None:
    """With the command that installs it."""
    for kind, package in {
        "mlflow": "mlflow",
        "tensorboard": "tensorboard",
        "onnx": "jax2onnx",
        "trackio": "trackio",
    }.items():
        monkeypatch.setitem(sys.modules, package, None)
        for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
            monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(InputError, match=rf"Expected the package '{package}.*pip install 'bridle\[{kind}\]'"):
            bridle.export(answered, tmp_path / "x", to=kind)


def test_a_study_without_its_model_is_exported(result, tmp_path) -> None:
    """The card of a study whose model needs code has the numbers, and says what is missing."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="Expected a folder that can be written"):
        bridle.export(result, tmp_path / "file" / "card", to="card")
    bare = bridle.Result(result.data, None, unbuilt="The model needs the code of 'own>layer'.")
    exported = bridle.export(bare, tmp_path / "card", to="card")
    assert "Without a model. The model needs the code of 'own>layer'." in exported.text
    assert not (tmp_path / "card" / "model.keras").exists()
    assert "The folder has no model." in (tmp_path / "card" / "README.md").read_text()
