"""A fitted transformer as plain values: what a result keeps of the preparation of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class StoredTransformer:
    """A fitted transformer of rows or of their target, as words and arrays without any code.

    `bridle.study.revive` makes the transformer of it again.
    """

    text: str
    """As it is written in Python, such as `StandardScaler()`."""
    words: Mapping[str, object] | None = None
    """Class, parameters and fitted attributes, as JSON; None where it cannot be stored."""
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    """The arrays that the words refer to."""
