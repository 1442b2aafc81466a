"""The model that a study hands over: the mean of the refits of a candidate, or a single refit."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from bridle._errors import InputError, KindError
from bridle._keras import check_predictions, compile_like, divide_logits, mean_model, mean_obstacle, rebuild_by
from bridle.placement import code_lines, plain_copy, regularize, unwrapped
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

    def networks(self, *, folds: bool = False) -> list[tuple[int, int]]:
        """Return the fold and the seed of each network of a candidate: by seed, then by fold, of refits `ALL_ROWS`."""
        return [
            (fold, int(seed)) for seed in self.data.seeds for fold in (range(self.data.folds) if folds else (ALL_ROWS,))
        ]

    def fits(self, *, folds: bool = False) -> dict[tuple[int, int], int]:
        """Return the finished refits, or with `folds` fits on folds, by candidate and position in `networks`.

        Errors: `InputError` for a study without any, and for folds whose networks it did not keep.
        """
        if folds:
            check_folds(self.data)
        fits, kept = self.data.members, self.data.networks
        places = {network: place for place, network in enumerate(self.networks(folds=folds))}
        pairs = list(zip(fits.fold.tolist(), fits.seed.tolist(), strict=True))
        found = {
            (int(fits.setting[fit]), places[pairs[fit]]): fit
            for fit in np.flatnonzero(fits.finished).tolist()
            if pairs[fit] in places and fit in kept
        }
        if not found and not folds and not (fits.fold == ALL_ROWS).any():
            folded = ', or read its networks of folds by result.representation(…, over="folds")'
            raise InputError(
                'Expected a study with refits, got one without. Run it to its end with refit="selected" or "all"'
                f"{folded if self.data.fold_networks else ''}."
            )
        if not found:
            raise InputError("Expected a study with trained networks, got one without. Run it again to its end.")
        return found

    def members(self, candidates: Sequence[int], *, folds: bool = False) -> dict[str, int]:
        """Return the finished refits of some candidates, or their fits on folds, by names of arm, fold and seed.

        Errors: `InputError` as of `fits`, and for a candidate without networks of folds.
        """
        named, fits, networks = dict[str, int](), self.fits(folds=folds), self.networks(folds=folds)
        for candidate in candidates:
            arm = int(self.data.setting_arm[candidate])
            name = re.sub(r"\W+", "_", self.data.arms[arm].name)
            chosen = {networks[place]: fit for (owner, place), fit in fits.items() if owner == candidate}
            if folds and not chosen:
                raise InputError(
                    f"Expected the networks of the folds of {brief_name(self.data, candidate)!r}, which this study did "
                    'not keep. Run it with keep="folds" and refit="all".'
                )
            for (fold, seed), fit in sorted(chosen.items()):
                key = f"{name}_fold{fold}_seed{seed}" if folds else f"{name}_seed{seed}"
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

    def load(self, model: keras.Model, fit: int) -> None:
        """Give a copy of the template the weights of a fit."""
        inner = unwrapped(model)
        variables = (*inner.trainable_variables, *inner.non_trainable_variables)
        for variable, value in zip(variables, self.data.networks[fit], strict=True):
            variable.assign(value)

    def code(self, candidate: int, regularizers: Mapping[str, Any]) -> str:
        """Return Keras code for a candidate with its regularizers."""
        size = self.data.provenance.get("batch_size")
        rate = self.data.arms[int(self.data.setting_arm[candidate])].learning_rate
        lines = code_lines(self.template, regularizers, batch_size=None if size is None else int(str(size)))
        lines += "" if rate is None else f"model.optimizer.learning_rate = {rate:g}  # after compile\n"
        refits = self.averaged(candidate)
        return lines + (f"# result.model() is the mean of {len(refits)} such networks, one a seed.\n" if refits else "")

    def one(self, refit: int, temperature: float = 1.0, terms: Mapping[str, Penalty] | None = None) -> keras.Model:
        """Return a copy of the template with the weights of a fit, and with penalties where `terms` are given.

        `temperature` divides its logits.

        Errors: `KindError` if it predicts otherwise than the refit did.
        """
        copy = self._again() if terms is None else regularize(self.template, terms)
        self.load(copy, refit)
        inner, weights, probe = unwrapped(copy), self.data.networks[refit], self.data.probe
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
