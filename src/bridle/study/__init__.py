"""THE QUESTION: arms, strengths, splits → plan → run → result."""

from bridle.study._stages import run_study
from bridle.study._update import Update, Watch

__all__ = [
    "Update",
    "Watch",
    "run_study",
]
