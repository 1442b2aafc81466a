"""`benchmarks/gpu.py`: its time, what it writes, and its parts with tiny sizes on a CPU."""

import json
import re
from time import time

import keras
import numpy as np
import pytest
from benchmarks import gpu, gpu_parts
from benchmarks.engine.families import Family, Rows, dense_model, digits_rows

LINES = [
    {"part": "facts", "device": "NVIDIA H200", "memory_GiB": 139.0, "jax": "0.10.2"},
    {"part": "parity", "model": "LSTM", "weights": 2.4e-6, "losses": 1e-7, "same_twice": True},
    {"part": "cnn", "way": "model.fit", "width": 1, "ms": 30.0},
    {"part": "cnn", "way": "bridle", "width": 64, "ms": 0.1},
    {"part": "cnn", "way": "hand", "width": 64, "ms": 0.2},
    {"part": "cnn", "way": "hand, convolutions", "width": 64, "ms": 0.08},
    {"part": "cnn", "way": "bridle", "width": 4096, "error": "bridle at width 4096: out of memory"},
    {
        "part": "moons",
        "planned": 180,
        "fits": 240,
        "epochs": 4000,
        "seconds": 12.0,
        "width": "180",
        "fit_seconds": 2400,
    },
    {"part": "end", "seconds": 500.0, "quick": False},
]
CHILD = """
import json, sys, time
print(json.dumps({"device": sys.argv[1]}), flush=True)
if sys.argv[1] == "moons":
    raise ValueError("no card")
if sys.argv[1] == "many":
    time.sleep(60)
"""


def test_the_table_names_the_card_and_the_best_program_by_hand() -> None:
    """Ratios against the faster of the two ways to convolve; what failed is said."""
    text = gpu.table(LINES)
    assert text.startswith("# NVIDIA H200\n")
    assert "| LSTM | 2.4e-06 | 1.0e-07 | yes |" in text
    assert "| 64 | 0.1 | 0.08 | 1.25 | 300 × |" in text
    assert "| 180 fits × 4000 epochs, and refits | 240 | 12.0 | 20 | 180 | 200 × |" in text
    assert "* cnn: bridle at width 4096: out of memory" in text
    assert "Tiny sizes" not in text


def test_parts_end_in_time_and_an_error_loses_nothing(tmp_path, monkeypatch) -> None:
    """One part fails, one goes on forever: the others are there, the files are written, nothing runs on."""
    (tmp_path / "child.py").write_text(CHILD)
    monkeypatch.setattr(gpu, "PROGRAM", (str(tmp_path / "child.py"),))
    monkeypatch.setattr(gpu, "GRACE_SECONDS", 0.2)
    monkeypatch.setattr(gpu, "SHARES", {"facts": 0.45, "moons": 0.45, "many": 0.1})
    began = time()
    lines = list(gpu.measure(3.0, True, ["facts", "moons", "many"]))
    assert time() - began < 6
    assert [line.get("device") for line in lines] == ["facts", "moons", None, "many", None, None]
    assert lines[2]["error"] == "ended with status 1: ValueError: no card"
    assert lines[4]["error"] == "its time was over"
    gpu.write(tmp_path, lines)
    assert json.loads((tmp_path / "gpu.json").read_text()) == lines
    assert "Tiny sizes" in (tmp_path / "gpu.md").read_text()


def tiny() -> Rows:
    """A hundred digits."""
    return Rows(*(part[:100] for part in digits_rows(64)))


@pytest.mark.slow
def test_parts_with_tiny_sizes(tmp_path, monkeypatch, capsys) -> None:
    """A model trains to the same bits twice; bridle and the program by hand train two fits in one call."""
    monkeypatch.setattr(gpu_parts, "MODELS", {"dense": ((64,), "Dense(4, 'relu')")})
    monkeypatch.setattr(gpu_parts, "STEADY_SECONDS", 0.0)
    monkeypatch.setattr("benchmarks.engine.families.FAMILIES", {"dense": Family("tiny", tiny, dense_model, 50, 1)})
    gpu_parts.parity(time() + 60, True, str(tmp_path / "card"))
    monkeypatch.setattr(gpu_parts, "QUICK_WIDTHS", (2,))
    gpu_parts.widths("dense", time() + 60, True, "")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"model": "dense", "same_twice": True}
    arrays = np.load(tmp_path / "card" / "dense.npz")
    assert set(gpu._apart(arrays, arrays).values()) == {0.0}
    assert [(line["way"], line["width"]) for line in lines[1:]] == [("model.fit", 1), ("bridle", 2), ("hand", 2)]
    assert all(line["ms"] > 0 for line in lines[1:])


def test_the_models_of_the_parity_are_a_dozen() -> None:
    """Of layers that Keras has."""
    assert len(gpu_parts.MODELS) == 12
    names = {name for _, stack in gpu_parts.MODELS.values() for name in re.findall(r"(\w+)\(", stack)}
    assert len(names) >= 20
    assert all(hasattr(keras.layers, name) for name in names)
