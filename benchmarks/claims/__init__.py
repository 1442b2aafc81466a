"""Every published claim of the cases, run many times and judged: published, measured, holds?"""

from benchmarks.claims._claim import Claim, Experiment, Side
from benchmarks.claims._measure import Difference, Measured, Runs, measure
from benchmarks.claims._run import (
    EXPERIMENTS,
    ClaimsRun,
    Job,
    expected_seconds,
    jobs,
    prepare_claims,
    run_claims,
    stopped,
)
from benchmarks.claims._table import as_json, as_markdown, is_share, means, number, rows, seen, spread, tally
from benchmarks.claims._write import write_claims

__all__ = [
    "EXPERIMENTS", "Claim", "ClaimsRun", "Difference", "Experiment", "Job", "Measured", "Runs", "Side", "as_json",
    "as_markdown", "expected_seconds", "is_share", "jobs", "means", "measure", "number", "prepare_claims", "rows",
    "run_claims", "seen", "spread", "stopped", "tally", "write_claims",
]  # fmt: skip
