"""The backend that Keras runs on: its operations, compiler options and random seeds."""

import contextlib
import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops as _untyped_ops

from bridle._errors import BackendError
from bridle._keras._internals import process_seeded

ops: Any = _untyped_ops
"""`keras.ops` without types: its annotations are unions with None, which a type checker cannot use."""
REFUSED_OPTION = re.compile(r"No such compile option: '(\w+)'")
"""The text with which XLA refuses a compiler option that it does not know."""
REQUIRED_OPTIONS = frozenset({"xla_gpu_deterministic_ops"})
"""Options without which two runs give different numbers."""
_refused_options: set[str] = set()


def with_compiler_options(
    compile_with: Callable[[dict[str, Any] | None], Any], options: Mapping[str, Any] | None
) -> Any:
    """Call a function that compiles with options of XLA, without those that this XLA refuses.

    An option that was refused once is left out for the rest of the process. Options that keep numbers the same from
    run to run are never left out.
    """
    while True:
        accepted = {name: value for name, value in (options or {}).items() if name not in _refused_options}
        try:
            return compile_with(accepted or None)
        except RuntimeError as error:
            match = REFUSED_OPTION.search(str(error))
            if match is None or match[1] not in accepted or match[1] in REQUIRED_OPTIONS:
                raise
            _refused_options.add(match[1])


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


def kth_largest(x: Any, k: Any) -> Any:
    """Return the k-th largest of the positive parts along the last axis, as float32 of shape (…, 1), without gradient.

    On JAX the bits of the result are found one by one, from the highest: floats ≥ 0 are ordered as their bits are. On
    a CPU this takes a tenth of the time of `lax.top_k`, which sorts row by row.
    """
    positive = ops.relu(ops.cast(ops.stop_gradient(x), "float32"))
    if keras.backend.backend() != "jax":
        return ops.take(ops.sort(positive, axis=-1), ops.shape(positive)[-1] - k, axis=-1)[..., None]
    import jax.numpy as jnp
    from jax import lax

    bits = lax.bitcast_convert_type(positive, jnp.int32)

    def set_bit(index: Any, level: Any) -> Any:
        higher = level | (jnp.int32(1) << (30 - index))
        return jnp.where(jnp.sum(bits >= higher, axis=-1, keepdims=True) >= k, higher, level)

    level = lax.fori_loop(0, 31, set_bit, jnp.zeros((*bits.shape[:-1], 1), jnp.int32))
    return lax.bitcast_convert_type(level, jnp.float32)
