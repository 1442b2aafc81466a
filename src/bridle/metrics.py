"""Metrics of Keras that a study can select by: `model.compile(…, metrics=[bridle.metrics.Perplexity()])`."""

from bridle._keras._fvu import FVU
from bridle._keras._perplexity import Perplexity

__all__ = ["FVU", "Perplexity"]
