"""Rows of a study: arrays, splits, folds, preparation."""

from bridle.study.data._arrays import Data, plain_rows, read_inputs
from bridle.study.data._folds import RefitRows, make_folds, make_refit_rows
from bridle.study.data._preparation import restore_target, transform_rows
from bridle.study.data._rows import RowPreparer, Rows, take_rows
from bridle.study.data._splits import Split, split_rows, time_ordered_splitter, unstratified_notes
from bridle.study.data._splitter import ListedFolds, Splitter, as_splitter
from bridle.study.data._transformers import build_transformer, import_lines, transformer_line, transformer_text

__all__ = [
    "Data",
    "ListedFolds",
    "RefitRows",
    "RowPreparer",
    "Rows",
    "Split",
    "Splitter",
    "as_splitter",
    "build_transformer",
    "import_lines",
    "make_folds",
    "make_refit_rows",
    "plain_rows",
    "read_inputs",
    "restore_target",
    "split_rows",
    "take_rows",
    "time_ordered_splitter",
    "transform_rows",
    "transformer_line",
    "transformer_text",
    "unstratified_notes",
]
