"""Execution of fits: requests, threads, store, cluster."""

from bridle.study.execution._facts import study_facts
from bridle.study.execution._keys import STORED_PATHS
from bridle.study.execution._options import RunOptions
from bridle.study.execution._requests import FitRequest, RowSet, make_request
from bridle.study.execution._run import ExecutionContext, run_requests

__all__ = [
    "STORED_PATHS",
    "ExecutionContext",
    "FitRequest",
    "RowSet",
    "RunOptions",
    "make_request",
    "run_requests",
    "study_facts",
]
