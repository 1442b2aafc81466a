"""Doors for tables: read one, find the problem in it, tune, save, predict."""

from bridle.estimators._arrays import ArraysJob, read_arrays
from bridle.estimators._from_file import Answer, prepare_study, run_study_file
from bridle.estimators._layout import Layout, find_layout
from bridle.estimators._network import default_arms, default_network, written_arms
from bridle.estimators._preparation import Preparation
from bridle.estimators._problem import Problem, decode_target, encode_target, find_problem, known_rows
from bridle.estimators._read import read_file, read_table
from bridle.estimators._structure import Structure
from bridle.estimators._table import Table
from bridle.estimators._toml import QUICK_SEEDS, StudyFile, read_study
from bridle.estimators._tune import Applied, Job, Tuned, load_applied, prepare_table, run_job, tune

__all__ = [
    "QUICK_SEEDS", "Answer", "Applied", "ArraysJob", "Job", "Layout", "Preparation", "Problem", "Structure",
    "StudyFile", "Table", "Tuned", "decode_target", "default_arms", "default_network", "encode_target", "find_layout",
    "find_problem", "known_rows", "load_applied", "prepare_study", "prepare_table", "read_arrays", "read_file",
    "read_study", "read_table", "run_job", "run_study_file", "tune", "written_arms",
]  # fmt: skip
