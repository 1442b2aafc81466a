"""Results of a study: every number as NumPy arrays. This module imports NumPy only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int

from bridle.results._parts import (
    ALL_ROWS,
    LIMIT,
    MAX_AVERAGED,
    POOLED,
    SPREAD_DIAGNOSTIC,
    UNIT_SHARES,
    Activation,
    Arm,
    Baseline,
    Calibration,
    Confidence,
    FoldNetworks,
    Members,
    Nested,
    PathNetworks,
    Picture,
    Probe,
    RowScores,
    Score,
    SeedMean,
    StoredTransformer,
)

__all__ = [
    "ALL_ROWS", "LIMIT", "MAX_AVERAGED", "POOLED", "SPREAD_DIAGNOSTIC", "UNIT_SHARES", "Activation", "Arm", "Baseline",
    "Calibration", "Confidence", "FoldNetworks", "Members", "Nested", "PathNetworks", "Picture", "Probe", "RowScores",
    "Score", "SeedMean", "StoredTransformer", "StudyResult", "weak_to_strong",
]  # fmt: skip


@dataclass(frozen=True)
class StudyResult:
    """Curves, scores and diagnostics of every fit of a study, as arrays.

    A member is one fit, a setting is one candidate, and a slot is one varied strength.

    `curves[member, point, quantity]` holds, at the epochs `epochs`, the quantities named in `quantities`:
    `train/loss`, `validation/loss` (data losses, without any penalty), `train/<metric>`, `validation/<metric>`,
    `fit/loss` (data loss plus penalties, mean over the epoch's steps) and `penalty/<slot>` (the part of it that each
    penalty added). With early stopping, `watch/<quantity>` are those of the rows set aside for it. `train/…` is
    measured at every fifth point, counted from the last. The last point, and every point after the end of a stopped
    fit, has the values of the final weights. Values that were not measured are NaN. With a prepared target, measures
    are in units of the original target, except those in `prepared_units`; `fit/loss` and `penalty/<slot>` are in units
    of the prepared target.

    `diagnostics[member, diagnostic]` holds measurements of the trained weights over the training rows:
    `zeros/<tensor>` (fraction of entries that are exactly zero), `size/<tensor>` (mean magnitude) and `norm/<tensor>`
    (Euclidean norm, for weights), `dead/<tensor>` (fraction of units that are zero in every row, for activations) and
    `spread/prediction` (the square root of the mean variance of predictions between rows). `unit0/<tensor>`,
    `unit10/…` and so on to `unit100/…` are quantiles over the units of a tensor: of the norms of their incoming
    weights, or of their mean magnitudes. `held_out[name][member, quantity]` holds the data loss and metrics of refits
    on rows that were not used otherwise.
    """

    arms: tuple[Arm, ...]
    slots: tuple[str, ...]
    setting_arm: Int[np.ndarray, "candidate"]
    setting_strengths: Float[np.ndarray, "candidate slot"]
    members: Members
    score: Score
    epochs: Int[np.ndarray, "point"]
    quantities: tuple[str, ...]
    curves: Float[np.ndarray, "member point quantity"]
    diagnostic_names: tuple[str, ...]
    diagnostics: Float[np.ndarray, "member diagnostic"]
    fold_rows: Int[np.ndarray, "fold 2"]
    """The number of training rows and of validation rows of each fold."""
    held_out_names: tuple[str, ...] = ()
    held_out: Mapping[str, Float[np.ndarray, "member quantity"]] = field(default_factory=dict[str, np.ndarray])
    held_out_rows: Mapping[str, int] = field(default_factory=dict[str, int])
    weights: Mapping[int, tuple[np.ndarray, ...]] = field(default_factory=dict[int, tuple[np.ndarray, ...]])
    """Trained variables of each refit member: the trainable ones, then the others, in the model's order."""
    weight_names: tuple[str, ...] = ()
    """The names of these variables, in the same order; empty in a study stored by an older version."""
    probe: Probe | None = None
    """Present for models with custom code."""
    picture: Picture | None = None
    activations: tuple[Activation, ...] = ()
    path_networks: PathNetworks | None = None
    """Networks of the first fold; None for larger networks, and in a study stored by an older version."""
    model_json: str = ""
    """The configuration of the model in Keras's JSON; empty if Keras cannot rebuild the model."""
    protocol: str = ""
    preparation: Mapping[str, StoredTransformer] = field(default_factory=dict[str, StoredTransformer])
    """The fitted preprocessors of the refits' rows (`x`) and target (`y`), if given."""
    prepared_units: tuple[str, ...] = ()
    """Measures in units of the prepared target; all others are in units of the original target."""
    nested: Nested | None = None
    """The result of nested cross-validation, if requested."""
    seed_mean: SeedMean | None = None
    """Scores of the mean over seeds; None in a study stored by an older version, and for one seed."""
    confidence: Confidence | None = None
    """Confidence of a classifier, of the candidates that were refitted; None for other models."""
    row_scores: RowScores | None = None
    """Out-of-fold scores of single rows; None where they cannot be computed or take too much memory."""
    validation_predictions: Mapping[int, np.ndarray] = field(default_factory=dict[int, np.ndarray])
    """Out-of-fold means over seeds, (row, output) or (row, target, class), of `none` and the recommended candidate."""
    baselines: tuple[Baseline, ...] = ()
    """Models to compare the network with, in a study of a table."""
    fold_networks: FoldNetworks | None = None
    """Networks of the fits on the folds, if the study keeps them."""
    provenance: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def networks(self) -> Mapping[int, tuple[np.ndarray, ...]]:
        """Trained variables of every fit whose network is kept: refits, and those of `fold_networks`."""
        return self.weights if self.fold_networks is None else {**self.weights, **self.fold_networks.weights}

    @property
    def seeds(self) -> Int[np.ndarray, "seed"]:
        """The seeds in ascending order."""
        return np.unique(self.members.seed)

    @property
    def folds(self) -> int:
        """The number of folds; 1 for a plain validation set."""
        return len(self.fold_rows)

    def quantity(self, name: str) -> Float[np.ndarray, "member point"]:
        """Return the curves of one quantity."""
        return self.curves[:, :, self.quantities.index(name)]

    def diagnostic(self, name: str) -> Float[np.ndarray, "member"]:
        """Return one diagnostic of every fit."""
        return self.diagnostics[:, self.diagnostic_names.index(name)]

    def by_candidate(
        self, values: Float[np.ndarray, "member"], refits: bool = False
    ) -> Float[np.ndarray, "candidate seed fold"]:
        """Arrange one number per fit by candidate, seed and fold; NaN if a fit diverged or did not run."""
        seeds = self.seeds
        used = ((self.members.fold == ALL_ROWS) == refits) & self.members.finished
        table = np.full((len(self.setting_arm), len(seeds), 1 if refits else self.folds), np.nan)
        fold = np.zeros(len(self.members), int) if refits else self.members.fold
        table[self.members.setting[used], np.searchsorted(seeds, self.members.seed[used]), fold[used]] = values[used]
        return table

    def scores(self, part: str = "validation") -> Float[np.ndarray, "candidate seed fold"]:
        """Return the score after the last epoch on validation rows, or with `part="train"` on training rows.

        For a pooled score these are its jackknife pseudo-values; with `part="train"` the measure over each fold's rows.
        """
        return self.scores_of(f"{part}/{self.score.name if part == 'validation' else self.score.measure}")

    def scores_of(self, quantity: str) -> Float[np.ndarray, "candidate seed fold"]:
        """Return a quantity after the last epoch by candidate, seed and fold; NaN if no fit finished."""
        return self.by_candidate(self.quantity(quantity)[:, -1])

    def row_table(self) -> Float[np.ndarray, "candidate seed row"]:
        """Return the row scores by candidate, seed and row of the study's data; NaN where there is none.

        A row that several folds validate has the mean over the folds with a score of it.
        """
        shape = len(self.setting_arm), len(self.seeds)
        scores = self.row_scores
        if scores is None or not scores.rows.size:
            return np.full((*shape, 0), np.nan)
        total, count = np.zeros((2, *shape, int(scores.rows.max()) + 1))
        seeds = np.searchsorted(self.seeds, self.members.seed)
        for member in np.flatnonzero((self.members.fold != ALL_ROWS) & self.members.finished):
            rows, values = scores.rows[self.members.fold[member]], scores.values[member]
            used = (rows >= 0) & np.isfinite(values)
            cell = int(self.members.setting[member]), int(seeds[member])
            np.add.at(total[cell], rows[used], values[used])
            np.add.at(count[cell], rows[used], 1)
        return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)

    def held_out_scores(self, name: str) -> Float[np.ndarray, "candidate seed"]:
        """Return the refits' score on held-out rows; NaN for candidates that were not refitted."""
        column = self.held_out[name][:, self.held_out_names.index(self.score.measure)]
        return self.by_candidate(column, refits=True)[:, :, 0]

    def counts(self) -> tuple[Int[np.ndarray, "candidate"], Int[np.ndarray, "candidate"]]:
        """Return the number of finished cross-validation fits of each candidate, and the number of all."""
        inside, size = self.members.fold != ALL_ROWS, len(self.setting_arm)
        total = np.bincount(self.members.setting[inside], minlength=size)
        return np.bincount(self.members.setting[inside & self.members.finished], minlength=size), total

    def path(self, arm: int) -> Int[np.ndarray, "point"]:
        """Return the candidates of one arm from the weakest to the strongest."""
        candidates = np.flatnonzero(self.setting_arm == arm)
        slots = list(self.arms[arm].slots)
        limits = self.arms[arm].limits(self.slots)
        return candidates[weak_to_strong(self.setting_strengths[candidates][:, slots], limits)]

    def strengths(self, candidate: int) -> dict[str, float]:
        """Return the strengths of one candidate by slot name."""
        slots = self.arms[int(self.setting_arm[candidate])].slots
        return {self.slots[slot]: float(self.setting_strengths[candidate, slot]) for slot in slots}

    def with_provenance(self, **facts: object) -> "StudyResult":
        """Return the same result with facts added to its provenance."""
        return replace(self, provenance={**self.provenance, **facts})


def weak_to_strong(
    strengths: Float[np.ndarray, "candidate slot"], limits: Sequence[bool] = ()
) -> Int[np.ndarray, "candidate"]:
    """Return the order of candidates by the sum of their strengths, then by the first strength, and so on.

    Slots of `limits` count by the reciprocal of their limit, since a smaller one is stronger; 0 is no limit.
    """
    if any(limits):
        strengths = np.where(np.array(limits) & (strengths > 0), 1 / np.maximum(strengths, 1e-300), strengths)
    return np.lexsort((*strengths.T[::-1], strengths.sum(axis=1)))
