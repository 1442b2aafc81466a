"""Preparing a study compiles next to nothing, and leaves the process unchanged."""

import gc
from collections.abc import Iterator

import jax
import keras
import numpy as np
import pytest
from tests.conftest import network
from threadpoolctl import threadpool_info, threadpool_limits

import bridle
from bridle._garbage import gc_paused
from bridle._keras._initial_values import numpy_zeros
from bridle.engine import put_fold
from bridle.study.data import Rows
from bridle.study.design import Question, prepare


@pytest.fixture
def compiled() -> Iterator[list[str]]:
    """Collect what XLA compiles from now on."""
    found: list[str] = []

    def hear(name: str, seconds: float, **facts: object) -> None:
        if name.endswith("backend_compile_duration"):
            found.append(name)

    jax.monitoring.register_event_duration_secs_listener(hear)
    yield found
    jax.monitoring.unregister_event_duration_listener(hear)


def net(units: int) -> keras.Model:
    """Layers of sizes that nothing else here has."""
    layers = [keras.Input((units,)), keras.layers.Dense(units + 1, "relu", name="hidden"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("adam", "mse")
    return model


def test_one_program_is_compiled_for_the_penalties_and_none_for_the_rest(compiled: list[str]) -> None:
    """Keras would compile one for the optimizer's zeros of each shape, JAX one for each array that it is given."""
    for arms, count in ({}, 0), ({"L1": {"hidden/output": bridle.L1("auto")}}, 1):
        model = net(37 + count)
        x = np.random.default_rng(0).normal(size=(41, 37 + count)).astype("float32")
        compiled.clear()
        prepare(Question(model, arms, epochs=2), Rows(x, x[:, 0]))
        assert len(compiled) == count


@pytest.mark.parametrize("offset", range(0, 64, 16))
def test_rows_are_copied(offset: int) -> None:
    """JAX takes the memory of an aligned NumPy array as its own; a person may write into theirs while a study runs."""
    memory = np.zeros(64 * 9, np.uint8)
    start = -memory.ctypes.data % 64 + offset
    mine = memory[start : start + 4 * 40].view("float32").reshape(20, 2)
    fold = put_fold(mine, mine[:, 0], None, 10)
    mine[:] = 1
    assert not np.asarray(fold.rows.x).any()
    assert not np.asarray(fold.rows.y).any()


@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, keras.optimizers.RMSprop, keras.optimizers.Adagrad])
def test_zeros_are_those_of_keras(optimizer: type) -> None:
    """Adagrad's accumulators are no zeros: they stay as they are."""
    weights = [keras.Variable(np.ones((3, 5)), dtype=dtype) for dtype in ("float32", "bfloat16")]
    own, ours = optimizer(), optimizer()
    own.build(weights)
    with numpy_zeros():
        ours.build(weights)
    for one, other in zip(own.variables, ours.variables, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(np.asarray(one.value, "float32"), np.asarray(other.value, "float32"))


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_collected_again(enabled: bool) -> None:
    """After an error too, and not where a person had turned it off."""
    before = gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        with gc_paused():
            assert not gc.isenabled()
        with pytest.raises(ZeroDivisionError), gc_paused():
            raise ZeroDivisionError
        assert gc.isenabled() == enabled
    finally:
        gc.enable() if before else gc.disable()


def test_objects_of_a_trace_are_old_after_it() -> None:
    """Young ones would start a collection right after the block, longer than tracing a small network."""
    thresholds = gc.get_threshold()
    try:
        gc.set_threshold(10**9)
        with gc_paused():
            traced: list = []
        assert any(one is traced for one in gc.get_objects(generation=2))
        assert gc.get_freeze_count() == 0
    finally:
        gc.set_threshold(*thresholds)


def test_weights_are_drawn_on_one_thread_once_fits_may_run(monkeypatch) -> None:
    """LAPACK's threads would wait for each other on cores that fits keep busy; only the first draw finds them idle."""
    x, y = np.zeros((8, 2)), np.arange(8) % 2
    engine = prepare(Question(network(1), {}, folds=2), Rows(x, y)).engine
    own, seen = engine._starts.variables, {}

    def variables(seed: int):
        seen[seed] = [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
        return own(seed)

    monkeypatch.setattr(engine._starts, "variables", variables)
    with threadpool_limits(2, "blas"):
        for seed in (5, 6, 6, 7):
            engine.start(seed)
    assert {seed: set(threads) for seed, threads in seen.items()} == {5: {2}, 6: {1}, 7: {1}}
