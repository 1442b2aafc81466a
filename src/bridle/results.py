"""Results of a study: every number as NumPy arrays. This module imports NumPy only."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int

__all__ = [
    "ALL_ROWS", "LIMIT", "POOLED", "SPREAD_DIAGNOSTIC", "UNIT_SHARES", "Activation", "Arm", "Baseline", "Calibration",
    "Confidence", "Members", "Nested", "PathNetworks", "Picture", "Probe", "RowScores", "Score", "SeedMean",
    "StoredTransformer", "StudyResult", "weak_to_strong",
]  # fmt: skip


@dataclass(frozen=True)
class StoredTransformer:
    """A fitted transformer of rows or of their target, as words and arrays without any code.

    `bridle.study.data.build_transformer` builds the transformer from it.
    """

    text: str
    """The transformer as Python code, such as `StandardScaler()`."""
    words: Mapping[str, object] | None = None
    """Class, parameters and fitted attributes, as JSON; None if it cannot be stored."""
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    """Arrays that the words refer to."""


@dataclass(frozen=True)
class Nested:
    """Result of nested cross-validation by outer fold; NaN and arm -1 if nothing was selected or finished."""

    arm: Int[np.ndarray, "outer"]
    """The index of the arm selected inside; 0 for `none`."""
    strengths: Float[np.ndarray, "outer slot"]
    """The strengths selected inside."""
    chosen: Float[np.ndarray, "outer"]
    """The mean inner validation score of the selected candidate."""
    scores: Float[np.ndarray, "seed outer"]
    """The scores of its refits on the rows of the outer fold."""
    none: Float[np.ndarray, "seed outer"]
    """The scores of the refits without a regularizer."""
    rows: Int[np.ndarray, "outer 2"]
    """The number of rows to select and train on, and of rows to score on."""


POOLED = "pooled "
"""The prefix of the name of a pooled score."""
MAX_AVERAGED = 10
"""The most seeds whose predictions are averaged: the first ones."""
ALL_ROWS = -1
"""The fold of a refit: a fit that trained on every row given to the study."""
UNIT_SHARES = (0, 10, 25, 50, 75, 90, 100)
"""The stored quantiles over units, in percent: `unit50/<tensor>` is the median."""
SPREAD_DIAGNOSTIC = "spread/prediction"
"""The diagnostic of the spread of predictions between rows."""
LIMIT = "limit"
"""The argument with a strength that is a limit: stronger where it is smaller. In the text of a term it comes first."""


@dataclass(frozen=True)
class Arm:
    """Arm of a study: its terms as text, and the strengths that it varies."""

    name: str
    terms: tuple[tuple[str, str], ...]
    """Pairs (target, penalty) as text, with the name of a strength in braces, `{slot name}`, for each strength."""
    slots: tuple[int, ...]
    learning_rate: float | None = None
    """The learning rate of its fits; None for that of the compiled optimizer."""

    def limits(self, names: Sequence[str]) -> list[bool]:
        """Return for each of its slots, by the names of all, whether its strength is a limit: stronger if smaller."""
        kinds = tuple(f"{at} {what[1]}" for at, t in self.terms if (what := re.match(rf"(\w+)\({LIMIT}=", t)))
        return [names[slot].startswith(kinds) for slot in self.slots]


@dataclass(frozen=True)
class Score:
    """Measure by which candidates are compared. It never contains a penalty."""

    name: str
    """The name of the measure in Keras, after "pooled " for a pooled score."""
    maximize: bool
    pooled: bool = False
    """True if the measure is computed over the rows of all folds together."""

    @property
    def measure(self) -> str:
        """The name of the measure in Keras."""
        return self.name.removeprefix(POOLED) if self.pooled else self.name

    def better(self, gain: float) -> float:
        """Return a difference of scores with the sign for which more is better."""
        return gain if self.maximize else -gain


@dataclass(frozen=True)
class Baseline:
    """Scores of a model that is no network, in words `text`, on the rows, features and weights of a study's fits."""

    name: str
    text: str
    scores: Float[np.ndarray, "fold"]
    """The score on the validation rows of each fold; NaN for a fold that the time limit left out."""
    held_out: Mapping[str, float] = field(default_factory=dict[str, float])
    """The score on held-out rows, after training on all others."""


@dataclass(frozen=True)
class Probe:
    """Predictions of refits for a few rows, to check an exported model against the trained one."""

    rows: tuple[np.ndarray, ...]  # inputs of the model, after preparation
    predictions: Mapping[int, tuple[np.ndarray, ...]]  # by the index of the refit


