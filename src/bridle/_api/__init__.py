"""The Python interface: `Study`, `search`, and their results."""

from bridle._api._ensemble import Ensemble, EnsembleGain
from bridle._api._plots import Plots
from bridle._api._representation import Representation
from bridle._api._result import Result
from bridle._api._search import SearchResult, search, search_arms
from bridle._api._selection import RULES, Best
from bridle._api._stored import load, reload_note
from bridle._api._study import Study, run_prepared

__all__ = [
    "RULES",
    "Best",
    "Ensemble",
    "EnsembleGain",
    "Plots",
    "Representation",
    "Result",
    "SearchResult",
    "Study",
    "load",
    "reload_note",
    "run_prepared",
    "search",
    "search_arms",
]
