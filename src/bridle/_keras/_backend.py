"""The backend that Keras runs on, and its random seeds."""

import contextlib
import random
from collections.abc import Iterator

import keras
import numpy as np

from bridle._errors import BackendError
from bridle._keras._internals import process_seeded


def require_jax() -> None:
    """Refuse to compile a study where Keras runs on another backend."""
    name = keras.backend.backend()
    if name != "jax":
        raise BackendError(
            f"Expected Keras on the JAX backend for a study, got {name!r}. "
            "Set the environment variable KERAS_BACKEND=jax before Python starts "
            "(penalties and bridle.regularize work on every backend)."
        )


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed as `keras.utils.set_random_seed(seed)` does inside the block; restore every generator afterwards.

    Keras's function also imports TensorFlow, where it is installed; this does not.
    """
    python, legacy = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        with process_seeded(seed):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
