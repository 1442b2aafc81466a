"""THE QUESTION: arms, strengths, splits → plan → run → result."""

from bridle.study._arms import joined
from bridle.study._plan import Plan, duration, make_plan, timed_plan
from bridle.study._prepare import Prepared, prepare
from bridle.study._question import EarlyStopping, Question, Rows
from bridle.study._run import run_study
from bridle.study._update import Update, Watch

__all__ = [
    "EarlyStopping", "Plan", "Prepared", "Question", "Rows", "Update", "Watch", "duration", "joined", "make_plan",
    "prepare", "run_study", "timed_plan",
]  # fmt: skip
