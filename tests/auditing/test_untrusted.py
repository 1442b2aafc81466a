"""Model files that nobody vouches for: refused with a sentence, nothing in them is run."""

import contextlib
import io
import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from tests.auditing._traps import SEQUENCE, TRAPS, L

import bridle
from bridle import BridleError
from bridle.untrusted import read_model, read_rows


@pytest.fixture(scope="module")
def members(tmp_path_factory) -> dict[str, bytes]:
    """Return the members of a good file."""
    path = tmp_path_factory.mktemp("good") / "good.keras"
    layer = L.Dense(3, "relu", kernel_regularizer="l2", name="hidden")
    model = keras.Sequential([keras.Input((4,)), layer, L.Dense(1, name="out")])
    model.compile("adam", "mse")
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, members: dict[str, bytes], **kwargs: int) -> Path:
    """Write the members as an archive."""
    with zipfile.ZipFile(path, "w", **kwargs) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def config_of(members: dict[str, bytes]) -> dict:
    """The configuration of the good file, to be spoiled."""
    return json.loads(members["config.json"])


def spoiled(path: Path, members: dict[str, bytes], config: object) -> Path:
    """The good file with another configuration."""
    return write(path, {**members, "config.json": json.dumps(config).encode()})


def hidden(config: dict) -> dict:
    """The configuration of the layer `hidden`."""
    return config["config"]["layers"][1]


def refuse(path: Path, said: str, **options: int) -> None:
    """Expect a sentence."""
    with pytest.raises(BridleError, match="Expected") as refused:
        read_model(path, **options)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_good_file(command, members) -> None:
    """Nothing found is exit code 0, a finding 1; own rows from every kind of file."""
    write(Path("good.keras"), members)
    code, out, err = command("audit", "good.keras")
    assert (code, err) == (0, "")
    assert "hidden/kernel  L2(0.01)" in out
    assert "No findings" in out
    rows = np.random.default_rng(0).normal(size=(7, 4))
    np.save("x.npy", rows)
    np.savez("x.npz", x=rows, sample_weight=np.ones(7))
    Path("x.csv").write_text("a,b,c,d\n" + "\n".join(",".join(map(str, row)) for row in rows))
    for name in ("x.npy", "x.npz", "x.csv"):
        code, out, err = command("audit", "good.keras", "--data", name)
        assert (code, err) == (0, "")
        assert "one batch of 7 samples" in out


def test_a_file_with_findings_and_with_penalties_of_bridle(command) -> None:
    """Exit code 1 and what to do; a penalized model loads, and is clean."""
    trap = next(trap for trap in TRAPS if trap.name == "TimeDistributed")
    trap.build("l2").save("found.keras")
    code, out, err = command("audit", "found.keras")
    assert code == 1
    assert "need code that is not in the file" in err
    assert "td/inner/output – not charged" in out
    model = trap.build("l2")
    model.compile("sgd", "mse")
    model.save("found.keras")
    code, out, err = command("audit", "found.keras")
    assert (code, err) == (1, "")
    assert "td/inner/output – not charged" in out
    clean = trap.build(None)
    clean.compile("sgd", "mse")
    bridle.regularize(clean, {"td/inner/output": bridle.L2(0.1)}).save("placed.keras")
    np.save("x.npy", SEQUENCE)
    code, out, err = command("audit", "placed.keras", "--data", "x.npy")
    assert (code, err) == (0, "")
    assert "bridle.L2(strength=0.1)" in out


def item(module: str | None, name: object, registered: str | None = None, config: object = None) -> dict:
    """An object as Keras writes it."""
    return {"module": module, "class_name": name, "config": config or {}, "registered_name": registered}


