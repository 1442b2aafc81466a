"""Lists of checks that hold on every backend of Keras: `python -m tests._elsewhere` runs them on one.

Starting Python with Keras and TensorFlow takes as long as all lists, so that one process runs them.
"""

import functools
import importlib
import json
import os
import subprocess
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import scaled

ROOT = Path(__file__).parents[1]
PACKAGES = {"jax": "jax", "tensorflow": "tensorflow", "torch": "torch"}
LISTS = {
    "formulas": "tests.placement._formulas",
    "wrapped": "tests.placement._wrapped_elsewhere",
    "labels": "tests.placement._labels_elsewhere",
    "noise": "tests.placement._noisy",
    "contract of penalties": "tests.regularizers._cases",
    "contract of noise": "tests.regularizers._noise_cases",
    "contract of updates": "tests.regularizers._update_cases",
    "audit": "tests.auditing._elsewhere",
    "layers": "tests.layers._elsewhere",
}
"""Modules with a function `checked`, which returns what can be written as JSON."""
TRIED = [name for name in LISTS if name != "wrapped" or scaled(0, 1)]
"""The lists that other backends run: a third of their time is one list, which `make torture` has."""


def run_on(backend: str, name: str) -> Any:
    """Return the results of a list on a backend; skip the test if the backend is not installed."""
    if find_spec(PACKAGES[backend]) is None:
        pytest.skip(f"the package {PACKAGES[backend]!r} is not installed, so Keras cannot run on {backend} here")
    if backend == "jax":  # the backend of the tests
        return importlib.import_module(LISTS[name]).checked()
    if name not in TRIED:
        pytest.skip("in make torture")
    ran, results = _results(backend)
    assert ran == backend
    assert "error" not in results[name], results[name]["error"]
    return results[name]["rows"]


@functools.cache
def _results(backend: str) -> tuple[str, dict[str, Any]]:
    """Return the backend of another process, and the rows or the error of each list there."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests._elsewhere"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the results of all lists, each with a clear state of Keras."""
    import keras

    results = {}
    for name in TRIED:
        keras.utils.clear_session()
        try:
            results[name] = {"rows": importlib.import_module(LISTS[name]).checked()}
        except Exception:
            results[name] = {"error": traceback.format_exc()[-3000:]}
    sys.stdout.write(f"\n{json.dumps([keras.backend.backend(), results])}\n")


if __name__ == "__main__":
    main()
