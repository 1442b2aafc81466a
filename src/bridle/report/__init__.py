"""Words, tables and pages: what a person reads of a result."""

from bridle.report._csv import safe_cells
from bridle.report._html import page
from bridle.report._json import strict, to_json
from bridle.report._notes import meaning
from bridle.report._section import Section, Sheet
from bridle.report._table import rows, table
from bridle.report._terminal import rich_table
from bridle.report._words import sentences, verdict
from bridle.report._write import Written, write

__all__ = [
    "Section",
    "Sheet",
    "Written",
    "meaning",
    "page",
    "rich_table",
    "rows",
    "safe_cells",
    "sentences",
    "strict",
    "table",
    "to_json",
    "verdict",
    "write",
]
