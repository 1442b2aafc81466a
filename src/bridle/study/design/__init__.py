"""Design of a study: arms, settings, objective, scores, plan."""

from bridle.study.design._arms import NONE, BoundArm, join_arms, to_result_arm
from bridle.study.design._inner_study import OUTER, inner_study, outer_splits, study_of_fold
from bridle.study.design._objective import SPREAD, diagnostic_names
from bridle.study.design._plan import Plan, duration, make_plan, timed_plan
from bridle.study.design._prepare import Prepared, StudyEngine, prepare, refit_rows, whole_rows, with_rows
from bridle.study.design._question import COLD, STRONG, EarlyStopping, Question
from bridle.study.design._scores import natural, written_score

__all__ = [
    "COLD",
    "NONE",
    "OUTER",
    "SPREAD",
    "STRONG",
    "BoundArm",
    "EarlyStopping",
    "Plan",
    "Prepared",
    "Question",
    "StudyEngine",
    "diagnostic_names",
    "duration",
    "inner_study",
    "join_arms",
    "make_plan",
    "natural",
    "outer_splits",
    "prepare",
    "refit_rows",
    "study_of_fold",
    "timed_plan",
    "to_result_arm",
    "whole_rows",
    "with_rows",
    "written_score",
]
