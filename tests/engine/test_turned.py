"""Kernels that are held transposed while they are trained: the same mathematics, for any update."""

from contextlib import nullcontext

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras import Input, Sequential, layers, optimizers
from sklearn.datasets import make_classification

import bridle
from bridle.engine import FitSpec, Objective, run_fits
from bridle.engine.rewrites._transposed_kernels import (
    CannotTransposeError,
    TransposedKernel,
    allow_transposed,
    shapes_to_transpose,
    untranspose_kernels,
)
from bridle.study.data import Rows
from bridle.study.design import Question, prepare

MATRIX = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
OTHER = np.random.default_rng(1).normal(size=(5, 3)).astype("float32")
KEPT = {
    "entries": lambda w: jnp.sqrt(w**2 + 1) / (jnp.abs(w) + 2),
    "a scalar beside": lambda w: jnp.where(jnp.sum(w) > 0, 3.0, w) * 2,
    "clipped": lambda w: jnp.clip(w, -0.5, 0.5),
    "another matrix beside": lambda w: jnp.maximum(w, OTHER) - OTHER,
    "a norm for each column": lambda w: w / jnp.sqrt(jnp.sum(w**2, axis=0, keepdims=True)),
    "a norm for each row": lambda w: w * jnp.max(jnp.abs(w), axis=1, keepdims=True),
    "a norm of all": lambda w: w / jnp.sqrt(jnp.sum(w**2)),
    "one type and another": lambda w: w.astype("bfloat16").astype("float32") + w,
}
LAID_OUT = {
    "transposed": lambda w: w.T * 2,
    "summed along an axis": lambda w: jnp.sum(w, axis=1),
    "the largest": lambda w: jnp.max(w),
}
BACK = {
    "multiplied": lambda w: w.T @ w,
    "in another shape": lambda w: jnp.reshape(w, (-1,)),
    "in a branch": lambda w: jax.lax.cond(w[0, 0] > 0, lambda v: v + 1, lambda v: v, w),
    "decomposed": lambda w: jnp.linalg.qr(w)[1],
}


@pytest.mark.parametrize("name", [*KEPT, *LAID_OUT, *BACK])
def test_a_turned_matrix_gives_what_the_matrix_gives(name: str) -> None:
    """Entry by entry it stays turned; what else is done with it is done with the matrix, or refused."""
    function = (KEPT | LAID_OUT | BACK)[name]
    found = allow_transposed(function)(TransposedKernel(MATRIX.T))
    assert isinstance(found, TransposedKernel) == (name in KEPT)
    (found,) = untranspose_kernels([found])
    np.testing.assert_allclose(found, function(jnp.asarray(MATRIX)), rtol=1e-5, atol=1e-6)
    with pytest.raises(CannotTransposeError) if name in BACK else nullcontext():
        allow_transposed(function, strict=True)(TransposedKernel(MATRIX.T))


def test_only_kernels_with_fewer_outputs_than_inputs_are_turned() -> None:
    """And no shape that something else has too: its part of the optimizer's state could not be told apart."""
    shapes = {"wide": (8, 32), "narrow": (32, 8), "one": (32, 1), "table": (64, 4), "like it": (64, 4)}
    arrays = [np.zeros(shape) for shape in shapes.values()]
    assert shapes_to_transpose((True, True, True, False, True), arrays) == {(32, 8)}
    assert shapes_to_transpose((True, True, True, True, True), arrays) == {(32, 8), (64, 4)}
    assert not shapes_to_transpose((), arrays)


