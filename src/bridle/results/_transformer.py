"""Fitted transformers as plain values, as a result stores them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class StoredTransformer:
    """A fitted transformer of rows or of their target, as words and arrays without any code.

    `bridle.study.data.build_transformer` builds the transformer from it.
    """

    text: str
    """The transformer as Python code, such as `StandardScaler()`."""
    words: Mapping[str, object] | None = None
    """Class, parameters and fitted attributes, as JSON; None where it cannot be stored."""
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    """Arrays that the words refer to."""
