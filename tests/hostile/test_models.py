"""Model files: any bytes, members, configuration and weights are audited or refused with a sentence; nothing is run."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.hostile._hostile import folder, survives, tries
from tests.hostile._strategies import spoiled_bytes, spoiled_trees, texts, trees

from bridle.auditing import audit
from bridle.untrusted import read_model
from bridle.wording import CONTROL_CHARACTERS

LIMIT = 32
"""MiB that these files may unfold to."""
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
Members = dict[str, bytes]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Members:
    """Return the members of a small file: dense layers and an LSTM, with penalties."""
    path = tmp_path_factory.mktemp("good") / "good.keras"
    layers = keras.layers
    hidden = layers.Dense(3, "relu", kernel_regularizer="l2", activity_regularizer="l1", name="hidden")
    model = keras.Sequential([keras.Input((4, 2)), layers.LSTM(2, recurrent_regularizer="l2"), hidden, layers.Dense(1)])
    model.compile("adam", "mse")
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: Members, kind: int = zipfile.ZIP_STORED, links: tuple[str, ...] = ()) -> bytes:
    """Members as an archive; those in `links` are symbolic links."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = kind
            info.external_attr = (0o120777 if name in links else 0o100644) << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def judge(content: bytes) -> None:
    """Audit the file, or refuse it."""
    with folder() as place, survives():
        path = place / "model.keras"
        path.write_bytes(content)
        model, _ = read_model(path, limit=LIMIT)
        said = str(audit(model))
        assert said.startswith("Audit of")
        assert not CONTROL_CHARACTERS.search(said)
        assert {file.name for file in place.iterdir()} == {"model.keras"}


@tries(25)
@given(st.data())
def test_any_bytes_are_a_model_or_refused(good: Members, data: st.DataObject) -> None:
    """Cut, flipped, and with others put in."""
    kind = data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    judge(data.draw(spoiled_bytes(packed(good, kind)) | st.binary(max_size=60)))


@tries(30)
@given(st.data())
def test_any_configuration_is_a_model_or_refused(good: Members, data: st.DataObject) -> None:
    """Values replaced and entries renamed anywhere in it."""
    config = data.draw(spoiled_trees(json.loads(good[CONFIG]), trees() | objects()))
    judge(packed({**good, CONFIG: json.dumps(config).encode("utf-8", "replace")}))


def objects() -> st.SearchStrategy[Any]:
    """Configurations for Keras to build: known layers, unknown ones, and code."""
    names = st.sampled_from(
        ["Lambda", "Dense", "Conv2D", "Embedding", "function", "__lambda__", "Functional", "Sequential", "TFSMLayer",
         "L1", "Adam", "__tensor__", "__numpy__", "__typespec__", "Orthogonal", "system", "RNN", "StackedRNNCells"]
    )  # fmt: skip
    modules = st.sampled_from(["keras.layers", "keras", "builtins", "os", None, "keras.src.utils.file_utils", "bridle"])
    return st.builds(
        lambda name, module, config, registered: {
            "class_name": name, "module": module, "config": config, "registered_name": registered,
        },
        names, modules, trees(), names | st.none() | st.just("bridle>L1") | texts(),
    )  # fmt: skip


@tries(30)
@given(st.data())
def test_any_members_are_a_model_or_refused(good: Members, data: st.DataObject) -> None:
    """Renamed, left out, added, as links, and with any compression."""
    strange = st.sampled_from(
        ["../../x", "/etc/passwd", "a/../../b", "C:\\x", "\\\\host\\x", "assets/x", "x" * 999, "é\u202e"]
    )
    members = {data.draw(st.just(name) | st.just(name) | strange): content for name, content in good.items()}
    members |= data.draw(st.dictionaries(strange, st.binary(max_size=30), max_size=2))
    kind = data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    links = data.draw(st.sampled_from([(), (CONFIG,), (WEIGHTS,), ("assets/x",)]))
    judge(packed(members, kind, links))


@tries(30)
@given(st.data())
def test_any_weights_are_a_model_or_refused(good: Members, data: st.DataObject) -> None:
    """Other shapes, types, links and nesting in the file of weights."""
    buffer = io.BytesIO(good[WEIGHTS])
    with h5py.File(buffer, "a") as file:
        for _ in range(data.draw(st.integers(1, 3))):
            names: list[str] = []
            file.visit(names.append)
            _spoil(data, file, data.draw(st.sampled_from(names)) if names else "x")
    judge(packed({**good, WEIGHTS: buffer.getvalue()}))


def _spoil(data: st.DataObject, file: h5py.File, name: str) -> None:
    """Put something else in the place of one entry."""
    del file[name]
    match data.draw(st.integers(0, 7)):
        case 0:
            file.create_dataset(name, (2 ** data.draw(st.integers(0, 60)),), "f4", chunks=(1024,), maxshape=(None,))
        case 1:
            file[name] = h5py.SoftLink("/")
        case 2:
            file[name] = h5py.ExternalLink("/etc/passwd", "/x")
        case 3:
            file.create_dataset(name, data=np.array(["a", "b"], dtype=h5py.string_dtype()))
        case 4:
            file.create_dataset(name, data=np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]))
        case 5:
            file.create_group("/".join([name, *["g"] * data.draw(st.integers(1, 300))]))
        case 6:
            file[name] = file["/"]
        case 7:
            file.create_dataset(name, data=np.full(data.draw(st.integers(0, 9)), np.nan))


@tries(20)
@given(st.data())
def test_any_bytes_of_weights_are_a_model_or_refused(good: Members, data: st.DataObject) -> None:
    """The file of weights itself, spoiled inside a whole archive."""
    judge(packed({**good, WEIGHTS: data.draw(spoiled_bytes(good[WEIGHTS]))}))


@tries(20)
@given(
    name=st.sampled_from(
        ["weight_decay", "learning_rate", "clipnorm", "use_ema", "ema_momentum", "loss_scale_factor", "name"]
    ),
    value=trees(),
)
@example(name="weight_decay", value=10**400)
@example(name="weight_decay", value=[1])
def test_any_setting_of_the_optimizer_is_audited_or_refused(good: Members, name: str, value: Any) -> None:
    """Keras takes what it finds in the file."""
    config = json.loads(good[CONFIG])
    config["compile_config"]["optimizer"]["config"][name] = value
    judge(packed({**good, CONFIG: json.dumps(config).encode("utf-8", "replace")}))


@tries(10)
@given(name=texts())
@example(name="\x1b]0;title\x07\u202e")
def test_any_name_is_shown_so_that_it_does_nothing(good: Members, name: str) -> None:
    """Names of layers and of the model."""
    config = json.loads(good[CONFIG])
    config["config"]["name"] = name
    config["config"]["layers"][2]["config"]["name"] = name
    judge(packed({**good, CONFIG: json.dumps(config).encode()}))


def test_a_file_as_it_was_is_a_model(good: Members, tmp_path: Path) -> None:
    """The file that the other tests damage."""
    path = tmp_path / "good.keras"
    path.write_bytes(packed(good))
    assert [row.where for row in audit(read_model(path, limit=LIMIT)[0]).rows]
