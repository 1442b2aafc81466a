"""Measures of codes and dictionaries: functions on NumPy arrays.

A code is an array (row, unit) of activations, a dictionary an array (feature, input) with one feature per row.

* reconstruction: `fvu`, `norm_ratio`
* sparsity: `l0`, `exact_zeros`, `densities`, `live_units`
* bits: `quantize`, `code_entropy`
* the same features again: `max_cosines`, `mean_max_cosine`, `match_features`, `stability`
* what a code knows: `probe`, `noise_like`
* all networks of a study: `StudiedCodes`, from `Result.representation`
"""

from bridle.representations._codes import (
    code_entropy,
    densities,
    exact_zeros,
    fvu,
    l0,
    live_units,
    norm_ratio,
    quantize,
)
from bridle.representations._features import (
    Matching,
    Stability,
    match_features,
    max_cosines,
    mean_max_cosine,
    stability,
)
from bridle.representations._probes import Probed, probe
from bridle.representations._studied import EqualSparsity, StudiedCodes, join_codes, noise_like

__all__ = [
    "EqualSparsity",
    "Matching",
    "Probed",
    "Stability",
    "StudiedCodes",
    "code_entropy",
    "densities",
    "exact_zeros",
    "fvu",
    "join_codes",
    "l0",
    "live_units",
    "match_features",
    "max_cosines",
    "mean_max_cosine",
    "noise_like",
    "norm_ratio",
    "probe",
    "quantize",
    "stability",
]
