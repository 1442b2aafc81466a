"""Studies for other programs: tables of fits, ONNX models, model cards, trackers of experiments."""

from bridle.exporting._export import KINDS, check_kind, export, table_text, write_export
from bridle.exporting._source import Exported, FinishedStudy, source_of_folder

__all__ = [
    "KINDS",
    "Exported",
    "FinishedStudy",
    "check_kind",
    "export",
    "source_of_folder",
    "table_text",
    "write_export",
]
