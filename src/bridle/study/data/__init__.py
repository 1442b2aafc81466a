"""Rows of a study: arrays, splits, folds, preparation."""

from bridle.sources._plain import plain_rows
from bridle.study.data._arrays import read_inputs
from bridle.study.data._preparation import restore_target, transform_rows
from bridle.study.data._rows import Rows
from bridle.study.data._transformers import build_transformer, import_lines, transformer_line, transformer_text

__all__ = [
    "Rows",
    "build_transformer",
    "import_lines",
    "plain_rows",
    "read_inputs",
    "restore_target",
    "transform_rows",
    "transformer_line",
    "transformer_text",
]
