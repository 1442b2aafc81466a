"""Tables: read, describe and prepare them."""

from bridle.tables._columns import find_column, first_of, kind_of, labels_of, numbers_of
from bridle.tables._formats import FILE, LABEL, has_texts, refuse_options
from bridle.tables._hints import hints
from bridle.tables._layout import Column, Layout, LayoutRules, find_layout
from bridle.tables._number_format import NumberFormat
from bridle.tables._preparation import NewRows, Preparation
from bridle.tables._problem import Problem, decode_target, encode_target, find_problem, known_rows
from bridle.tables._read import read_file, read_table
from bridle.tables._remarks import remarks
from bridle.tables._structure import FORMATS, Structure, time_pattern, times_of
from bridle.tables._table import Table, table_of
from bridle.tables._targets import encode_targets, find_problems, strata, target_names
from bridle.tables._warnings import copies, large_class

__all__ = [
    "FILE",
    "FORMATS",
    "LABEL",
    "Column",
    "Layout",
    "LayoutRules",
    "NewRows",
    "NumberFormat",
    "Preparation",
    "Problem",
    "Structure",
    "Table",
    "copies",
    "decode_target",
    "encode_target",
    "encode_targets",
    "find_column",
    "find_layout",
    "find_problem",
    "find_problems",
    "first_of",
    "has_texts",
    "hints",
    "kind_of",
    "known_rows",
    "labels_of",
    "large_class",
    "numbers_of",
    "read_file",
    "read_table",
    "refuse_options",
    "remarks",
    "strata",
    "table_of",
    "target_names",
    "time_pattern",
    "times_of",
]
