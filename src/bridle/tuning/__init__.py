"""Tuning: from a table or a study file to a verdict and a model."""

from bridle.tuning._applied import APPLY, Applied, load_applied, save_applied
from bridle.tuning._arrays import ArraysJob, read_arrays
from bridle.tuning._by_target import target_rows
from bridle.tuning._image_network import read_augmentation
from bridle.tuning._image_preparation import ImagePreparation
from bridle.tuning._image_rows import ImageOptions, ImageTable
from bridle.tuning._job import BASELINES, PREPARING, Job, TableStudy, Tuned, answer_so_far, compile_new, run_job
from bridle.tuning._model_file import MODEL_FILE, save_model
from bridle.tuning._network import (
    NEWEST,
    VERSIONS,
    NetworkFunction,
    default_arms,
    dense_network,
    own_network,
    written_arms,
)
from bridle.tuning._series import series_of
from bridle.tuning._study_file import prepare_study, run_study_file
from bridle.tuning._toml import QUICK_EPOCH_DIVISOR, QUICK_SEEDS, StudyFile, read_study
from bridle.tuning._tune import default_counts, image_options, prepare_table, quick_epochs, read_source, target_of, tune

__all__ = [
    "APPLY",
    "BASELINES",
    "MODEL_FILE",
    "NEWEST",
    "PREPARING",
    "QUICK_EPOCH_DIVISOR",
    "QUICK_SEEDS",
    "VERSIONS",
    "Applied",
    "ArraysJob",
    "ImageOptions",
    "ImagePreparation",
    "ImageTable",
    "Job",
    "NetworkFunction",
    "StudyFile",
    "TableStudy",
    "Tuned",
    "answer_so_far",
    "compile_new",
    "default_arms",
    "default_counts",
    "dense_network",
    "image_options",
    "load_applied",
    "own_network",
    "prepare_study",
    "prepare_table",
    "quick_epochs",
    "read_arrays",
    "read_augmentation",
    "read_source",
    "read_study",
    "run_job",
    "run_study_file",
    "save_applied",
    "save_model",
    "series_of",
    "target_of",
    "target_rows",
    "tune",
    "written_arms",
]
