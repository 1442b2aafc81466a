"""The smallest objective: a line fitted by gradient descent, without Keras."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from bridle.engine import FitSpec, Loss, Objective, Recipe, Start, Training, compile_programs, put_fold, run_fits

RECIPE = Recipe(epochs=6, batch_size=4, shuffle=True, points=3)


def line(rate: float = 0.1) -> Objective:
    """Least squares by gradient descent, with `setting[0]` times the squared slope as the only part."""

    def loss(trainable, other, setting, x, y, weight):
        part = setting[0] * jnp.sum(trainable[0] ** 2)
        return jnp.mean((x @ trainable[0] - y) ** 2) + part, Loss(jnp.stack([part]), other)

    return Objective(
        loss=loss,
        update=lambda state, gradients, trainable, setting: (
            [w - rate * g for w, g in zip(trainable, gradients, strict=True)],
            state,
        ),
        scaled=lambda state, total: total,
        finish=None,
        at_epoch=lambda setting, epoch: setting,
        predict=lambda trainable, other, x: x @ trainable[0],
        measure=lambda y, prediction, weight: [jnp.mean((prediction - y) ** 2)],
        diagnose=lambda trainable, other, x: [jnp.sum(trainable[0] ** 2)],
        carried_over=(),
        mirrors=(),
        part_names=("slope",),
        measure_names=("loss",),
    )


def rows(count: int = 10, seed: int = 0):
    """Rows to train on (batches of 4, and a smaller last one) and three others."""
    x = np.random.default_rng(seed).normal(size=(count + 3, 2)).astype("float32")
    return put_fold(x, (x @ [1.0, -2.0]).astype("float32"), None, count)


def fits(objective: Objective, fold, count: int, recipe: Recipe = RECIPE, **options) -> list[FitSpec]:
    start = Start([np.zeros(2, "float32")], [], [])
    programs = compile_programs(Training(objective, recipe), fold, start, 1, {}, **options)
    return [FitSpec(n, n, 0, np.array([0.01 * n], "float32"), lambda: start, fold, programs) for n in range(count)]


def run(objective: Objective, work: Sequence[FitSpec | Sequence[FitSpec]], recipe: Recipe = RECIPE, **options):
    got: dict = {}
    whole = run_fits(
        Training(objective, recipe),
        [[fit] if isinstance(fit, FitSpec) else fit for fit in work],
        **{
            "held_out": {},
            "watch": lambda progress: None,
            "deliver": lambda fit, outcome: got.update({fit.index: outcome}),
            **options,
        },
    )
    return got, whole
