"""Keras layers for sparse representations: activations with exact zeros, decoders with unit atoms, codes by row.

They run on every backend of Keras, and models with them save and load.
"""

from bridle.layers._activation import SparseActivation
from bridle.layers._dense import TiedDense, UnitNormDense, UnitVectors
from bridle.layers._jump import JumpReLU
from bridle.layers._rows import RowCodes
from bridle.layers._top import BatchTopK, TopK

__all__ = ["BatchTopK", "JumpReLU", "RowCodes", "SparseActivation", "TiedDense", "TopK", "UnitNormDense", "UnitVectors"]
