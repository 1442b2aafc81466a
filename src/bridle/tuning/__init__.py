"""Tuning: from a table or a study file to a verdict and a model."""

from bridle.tuning._arrays import read_arrays
from bridle.tuning._model_file import MODEL_FILE
from bridle.tuning._network import NEWEST, VERSIONS, default_arms, own_network, written_arms
from bridle.tuning._study_file import prepare_study, run_study_file
from bridle.tuning._toml import QUICK_EPOCH_DIVISOR, QUICK_SEEDS, StudyFile, read_study
from bridle.tuning._tune import (
    TableStudy,
    Tuned,
    answer_so_far,
    compile_new,
    load_applied,
    prepare_table,
    run_job,
    tune,
)

__all__ = [
    "MODEL_FILE",
    "NEWEST",
    "QUICK_EPOCH_DIVISOR",
    "QUICK_SEEDS",
    "VERSIONS",
    "StudyFile",
    "TableStudy",
    "Tuned",
    "answer_so_far",
    "compile_new",
    "default_arms",
    "load_applied",
    "own_network",
    "prepare_study",
    "prepare_table",
    "read_arrays",
    "read_study",
    "run_job",
    "run_study_file",
    "tune",
    "written_arms",
]
