"""Execution of fits: requests, threads, store, cluster."""

from bridle.study.execution._cluster import Cluster
from bridle.study.execution._connection import Line
from bridle.study.execution._keys import STORED_PATHS, Keys, Plan, plan_of
from bridle.study.execution._requests import FitRequest, RowSet, order
from bridle.study.execution._run import ExecutionContext, run_requests
from bridle.study.execution._stored import kept
from bridle.study.execution._worker import StudySpec

__all__ = [
    "STORED_PATHS",
    "Cluster",
    "ExecutionContext",
    "FitRequest",
    "Keys",
    "Line",
    "Plan",
    "RowSet",
    "StudySpec",
    "kept",
    "order",
    "plan_of",
    "run_requests",
]
