"""Memory that compiled programs take."""

import jax
import jax.numpy as jnp
import pytest

from bridle.engine import _device
from bridle.engine._device import COMPILED_PER_CHECK, Executable, release_programs


@pytest.mark.parametrize(("lines", "many"), [(50, False), (51, True)])
def test_programs_are_released_where_they_take_up_half_of_the_maps(monkeypatch, tmp_path, lines: int, many: bool):
    """A process with more maps than Linux allows ends with a segmentation fault."""
    cleared = []
    monkeypatch.setattr(jax, "clear_caches", lambda: cleared.append(1))
    (tmp_path / "maps").write_text("7f00-7f01 r-xp\n" * lines)
    (tmp_path / "limit").write_text("100\n")
    assert release_programs(tmp_path / "maps", tmp_path / "limit") is many
    assert len(cleared) == many


def test_other_systems_have_no_such_limit(tmp_path):
    assert not release_programs(tmp_path / "none", tmp_path / "none")


def test_a_process_that_compiles_many_programs_counts_now_and_then(monkeypatch):
    """And those that are used stay as they are."""
    counted = []
    monkeypatch.setattr(_device, "release_programs", lambda: counted.append(1) or jax.clear_caches())
    programs = [Executable(lambda x, n=n: x + n, jnp.ones(n + 1)) for n in range(COMPILED_PER_CHECK)]
    for _ in range(2):
        for n, program in enumerate(programs):
            assert float(program(jnp.ones(n + 1))[0]) == n + 1
    assert counted == [1]
