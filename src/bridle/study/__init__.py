"""THE QUESTION: arms, strengths, splits → plan → run → result."""

from bridle.study._arms import joined
from bridle.study._data import read_inputs
from bridle.study._plan import Plan, duration, make_plan, timed_plan
from bridle.study._preparation import restored, transformed
from bridle.study._prepare import Prepared, prepare
from bridle.study._question import EarlyStopping, Question
from bridle.study._rows import Rows
from bridle.study._run import run_study
from bridle.study._transformers import import_lines, one_line, revive, written
from bridle.study._update import Update, Watch

__all__ = [
    "EarlyStopping", "Plan", "Prepared", "Question", "Rows", "Update", "Watch", "duration", "import_lines", "joined",
    "make_plan", "one_line", "prepare", "read_inputs", "restored", "revive", "run_study", "timed_plan", "transformed",
    "written",
]  # fmt: skip
