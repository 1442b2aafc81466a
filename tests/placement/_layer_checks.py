"""Checks of a layer at each of its sites: penalized, study-ready, no penalty at strength 0."""

import random
import re
import tempfile
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from tests.placement._catalogue import SLOW
from tests.placement._readings import Tensors, listening, squares, weight
from tests.placement._recipes import KINDS, SAMPLES, TESTED, Recipe, groups, model_of, rows_of

import bridle
from bridle._keras import Blueprint, Program
from bridle.placement import bind_terms, find_sites, read_terms
from bridle.study.design._objective import make_objective

STRENGTH = 0.1
CLOSE = 1e-5
REPEATABLE = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 0}
"""Options under which the same operations give the same bits in whatever company."""


CHECKS = ("penalized", "study", "zero", "audited")
BROKEN = "broken: "
_HOME = re.compile(r"it\d+\b")
QUANTITY = {
    "activity_regularizer": "output",
    "alpha_regularizer": "alpha",
    "beta_regularizer": "beta",
    "bias_regularizer": "bias",
    "depthwise_regularizer": "(depthwise_)?kernel",
    "embeddings_regularizer": "embeddings",
    "gamma_regularizer": "gamma",
    "kernel_regularizer": "kernel",
    "pointwise_regularizer": "pointwise_kernel",
    "recurrent_regularizer": "recurrent_kernel",
}
"""The quantity that each argument of Keras is for."""
Step = Callable[[Any, Any], Any]
"""A function of the trainable variables and the strengths."""


@dataclass(frozen=True)
class FitResult:
    """Outcome of one recipe; a check that passed at every site has no complaint."""

    recipe: Recipe
    places: tuple[str, ...]
    """The places of the layer, without its own name."""
    weights: int
    penalized: tuple[str, ...]
    study: tuple[str, ...]
    zero: tuple[str, ...]
    audited: tuple[str, ...]