def network(optimizer: object) -> keras.Model:
    """Its two kernels lead to fewer and fewer units."""
    keras.utils.set_random_seed(0)
    model = Sequential([Input((20,)), layers.Dense(12, "relu", name="hidden"), layers.Dense(4, name="out")])
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def outcome(optimizer: object, terms: dict, *, strength: float = 1e-3, stopping: object = None, width: object = None):
    """Return the result of a fit, and the transposed ones of its trainable variables."""
    x, y = make_classification(90, 20, n_informative=8, n_classes=4, random_state=0)
    lengths = {"seeds": 1, "folds": 3, "epochs": 6, "batch_size": 16}
    question = Question(network(optimizer), {"arm": terms}, early_stopping=stopping, **lengths)
    prepared = prepare(question, Rows(x.astype("float32"), y))
    engine, fold = prepared.engine, prepared.folds[0]
    engine.set_width(width)
    programs = engine.programs(fold, {})
    begun = programs.initial_state(engine.start(3)).trainable
    setting = np.full(engine.strength_count, strength, "float32")
    fit, found = FitSpec(0, 3, 0, setting, lambda: engine.start(3), fold, programs), []
    run_fits(
        engine.training,
        [[fit]],
        held_out={},
        deliver=lambda fit, result: found.append(result),
        watch=lambda progress: None,
    )
    return found[0], [isinstance(value, TransposedKernel) for value in begun]


OPTIMIZERS = {
    "adam": lambda: optimizers.Adam(0.01, use_ema=True, clipnorm=0.5),
    "sgd": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=1e-3, global_clipnorm=1.0),
    "lamb": lambda: optimizers.Lamb(0.01),
    "scaled": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.01)),
    "accumulating": lambda: optimizers.Adam(0.01, gradient_accumulation_steps=2),
    "adafactor": lambda: optimizers.Adafactor(0.01),
}
REFUSED = {"scaled", "accumulating"}
"""With branches in their updates."""


STOPPED = ("adam", "accumulating", "adafactor")
"""Optimizers that are also tried with early stopping: one that is turned, one that is refused, one with odd slots."""


@pytest.mark.parametrize(
    ("name", "stopping"),
    [*((name, None) for name in OPTIMIZERS), *((name, bridle.EarlyStopping(patience=2)) for name in STOPPED)],
)
def test_training_is_the_same(name: str, stopping: object, monkeypatch) -> None:
    """Curves, weights and what is measured on them, with penalties on the kernels; also where updates are refused."""
    terms = {"*/kernel": bridle.L1([1e-3]), "hidden/output": bridle.L2([1e-3])}
    found, turned = outcome(OPTIMIZERS[name](), terms, stopping=stopping)
    assert turned == [name not in REFUSED, False, name not in REFUSED, False]
    own = Objective.__init__

    def unknown(self: Objective, **fields: object) -> None:
        own(self, **fields | {"kernels": ()})

    monkeypatch.setattr(Objective, "__init__", unknown)
    wanted, turned = outcome(OPTIMIZERS[name](), terms, stopping=stopping)
    assert not any(turned)
    np.testing.assert_allclose(found.curves, wanted.curves, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.diagnostics, wanted.diagnostics, rtol=1e-3, atol=1e-4)
    for one, other in zip(found.variables, wanted.variables, strict=True):
        assert one.flags.c_contiguous
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_an_exact_penalty_moves_turned_kernels() -> None:
    """Its step is made entry by entry, and the zeros are there."""
    found, turned = outcome(optimizers.SGD(0.1), {"hidden/kernel": bridle.L1([0.3], exact=True)}, strength=0.1)
    assert turned[0]
    assert np.mean(found.variables[0] == 0) > 0.01


def test_members_side_by_side_are_turned_too() -> None:
    found, turned = outcome(optimizers.Adam(0.01), {"*/kernel": bridle.L2([1e-3])}, width=1)
    alone, _ = outcome(optimizers.Adam(0.01), {"*/kernel": bridle.L2([1e-3])})
    assert turned[0]
    np.testing.assert_allclose(found.curves, alone.curves, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Keras warns of such a layer
def test_a_layer_that_is_never_called_has_no_kernel() -> None:
    class Idle(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = layers.Dense(3), layers.Dense(2)

        def call(self, x):
            return self.used(x)

    x = np.random.default_rng(0).normal(size=(24, 5)).astype("float32")

    def built() -> keras.Model:
        model = Idle()
        model.compile("sgd", "mse")
        model(x)
        return model

    study = bridle.Study(built, {"L2": {"*/kernel": bridle.L2([1e-3])}}, seeds=1, folds=2, epochs=2)
    assert study.run(x, x[:, :3], refit="none").data.members.finished.all()
