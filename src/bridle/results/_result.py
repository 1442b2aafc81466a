"""The narrow waist: everything that a study measured, as arrays. Readers read only this; it loads numpy alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from bridle.results._nested import Nested
from bridle.results._transformer import StoredTransformer

POOLED = "pooled "
"""How the name of a pooled score begins."""
ALL_ROWS = -1
"""The fold number of a refit: a member that trained on every row given to the study."""
UNIT_SHARES = (0, 10, 25, 50, 75, 90, 100)
"""The quantiles over units that are kept, in per cent: `unit50/<tensor>` is the median."""


@dataclass(frozen=True)
class Arm:
    """One named treatment: its terms in words and the strength slots that it varies."""

    name: str
    terms: tuple[tuple[str, str], ...]
    """Pairs (target, penalty) with each strength written as `{slot name}` once it is known."""
    slots: tuple[int, ...]
    learning_rate: float | None = None
    """Where it differs from that of the compiled optimizer."""


@dataclass(frozen=True)
class Score:
    """The quantity by which settings are compared; it never contains a penalty."""

    name: str
    """A measure as Keras calls it, or "pooled " and a measure."""
    maximize: bool
    pooled: bool = False
    """Whether the measure is computed over the rows of all folds together."""

    @property
    def measure(self) -> str:
        """The measure as Keras calls it."""
        return self.name.removeprefix(POOLED) if self.pooled else self.name

    def better(self, gain: float) -> float:
        """`gain` with its sign turned so that more is better."""
        return gain if self.maximize else -gain


@dataclass(frozen=True)
class Probe:
    """Predictions of refits for a few rows, to check that a model that is handed over is the one that was trained."""

    rows: tuple[np.ndarray, ...]
    """Each input of the model for these rows, as the network sees them."""
    predictions: Mapping[int, tuple[np.ndarray, ...]]
    """Each output for these rows, by refit member."""


@dataclass(frozen=True)
class Members:
    """One row per fit. `setting` points into `StudyResult.settings`; `fold` is -1 for a refit on all rows."""

    setting: Int[np.ndarray, "member"]
    seed: Int[np.ndarray, "member"]
    fold: Int[np.ndarray, "member"]
    finished: Bool[np.ndarray, "member"]
    diverged_at: Int[np.ndarray, "member"]
    """The epoch whose loss was not finite, or -1."""
    epochs: Int[np.ndarray, "member"]
    """How many were trained; fewer than the study's where early stopping ended a fit."""
    kept: Int[np.ndarray, "member"]
    """The epoch whose weights were kept."""

    def __len__(self) -> int:
        return len(self.setting)

    def status(self, member: int) -> str:
        """What became of one fit, in words."""
        if self.diverged_at[member] >= 0:
            return f"diverged at epoch {self.diverged_at[member]}"
        return "finished" if self.finished[member] else "not run"


@dataclass(frozen=True)
class Picture:
    """What is needed to draw a study with two inputs: the rows, a mesh, and mean predictions on it."""

    x: Float[np.ndarray, "row 2"]
    y: Float[np.ndarray, "row"]
    axes: tuple[Float[np.ndarray, "wide"], Float[np.ndarray, "high"]]
    settings: tuple[int, ...]
    surfaces: Float[np.ndarray, "setting high wide"]


@dataclass(frozen=True)
class Activation:
    """A penalized activation on a few rows, under the refits of several settings that began from the same seed."""

    tensor: str
    settings: tuple[int, ...]
    values: Float[np.ndarray, "setting row entry"]
    """Rows in the order of their classes, where there are classes; entries evenly spaced over all there are."""
    classes: Int[np.ndarray, "row"]
    """The class of each row; empty where there are none."""
    entries: int
    """How many a row has in all."""


