"""Studies of rows on disk equal those of rows in memory, in all that follows from the rows."""

import os

import keras
import numpy as np
import pytest
from tests._same import equal

import bridle
from bridle._api._rows import RowOptions
from bridle._errors import InputError
from bridle.engine import StoredPrograms
from bridle.engine import _stored_layout as layout_module
from bridle.engine import _sweep as sweep_module
from bridle.study import _baselines, fit_baselines
from bridle.study.design import _prepare, make_timed_plan

X = np.random.default_rng(0).normal(size=(150, 3)).astype("float32")
Y = (X[:, 0] + np.random.default_rng(1).normal(0, 0.5, 150) > 0).astype(int)
TEST = X[:50] + 0.1, Y[:50]
ON_DISK = RowOptions("disk")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a block hold two batches of 16 rows."""
    for module in (layout_module, sweep_module):
        monkeypatch.setattr(module, "BLOCK_BYTES", 2 * 16 * 16)


def study(**options) -> bridle.Study:
    """A study of arms with noise, averaged weights and paths."""
    hidden = [keras.Input((3,)), keras.layers.Dense(4, "relu", name="hidden")]
    model = keras.Sequential([*hidden, keras.layers.Dense(1, activation="sigmoid", name="out")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    arms = {
        "noise": {"hidden/output": bridle.GaussianNoise(0.2)},
        "averaged": {"*/kernel": bridle.L2([1e-3, 1e-2]), "training": bridle.WeightAveraging(0.9)},
    }
    defaults = {"seeds": 2, "folds": 2, "epochs": 6, "batch_size": 16, "warm_start": "decreasing"}
    return bridle.Study(model, arms, **{**defaults, **options})


def test_a_study_has_the_bits_of_rows_in_memory() -> None:
    """Curves, row scores, held-out rows, means of seeds and confidence.

    Weights are those of rows in memory to the bit too, with the options that users compile with. With those of the
    tests, a bias can differ in its last digit.
    """
    memory, disk = (study().run(X, Y, test=TEST, rows_in=place, progress=False).data for place in ("memory", "disk"))
    for name in ("members", "curves", "held_out", "row_scores", "seed_mean", "confidence"):
        assert equal(getattr(memory, name), getattr(disk, name)), name
    exactly = {} if os.environ.get("XLA_FLAGS") else {"rtol": 0, "atol": 0}
    for index, weights in memory.weights.items():
        for one, other in zip(weights, disk.weights[index], strict=True):
            np.testing.assert_allclose(one, other, **{"rtol": 1e-6, "atol": 1e-8, **exactly})
    np.testing.assert_allclose(memory.diagnostics, disk.diagnostics, **{"rtol": 1e-6, **exactly})
    assert len(memory.weights) == 8
    assert memory.row_scores is not None
    assert memory.seed_mean is not None


def test_a_plan_compiles_and_times_programs_for_rows_on_disk() -> None:
    """Its memory is that of blocks of rows."""
    prepared = study(seeds=1).prepare(X, Y, options=ON_DISK)
    plan = make_timed_plan(prepared)
    programs = prepared.engine.programs(prepared.folds[0], {})
    assert isinstance(programs, StoredPrograms)
    assert programs.memory > programs.block_bytes
    assert plan.seconds > 0
    assert prepared.engine.compilations == len(programs.parts)


def test_baselines_of_rows_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of rows in memory; trained on some rows where there are more than fit."""
    prepared = [study(seeds=1).prepare(X, Y, test=TEST, options=RowOptions(place)) for place in ("memory", "disk")]
    memory, disk = map(fit_baselines, prepared)
    for one, other in zip(memory, disk, strict=True):
        np.testing.assert_array_equal(one.scores, other.scores)
        assert one.held_out == other.held_out
    monkeypatch.setattr(_baselines, "MAX_STORED_BYTES", 12 * 40)
    few = fit_baselines(prepared[1])
    assert "trained on 40 of 75 rows of a fold" in few[1].text
    assert "trained on" not in few[0].text
    assert not np.array_equal(few[1].scores, disk[1].scores)


class OwnLoss(keras.Model):
    """A model with its own loss."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean((y_pred[:, 0] - y) ** 2)


def test_measures_that_need_all_rows_at_once_are_refused() -> None:
    """A loss of the model's own, and a target that is x."""
    inputs = keras.Input((3,))
    model = OwnLoss(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd")
    with pytest.raises(InputError, match=r"own compute_loss, which takes all validation rows at once\. Set rows_in"):
        bridle.Study(model, {"L2": {"*/kernel": bridle.L2(0.1)}}).prepare(X, Y, options=ON_DISK)
    decoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    decoder.compile("sgd", "mse")
    with pytest.raises(InputError, match=r"Expected y for rows on disk, got none.*\. Set rows_in='memory'"):
        bridle.Study(decoder, {"L2": {"*/kernel": bridle.L2(0.1)}}).prepare(X, options=ON_DISK)


def test_a_target_on_disk_is_refused_before_rows_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_prepare, "make_folds", lambda *_: pytest.fail("rows were read"))
    decoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    decoder.compile("sgd", "mse")
    with pytest.raises(InputError, match="Expected y for rows on disk, got none"):
        bridle.Study(decoder, {"L2": {"*/kernel": bridle.L2(0.1)}}).prepare(X, options=ON_DISK)
