"""Strengths that depend on the epoch: `bridle.L2(bridle.schedule.linear(0, 1e-3, 100))`."""

from bridle.regularizers._schedule import Schedule, exponential, linear, steps, warmup

__all__ = ["Schedule", "exponential", "linear", "steps", "warmup"]
