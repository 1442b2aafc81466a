"""Parts of a study's result: arms, scores, fits, pictures and networks, as NumPy arrays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int


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
class FoldNetworks:
    """Networks of the fits on the folds of a study, which it keeps where that is asked for."""

    weights: Mapping[int, tuple[np.ndarray, ...]]
    """Trained variables by the index of the fit, in the order of `StudyResult.weight_names`."""
    validation: tuple[Int[np.ndarray, "row"], ...]
    """The indices of each fold's validation rows in the study's rows; empty where validation rows were given."""
    row_hashes: Int[np.ndarray, "row"]
    """A hash of each row of the study, before preparation."""
    preparation: tuple[Mapping[str, StoredTransformer], ...] = ()
    """The preprocessors that were fitted in each fold, as `StudyResult.preparation`."""
