"""Long tables cut into rows of a study: sequences with one label each, and windows of series."""

from bridle.sequences._folds import TimeSplit, split_in_time
from bridle.sequences._labelled import CutTable, NewSequences, Sequences
from bridle.sequences._preparation import SEQUENCE_FORMAT, SequencePreparation, read_preparation
from bridle.sequences._rows import SequenceRows
from bridle.sequences._windows import CutSeries, Forecast, NewWindows, naive_values

__all__ = [
    "SEQUENCE_FORMAT",
    "CutSeries",
    "CutTable",
    "Forecast",
    "NewSequences",
    "NewWindows",
    "SequencePreparation",
    "SequenceRows",
    "Sequences",
    "TimeSplit",
    "naive_values",
    "read_preparation",
    "split_in_time",
]
