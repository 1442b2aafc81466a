"""Compiler options that XLA may not know."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from bridle._keras import with_compiler_options


def test_an_option_that_xla_refuses_is_left_out_once_and_for_all() -> None:
    """The options save time alone: a study runs without those that a newer XLA has dropped."""
    tried = []

    def double(options):
        tried.append(options)
        return jax.jit(lambda x: 2 * x, compiler_options=options)(jnp.ones(2))

    options = {"xla_cpu_use_fusion_emitters": False, "xla_bridle_is_no_option": True}
    assert with_compiler_options(double, options).tolist() == [2, 2]
    assert with_compiler_options(double, options).tolist() == [2, 2]
    assert tried == [options, *[{"xla_cpu_use_fusion_emitters": False}] * 2]


def test_other_errors_pass() -> None:
    """A value that an option cannot have is a mistake of ours."""
    with pytest.raises(RuntimeError, match="elsewhere"):
        with_compiler_options(lambda options: (_ for _ in ()).throw(RuntimeError("elsewhere")), {"xla_other": 1})


STORED = "store/test_written_by_0_1.py::test_an_old_interrupted_run_resumes_to_the_same_bits"
"""The test of the bits of stored fits."""


def test_the_options_of_users_give_the_bits_of_stored_fits() -> None:
    """The other tests compile with less optimization, which gives other last digits; `make torture` does not."""
    tests = Path(__file__).parents[1]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests / STORED)]
    ended = subprocess.run(
        command, env=os.environ | {"XLA_FLAGS": ""}, cwd=tests.parent, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout
