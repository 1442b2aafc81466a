"""The narrow waist: what a study measured, as numpy arrays."""

from bridle.results._nested import Nested
from bridle.results._result import (
    ALL_ROWS,
    POOLED,
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