CODE = {
    "module os": (item("os", "system", config="true"), "os.system"),
    "builtins": (item("builtins", "function", "function", "eval"), "eval"),
    "utils": (item("keras.utils", "function", "get_file", "get_file"), "get_file"),
    "lambda": (item("builtins", "__lambda__", config={"value": "4wEAAAA="}), "__lambda__"),
    "Lambda layer": (item("keras.layers", "Lambda"), "Lambda"),
    "custom": (item("mine", "Net", "mine>Net"), "mine>Net"),
    "other name": (item("keras.layers", "Dense", "x>Y"), "x>Y"),
    "unknown of bridle": (item(None, "L9", "bridle>L9"), "bridle>L9"),
    "prefix": (item("keras_evil", "Dense"), "keras_evil"),
    "data sets": (item("keras.datasets.mnist", "load"), "mnist"),
    "no text": (item("keras.layers", ["Dense"]), "names of classes"),
    "typespec": (item("os", "__typespec__"), "__typespec__"),
}
"""Code that must not run, and its name in the message."""


@pytest.mark.parametrize("name", CODE)
def test_code_is_refused_wherever_it_hides(name: str, members, tmp_path) -> None:
    """As a layer and as an argument of one it is refused; what the model was compiled with is left out then."""
    code, said = CODE[name]
    as_layer, as_argument, compiled = config_of(members), config_of(members), config_of(members)
    as_layer["config"]["layers"][1] = code
    hidden(as_argument)["config"]["activation"] = code
    compiled["compile_config"]["loss"] = code
    for config in (as_layer, as_argument):
        refuse(spoiled(tmp_path / "bad.keras", members, config), said)
    model, left_out = read_model(spoiled(tmp_path / "bad.keras", members, compiled))
    assert "left out" in left_out
    assert not model.compiled


def test_a_lambda_with_bytecode_does_not_run(tmp_path, command) -> None:
    """The layer's function would write a file; the way out is said."""
    target = tmp_path / "ran"
    function = eval(f"lambda x: (open({str(target)!r}, 'w').close(), x)[1]")
    model = keras.Sequential([keras.Input((2,)), L.Dense(2)])
    model.add(L.Lambda(function, output_shape=(2,)))
    target.unlink(missing_ok=True)
    model.save("lambda.keras")
    code, out, err = command("audit", "lambda.keras")
    assert (code, out) == (2, "")
    assert "bridle.audit(model)" in err
    assert not target.exists()


def test_archives_that_do_harm(members, tmp_path) -> None:
    """Names that lead out, bombs, too much, twice the same name, links to other files."""
    path = tmp_path / "bad.keras"
    for name in ("../out.txt", "/etc/out.txt", "a\\b", "c:x"):
        refuse(write(path, {**members, name: b"x"}), "leads out of it")
    refuse(write(path, {**members, "assets/z": bytes(2**24)}, compression=zipfile.ZIP_DEFLATED), "compression bombs")
    refuse(write(path, {**members, "assets/z": bytes(2**21)}), "--limit 3", limit=1)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(write(path, members), "a") as archive:
        archive.writestr("config.json", b"{}")
    refuse(path, "each name once")
    for link in (h5py.ExternalLink("/etc/passwd", "/x"), h5py.SoftLink("/layers")):
        weights = io.BytesIO()
        with h5py.File(weights, "w") as file:
            file["x"] = link
        refuse(write(path, {**members, "model.weights.h5": weights.getvalue()}), "the link 'x'")
    outside = io.BytesIO()
    with h5py.File(outside, "w") as file:
        file.create_dataset("x", (4,), "f4", external=[(str(tmp_path / "secret"), 0, 16)])
    refuse(write(path, {**members, "model.weights.h5": outside.getvalue()}), "lies in another file")
    huge = io.BytesIO()
    with h5py.File(huge, "w") as file:
        file.create_dataset("x", (2**40,), "f4", chunks=(2**20,))
    refuse(write(path, {**members, "model.weights.h5": huge.getvalue()}), "MiB of weights")


def test_models_larger_than_memory(members, tmp_path) -> None:
    """A small file can name a layer of any size: its shapes are known before its weights are made."""
    path = tmp_path / "bad.keras"
    config = config_of(members)
    config["config"]["layers"][2]["config"]["units"] = 10**12
    refuse(spoiled(path, members, config), "one that needs")
    config = config_of(members)
    repeated = {
        "module": "keras.layers",
        "class_name": "RepeatVector",
        "config": {"n": 10**11},
        "registered_name": None,
    }
    config["config"]["layers"].append(repeated)
    refuse(spoiled(path, members, config), "one that needs")


