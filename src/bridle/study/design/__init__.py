"""Design of a study: arms, candidates, objective, scores, plan."""

from bridle.study.design._arms import NONE, BoundArm, join_arms, to_result_arm
from bridle.study.design._objective import diagnostic_names
from bridle.study.design._plan import Plan, duration, make_plan, make_timed_plan
from bridle.study.design._prepare import (
    OUTER,
    all_rows,
    inner_study,
    outer_fold_study,
    outer_splits,
    prepare,
    refit_rows,
    with_rows,
)
from bridle.study.design._prepared import Prepared, StudyEngine
from bridle.study.design._question import (
    DECREASING,
    INITIAL_WEIGHTS,
    MAX_COUNT,
    MAX_SEED,
    MAX_SEEDS,
    WARM_STARTS,
    EarlyStopping,
    Question,
)
from bridle.study.design._scores import natural_direction, score_text

__all__ = [
    "DECREASING",
    "INITIAL_WEIGHTS",
    "MAX_COUNT",
    "MAX_SEED",
    "MAX_SEEDS",
    "NONE",
    "OUTER",
    "WARM_STARTS",
    "BoundArm",
    "EarlyStopping",
    "Plan",
    "Prepared",
    "Question",
    "StudyEngine",
    "all_rows",
    "diagnostic_names",
    "duration",
    "inner_study",
    "join_arms",
    "make_plan",
    "make_timed_plan",
    "natural_direction",
    "outer_fold_study",
    "outer_splits",
    "prepare",
    "refit_rows",
    "score_text",
    "to_result_arm",
    "with_rows",
]
