"""Audit: the penalties that Keras really charges for one batch, and everything that differs from the model's text."""

from bridle.auditing._audit import audit
from bridle.auditing._result import Audit

__all__ = [
    "Audit",
    "audit",
]
