"""WHAT IS REALLY CHARGED: one batch through a model, and everything that is not as it is written."""

from bridle.auditing._audit import audit
from bridle.auditing._result import Audit

__all__ = [
    "Audit",
    "audit",
]
