"""Codes of a whole study: measures of every network, frontier, equal sparsity, stability over seeds and folds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from jaxtyping import Float

from bridle._errors import InputError, nearest_names
from bridle.representations._features import Stability, jackknife_interval, match_features, stability
from bridle.stats import mean_interval, nan_mean

MEASURES = ("fvu", "l0", "zeros", "live", "norm_ratio", "noise_fvu", "probe")
"""The measures of a trained network, as far as they were taken."""
_OTHER = {"folds": "seeds", "seeds": "folds"}


@dataclass(frozen=True)
class EqualSparsity:
    """Difference of the FVU of two arms at one L0, paired by network, with its 95 % interval over seeds or folds."""

    l0: float
    first: float
    """The mean FVU of the first arm at this L0."""
    second: float
    difference: float
    """First minus second: below 0 where the first arm reconstructs better."""
    low: float
    high: float


@dataclass(frozen=True)
class StudiedCodes:
    """Measures of the code of every network of a study: of the refit of each seed, or of each fold and seed.

    Candidates are in the order of the study: `none`, then the path of each arm. Arrays have one entry for each
    candidate and network, NaN where a network did not finish or a measure does not apply.

    Intervals are over seeds. Of the networks of folds they are over folds, after a mean over seeds, and are widened by
    `test_share` since folds share training rows (Nadeau and Bengio).
    """

    layer: str
    arms: tuple[str, ...]
    """The arm of each candidate."""
    names: tuple[str, ...]
    """The arm and the strengths of each candidate, as text."""
    seeds: tuple[int, ...]
    """The seed of each network."""
    units: int
    measures: Mapping[str, Float[np.ndarray, "candidate network"]]
    densities: Float[np.ndarray, "candidate network unit"]
    dictionaries: Mapping[tuple[int, int], Float[np.ndarray, "feature input"]] = field(default_factory=dict)
    """By the positions of candidate and network; empty for a model without a matrix from the code to the output."""
    dictionary_name: str = ""
    """The weight that the dictionaries are."""
    rows: Float[np.ndarray, "row …"] = field(default_factory=lambda: np.zeros((0, 0)))
    """The first rows, as the network reads them."""
    reconstructions: Mapping[int, np.ndarray] = field(default_factory=dict)
    """Their reconstructions by the first network of each candidate; empty for a model that does not reconstruct."""
    folds: tuple[int, ...] = ()
    """The fold of each network; empty for refits."""
    out_of_fold: bool = False
    """True if each network was measured on the validation rows of its fold, False if all were on the same rows."""
    test_share: float = 0.0
    """Validation rows of a fold divided by its training rows, by which intervals over folds are wider."""
    activations: Mapping[int, Float[np.ndarray, "row step unit"]] = field(default_factory=dict)
    """The code of the first rows by the first network of each candidate, NaN in padded steps; empty without steps."""

    def table(self) -> pd.DataFrame:
        """Return one row per network: candidate, arm, seed, for networks of folds the fold, and every measure."""
        lines = [
            {"candidate": self.names[index], "arm": self.arms[index], "seed": seed}
            | ({"fold": self.folds[position]} if self.folds else {})
            | {name: float(values[index, position]) for name, values in self.measures.items()}
            for index in range(len(self.names))
            for position, seed in enumerate(self.seeds)
        ]
        return pd.DataFrame(lines).dropna(subset=["l0"], ignore_index=True)

    def frontier(self, error: str = "fvu") -> pd.DataFrame:
        """Return one row per candidate: means over networks of L0 and of an error, each with its 95 % interval.

        `optimal` is True where no other candidate is at least as good in both and better in one.

        Args:
            error: a measure that is better when smaller, such as `"fvu"`.

        Errors: `InputError` for a measure that was not taken.

        """
        wanted = {"l0": self._measure("l0"), error: self._measure(error)}
        lines = []
        for index, name in enumerate(self.names):
            line: dict[str, object] = {"candidate": name, "arm": self.arms[index]}
            for measure, values in wanted.items():
                mean, low, high = self._interval(values[index])
                line |= {measure: mean, f"{measure}_low": low, f"{measure}_high": high}
            lines.append(line)
        frame = pd.DataFrame(lines).dropna(subset=["l0", error], ignore_index=True)
        pairs = frame[["l0", error]].to_numpy()
        frame["optimal"] = [not any(np.all(b <= a) and np.any(b < a) for b in pairs) for a in pairs]
        return frame

    def at_equal_l0(self, first: str, second: str, l0: float | None = None) -> EqualSparsity:
        """Return the difference of FVU of two arms at the same L0, paired by seed, or by fold and seed.

        The FVU of an arm at an L0 is interpolated for each seed between the networks of its path, linearly in log L0.
        A pair of networks that does not reach the L0 is left out.

        Args:
            first, second: names of arms.
            l0: the L0. Default: the geometric mean of the range that every seed of both arms covers.

        Errors: `InputError` for an unknown arm, and for an L0 that no seed of both arms covers.

        """
        paths = [[self._path(arm, seed) for seed in range(len(self.seeds))] for arm in (first, second)]
        ends = [(path[0].min(), path[0].max()) for curves in paths for path in curves if len(path[0])]
        low, high = (max(end[0] for end in ends), min(end[1] for end in ends)) if ends else (np.nan, np.nan)
        if l0 is None and not low <= high:
            raise InputError(
                f"Expected paths of {first!r} and {second!r} with an L0 in common, got ranges that do not meet. "
                'Give more strengths, and run the study with refit="all".'
            )
        level = float(np.sqrt(low * high)) if l0 is None else float(l0)
        values = np.array([[_interpolate(path, level) for path in curves] for curves in paths])
        if not np.isfinite(values).all(axis=0).any():
            raise InputError(
                f"Expected an L0 that both arms reach with one seed, got {level:g}. All seeds of both cover "
                f"{low:.3g} to {high:.3g}."
            )
        pairs = np.where(np.isfinite(values).all(axis=0), values, np.nan)
        means = self._interval(pairs[0])[0], self._interval(pairs[1])[0]  # over folds, as their difference
        return EqualSparsity(level, *means, *self._interval(pairs[0] - pairs[1]))

    def stability(self, candidate: int | str, *, live_only: bool = True, over: str | None = None) -> Stability:
        """Return how well the dictionaries of a candidate agree over seeds, over folds, or over both.

        `over="folds"` compares networks of the same seed that were trained in different folds, `"seeds"` those of the
        same fold and different seeds, and `"both"` those that differ in both. Of k folds, two share (k - 2) / (k - 1)
        of their training rows, so the agreement over folds is higher than that over independent rows. Networks of one
        seed also start from the same weights; only `"both"` is free of that.

        The interval is that of the jackknife over `Stability.over`: seeds or folds; for `"both"` the wider of the two
        that have at least three.

        Args:
            candidate: its name, or its position in `names`.
            live_only: True leaves out features whose unit is zero in every row.
            over: `"seeds"`, `"folds"` or `"both"`. Default: seeds for refits, folds for networks of folds.

        Errors: `InputError` for fewer than two dictionaries to compare, and for folds of a code of refits.

        """
        dictionaries, index = dict[int, np.ndarray](), self.position(candidate)
        for position in range(len(self.seeds)):
            features = self.dictionaries.get((index, position))
            if features is not None:
                live = self.densities[index, position] > 0
                dictionaries[position] = features[live] if live_only and live.any() else features
        if not self.folds and over in (None, "seeds"):
            return stability(list(dictionaries.values()), one_to_one=True)
        return self._crossed_stability(dictionaries, "folds" if over is None else over)

    def _crossed_stability(self, dictionaries: Mapping[int, np.ndarray], over: str) -> Stability:
        """Return the agreement of networks that differ in their fold, in their seed, or in both."""
        if over not in ("seeds", "folds", "both"):
            raise InputError(f"Expected over='seeds', 'folds' or 'both', got {over!r}.")
        if not self.folds:
            raise InputError(
                f"Expected codes of the networks of folds for over={over!r}, got those of refits. Give over='folds' to "
                "Result.representation."
            )
        positions = list(dictionaries)
        units = {"folds": [self.folds[one] for one in positions], "seeds": [self.seeds[one] for one in positions]}
        differ = {name: np.not_equal.outer(values, values) for name, values in units.items()}
        compared = differ["folds"] & differ["seeds"] if over == "both" else differ[over] & ~differ[_OTHER[over]]
        if not compared.any():
            raise InputError(
                f"Expected the dictionaries of at least two networks to compare over {over}, got {len(positions)} "
                "networks that do not differ so. Train more seeds or folds."
            )
        pairs = np.where(np.eye(len(positions), dtype=bool), 1.0, np.nan)
        for i, j in np.argwhere(np.triu(compared)):
            pairs[i, j] = pairs[j, i] = match_features(dictionaries[positions[i]], dictionaries[positions[j]]).mean
        intervals = [
            Stability(*jackknife_interval(pairs, units[unit], self.test_share if unit == "folds" else 0.0), pairs, unit)
            for unit in (("folds", "seeds") if over == "both" else (over,))
        ]
        return max(intervals, key=lambda one: one.high - one.low if np.isfinite(one.high) else -1.0)

    def label(self, position: int) -> str:
        """Return a network in words: its seed, and its fold if it was trained in one."""
        seed = f"seed {self.seeds[position]}"
        return f"fold {self.folds[position]}, {seed}" if self.folds else seed

    def _interval(self, values: Float[np.ndarray, "network"]) -> tuple[float, float, float]:
        """Return the mean over networks and its interval over seeds, or over folds."""
        if not self.folds:
            return mean_interval(values)
        folds = np.array(self.folds)
        by_fold = np.array([nan_mean(values[folds == fold], 0) for fold in np.unique(folds)])
        return mean_interval(by_fold, test_share=self.test_share)

    def position(self, candidate: int | str) -> int:
        """Return the position of a candidate in `names`.

        Errors: `InputError` for an unknown name or position.
        """
        if candidate in self.names:
            return self.names.index(str(candidate))
        if isinstance(candidate, str) or not 0 <= candidate < len(self.names):
            names = nearest_names(str(candidate), self.names)
            raise InputError(f"Expected a candidate by name or position, got {candidate!r}. {names}")
        return int(candidate)

    def of_arm(self, arm: str) -> list[int]:
        """Return the positions of the candidates of an arm, weak to strong.

        Errors: `InputError` for an unknown arm.
        """
        if arm not in self.arms:
            raise InputError(
                f"Expected an arm of this study, got {arm!r}. {nearest_names(arm, sorted(set(self.arms)))}"
            )
        return [index for index, name in enumerate(self.arms) if name == arm]

    def _measure(self, name: str) -> Float[np.ndarray, "candidate network"]:
        if name not in self.measures:
            raise InputError(f"Expected a measure that was taken, got {name!r}. {nearest_names(name, self.measures)}")
        return self.measures[name]

    def _path(self, arm: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return L0 and FVU of the networks of an arm with one seed, in the order of L0."""
        candidates = self.of_arm(arm)
        sizes, errors = self._measure("l0")[candidates, seed], self._measure("fvu")[candidates, seed]
        usable = np.isfinite(sizes) & np.isfinite(errors) & (sizes > 0)
        order = np.argsort(sizes[usable], kind="stable")
        return sizes[usable][order], errors[usable][order]


