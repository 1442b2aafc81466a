"""The problems that an audit knows, as rules: condition, label and text."""

from bridle.auditing.findings._activities import (
    explain_activity,
    explain_add_loss,
    explain_cell,
    is_unlikely,
)
from bridle.auditing.findings._optimizer import explain_decay
from bridle.auditing.findings._weights import explain_weight

__all__ = [
    "explain_activity",
    "explain_add_loss",
    "explain_cell",
    "explain_decay",
    "explain_weight",
    "is_unlikely",
]
