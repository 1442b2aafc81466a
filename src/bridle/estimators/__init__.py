"""Estimators of scikit-learn: networks that choose their own regularization."""

from bridle.estimators._classifier import RegularizedClassifier
from bridle.estimators._regressor import RegularizedRegressor

__all__ = ["RegularizedClassifier", "RegularizedRegressor"]
