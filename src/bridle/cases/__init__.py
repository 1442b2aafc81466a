"""The shipped case studies, each in the tutorial's protocol and in an honest one."""

from bridle.cases._case import Case, Protocol, Published
from bridle.cases._claims import Measured
from bridle.cases._run import CASES, CaseResult, find_case, prepare_case, run_case

__all__ = ["CASES", "Case", "CaseResult", "Measured", "Protocol", "Published", "find_case", "prepare_case", "run_case"]
