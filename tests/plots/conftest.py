"""Gives the tests `study`, the builder of invented results."""

import importlib.util
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "plots" / "_synthetic.py"


@pytest.fixture(scope="session")
def study():
    spec = importlib.util.spec_from_file_location("bridle_tests_synthetic", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.study
