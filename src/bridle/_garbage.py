"""A pause in the search for cyclic garbage while many objects are made that stay."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """Pause Python's search for cyclic garbage.

    Imports, tracing and building a first model make enough objects to start a search. It takes 0.15 s with Keras and
    JAX loaded, as long as the tracing of a small network. Freezing and unfreezing counts the new objects as old;
    otherwise the search would start at the end of the block.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()
