"""Which backend Keras runs on, and a sentence where a study cannot run there."""

import contextlib
import random
import sys
from collections.abc import Iterator

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from keras.src.utils.module_utils import tensorflow
from keras.src.utils.rng_utils import GLOBAL_RANDOM_SEED

from bridle._errors import BackendError


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
    """`keras.utils.set_random_seed(seed)` inside the block; every generator is put back afterwards.

    Keras's function also imports TensorFlow, where it is installed, to seed what no model on JAX asks; this does not.
    """
    python, legacy = random.getstate(), np.random.get_state()
    kept = {name: global_state.get_global_attribute(name) for name in (GLOBAL_RANDOM_SEED, GLOBAL_SEED_GENERATOR)}
    global_state.set_global_attribute(GLOBAL_RANDOM_SEED, seed)
    global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, None)
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
        for name, value in kept.items():
            global_state.set_global_attribute(name, value)


@contextlib.contextmanager
def tensorflow_left_alone() -> Iterator[None]:
    """Keep Keras from importing TensorFlow, where it is installed, to ask whether something is one of its objects.

    That takes seconds and some 400 MB, and the answer is known: where TensorFlow is not imported, nothing is.
    """
    needed = keras.backend.backend() == "tensorflow" or "tensorflow" in sys.modules or tensorflow._available is not None
    if needed:
        yield
        return
    tensorflow._available = False
    try:
        yield
    finally:
        tensorflow._available = None
