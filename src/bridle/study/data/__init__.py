"""Rows of a study: arrays, splits, folds, preparation."""

from bridle.study.data._arrays import Data, read_inputs
from bridle.study.data._fingerprint import fingerprint
from bridle.study.data._folds import RowPreparer, all_rows, make_folds, take
from bridle.study.data._listed_folds import ListedFolds, as_splitter
from bridle.study.data._preparation import restored, transformed
from bridle.study.data._rows import Rows
from bridle.study.data._splits import Split, Splitter, later_rows, split_rows, unstratified_notes
from bridle.study.data._transformers import import_lines, one_line, revive, written

__all__ = [
    "Data",
    "ListedFolds",
    "RowPreparer",
    "Rows",
    "Split",
    "Splitter",
    "all_rows",
    "as_splitter",
    "fingerprint",
    "import_lines",
    "later_rows",
    "make_folds",
    "one_line",
    "read_inputs",
    "restored",
    "revive",
    "split_rows",
    "take",
    "transformed",
    "unstratified_notes",
    "written",
]
