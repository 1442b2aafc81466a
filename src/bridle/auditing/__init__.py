"""WHAT IS REALLY CHARGED: one batch through a model, and everything that is not as it is written."""

from bridle.auditing._archive import LIMIT, MIB
from bridle.auditing._audit import audit
from bridle.auditing._config import check_config, own_names
from bridle.auditing._read import read_model, read_rows, weights_of
from bridle.auditing._result import Audit
from bridle.auditing._rows import Finding, Row
from bridle._errors import first_line

__all__ = [
    "LIMIT", "MIB", "Audit", "Finding", "Row", "audit", "check_config", "first_line", "own_names",
    "read_model", "read_rows", "weights_of",
]  # fmt: skip
