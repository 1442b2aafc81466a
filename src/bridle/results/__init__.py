"""The narrow waist: what a study measured, as numpy arrays."""

from bridle.results._result import ALL_ROWS, Arm, Members, Picture, Score, StudyResult

__all__ = ["ALL_ROWS", "Arm", "Members", "Picture", "Score", "StudyResult"]
