"""Doors for tables: read one, find the problem in it, tune, save, predict."""

from bridle.estimators._layout import Layout, find_layout
from bridle.estimators._network import default_arms, default_network
from bridle.estimators._preparation import Preparation
from bridle.estimators._problem import Problem, decode_target, encode_target, find_problem, known_rows
from bridle.estimators._read import read_table
from bridle.estimators._tune import Applied, Job, Tuned, load_applied, prepare_table, run_job, tune

__all__ = [
    "Applied", "Job", "Layout", "Preparation", "Problem", "Tuned", "decode_target", "default_arms", "default_network",
    "encode_target", "find_layout", "find_problem", "known_rows", "load_applied", "prepare_table", "read_table",
    "run_job", "tune",
]  # fmt: skip
