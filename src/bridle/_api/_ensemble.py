"""`Ensemble`: the mean of the predictions of several trained networks, and what it gains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from bridle._api._hand_over import ModelMaker, check_folds
from bridle._api._preparation import Preparation, count_study_rows
from bridle._errors import InputError, KindError, StoreError
from bridle._keras import compile_like, mean_model, mean_obstacle, require_jax
from bridle.results import MAX_AVERAGED, StudyResult
from bridle.sources._read import rows_alone
from bridle.stats import Comparison, compare, compare_predictors, nan_mean
from bridle.study import ModelRows, Programs, score_models
from bridle.wording import score_decimals

OVER = ("seeds", "folds")
"""The networks of a study that are averaged or measured: refits of all seeds, or those of all folds and seeds."""


@dataclass(frozen=True)
class EnsembleGain:
    """Gain of one predictor over another, with an interval; `print` says it in a sentence."""

    measure: str
    """The loss or metric of Keras."""
    score: float
    """That of the ensemble."""
    other: float
    """The mean over its members; of `Ensemble.compare` that of the other ensemble."""
    difference: float
    """The gain: positive where the ensemble is better."""
    low: float
    high: float
    """The interval of the gain; NaN with fewer than three rows, groups or folds."""
    level: float
    """The confidence level."""
    over: str
    """The unit of the interval: `"rows"`, `"groups"` or `"folds"`."""
    count: int
    """The number of these units."""
    members: tuple[float, ...] = ()
    """The score of each member."""
    against: str = "its members have on average"

    def __str__(self) -> str:
        half = (self.high - self.low) / 2
        digits = score_decimals(self.other, half if np.isfinite(half) else abs(self.difference))
        score, other, gain = (f"{value:.{digits}f}" for value in (self.score, self.other, abs(self.difference)))
        text = f"The ensemble has {self.measure} {score}, {self.against} {other}: "
        text += f"{'better' if self.difference > 0 else 'worse'} by {gain}"
        if not np.isfinite(half):
            return f"{text}, without an interval."
        low, high = sorted(np.copysign(1, self.difference) * end for end in (self.low, self.high))
        return f"{text} ({low:.{digits}f} to {high:.{digits}f} at {self.level:.0%}, over {self.count:,} {self.over})."


class Ensemble:
    """Mean of the predictions of several trained Keras models, and the interval of what it gains over its members.

    `prediction(x) = (1 / m) sum_i member_i(x)` for m members: probabilities, logits or numbers, as the models give
    them. `Result.ensemble` makes one of the refits of a study, of several seeds and several arms.

    Args:
        members: list of compiled `keras.Model`, or a dictionary of them by name, at least two, with the same inputs
            and outputs. They are not changed.

    Attributes: `members`, the models by name; `validation`, for one arm of a study the `EnsembleGain` on the
    validation rows of its folds, else None.

    Errors: `InputError` for fewer than two members, or members whose inputs or outputs differ; `KindError` for a
    member that is no compiled Keras model.

    >>> import bridle, keras, numpy as np
    >>> x = np.random.default_rng(0).normal(size=(90, 3)); y = x[:, :1] ** 2
    >>> models = []
    >>> for seed in range(3):
    ...     keras.utils.set_random_seed(seed)
    ...     layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(1)]
    ...     models.append(keras.Sequential([keras.Input((3,)), *layers]))
    ...     models[-1].compile("adam", "mse")
    ...     history = models[-1].fit(x[:60], y[:60], epochs=3, verbose=0)
    >>> ensemble = bridle.Ensemble(models)
    >>> gain = ensemble.gain(x[60:], y[60:])
    >>> gain.difference > 0, gain.count, len(gain.members)  # a squared error of a mean is below the mean of errors
    (True, 30, 3)
    >>> ensemble.model.predict(x[60:], verbose=0).shape
    (30, 1)

    Source: Hansen and Salamon, "Neural network ensembles", IEEE Transactions on Pattern Analysis and Machine
    Intelligence 12, 1990.

    """

    def __init__(
        self,
        members: Sequence[keras.Model] | Mapping[str, keras.Model],
        *,
        preparation: Preparation | Mapping[str, Preparation] | None = None,
        validation: EnsembleGain | None = None,
        study_rows: np.ndarray | None = None,
    ) -> None:
        items = members if isinstance(members, Mapping) else {f"member{i}": model for i, model in enumerate(members)}
        self.members: dict[str, keras.Model] = dict(items)
        self.validation = validation
        if isinstance(preparation, Mapping):
            self._preparations = [preparation[name] for name in self.members]
        else:
            self._preparations = [preparation or Preparation({})]
        self._study_rows = study_rows  # hashes of the rows of a study whose folds trained the members
        self._programs: Programs = {}
        _check(self.members)

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        names = ", ".join(list(self.members)[:3]) + (", …" if len(self.members) > 3 else "")
        return f"<Ensemble of {len(self.members)} models: {names}>"

    @cached_property
    def model(self) -> keras.Model:
        """The mean as one compiled `keras.Model`, which saves, and loads with Keras alone.

        It holds a copy of every member, so its size and the time of a prediction grow with their number. Its inputs
        are prepared rows, as those of `Result.model`.

        Errors: `KindError` for members that are subclassed or have custom code; `predict` works for those too.
        """
        if self._restores:
            raise KindError(
                "Expected members that take the same prepared rows, got networks of folds, each with a preprocessor "
                "of its own. Use Ensemble.predict, or prepare inside the model, as by keras.layers.Normalization."
            )
        first = next(iter(self.members.values()))
        obstacle = mean_obstacle(first)
        if obstacle:
            raise KindError(
                f"Expected members whose mean can be one Keras model, got others: {obstacle}. Use Ensemble.predict."
            )
        copies: dict[str, keras.Model] = {}
        for name, member in self.members.items():
            copies[name] = keras.models.clone_model(member)
            copies[name].set_weights(member.get_weights())
        model = mean_model(copies, first)
        compile_like(model, first)
        return model

    def predict(self, rows: Any) -> Any:
        """Return the mean of the members' predictions.

        Args:
            rows: array of shape (rows, …), a list or dictionary of arrays, or a file, a dataset or a stream. For an
                ensemble of a study unprepared rows, as in `Result.predict`.

        Returns: array of shape (rows, …), or a structure of arrays for several outputs.

        Errors: those of `Result.predict`.

        """
        rows = rows_alone(rows)
        preparations = self._preparations if self._restores else self._preparations * len(self)
        pairs = zip(preparations, self.members.values(), strict=True)
        predictions = [preparation.predict(member, rows) for preparation, member in pairs]

        def mean(*leaves: Any) -> Any:
            return np.mean(leaves, axis=0, dtype=np.float64)

        return keras.tree.map_structure(mean, *predictions)

    def gain(
        self,
        x: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        groups: Any = None,
        measure: str | None = None,
    ) -> EnsembleGain:
        """Return what the ensemble gains over its mean member, on rows that no member was trained on.

        The difference is that of the mean score of the members and the score of their mean prediction. Its interval is
        over rows (`bridle.stats.compare_predictors`): it holds for these members and other rows.

        Args:
            x, y: rows and labels, as in `Study.run`; for an ensemble of a study before its preprocessors.
            sample_weight: array of weights ≥ 0 with shape (rows,) or (rows, steps), which count as in
                `model.evaluate`. Default None.
            groups: array of shape (rows,), such as the subject of each row. The interval is then over groups. Default
                None: rows are independent.
            measure: `"loss"`, or the name of a compiled metric, as `Study(score=…)`. Default: the first metric.

        Returns: `EnsembleGain`. With a target preprocessor its numbers are in prepared units; for networks of folds,
            which have several of them, in the units of y.

        Errors: `InputError` for rows that do not fit, several outputs, an unknown measure, or one that cannot be
        divided among rows, and for networks of folds if rows are those of the study: if more of them equal its rows
        than chance explains, so not where rows have few distinct values; `BackendError` if Keras does not run on JAX.

        """
        rows = self._rows(x, y, sample_weight, measure)
        members, sign = rows.members.mean(axis=0), rows.score.better(1.0)
        found = compare_predictors(sign * rows.mean, sign * members, rows.weights, _groups(groups, len(members)))
        each = tuple(float(np.average(scores, weights=rows.weights)) for scores in rows.members)
        return _entered(rows, members, found, groups, each)

    def compare(
        self,
        other: "Ensemble",
        x: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        groups: Any = None,
        measure: str | None = None,
    ) -> EnsembleGain:
        """Return what this ensemble gains over another one, paired on the same rows.

        Args:
            other: `bridle.Ensemble`.
            x, y, sample_weight, groups, measure: as in `gain`.

        Returns: `EnsembleGain`, whose `other` is the score of the other ensemble.

        Errors: those of `gain`; `KindError` if `other` is no ensemble.

        """
        if not isinstance(other, Ensemble):  # pyright: ignore[reportUnnecessaryIsInstance] - users are not checked
            raise KindError(f"Expected another Ensemble, got {type(other).__name__}.")
        if self._restores != other._restores and "y" in (*self._preparations[0].parts, *other._preparations[0].parts):
            raise InputError(
                "Expected two ensembles that score in the same units, got one of refits and one of folds with a "
                "target preprocessor. Compare those of the same kind."
            )
        rows, reference = (ensemble._rows(x, y, sample_weight, measure) for ensemble in (self, other))
        sign = rows.score.better(1.0)
        found = compare_predictors(
            sign * rows.mean, sign * reference.mean, rows.weights, _groups(groups, len(rows.mean))
        )
        return _entered(rows, reference.mean, found, groups, against="the other one has")

    def save(self, path: str | Path) -> Path:
        """Save `model` as a `.keras` file, and return its path.

        Errors: those of `model`; `StoreError` if the file cannot be written.
        """
        try:
            self.model.save(path)
        except (OSError, ValueError) as error:
            raise StoreError(
                f"Expected a file ending in .keras that can be written, got {str(path)!r}: {error}."
            ) from error
        return Path(path)

    def _rows(self, x: Any, y: Any, weight: Any, measure: str | None) -> ModelRows:
        require_jax()
        shared = 0 if self._study_rows is None else count_study_rows(x, self._study_rows)
        if shared:
            raise InputError(
                f"Expected rows that no member was trained on, got {shared} rows of the study, on which members were "
                "trained. Give new rows, such as those held out by test=."
            )
        models, first = list(self.members.values()), self._preparations[0]
        if not self._restores:
            inputs, target = first.prepare(x, y)
            return score_models(models, [inputs], target, weight, measure, self._programs)
        shared = {id(one): one for one in self._preparations}  # members of one fold read the same rows
        prepared = {key: one.prepare_rows(x) for key, one in shared.items()}
        inputs = [prepared[id(one)] for one in self._preparations]
        restore = [one.restore for one in self._preparations] if "y" in first.parts else ()
        return score_models(models, inputs, y, weight, measure, self._programs, restore)

    @property
    def _restores(self) -> bool:
        """True if each member has preprocessors of its own; scores are then in the units of the target as given."""
        return len(self._preparations) > 1


def study_ensemble(
    data: StudyResult, maker: ModelMaker, candidates: Sequence[int], preparation: Preparation, over: str
) -> Ensemble:
    """Return the mean of the networks of some candidates: their refits, or with `over="folds"` those of their folds.

    Errors: `InputError` for another `over`, too few networks, or folds whose networks the study did not keep.
    """
    if over not in OVER:
        raise InputError(f"Expected over='seeds' or 'folds', got {over!r}.")
    fits = maker.members(candidates, folds=over == "folds")
    models = {name: maker.one(fit) for name, fit in fits.items()}
    if over == "seeds":
        validation = ensemble_validation(data, candidates[0]) if len(candidates) == 1 else None
        return Ensemble(models, preparation=preparation, validation=validation)
    own = {name: preparation.folds[int(data.members.fold[fit])] for name, fit in fits.items()}
    differ = any(one.parts for one in own.values())
    return Ensemble(models, preparation=own if differ else None, study_rows=check_folds(data).row_hashes)


def ensemble_validation(data: StudyResult, candidate: int) -> EnsembleGain | None:
    """Return the gain of the mean over seeds on the validation rows of a study's folds; None if it was not measured."""
    if data.seed_mean is None:
        return None
    means, sign = data.seed_mean.scores[candidate], data.score.better(1.0)
    members = data.scores()[candidate, :MAX_AVERAGED]
    by_fold = nan_mean(members, axis=0)
    if not np.isfinite(means).any():
        return None
    found = compare(sign * means[None], sign * by_fold[None], data.fold_rows)
    over = (found.low, found.high, found.level, "folds", found.count)
    scores = float(nan_mean(means, axis=0)), float(nan_mean(by_fold, axis=0))
    return EnsembleGain(data.score.name, *scores, found.difference, *over, tuple(nan_mean(members, axis=1).tolist()))


