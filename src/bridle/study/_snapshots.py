"""Snapshots of trained networks: decision surface, names of variables, activations, predictions of a few rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from bridle._keras import has_own_code, predictions_of, rows_as_inputs
from bridle.engine import FitResult, predict
from bridle.placement import Site, diagnosed_sites, find_sites
from bridle.results import ALL_ROWS, Activation, FoldNetworks, PathNetworks, Picture, Probe
from bridle.sources._fingerprint import row_hashes
from bridle.study.data._arrays import Data
from bridle.study.design._arms import BoundArm
from bridle.study.design._prepared import Prepared
from bridle.study.execution._requests import FitKey

MESH_POINTS = 60
"""Points along each axis of a decision surface."""
MAX_SURFACES = 6
"""Decision surfaces: `none`, each arm's `best`, then their `1se`."""
MAX_NETWORK_BYTES = 4 << 20
"""Weights of the networks of a path; where all of them have more, none is stored."""
MAX_PICTURE_ROWS = 2000
"""Rows drawn over a decision surface."""
MAX_ACTIVATION_ROWS = 64
"""Rows stored of an activation."""
MAX_ACTIVATION_ENTRIES = 128
"""Entries stored of an activation."""
MAX_TENSORS = 6
"""Activations stored."""
MAX_TENSOR_ARMS = 6
"""Arms for which an activation is stored, besides `none`."""
PROBE_ROWS = 2
"""Rows of which the predictions are stored."""
MARGIN = 0.15
"""Share of the range of an axis that a decision surface adds on each side."""

Variables = tuple[np.ndarray, ...]


def decision_surface(
    prepared: Prepared, data: Data, trained: Sequence[tuple[int, Variables]], selected: Sequence[int]
) -> Picture | None:
    """Return mean predictions over the refits of the first `selected` candidates on a mesh.

    None unless the model has two inputs and tells two classes apart.

    Args:
        prepared: the study.
        data: all rows, as the network sees them.
        trained: pairs (candidate, trained variables of a refit).
        selected: candidates, the most important first.

    """
    outputs = getattr(prepared.model, "outputs", None) or ()
    shape = outputs[0].shape if len(outputs) == 1 else ()
    if (
        not isinstance(data.x, np.ndarray)
        or data.x.ndim != 2
        or data.x.shape[1] != 2
        or data.labels is None
        or len(np.unique(data.labels)) != 2
        or len(shape) != 2
        or shape[1] not in (1, 2)
    ):
        return None
    ranges = zip(data.x.min(axis=0), data.x.max(axis=0), strict=True)
    axes = tuple(
        np.linspace(low - MARGIN * (high - low), high + MARGIN * (high - low), MESH_POINTS) for low, high in ranges
    )
    predict_mesh = _mesh_predictor(prepared, axes)
    variables = {one: [values for candidate, values in trained if candidate == one] for one in selected[:MAX_SURFACES]}
    refits = {candidate: fits for candidate, fits in variables.items() if fits}
    surfaces = [np.mean([predict_mesh(fit) for fit in fits], axis=0) for fits in refits.values()]
    if not surfaces:
        return None
    return Picture(data.x[:MAX_PICTURE_ROWS], data.labels[:MAX_PICTURE_ROWS], axes, tuple(refits), np.stack(surfaces))


def _mesh_predictor(prepared: Prepared, axes: Sequence[np.ndarray]) -> Callable[[Variables], np.ndarray]:
    """Return a function from trained variables to the predictions on a mesh."""
    mesh = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2).astype(np.float32)
    split, objective = len(prepared.model.trainable_variables), prepared.engine.objective
    compiled = jax.jit(lambda trainable, other: predict(objective, trainable, other, mesh).values[:, -1])

    def values(fit: Variables) -> np.ndarray:
        return np.asarray(compiled(list(fit[:split]), list(fit[split:]))).reshape(len(axes[1]), len(axes[0]))

    return values


def path_networks(
    prepared: Prepared, networks: Mapping[int, Variables], names: Sequence[str], picture: Picture | None
) -> PathNetworks | None:
    """Return weights and decision surfaces of networks of one seed and fold; None if there are none, or too many.

    Args:
        prepared: the study.
        networks: trained variables by candidate.
        names: the names of the variables.
        picture: the picture whose mesh the surfaces have; None for no surfaces.

    """
    candidates = sorted(networks)
    matrices = [index for index, name in enumerate(names) if candidates and networks[candidates[0]][index].ndim > 1]
    size = sum(networks[candidate][index].nbytes for candidate in candidates for index in matrices)
    if not matrices or size > MAX_NETWORK_BYTES:
        return None
    weights = {names[index]: np.stack([np.asarray(networks[one][index], np.float32) for one in candidates])
               for index in matrices}  # fmt: skip
    surfaces = np.zeros((len(candidates), 0, 0), np.float16)
    if picture is not None:
        predict_mesh = _mesh_predictor(prepared, picture.axes)
        surfaces = np.stack([predict_mesh(networks[one]) for one in candidates]).astype(np.float16)
    return PathNetworks(int(prepared.question.seed_numbers[0]), np.array(candidates), weights, surfaces)


def probe_predictions(prepared: Prepared, refits: Mapping[int, FitResult], data: Data) -> Probe | None:
    """Return the predictions of each network for the first rows; None for a model without code of the user.

    A copy of such a model is the same function by its configuration, so nothing is computed for it.
    """
    model = prepared.model
    rows = tuple(np.asarray(leaf[:PROBE_ROWS]) for leaf in keras.tree.flatten(data.x))
    if not has_own_code(model) or rows_as_inputs(model, rows) is None:
        return None
    return Probe(rows, {index: predictions_of(model, fit.variables, rows) for index, fit in refits.items()})


