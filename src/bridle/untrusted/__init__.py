"""Models and rows from untrusted files."""

from bridle.untrusted._archive import LIMIT, MIB
from bridle.untrusted._config import check_config, own_names
from bridle.untrusted._read import MADE, read_model, read_rows, weights_of

__all__ = [
    "LIMIT",
    "MADE",
    "MIB",
    "check_config",
    "own_names",
    "read_model",
    "read_rows",
    "weights_of",
]
