"""bridle finds the regularization that makes a Keras network generalize, and shows the evidence.

Rooms load when they are first used, so `import bridle` is light. It changes one global setting, and only where
nothing else has: where Keras is not imported and `KERAS_BACKEND` is unset, it selects JAX.
"""

import os as _os
import sys as _sys
from importlib import import_module as _import_module

from bridle._errors import missing_backend as _missing_backend
from bridle._version import __version__

if "keras" not in _sys.modules:
    _os.environ.setdefault("KERAS_BACKEND", "jax")

_HOMES = {
    "AR": "regularizers",
    "Binarizing": "regularizers",
    "BridleError": "_errors",
    "audit": "auditing",
    "Confidence": "regularizers",
    "Custom": "regularizers",
    "Decorrelation": "regularizers",
    "EarlyStopping": "study.design",
    "GroupLasso": "regularizers",
    "Hoyer": "regularizers",
    "Interrupted": "_errors",
    "KL": "regularizers",
    "L1": "regularizers",
    "L1L2": "regularizers",
    "L2": "regularizers",
    "L2SP": "regularizers",
    "Log": "regularizers",
    "MaxNorm": "regularizers",
    "MeanActivation": "regularizers",
    "Nuclear": "regularizers",
    "Orthogonality": "regularizers",
    "Result": "_api",
    "SmoothL1": "regularizers",
    "SparseGroupLasso": "regularizers",
    "SpectralNorm": "regularizers",
    "Study": "_api",
    "TAR": "regularizers",
    "convert": "conversion",
    "grid": "regularizers",
    "load": "_api",
    "parse_penalty": "regularizers",
    "regularize": "placement",
    "presets": "conversion",
    "search": "_api",
    "tune": "tuning",
    "strip": "placement",
}

_MODULES = ("callbacks", "schedule", "testing")

__all__ = [*sorted([*_HOMES, *_MODULES]), "__version__"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        try:
            return getattr(_import_module(f"bridle.{_HOMES[name]}"), name)
        except ModuleNotFoundError as error:
            raise _missing_backend(error) or error from error
    if name in _MODULES:
        return _import_module(f"bridle.{name}")
    raise AttributeError(f"module 'bridle' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
