"""Execution of fits: requests, threads, store, cluster."""

from bridle.study.execution._facts import study_facts
from bridle.study.execution._options import RunOptions
from bridle.study.execution._requests import RowSet
from bridle.study.execution._run import ExecutionContext, run_requests

__all__ = [
    "ExecutionContext",
    "RowSet",
    "RunOptions",
    "run_requests",
    "study_facts",
]
