"""Stages of a study: cross-validation, extended and refined grids, refits, nested cross-validation, baselines."""

from bridle.study._baselines import fit_baselines, score_predictions
from bridle.study._ensembles import ModelRows, Programs, score_models
from bridle.study._progress import Update, Watch
from bridle.study._rounds import race_of
from bridle.study._single import train_single
from bridle.study._stages import run_study
from bridle.study.execution import RunOptions

__all__ = [
    "ModelRows",
    "Programs",
    "RunOptions",
    "Update",
    "Watch",
    "fit_baselines",
    "race_of",
    "run_study",
    "score_models",
    "score_predictions",
    "train_single",
]