def _interpolate(path: tuple[np.ndarray, np.ndarray], level: float) -> float:
    """Return the error at an L0, linear in log L0; NaN outside of the path."""
    sizes, errors = path
    if not len(sizes) or not sizes[0] * (1 - 1e-9) <= level <= sizes[-1] * (1 + 1e-9):
        return float("nan")
    return float(np.interp(np.log(level), np.log(sizes), errors))


def join_codes(parts: Sequence[StudiedCodes]) -> StudiedCodes:
    """Return the candidates of several studies as those of one, such as of models with different layers.

    Rename the arms before with `dataclasses.replace(codes, arms=…, names=…)`. Measures that some study lacks are NaN
    for its candidates.

    Errors: `InputError` for studies of other seeds or folds, or of codes with other numbers of units.
    """
    first = parts[0]
    if any((part.seeds, part.folds, part.units) != (first.seeds, first.folds, first.units) for part in parts):
        facts = ", ".join(
            f"{len(set(part.seeds))} seeds, {len(set(part.folds))} folds and {part.units} units" for part in parts
        )
        raise InputError(f"Expected studies with the same seeds, folds and units, got {facts}.")
    starts = np.cumsum([0, *(len(part.names) for part in parts)])
    blank = [np.full((len(part.names), len(first.seeds)), np.nan) for part in parts]
    names = list(dict.fromkeys(name for part in parts for name in part.measures))
    places = list(zip(starts, parts, strict=False))
    return replace(
        first,
        arms=tuple(arm for part in parts for arm in part.arms),
        names=tuple(name for part in parts for name in part.names),
        measures={
            name: np.concatenate([part.measures.get(name, gap) for part, gap in zip(parts, blank, strict=True)])
            for name in names
        },
        densities=np.concatenate([part.densities for part in parts]),
        dictionaries={
            (int(start) + index, seed): features
            for start, part in places
            for (index, seed), features in part.dictionaries.items()
        },
        reconstructions=_moved((int(start), part.reconstructions) for start, part in places),
        activations=_moved((int(start), part.activations) for start, part in places),
    )


def _moved(parts: Iterable[tuple[int, Mapping[int, np.ndarray]]]) -> dict[int, np.ndarray]:
    """Return arrays by candidate, each candidate moved by the first one of its study."""
    return {start + index: values for start, part in parts for index, values in part.items()}


def noise_like(x: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return white noise of the shape of rows: normal, around the mean of each column, with their mean variance.

    A network that only knows the rows cannot reconstruct it; one that is the identity can. Masked entries of a
    `numpy.ma.MaskedArray`, such as padding, count in neither.
    """
    rows = np.ma.MaskedArray(x, dtype=np.float32)
    centre = np.ma.filled(rows.mean(axis=0), 0.0)
    spread = float(np.sqrt(((rows - centre) ** 2).mean()))
    return (centre + spread * np.random.default_rng(seed).normal(size=rows.shape)).astype(np.float32)