@dataclass(frozen=True)
class SeedMean:
    """Scores of the mean prediction of the first `MAX_AVERAGED` seeds; NaN for candidates that were not refitted."""

    scores: Float[np.ndarray, "candidate fold"]
    held_out: Mapping[str, Float[np.ndarray, "candidate"]] = field(default_factory=dict[str, np.ndarray])
    is_convex: bool = False
    """True if the loss is convex in the predictions: that of the mean is never above the mean of the losses."""
    obstacle: str = ""
    """The reason why the mean of the refits cannot be one Keras model; empty if it can."""


@dataclass(frozen=True)
class Calibration:
    """Confidence of a classifier out of fold, as it is and at the temperature of the other folds; NaN if not measured.

    The error is the expected calibration error: the mean of |share correct - confidence| over bins of confidence.
    """

    temperature: Float[np.ndarray, "candidate"]
    """The temperature that suits the rows of all folds best; above 1 for too much confidence."""
    log_loss: Float[np.ndarray, "candidate 2"]
    error: Float[np.ndarray, "candidate 2"]


@dataclass(frozen=True)
class Confidence:
    """Confidence of the networks of single seeds, averaged over these, and of the mean of their probabilities."""

    single: Calibration
    mean: Calibration


@dataclass(frozen=True)
class Members:
    """Fits of a study, one entry of each array per fit.

    `setting` is the index of a candidate in `StudyResult.setting_arm`; `fold` is -1 for a refit on all rows.
    """

    setting: Int[np.ndarray, "member"]
    seed: Int[np.ndarray, "member"]
    fold: Int[np.ndarray, "member"]
    finished: Bool[np.ndarray, "member"]
    diverged_at: Int[np.ndarray, "member"]
    """The epoch whose loss was not finite, or -1."""
    epochs: Int[np.ndarray, "member"]
    """The number of trained epochs; fewer than those of the study if early stopping ended a fit."""
    kept: Int[np.ndarray, "member"]
    """The epoch whose weights the fit returned."""

    def __len__(self) -> int:
        return len(self.setting)

    def status(self, member: int) -> str:
        """Return the status of one fit as text: "finished", "not run", or the epoch at which it diverged."""
        if self.diverged_at[member] >= 0:
            return f"diverged at epoch {self.diverged_at[member]}"
        return "finished" if self.finished[member] else "not run"


@dataclass(frozen=True)
class RowScores:
    """Scores of single validation rows, in the units of the score.

    The score of a fit is a function s(w) of the weights w of its validation rows, with sum W. The score of row i is
    s + W ∂s/∂wᵢ: the row's own loss or hit for a mean over rows, s plus the row's influence for any other measure. The
    mean of the row scores, weighted by w, is s.
    """

    values: Float[np.ndarray, "member position"]
    """The score of each validation row of a fit; NaN after the last row, and for fits without row scores."""
    rows: Int[np.ndarray, "fold position"]
    """The index of the row in the study's data; -1 after the last row of the fold."""
    weights: Float[np.ndarray, "fold position"]
    """The sample weight of the row; 0 after the last row of the fold."""


@dataclass(frozen=True)
class Picture:
    """Rows, mesh and mean predictions on the mesh, to draw a study with two inputs."""

    x: Float[np.ndarray, "row 2"]
    y: Float[np.ndarray, "row"]
    axes: tuple[Float[np.ndarray, "wide"], Float[np.ndarray, "high"]]
    settings: tuple[int, ...]
    surfaces: Float[np.ndarray, "candidate high wide"]


@dataclass(frozen=True)
class PathNetworks:
    """Networks of candidates from one seed and fold: weights by name, and surfaces on the mesh of `Picture`, if any."""

    seed: int
    settings: Int[np.ndarray, "candidate"]
    weights: Mapping[str, Float[np.ndarray, "candidate ..."]]
    surfaces: Float[np.ndarray, "candidate high wide"]


@dataclass(frozen=True)
class Activation:
    """Penalized activation on a few rows, for refits of several candidates with the same seed; `entries` are all."""

    tensor: str
    settings: tuple[int, ...]
    values: Float[np.ndarray, "candidate row entry"]
    """Rows, sorted by class if there are classes, and evenly spaced entries of them."""
    classes: Int[np.ndarray, "row"]
    """The class of each row; empty without classes."""
    entries: int


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
    """Out-of-fold predictions, mean over seeds, (row, output), by candidate: `none` and the recommended one."""
    baselines: tuple[Baseline, ...] = ()
    """Models to compare the network with, in a study of a table."""
    provenance: Mapping[str, object] = field(default_factory=dict[str, object])

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