def test_configurations_that_cannot_be_read(members, tmp_path) -> None:
    """Too deep, no JSON, no dictionary, no model, another class than a model."""
    path = tmp_path / "bad.keras"
    for text in ("[" * 100_000, "{", '{"a": 1', "\x00"):
        refuse(write(path, {**members, "config.json": text.encode()}), "configuration")
    refuse(write(path, {**members, "config.json": b"[1]"}), "dictionary")
    deep: object = {}
    for _ in range(300):
        deep = {"a": deep}
    refuse(spoiled(path, members, deep), "200 levels")
    for config in (
        {},
        {"class_name": "Dense", "module": "keras.layers", "config": {"units": 3}},
        hidden(config_of(members)),
    ):
        refuse(spoiled(path, members, config), "in 'bad.keras'")
    for spoil in ({"units": "many"}, {"units": -1}, {"activation": "no such"}, {"units": None}):
        config = config_of(members)
        hidden(config)["config"].update(spoil)
        refuse(spoiled(path, members, config), "Keras can build")


def test_damaged_files(members, tmp_path) -> None:
    """Cut at many places, and flipped at many."""
    whole = write(tmp_path / "good.keras", members).read_bytes()
    path = tmp_path / "bad.keras"
    for part in range(1, 12):
        path.write_bytes(whole[: len(whole) * part // 12])
        refuse(path, "Expected")
    random = np.random.default_rng(0)
    for _ in range(30):
        flipped = bytearray(whole)
        flipped[random.integers(len(whole))] ^= 255
        path.write_bytes(bytes(flipped))
        with contextlib.suppress(BridleError):
            assert bridle.audit(read_model(path)[0]).rows


def test_other_files_get_a_sentence_and_2(command, members) -> None:
    """Folders, missing files, HDF5, no archives, rows that do not fit, text, and pickles."""
    write(Path("good.keras"), members)
    Path("folder.keras").mkdir()
    Path("old.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    Path("text.keras").write_text("no archive")
    write(Path("empty.keras"), {"readme": b""})
    np.save("wrong.npy", np.ones((3, 5)))
    np.save("pickled.npy", np.array([print], dtype=object), allow_pickle=True)
    np.save("words.npy", np.array(["a", "b"]))
    np.save("none.npy", np.ones((0, 4)))
    np.save("holes.npy", np.full((3, 4), np.nan))
    Path("torn.npy").write_bytes(Path("wrong.npy").read_bytes()[:60])
    np.savez("two.npz", a=np.ones((3, 4)), b=np.ones((3, 4)))
    Path("text.csv").write_text("a,b\n1,x\n")
    cases = {
        ("folder.keras",): "folder",
        ("missing.keras",): "'good.keras'",
        ("old.h5",): "model.save('model.keras')",
        ("text.keras",): "no .keras archive",
        ("empty.keras",): "config.json",
        ("good.keras", "--data", "wrong.npy"): "(3, 5)",
        ("good.keras", "--data", "pickled.npy"): "objects, which could be code",
        ("good.keras", "--data", "words.npy"): "rows of numbers",
        ("good.keras", "--data", "none.npy"): "at least one",
        ("good.keras", "--data", "holes.npy"): "finite",
        ("good.keras", "--data", "torn.npy"): "torn.npy",
        ("good.keras", "--data", "two.npz"): "Expected 1 inputs",
        ("good.keras", "--data", "text.csv"): "text in 'b'",
        ("good.keras", "--data", "missing.npy"): "found no 'missing.npy'",
        ("good.keras", "--data", "good.keras"): ".npy, .npz or .csv",
        ("good.keras", "--limit", "0"): "--limit",
    }
    for words, said in cases.items():
        code, out, err = command("audit", *words)
        assert (code, out) == (2, ""), words
        assert said in err, (words, err)


def test_rows_are_never_unpickled(tmp_path) -> None:
    """Also not out of an archive of arrays."""
    np.savez(tmp_path / "x.npz", x=np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(BridleError, match="could be code"):
        read_rows(tmp_path / "x.npz")
