"""Run a module of the tests under another backend of Keras, in a process of its own."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"jax": "jax", "tensorflow": "tensorflow", "torch": "torch"}


def run_on(backend: str, module: str) -> Any:
    """Return the JSON output of `python -m module` under a backend; skip the test if it is not installed."""
    if find_spec(PACKAGES[backend]) is None:
        pytest.skip(f"the package {PACKAGES[backend]!r} is not installed, so Keras cannot run on {backend} here")
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
