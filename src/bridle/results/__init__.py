"""Results of a study as numpy arrays: the one type between training and reading."""

from bridle.results._nested import Nested
from bridle.results._result import (
    ALL_ROWS,
    POOLED,
    SPREAD_DIAGNOSTIC,
    UNIT_SHARES,
    Activation,
    Arm,
    Members,
    Picture,
    Probe,
    Score,
    StudyResult,
    weak_to_strong,
)
from bridle.results._transformer import StoredTransformer

__all__ = [
    "ALL_ROWS",
    "POOLED",
    "SPREAD_DIAGNOSTIC",
    "UNIT_SHARES",
    "Activation",
    "Arm",
    "Members",
    "Nested",
    "Picture",
    "Probe",
    "Score",
    "StoredTransformer",
    "StudyResult",
    "weak_to_strong",
]