def _entered(
    rows: ModelRows, other: np.ndarray, found: Comparison, groups: Any, members: tuple[float, ...] = (), **words: str
) -> EnsembleGain:
    score, second = (float(np.average(values, weights=rows.weights)) for values in (rows.mean, other))
    over = "rows" if groups is None else "groups"
    interval = (found.low, found.high, found.level, over, found.count)
    return EnsembleGain(rows.score.name, score, second, found.difference, *interval, members, **words)


def _groups(groups: Any, count: int) -> np.ndarray | None:
    if groups is None:
        return None
    values = np.asarray(groups)
    if values.shape != (count,):
        raise InputError(f"Expected groups of shape ({count},), one for each row, got {values.shape}.")
    return values


def _check(members: Mapping[str, Any]) -> None:
    """Check that models can be averaged."""
    if len(members) < 2:
        raise InputError(
            f"Expected at least two models to average, got {len(members)}. Train more seeds: Study(…, seeds=10)."
        )
    shapes: dict[str, str] = {}
    for name, model in members.items():
        if not isinstance(model, keras.Model) or not model.built or not model.compiled:
            raise KindError(f"Expected {name!r} as a built and compiled keras.Model, got {type(model).__name__}.")
        ends: list[list[Any]] = [getattr(model, "inputs", None) or [], getattr(model, "outputs", None) or []]
        shapes[name] = " -> ".join(", ".join(str(tuple(tensor.shape)) for tensor in end) for end in ends)
    first, *others = shapes
    for name in others:
        if shapes[name] != shapes[first]:
            raise InputError(
                f"Expected members with the same inputs and outputs, got {shapes[first]} for {first!r} and "
                f"{shapes[name]} for {name!r}. Average models of one task."
            )
