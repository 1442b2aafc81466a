"""Shared fixtures: JAX behind Keras, compiled programs, strict numbers, small models and rows."""

import atexit
import functools
import gc
import io
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # a program is compiled once for all processes of one run
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="bridle-programs-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.05"
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)

if "XLA_FLAGS" not in os.environ and not os.environ.get("BRIDLE_TORTURE"):
    # Compiling takes most of the time. These options cut it to a quarter; `make torture` compiles as users do.
    os.environ["XLA_FLAGS"] = (
        "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false "
        "--xla_cpu_parallel_codegen_split_count=1"
    )

import keras
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.datasets import make_moons

from bridle.cli import run as run_command
from bridle.engine._device import COMPILE_OPTIONS, OPTIMIZATION_LEVEL, release_programs
from tests import _markers


def network(units: int = 8, *, seed: int = 0, layers: list | None = None, optimizer="adam") -> keras.Model:
    """A small compiled network for two inputs and two classes, made under a seed."""
    keras.utils.set_random_seed(seed)
    hidden = layers or [keras.layers.Dense(units, activation="relu", name="hidden")]
    model = keras.Sequential([keras.Input((2,)), *hidden, keras.layers.Dense(1, activation="sigmoid", name="out")])
    model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    return model


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and look for cyclic garbage less often: JAX and Keras make many objects that stay."""
    gc.set_threshold(20_000, 20, 20)
    for name, description in _markers.DESCRIPTIONS.items():
        config.addinivalue_line("markers", f"{name}: {description}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests before `-m` selects among them, and begin with those that take long."""
    _markers.mark(items)
    _markers.leave_to_torture(items, named=any("::" in argument for argument in config.args))
    _markers.longest_first(items)


@pytest.fixture(scope="module")
def options_of_users():
    """Compile as for users, for tests of bits, and of trainings that take longer than compiling them quickly saves."""
    with pytest.MonkeyPatch.context() as patch:
        options = {"xla_cpu_use_fusion_emitters": True, "xla_cpu_parallel_codegen_split_count": 32}
        patch.setitem(COMPILE_OPTIONS, "cpu", {OPTIMIZATION_LEVEL: 1, **options})
        yield


@pytest.fixture(autouse=True, scope="module")
def few_programs():
    """Release compiled programs after a file if there are many: one process runs thousands of tests."""
    yield
    release_programs()


@pytest.fixture(autouse=True)
def closed_figures():
    """Close the figures of pyplot that a test drew: it warns of many open ones."""
    yield
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        pyplot.close("all")


@pytest.fixture(autouse=True)
def blank_pictures(request, monkeypatch):
    """Leave pictures empty in tests of other rooms: drawing took half the time of a command that writes a report."""
    if not request.node.nodeid.startswith(_markers.DRAWN):
        monkeypatch.setattr(Figure, "savefig", save_blank)


def save_blank(figure: Figure, file: Any, *, format: str = "png", **options: Any) -> None:
    """Write an empty picture in place of a figure."""
    picture = blank_picture(format)
    if isinstance(file, str | Path):
        Path(file).write_bytes(picture)
    else:
        file.write(picture.decode() if isinstance(file, io.TextIOBase) else picture)


@functools.cache
def blank_picture(format: str) -> bytes:
    """Return an empty picture of a square inch."""
    picture = io.BytesIO()
    FigureCanvasAgg(Figure((1, 1))).print_figure(picture, format=format)
    return picture.getvalue()


@pytest.fixture
def model() -> keras.Model:
    """2–8–1, ReLU and sigmoid, Adam."""
    return network()


@pytest.fixture(scope="session")
def moons() -> tuple[np.ndarray, np.ndarray]:
    """60 rows of two moons."""
    x, y = make_moons(60, noise=0.2, random_state=1)
    return x.astype("float32"), y


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Run a command in an empty folder: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bridle._progress.LINE_SECONDS", float("inf"))  # standard error does not depend on speed

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bridle", *words])
        code = run_command()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return run


@pytest.fixture
def counted(record_property):
    """Count what was tried and lost: `counted("kills", 3)`."""

    def count(what: str, tried: int, lost: int = 0) -> None:
        record_property(f"tried {what}", tried)
        record_property("lost", lost)

    return count


COUNTED = {
    "test_member_equals_fit": "models",
    "test_optimizer_equals_fit": "optimizer settings",
    "test_member_starts_as_keras_does": "starts",
    "test_the_page_has_what_a_run_gives": "layers at all their targets",
}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the sizes of the parity suite, the hostile one and the faults, from the reports of all workers."""
    passed = [report.nodeid for report in terminalreporter.getreports("passed")]
    counts = {what: sum(f"::{test}[" in nodeid for nodeid in passed) for test, what in COUNTED.items()}
    found = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    if found:
        terminalreporter.write_line(f"parity: {found}, as in Keras")
    ended = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    tally, kinds = Counter(), set()
    for report in ended:
        properties = dict(report.user_properties) if report.when == "call" else {}
        tally.update({name: count for name, count in properties.items() if name.startswith("hostile ")})
        if properties.get("hostile inputs"):
            kinds.add(report.nodeid.partition("[")[0])
    if tally["hostile inputs"]:
        inputs, refused, losses = (tally[f"hostile {name}"] for name in ("inputs", "refused", "losses"))
        terminalreporter.write_line(
            f"hostile: {len(kinds)} kinds, {inputs:,} inputs, {refused:,} refused with a sentence, {losses:,} lost"
        )
    tried = faults(ended)
    if tried:
        terminalreporter.write_line(tried)


def faults(reports: list[Any]) -> str:
    """Return the counts that the fault tests recorded; empty if none ran."""
    total: Counter[str] = Counter()
    for report in reports:
        for name, value in getattr(report, "user_properties", ()) if getattr(report, "when", "") == "call" else ():
            if name == "lost" or name.startswith("tried "):
                total[name] += value
    tried = ", ".join(f"{count} {name.removeprefix('tried ')}" for name, count in total.items() if name != "lost")
    return f"faults: {tried}; lost: {total['lost']}" if tried else ""
