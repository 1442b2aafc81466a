"""Sentences, tables and pages about a result."""

from bridle.report._baselines import baseline_frame, baseline_line, baseline_rows, baseline_table
from bridle.report._cells import make_cells, rich_table
from bridle.report._details import detail_lines, details
from bridle.report._diagnosis_pages import CODE, DIAGNOSES, Diagnosis, find_diagnosis, list_text, page_text
from bridle.report._findings import Finding, explain, find_all
from bridle.report._html import page
from bridle.report._json import strict, to_json
from bridle.report._notebook import result_card, result_text
from bridle.report._reproduce import strength_meaning
from bridle.report._section import Section, Sheet
from bridle.report._selection_notes import looks_note
from bridle.report._table import members, rows, safe_cells, table
from bridle.report._verdict import interim_verdict, sentences, verdict
from bridle.report._write import PNG_DPI, Written, write

__all__ = [
    "CODE",
    "DIAGNOSES",
    "PNG_DPI",
    "Diagnosis",
    "Finding",
    "Section",
    "Sheet",
    "Written",
    "baseline_frame",
    "baseline_line",
    "baseline_rows",
    "baseline_table",
    "detail_lines",
    "details",
    "explain",
    "find_all",
    "find_diagnosis",
    "interim_verdict",
    "list_text",
    "looks_note",
    "make_cells",
    "members",
    "page",
    "page_text",
    "result_card",
    "result_text",
    "rich_table",
    "rows",
    "safe_cells",
    "sentences",
    "strength_meaning",
    "strict",
    "table",
    "to_json",
    "verdict",
    "write",
]
