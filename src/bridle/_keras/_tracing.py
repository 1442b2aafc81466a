"""Which layer cannot be traced, and why."""

import contextlib
from collections.abc import Iterator
from types import TracebackType

import jax
import keras

from bridle._errors import BridleError


class UntraceableError(BridleError):
    """A model whose call asks for values that are not there while it is traced; the text names the layer."""


@contextlib.contextmanager
def layers_named() -> Iterator[None]:
    """Turn an error of JAX about a value that it does not have while tracing into one that names the layer.

    Keras rewrites the errors of layers, which these errors do not survive; that is turned off inside the block.

    Errors: `UntraceableError`.
    """
    filtering = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        yield
    except (jax.errors.JAXTypeError, jax.errors.JAXIndexError) as error:
        layer = _innermost(error.__traceback__)
        where = "the loss or a metric" if layer is None else f"the layer {layer.name!r} ({type(layer).__name__})"
        raise UntraceableError(f"{where}: {str(error).strip().splitlines()[0]}") from error
    finally:
        if filtering:
            keras.config.enable_traceback_filtering()


def _innermost(traceback: TracebackType | None) -> keras.Layer | None:
    """The layer inside whose call an error came up; None outside of layers."""
    found = None
    while traceback is not None:
        owner = traceback.tb_frame.f_locals.get("self")
        if isinstance(owner, keras.Layer) and traceback.tb_frame.f_code.co_name == "call":
            found = owner
        traceback = traceback.tb_next
    return found