def outcomes(recipes: Sequence[Recipe]) -> list[FitResult]:
    """Run the checks of layers that share a model; each alone where something about the model breaks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a few are raised inside layers of Keras
        try:
            case = Case(recipes)
        except Exception as error:  # is what is wrong with this layer
            case, said = None, {check: [_broken(error)] for check in CHECKS}
        else:
            said = {**case.complaints(), "audited": _unless_broken(lambda: audited(recipes))}
    if len(recipes) > 1 and any(line.startswith(BROKEN) for lines in said.values() for line in lines):
        return [found for recipe in recipes for found in outcomes([recipe])]
    if case is None:
        return [FitResult(recipes[0], (), 0, **{check: tuple(lines) for check, lines in said.items()})]
    return [case.outcome(number, recipe, said) for number, recipe in enumerate(recipes)]


def outcome(recipe: Recipe) -> FitResult:
    """Return the result of one layer; those that share a model with it are checked with it, once a process."""
    return next(found for found in _outcomes(_GROUPS[recipe]) if found.recipe == recipe)


_GROUPS = {recipe: group for group in groups(TESTED) for recipe in group}
_outcomes = cache(outcomes)


@cache
def everything(*, slow: bool) -> dict[Recipe, FitResult]:
    """All layers, with or without the slow ones; on two processes, for most of the time goes into compiling."""
    wanted = [group for group in groups() if slow or not group[0].slow]
    wanted.sort(key=lambda group: group[0].kind not in (*SLOW, "sequence"))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return {found.recipe: found for part in pool.map(outcomes, wanted) for found in part}


class Case:
    """Layers in one model. All that is to be known about it is computed by one compiled function."""

    def __init__(self, recipes: Sequence[Recipe]) -> None:
        self.recipes, self.model = recipes, model_of(recipes)
        self.x, self.y = rows_of(KINDS[recipes[0].kind])
        self.sites = [place for place in find_sites(self.model) if _HOME.match(place.path)]
        self.trainable = _values(self.model.trainable_variables)
        self.other = _values(self.model.non_trainable_variables)

    def outcome(self, number: int, recipe: Recipe, said: dict[str, list[str]]) -> FitResult:
        """The share of one layer; what is said about the model as a whole is said about each."""
        own = [place for place in self.sites if place.path.split("/")[0] == f"it{number}"]
        weights = sum(place.variable is not None and place.part is None for place in own)
        mine = {
            check: tuple(line for line in lines if _HOME.match(line) is None or line.startswith(f"it{number}/"))
            for check, lines in said.items()
        }
        return FitResult(recipe, tuple(place.name.partition("/")[2] for place in own), weights, **mine)

    def complaints(self) -> dict[str, list[str]]:
        """By check, what is wrong; each line begins with the place, or is about the model."""
        steps: dict[str, Step] = {"true": self.true, "none": self.engine([])}
        makers = {"penalized": self.penalized, "study": lambda: self.engine([place.name for place in self.sites])}
        said = {
            name: _unless_broken(lambda name=name, make=make: steps.update({name: make()}))
            for name, make in makers.items()
        }
        try:
            some, zero = self.run(steps)
        except Exception as error:  # is what is wrong with this layer
            said["study"] = [_broken(error)]
            steps.pop("study", None)
            some = zero = {name: step(self.trainable, np.zeros(0)) for name, step in steps.items()}
        expected = self.expected(some["true"])
        return {
            "penalized": said["penalized"] or self.of_penalized(expected, some),
            "study": said["study"] or self.differing(expected, some["study"][0][1].parts[1:]),
            "zero": said["study"] or self.of_zero(zero),
        }

    def run(self, steps: dict[str, Step]) -> list[dict[str, Any]]:
        """All steps in one program, at a strength and at strength 0."""
        together = jax.jit(lambda *values: {name: step(*values) for name, step in steps.items()})
        settings = [jnp.full(len(self.sites), amount) for amount in (STRENGTH, 0.0)]
        program = together.lower(self.trainable, settings[0]).compile(compiler_options=REPEATABLE)
        return [program(self.trainable, setting) for setting in settings]

    def true(self, trainable: Any, strengths: Any) -> Tensors:
        """The activations at each place, by Keras alone."""
        random.seed(1)  # AugMix draws from it
        with listening([place for place in self.sites if place.variable is None]) as found:
            self.model.stateless_call(trainable, self.other, self.x, training=True)
        return found

    def engine(self, targets: Sequence[str]) -> Step:
        """The loss of a study with one term at each target, and its gradients."""
        bound = bind_terms(read_terms(self.model, {target: bridle.L2(1.0) for target in targets}))
        program = Program(Blueprint(self.model, lambda: model_of(self.recipes)), self.model.optimizer, (), (), ())
        loss = make_objective(program, bound).loss
        both = jax.value_and_grad(loss, has_aux=True)

        def step(trainable: Any, strengths: Any) -> Any:
            random.seed(1)
            return both(trainable, self.other, strengths[: len(targets)], self.x, self.y, None)

        return step

    def penalized(self) -> Step:
        """The loss of a step of `fit`, and what each place is charged after save and load."""
        placed = bridle.regularize(self.model, {place.name: bridle.L2(STRENGTH) for place in self.sites})
        with tempfile.TemporaryDirectory() as folder:
            placed.save(Path(folder) / "model.keras")
            loaded = keras.models.load_model(Path(folder) / "model.keras")

        def step(trainable: Any, strengths: Any) -> Any:
            metrics, moments = _values(placed.metrics_variables), _values(placed.optimizer.variables)
            random.seed(1)
            total, _ = placed.compute_loss_and_updates(
                trainable, self.others(placed), metrics, self.x, self.y, None, True, moments
            )
            values = [*zip(loaded.trainable_variables, trainable, strict=True)]
            values += zip(loaded.non_trainable_variables, self.others(loaded), strict=True)
            random.seed(1)
            with keras.StatelessScope(state_mapping=values):
                return total, loaded.penalties(self.x, training=True)

        return step

    def others(self, model: keras.Model) -> list[Any]:
        """What a penalized model does not train: statistics and seeds as those of the model, strengths its own."""
        known = {
            id(variable): value for variable, value in zip(model.inner.non_trainable_variables, self.other, strict=True)
        }
        return [known.get(id(variable), variable.value) for variable in model.non_trainable_variables]

    def expected(self, tensors: Tensors) -> dict[str, float]:
        """Return the value of an L2 penalty at each site."""
        return {
            place.name: STRENGTH
            * ((weight(place) ** 2).sum() if place.variable is not None else squares(tensors[place.name]) / SAMPLES)
            for place in self.sites
        }

    def of_penalized(self, expected: dict[str, float], found: dict[str, Any]) -> list[str]:
        total, parts = found["penalized"]
        none, wanted = float(found["none"][0][0]), sum(expected.values())
        said = self.differing(expected, [parts.get(f"penalty/{name}", np.nan) for name in expected])
        if not said and not np.isclose(total, none + wanted, rtol=CLOSE):
            said.append(f"the loss is {total:.7g}, not {none:.7g} + {wanted:.7g}")
        return said

    def of_zero(self, found: dict[str, Any]) -> list[str]:
        """Bit for bit; but a layer that shows its inside is another program, in which sums are rounded differently."""
        ((loss, _), gradients), ((plain, _), others) = found["study"], found["none"]
        near = 1e-6 if any(recipe.shows_inside for recipe in self.recipes) else 0.0
        said = [] if np.allclose(loss, plain, near, 0) else [f"the loss differs by {abs(loss - plain):.1e}"]
        for variable, a, b in zip(self.model.trainable_variables, gradients, others, strict=True):
            if not np.allclose(a, b, 0, near):
                said.append(f"{variable.path} has a gradient that differs by {np.abs(np.asarray(a - b)).max():.1e}")
        return said

    def differing(self, expected: dict[str, float], found: Sequence[Any]) -> list[str]:
        return [
            f"{name} is charged {float(value):.7g}, not {wanted:.7g}"
            for (name, wanted), value in zip(expected.items(), found, strict=True)
            if not np.isclose(value, wanted, rtol=CLOSE, atol=1e-9)
        ]


def audited(recipes: Sequence[Recipe]) -> list[str]:
    """Every argument by which Keras takes a regularizer has its row."""
    x, _ = rows_of(KINDS[recipes[0].kind])
    found = [row.where for row in bridle.audit(model_of(recipes, regularized=True), x).rows]
    wanted = [(f"it{number}", argument) for number, recipe in enumerate(recipes) for argument in recipe.arguments]
    return [
        f"{name}/{argument} has no row"
        for name, argument in wanted
        if not any(re.fullmatch(rf"{name}/(.*/)?{QUANTITY[argument]}", where) for where in found)
    ]


def _unless_broken(make: Callable[[], Any]) -> list[str]:
    try:
        return make() or []
    except Exception as error:  # is what is wrong with this layer
        return [_broken(error)]


def _broken(error: Exception) -> str:
    return f"{BROKEN}{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _values(variables: Sequence[keras.Variable]) -> list[Any]:
    return [variable.value for variable in variables]
