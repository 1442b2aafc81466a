"""Scores of single rows of several trained models, and of the mean of their predictions."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import keras
import numpy as np
from jaxtyping import Float

from bridle._errors import InputError
from bridle._keras import Blueprint, Program, loss_name, make_program, model_json, predicted_shapes
from bridle.engine import predict
from bridle.placement import bind_terms
from bridle.results import Score
from bridle.study._seed_mean import mean_leaves
from bridle.study.data._arrays import read_rows
from bridle.study.design._objective import make_objective
from bridle.study.design._row_scores import row_scorer
from bridle.study.design._scores import choose_score


@dataclass(frozen=True)
class ModelRows:
    """Scores of rows by several models, and by the mean of their predictions."""

    score: Score
    members: Float[np.ndarray, "model row"]
    mean: Float[np.ndarray, "row"]
    weights: Float[np.ndarray, "row"]


Programs = dict[str, tuple[Program, Any]]
"""Compiled programs of models by their configuration, each with the function (trainable, other, rows) → predictions."""


def score_models(
    models: Sequence[keras.Model],
    inputs: Sequence[Any],
    y: Any,
    weight: Any,
    measure: str | None,
    programs: Programs,
    restore: Sequence[Callable[[np.ndarray], np.ndarray]] = (),
) -> ModelRows:
    """Score rows by compiled models with one output each.

    Programs that are missing in `programs` are added to it, so that a second call compiles nothing. The score of a row
    is its own loss or hit for a mean over rows, and for another measure the measure plus the row's influence, as in
    `bridle.results.RowScores`.

    Args:
        models: the models.
        inputs: the rows as they take them: one for all, or one for each, an object that several share being read once.
        y: the target of these rows.
        weight: the weights of these rows, or None.
        measure: the measure, or None for the first metric.
        programs: compiled programs of earlier calls.
        restore: functions from the predictions of each model to the units of y. Default: they have them.

    Errors: `InputError` for rows that do not fit the models, an unknown measure, several outputs, and a measure that
    cannot be divided among rows.

    """
    first = models[0]
    outputs = tuple(first.outputs[0].shape) if getattr(first, "outputs", None) else (None, None)
    options = {"loss": loss_name(first), "outputs": outputs, "weight": weight, "name": "these"}
    read = {key: read_rows(x, y, **options) for key, x in {id(x): x for x in inputs}.items()}
    every = [read[id(x)] for x in inputs]
    rows = every[0]
    shapes = predicted_shapes(first, rows.x)
    if len(jax.tree.leaves(shapes.values)) > 1:
        raise InputError("Expected models with one output, got several. Build a model of each output, and compare it.")
    several = every if len(every) > 1 else every * len(models)
    predictions = [
        _predictions(programs, model, own.x, own.y, own.weight) for model, own in zip(models, several, strict=True)
    ]
    if restore:
        pairs = zip(restore, predictions, strict=True)
        predictions = [tuple(np.asarray(back(leaf), np.float32) for leaf in leaves) for back, leaves in pairs]
    program = programs[_configuration(first)][0]
    score, structure = choose_score(program, measure, "measure"), jax.tree.structure(shapes)
    scorer = row_scorer(program, score.measure)
    compiled = jax.jit(lambda y, leaves, weight: scorer(y, jax.tree.unflatten(structure, leaves), weight))
    scores = np.stack(
        [np.asarray(compiled(rows.y, leaves, rows.weight)) for leaves in (*predictions, mean_leaves(predictions))]
    )
    if not np.isfinite(scores).all():
        raise InputError(
            f"Expected a measure with a score for each row, got {score.name!r}. Give measure='loss' or a compiled "
            "metric that is a mean over rows."
        )
    plain = getattr(rows.weight, "ndim", 0) == 1 and program.is_weighted(score.measure)
    weights = np.asarray(rows.weight, float) if plain else np.ones(rows.rows)
    return ModelRows(score, scores[:-1], scores[-1], weights)


def _predictions(programs: Programs, model: keras.Model, x: Any, y: Any, weight: Any) -> tuple[np.ndarray, ...]:
    """Return the leaves of a model's predictions; models with the same configuration share a compiled program."""
    key = _configuration(model)
    if key not in programs:
        program = make_program(Blueprint(model, lambda: model), x, y, weight)
        programs[key] = program, jax.jit(partial(predict, make_objective(program, bind_terms(()))))
    groups = model.trainable_variables, model.non_trainable_variables
    trainable, other = ([variable.value for variable in group] for group in groups)
    return tuple(jax.device_get(jax.tree.leaves(programs[key][1](trainable, other, x))))


def _configuration(model: keras.Model) -> str:
    """Return the configuration of a model without its name; its identity where Keras cannot write one."""
    text = model_json(model)
    if not text:
        return f"model {id(model)}"
    config = json.loads(text)
    config.pop("compile_config", None)
    config.get("config", {}).pop("name", None)
    return json.dumps(config, sort_keys=True)
