"""Models and rows from untrusted files."""

from bridle.untrusted._archive import MAX_UNPACKED_MIB, MIB
from bridle.untrusted._config import check_config, own_names
from bridle.untrusted._read import GENERATED_ROWS, read_model, read_rows, weights_of

__all__ = [
    "GENERATED_ROWS",
    "MAX_UNPACKED_MIB",
    "MIB",
    "check_config",
    "own_names",
    "read_model",
    "read_rows",
    "weights_of",
]