@dataclass(frozen=True)
class StudyResult:
    """Every member's curves, scores and diagnostics.

    `curves[member, point, quantity]` holds, at the epochs `epochs`, the quantities named in `quantities`:
    `train/loss`, `validation/loss` (data losses, without any penalty), `train/<metric>`,
    `validation/<metric>`, `fit/loss` (data loss plus penalties, mean over the epoch's steps) and
    `penalty/<slot>` (what each penalty added to it). With early stopping, `watch/<quantity>` are those of the rows
    set aside for it. `train/…` is measured at every fifth point, counted from the last. The last point is that of the
    weights that were kept, and so is every point after the epoch in which a fit was stopped. What was not measured
    is NaN.

    With a prepared target, measures are in units of the target as it was given, but those in `prepared_units`;
    `fit/loss` and `penalty/<slot>` are of the target as it was trained on.

    `diagnostics[member, diagnostic]` holds what was measured on the trained weights over the training rows:
    `zeros/<tensor>` (fraction of entries that are exactly zero), `size/<tensor>` (mean magnitude) and
    `norm/<tensor>` (Euclidean norm, for weights), `dead/<tensor>` (fraction of units that are zero in every row, for
    activations) and `spread/prediction` (how far predictions differ between rows: the root of their mean variance).
    `unit0/<tensor>`, `unit10/…` and so on to `unit100/…` are quantiles over the units of a tensor: of the norms of the
    weights that enter each, or of each one's mean magnitude.

    `held_out[name][member, quantity]` holds the data loss and metrics of refits on rows that nothing else saw.
    """

    arms: tuple[Arm, ...]
    slots: tuple[str, ...]
    setting_arm: Int[np.ndarray, "setting"]
    setting_strengths: Float[np.ndarray, "setting slot"]
    members: Members
    score: Score
    epochs: Int[np.ndarray, "point"]
    quantities: tuple[str, ...]
    curves: Float[np.ndarray, "member point quantity"]
    diagnostic_names: tuple[str, ...]
    diagnostics: Float[np.ndarray, "member diagnostic"]
    fold_rows: Int[np.ndarray, "fold 2"]
    """Rows trained on and rows validated on, for each fold."""
    held_out_names: tuple[str, ...] = ()
    held_out: Mapping[str, Float[np.ndarray, "member quantity"]] = field(default_factory=dict)
    held_out_rows: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[int, tuple[np.ndarray, ...]] = field(default_factory=dict)
    """Trained variables of each refit member: the trainable ones, then the others, in the model's order."""
    weight_names: tuple[str, ...] = ()
    """What those variables are called, in the same order; empty in a study stored before names were kept."""
    probe: Probe | None = None
    """Present for models with code of the user."""
    picture: Picture | None = None
    activations: tuple[Activation, ...] = ()
    model_json: str = ""
    """The model's configuration as Keras writes it; empty where it cannot be built from that."""
    protocol: str = ""
    preparation: Mapping[str, StoredTransformer] = field(default_factory=dict)
    """What the refits' rows (`x`) and their target (`y`) went through before training, where anything was given."""
    prepared_units: tuple[str, ...] = ()
    """Measures in units of the target as its preparation gives it; all others are in those of the target as given."""
    nested: Nested | None = None
    """Nested cross-validation, where it was asked for."""
    provenance: Mapping[str, object] = field(default_factory=dict)

    @property
    def seeds(self) -> Int[np.ndarray, "seed"]:
        """The seeds, ascending."""
        return np.unique(self.members.seed)

    @property
    def folds(self) -> int:
        """How many folds there are; 1 for a plain validation set."""
        return len(self.fold_rows)

    def quantity(self, name: str) -> Float[np.ndarray, "member point"]:
        """The curves of one quantity."""
        return self.curves[:, :, self.quantities.index(name)]

    def diagnostic(self, name: str) -> Float[np.ndarray, "member"]:
        """One diagnostic of every member."""
        return self.diagnostics[:, self.diagnostic_names.index(name)]

    def by_candidate(
        self, values: Float[np.ndarray, "member"], refits: bool = False
    ) -> Float[np.ndarray, "setting seed fold"]:
        """Lay one number per member out by setting, seed and fold; NaN where a fit diverged or did not run."""
        seeds = self.seeds
        chosen = (self.members.fold == ALL_ROWS) == refits
        table = np.full((len(self.setting_arm), len(seeds), 1 if refits else self.folds), np.nan)
        good = chosen & self.members.finished
        fold = np.zeros(len(self.members), int) if refits else self.members.fold
        table[self.members.setting[good], np.searchsorted(seeds, self.members.seed[good]), fold[good]] = values[good]
        return table

    def scores(self, part: str = "validation") -> Float[np.ndarray, "setting seed fold"]:
        """The score after the last epoch, on rows that the fit did not see (or, with `part="train"`, that it did).

        Of a pooled score: its jackknife pseudo-values; with `part="train"` the measure over each fold's rows.
        """
        return self.scores_of(f"{part}/{self.score.name if part == 'validation' else self.score.measure}")

    def scores_of(self, quantity: str) -> Float[np.ndarray, "setting seed fold"]:
        """Return a quantity after the last epoch by setting, seed and fold; NaN where a fit diverged or did not run."""
        return self.by_candidate(self.quantity(quantity)[:, -1])

    def held_out_scores(self, name: str) -> Float[np.ndarray, "setting seed"]:
        """The refits' score on held-out rows, NaN for settings that were not refitted."""
        column = self.held_out[name][:, self.held_out_names.index(self.score.measure)]
        return self.by_candidate(column, refits=True)[:, :, 0]

    def counts(self) -> tuple[Int[np.ndarray, "setting"], Int[np.ndarray, "setting"]]:
        """How many cross-validated fits of each setting finished, and how many there are."""
        inside = self.members.fold != ALL_ROWS
        size = len(self.setting_arm)
        total = np.bincount(self.members.setting[inside], minlength=size)
        good = np.bincount(self.members.setting[inside & self.members.finished], minlength=size)
        return good, total

    def path(self, arm: int) -> Int[np.ndarray, "point"]:
        """The settings of one arm from the weakest to the strongest."""
        own = np.flatnonzero(self.setting_arm == arm)
        slots = list(self.arms[arm].slots)
        if not slots:
            return own
        return own[weak_to_strong(self.setting_strengths[own][:, slots])]

    def strengths(self, setting: int) -> dict[str, float]:
        """The strengths of one setting by slot name."""
        slots = self.arms[self.setting_arm[setting]].slots
        return {self.slots[slot]: float(self.setting_strengths[setting, slot]) for slot in slots}

    def with_provenance(self, **facts: object) -> "StudyResult":
        """The same result with facts added to its provenance."""
        return replace(self, provenance={**self.provenance, **facts})


def weak_to_strong(strengths: Float[np.ndarray, "setting slot"]) -> Int[np.ndarray, "setting"]:
    """The order of settings by the sum of their strengths, then by the first strength, and so on."""
    return np.lexsort((*strengths.T[::-1], strengths.sum(axis=1)))
