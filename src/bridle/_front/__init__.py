"""The front door: `Study` and `Result`, the two things a person holds."""

from bridle._front._plots import Plots
from bridle._front._result import Best, Result, load
from bridle._front._search import SearchResult, search, search_arms
from bridle._front._stored import reload_note
from bridle._front._study import Study, conduct

__all__ = [
    "Best", "Plots", "Result", "SearchResult", "Study", "conduct", "load", "reload_note", "search", "search_arms",
]  # fmt: skip
