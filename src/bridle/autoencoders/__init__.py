"""Sparse autoencoders as Keras models and as transformers of scikit-learn, and files of SAELens."""

from bridle.autoencoders._estimator import SparseAutoencoder

__all__ = ["SparseAutoencoder"]
