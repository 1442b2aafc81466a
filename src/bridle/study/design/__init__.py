"""Design of a study: arms, candidates, objective, scores, plan."""

from bridle.study.design._arms import BoundArm, join_arms
from bridle.study.design._plan import Plan, duration, make_plan, make_timed_plan
from bridle.study.design._prepare import compile_ahead, inner_study, prepare
from bridle.study.design._prepared import Prepared
from bridle.study.design._question import (
    INITIAL_WEIGHTS,
    MAX_COUNT,
    MAX_SEED,
    MAX_SEEDS,
    WARM_STARTS,
    Question,
)

__all__ = [
    "INITIAL_WEIGHTS",
    "MAX_COUNT",
    "MAX_SEED",
    "MAX_SEEDS",
    "WARM_STARTS",
    "BoundArm",
    "Plan",
    "Prepared",
    "Question",
    "compile_ahead",
    "duration",
    "inner_study",
    "join_arms",
    "make_plan",
    "make_timed_plan",
    "prepare",
]
