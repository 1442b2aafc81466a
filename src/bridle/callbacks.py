"""Callbacks for `model.fit`: values of penalties, sparsity and norms, and schedules of strengths."""

from bridle.placement import Monitor, PenaltyLog, StrengthSchedule

__all__ = ["Monitor", "PenaltyLog", "StrengthSchedule"]
