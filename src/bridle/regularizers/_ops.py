"""`keras.ops` without types: its annotations are unions with None, which a type checker cannot use."""

from typing import Any

from keras import ops as _untyped_ops

ops: Any = _untyped_ops
