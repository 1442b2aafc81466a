"""The inside of the networks at each strength, for the slider of a report: surfaces, weights, units and curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from matplotlib.ticker import MaxNLocator

from bridle.plots._curves import band, curves_data
from bridle.plots._pair import block_means, colour_limit
from bridle.plots._units import unit_tensors
from bridle.plots._weights import matrices, weight_images
from bridle.results import ALL_ROWS, UNIT_SHARES, PathNetworks, StudyResult
from bridle.stats import Evidence, nan_mean
from bridle.wording import leading_arm, strength_text

MAX_UNIT_TENSORS = 2
"""Tensors whose units are shown."""
MAX_POINTS = 120
"""Epochs of a curve; evenly spaced ones of more."""
MIN_POINTS = 12
"""The least number of epochs, however many candidates there are."""
MAX_IMAGE_SIDE = 128
"""Rows and columns of an image of weights; blocks of a larger one are averaged."""
MIN_IMAGE_SIDE = 8
"""The least length of the longer side, however many candidates there are."""
TICKS = 4
"""The most intervals between the marks of an axis."""

Ticks = tuple[tuple[float, str], ...]
"""Positions on an axis, and their labels."""


@dataclass(frozen=True)
class Panel:
    """One picture for each of some candidates, all on the same axes.

    Curves have six rows of epochs: mean, lower and upper edge of a band, on training and then on validation rows.
    Units have one row: the quantiles `UNIT_SHARES`. Surfaces and weights are images.
    """

    kind: str
    """`surface`, `weights`, `units` or `curves`."""
    name: str
    candidates: tuple[int, ...]
    values: Float[np.ndarray, "picture row column"]
    across: Ticks
    """The marks of the horizontal axis, from 0 at the left to 1 at the right; empty for images without an axis."""
    up: Ticks
    """The marks of the vertical axis, in the units of `values`."""
    labels: tuple[str, str] = ("", "")
    signed: bool = False
    """True for weights of both signs."""
    note: str = ""
    """A sentence on how the picture was made."""


@dataclass(frozen=True)
class ExploreData:
    """The arms with their candidates from none to the strongest, and the pictures of the candidates."""

    arms: Mapping[int, tuple[int, ...]]
    """The candidates of each arm with finished fits, by its index: that of `none` first, if it has any."""
    none: int | None
    """The candidate of `none`."""
    arm: int
    """The arm that is shown first."""
    candidate: int
    """The candidate that is shown first."""
    panels: tuple[Panel, ...]
    points: Float[np.ndarray, "row 2"]
    """The rows over the surfaces, from 0 to 1 along each axis."""
    classes: Int[np.ndarray, "row"]


def explore_data(result: StudyResult, evidence: Evidence, most_bytes: int) -> ExploreData | None:
    """Return the pictures of all candidates, small enough that all values fit into `most_bytes` at a byte each.

    With more candidates, curves have fewer epochs, and images larger blocks. Return None if no arm has finished fits.

    Args:
        result: what the study measured.
        evidence: `weigh_evidence(result)`.
        most_bytes: the most values of all pictures.

    """
    arm = leading_arm(result, evidence)
    if arm is None or arm == 0:
        return None
    finished = result.counts()[0] > 0
    none = [int(candidate) for candidate in result.path(0) if finished[candidate]]
    arms = {
        index: (*none, *(int(candidate) for candidate in result.path(index) if finished[candidate]))
        for index in evidence.choices
        if index != 0
    }
    arms = {index: path for index, path in arms.items() if len(path) > 1}
    if not arms:
        return None
    arm = arm if arm in arms else next(iter(arms))
    candidates = tuple(dict.fromkeys(candidate for path in arms.values() for candidate in path))
    room = most_bytes // (4 * max(1, len(candidates)))
    side = int(np.clip(np.sqrt(room), MIN_IMAGE_SIDE, MAX_IMAGE_SIDE))
    area = side**2
    panels = (
        *_surfaces(result, candidates, side),
        *_weights(result, arm, candidates, area),
        *_units(result, arm, candidates),
        *_curves(result, candidates, int(np.clip(room // 12, MIN_POINTS, MAX_POINTS))),
    )
    points, classes = _rows(result)
    return ExploreData(arms, next(iter(none), None), arm, evidence.candidate(arm), panels, points, classes)


def _surfaces(result: StudyResult, candidates: Sequence[int], side: int) -> list[Panel]:
    picture = result.picture
    if picture is None:
        return []
    networks, note = result.path_networks, "Mean of the refits"
    pairs = zip(picture.settings, picture.surfaces, strict=True)
    if networks is not None and networks.surfaces.size:
        pairs, note = zip(networks.settings.tolist(), networks.surfaces.astype(float), strict=True), _origin(networks)
    drawn = [(one, surface) for one, surface in pairs if one in candidates and np.isfinite(surface).all()]
    if not drawn:
        return []
    images = [block_means(np.clip(surface, 0.0, 1.0), side)[0] for _, surface in drawn]
    across, up = (_ticks(float(axis[0]), float(axis[-1])) for axis in picture.axes)
    spans = [float(axis[-1] - axis[0]) or 1.0 for axis in picture.axes]
    return [
        Panel(
            kind="surface",
            name="Predicted probability",
            candidates=tuple(one for one, _ in drawn),
            values=np.stack(images),
            across=_moved(across, float(picture.axes[0][0]), spans[0]),
            up=_moved(up, float(picture.axes[1][0]), spans[1]),
            labels=("input 1", "input 2"),
            note=f"{note}. Blue for 0, orange for 1, a line at 0.5.",
        )
    ]


def _rows(result: StudyResult) -> tuple[np.ndarray, np.ndarray]:
    picture = result.picture
    if picture is None:
        return np.zeros((0, 2)), np.zeros(0, int)
    low, high = (np.array([axis[end] for axis in picture.axes]) for end in (0, -1))
    return (picture.x - low) / np.where(high > low, high - low, 1.0), np.unique(picture.y, return_inverse=True)[1]


def _weights(result: StudyResult, arm: int, candidates: Sequence[int], area: int) -> list[Panel]:
    """Return the first matrix that the arm charges, in networks of one seed: those of the path, or the refits."""
    members = _refits(result, candidates)
    names = matrices(result, arm, next(iter(members.values()))) if members and result.weight_names else []
    if not names:
        return []
    networks, position = result.path_networks, result.weight_names.index(names[0])
    if networks is not None and names[0] in networks.weights:
        pairs = zip(networks.settings.tolist(), networks.weights[names[0]], strict=True)
        trained, origin = {one: value for one, value in pairs if one in candidates}, _origin(networks)
    else:
        trained = {one: result.weights[member][position] for one, member in members.items()}
        seeds = sorted({int(result.members.seed[member]) for member in members.values()})
        origin = f"Refits of seed {', '.join(map(str, seeds))}"
    values = [np.asarray(value, float) for value in trained.values()]
    images, note = weight_images(values)
    small = np.stack([np.ma.masked_invalid(_shrunk(image, area)).filled(np.nan) for image in images])
    end = colour_limit(tuple(small))
    signed = bool((np.nan_to_num(small) < 0).any())
    shape = " × ".join(map(str, values[0].shape))
    note = f"{origin}. {shape}, {note or 'inputs downward'}"
    if small.shape[1:] != images[0].shape:
        note += f", averaged to {small.shape[1]} × {small.shape[2]}"
    return [
        Panel(
            kind="weights",
            name=f"Weights {names[0]}",
            candidates=tuple(trained),
            values=np.clip(small, -end if signed else 0.0, end),
            across=(),
            up=tuple((value, f"{value:.2g}") for value in ((-end, 0.0, end) if signed else (0.0, end))),
            signed=signed,
            note=f"{note}.",
        )
    ]


def _origin(networks: PathNetworks) -> str:
    return f"Networks of seed {networks.seed} and the first fold"


def _shrunk(image: np.ndarray, area: int) -> np.ndarray:
    return image if image.size <= area else block_means(np.nan_to_num(image), int(np.sqrt(area)))[0]


def _refits(result: StudyResult, candidates: Sequence[int]) -> dict[int, int]:
    """Return a refit of each candidate that has one with finite weights, of the smallest seed, weak to strong."""
    members, refits = result.members, {}
    for index in sorted(result.weights, key=lambda index: -int(members.seed[index])):
        if members.fold[index] == ALL_ROWS and members.finished[index]:
            refits[int(members.setting[index])] = int(index)
    return {candidate: refits[candidate] for candidate in candidates if candidate in refits}


def _units(result: StudyResult, arm: int, candidates: Sequence[int]) -> list[Panel]:
    """Return the quantiles over the units of the tensors that the arm charges first."""
    panels = []
    for tensor in unit_tensors(result, arm)[:MAX_UNIT_TENSORS]:
        columns = [result.by_candidate(result.diagnostic(f"unit{share}/{tensor}")) for share in UNIT_SHARES]
        sizes = np.stack([nan_mean(column, (1, 2)) for column in columns], axis=1)[list(candidates)]
        shown = np.isfinite(sizes).all(axis=1)
        if shown.any():
            is_weight = f"norm/{tensor}" in result.diagnostic_names
            panels.append(
                Panel(
                    kind="units",
                    name=f"Units of {tensor}",
                    candidates=tuple(np.array(candidates)[shown].tolist()),
                    values=sizes[shown][:, None],
                    across=tuple((share / 100, f"{share} %") for share in (0, 25, 50, 75, 100)),
                    up=_ticks(0.0, float(sizes[shown].max())),
                    labels=("units, smallest first", "norm of weights" if is_weight else "mean activation"),
                    note="Quantiles over the units, mean over seeds and folds. Grey: no regularizer.",
                )
            )
    return panels


def _curves(result: StudyResult, candidates: Sequence[int], most_points: int) -> list[Panel]:
    panels = []
    for quantity in dict.fromkeys((result.score.measure, "loss")):
        if f"validation/{quantity}" not in result.quantities:
            continue
        data = curves_data(result, quantity=quantity, settings=candidates)
        log = data.logarithmic
        count = len(data.epochs)
        points = np.unique(np.linspace(0, count - 1, min(count, most_points)).round().astype(int))
        rows = [
            [
                *_with_band(data.epochs, curve.train, curve.train_sd, log),
                *_with_band(data.epochs, curve.validation, curve.validation_sd, log),
            ]
            for curve in data.curves
        ]
        values = np.array(rows)[:, :, points]
        values = np.log10(np.maximum(values, 1e-12)) if log else values
        finite = values[np.isfinite(values)]
        if not finite.size:
            continue
        up = _ticks(float(finite.min()), float(finite.max()))
        first, last = float(data.epochs[points[0]]), float(data.epochs[points[-1]])
        panels.append(
            Panel(
                kind="curves",
                name=quantity.capitalize(),
                candidates=tuple(candidates),
                values=values,
                across=_moved(_ticks(first, last), first, last - first or 1.0),
                up=tuple((value, f"{10**value:.2g}") for value, _ in up) if log else up,
                labels=("epoch", quantity),
                note="Thick: validation rows, dashed: training rows, mean over fits ± one standard deviation. "
                "Grey: no regularizer, validation rows.",
            )
        )
    return panels


def _with_band(epochs: np.ndarray, mean: np.ndarray, sd: np.ndarray, log: bool) -> tuple[np.ndarray, ...]:
    """Return a curve and the edges of its band; where a point was not measured, the line between its neighbours."""
    known = np.isfinite(mean)
    if not known.any():
        return mean, mean, mean
    mean, sd = (np.interp(epochs, epochs[known], np.nan_to_num(values)[known]) for values in (mean, sd))
    return mean, *band(mean, sd, log)


def _ticks(low: float, high: float) -> Ticks:
    """Return round values between two ends."""
    values = [value for value in MaxNLocator(TICKS).tick_values(low, high) if low - 1e-9 <= value <= high + 1e-9]
    return tuple((float(value), strength_text(float(value)) if value > 0 else f"{value:.4g}") for value in values)


def _moved(ticks: Ticks, start: float, span: float) -> Ticks:
    """Return marks along an axis from 0 to 1."""
    return tuple(((value - start) / span, name) for value, name in ticks)
