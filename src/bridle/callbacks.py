"""Callbacks for plain `model.fit`: penalties apart from the data loss, sparsity and norms, strengths on schedule."""

from bridle.placement import Monitor, PenaltyLog, StrengthSchedule

__all__ = ["Monitor", "PenaltyLog", "StrengthSchedule"]