def weight_names(prepared: Prepared) -> tuple[str, ...]:
    """Return the names of a model's variables as targets are written, in the order of the trained variables."""
    names = {id(site.variable): site.name for site in find_sites(prepared.model) if site.part is None}
    return tuple(names.get(id(variable)) or variable.path for variable in prepared.engine.program.variables)


def fold_rows(prepared: Prepared) -> FoldNetworks:
    """Return the validation rows and the preprocessors of each fold, without networks."""
    rows, preparer = prepared.rows, prepared.preparer
    indices = () if rows.validation is not None else tuple(prepared.validation_indices)
    return FoldNetworks({}, indices, row_hashes(rows.x), tuple(map(preparer.storable, prepared.fitted)))


def activation_samples(
    prepared: Prepared,
    arms: Sequence[BoundArm],
    results: Mapping[FitKey, FitResult],
    data: Data,
    bests: Mapping[int, int],
) -> tuple[Activation, ...]:
    """Return the penalized activations under `none` and each arm's best candidate, in the refits of one seed.

    Args:
        prepared: the study.
        arms: the arms of the study.
        results: the results of its fits.
        data: all rows, as the network sees them.
        bests: the best candidate of each arm that has one.

    """
    targets = _penalized_activations(arms, bests)
    penalized = {candidate for _, candidates in targets for candidate in candidates}
    refits = _refits_of_one_seed(prepared.question.seed_numbers, results, penalized)
    if not refits:
        return ()
    rows = _sample_rows(data)
    read = _tap_reader(prepared, jax.tree.map(lambda leaf: jnp.asarray(leaf[rows]), data.x), len(rows))
    readings = {candidate: read(variables) for candidate, variables in refits.items()}
    classes = np.zeros(0, int) if data.labels is None else np.asarray(data.labels[rows]).astype(int)
    samples = []
    for site, candidates in targets:
        tap = prepared.bound_terms.taps.index(site.tap)
        values = {candidate: readings[candidate][tap] for candidate in candidates}
        present = {candidate: value for candidate, value in values.items() if value is not None}
        if len(present) == len(values):
            samples.append(_to_sample(site, present, classes))
    return tuple(samples)


def _penalized_activations(arms: Sequence[BoundArm], bests: Mapping[int, int]) -> list[tuple[Site, list[int]]]:
    """Return each penalized activation with `none` and the best candidate of the arms that penalize it."""
    targets: dict[tuple[int, str], tuple[Site, list[int]]] = {}
    for arm, best in bests.items():
        for site in diagnosed_sites(arms[arm].terms):
            if not site.is_weight and 0 in bests:
                targets.setdefault(site.key, (site, [bests[0]]))[1].append(best)
    return [(site, candidates[: 1 + MAX_TENSOR_ARMS]) for site, candidates in list(targets.values())[:MAX_TENSORS]]


def _refits_of_one_seed(
    seeds: Sequence[int], results: Mapping[FitKey, FitResult], candidates: set[int]
) -> dict[int, Variables]:
    """Return the trained variables of each candidate, from the first seed whose refits of all of them finished."""
    for seed in seeds:
        refits = {candidate: results.get((candidate, seed, ALL_ROWS)) for candidate in candidates}
        if all(fit is not None and fit.diverged_at < 0 for fit in refits.values()):
            return {candidate: fit.variables for candidate, fit in refits.items() if fit is not None}
    return {}


def _sample_rows(data: Data) -> np.ndarray:
    """Return evenly spaced rows, in the order of their classes where there are classes."""
    count = min(MAX_ACTIVATION_ROWS, data.rows)
    rows = np.unique(np.linspace(0, data.rows - 1, count).round().astype(int))
    return rows if data.labels is None else rows[np.argsort(data.labels[rows], kind="stable")]


def _tap_reader(prepared: Prepared, x: Any, rows: int) -> Callable[[Variables], list[np.ndarray | None]]:
    """Return a function from variables to the value at every tap, as (row, entry); None unless rows come first.

    A layer that is called several times gives the entries of all its calls.
    """
    engine, taps = prepared.engine, prepared.bound_terms.taps
    split = len(engine.program.model.trainable_variables)

    def read(trainable: list[Any], other: list[Any]) -> list[list[Any]]:
        readings = engine.program.forward(trainable, other, x, training=False, taps=taps).readings
        return [[call.value for call in readings[tap]] for tap in range(len(taps))]

    compiled = read if engine.untraced else jax.jit(read)

    def flatten(calls: list[Any]) -> np.ndarray | None:
        if not calls or any(value.shape[:1] != (rows,) for value in calls):
            return None
        return np.concatenate([np.asarray(value, np.float32).reshape(rows, -1) for value in calls], axis=1)

    return lambda variables: [flatten(calls) for calls in compiled(list(variables[:split]), list(variables[split:]))]


def _to_sample(site: Site, values: Mapping[int, np.ndarray], classes: np.ndarray) -> Activation:
    stacked = np.stack(list(values.values()))
    entries = stacked.shape[2]
    indices = np.unique(np.linspace(0, entries - 1, min(MAX_ACTIVATION_ENTRIES, entries)).round().astype(int))
    return Activation(site.name, tuple(values), stacked[:, :, indices], classes, entries)
