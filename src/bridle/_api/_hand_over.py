"""The model that a study hands over: the mean of the refits of a candidate, or a single refit."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from bridle._errors import InputError, KindError
from bridle._keras import check_predictions, compile_like, divide_logits, mean_model, mean_obstacle, rebuild_by
from bridle.placement import plain_copy, regularize, unwrapped
from bridle.regularizers import Penalty
from bridle.results import ALL_ROWS, FoldNetworks, StudyResult
from bridle.stats import choose_hand_over
from bridle.wording import brief_name


@dataclass(frozen=True)
class ModelMaker:
    """Maker of trained models from a template and the weights of the refits of a study."""

    data: StudyResult
    template: keras.Model
    build: Callable[[], keras.Model] | None = None
    """The user's function that built the template, for models that no configuration builds."""

    def averaged(self, candidate: int) -> list[int]:
        """Return the refits of a candidate whose mean is handed over; none where a single one is."""
        choice = None if mean_obstacle(self.template) else choose_hand_over(self.data, candidate)
        return [] if choice is None or len(choice.refits) < 2 else choice.refits.tolist()

    def members(self, candidates: Sequence[int], *, folds: bool = False) -> dict[str, int]:
        """Return the finished refits of some candidates, or their fits on folds, by names of arm, fold and seed.

        Errors: `InputError` for folds whose networks are not there.
        """
        fits, named, networks = self.data.members, dict[str, int](), self.data.networks
        if folds:
            check_folds(self.data)
        for candidate in candidates:
            arm = int(self.data.setting_arm[candidate])
            name = re.sub(r"\W+", "_", self.data.arms[arm].name)
            of_candidate = (fits.setting == candidate) & ((fits.fold != ALL_ROWS) == folds) & fits.finished
            chosen = np.flatnonzero(of_candidate & np.isin(np.arange(len(fits)), list(networks)))
            if folds and not len(chosen):
                raise InputError(
                    f"Expected the networks of the folds of {brief_name(self.data, candidate)!r}, which this study did "
                    'not keep. Run it with keep="folds" and refit="all".'
                )
            for fit in chosen[np.lexsort((fits.seed[chosen], fits.fold[chosen]))].tolist():
                fold = f"_fold{fits.fold[fit]}" if folds else ""
                key = f"{name}{fold}_seed{fits.seed[fit]}"
                named[f"{key}_arm{arm}" if key in named else key] = fit
        return named

    def refit(self, candidate: int, seed: int | None) -> int:
        """Return the refit of a candidate with a seed, by default the first one.

        Errors: `InputError` if it did not finish.
        """
        members = self.data.members
        seed = int(members.seed[0]) if seed is None else seed
        of_seed = (members.setting == candidate) & (members.fold == ALL_ROWS) & (members.seed == seed)
        if not (of_seed & members.finished).any():
            name = self.data.arms[int(self.data.setting_arm[candidate])].name
            raise InputError(f"No finished refit of {name!r} has the seed {seed}. Seeds: {self.data.seeds.tolist()}.")
        return int((of_seed & members.finished).argmax())

    def one(self, refit: int, temperature: float = 1.0, terms: Mapping[str, Penalty] | None = None) -> keras.Model:
        """Return a copy of the template with the weights of a fit, and with penalties where `terms` are given.

        `temperature` divides its logits.

        Errors: `KindError` if it predicts otherwise than the refit did.
        """
        copy = self._again() if terms is None else regularize(self.template, terms)
        inner, weights = unwrapped(copy), self.data.networks[refit]
        for variable, value in zip((*inner.trainable_variables, *inner.non_trainable_variables), weights, strict=True):
            variable.assign(value)
        probe = self.data.probe
        if probe is not None and refit in probe.predictions:
            check_predictions(inner, weights, probe.rows, probe.predictions[refit])
        if temperature != 1:
            divide_logits(inner, temperature)
        return copy

    def mean(self, refits: list[int], temperature: float = 1.0) -> keras.Model:
        """Return the mean of several refits as one model, compiled like the template.

        `temperature` divides the logits of each.
        """
        copies = {f"seed{self.data.members.seed[refit]}": self.one(refit, temperature) for refit in refits}
        model = mean_model(copies, self.template)
        compile_like(model, self.template)
        return model

    def temperature(self, candidate: int, *, averaged: bool) -> float:
        """Return the temperature of a candidate's networks, or of their mean; 1 if it does not lower the log loss.

        Errors: `InputError` if none was measured.
        """
        confidence = self.data.confidence
        calibration = None if confidence is None else confidence.mean if averaged else confidence.single
        if calibration is None or not calibration.temperature[candidate] > 0:
            raise InputError(
                "Expected a study that measured the temperature of this candidate, got one without. It is measured for "
                "classifiers with folds, of the candidates that the rules select. Leave temperature out."
            )
        before, after = calibration.log_loss[candidate]
        return float(calibration.temperature[candidate]) if after < before else 1.0

    def _again(self) -> keras.Model:
        """Return a copy of the template, built by the user's function if its configuration cannot."""
        try:
            return plain_copy(self.template)
        except KindError:
            if self.build is None:
                raise
            return rebuild_by(self.build, self.template)


def check_folds(data: StudyResult) -> FoldNetworks:
    """Return the networks of the folds of a study, or raise `InputError` if it did not keep them."""
    if data.fold_networks is None:
        raise InputError(
            "Expected a study that keeps the networks of its folds, got one that keeps those of its refits. Run it "
            'again with keep="folds".'
        )
    return data.fold_networks
