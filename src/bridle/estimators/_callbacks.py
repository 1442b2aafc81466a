"""Callbacks of scikit-learn 1.9 and later: each stage of a study is a task of `fit`, and each of its fits a task in it.

Earlier versions have no callbacks; there the base class is empty and nothing is told.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from bridle.study import Update

if not TYPE_CHECKING and find_spec("sklearn.callback"):
    from sklearn.callback import CallbackSupportMixin, with_callbacks
else:

    class CallbackSupportMixin:
        """Base class without callbacks."""

    def with_callbacks(method: Callable) -> Callable:
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "FitTasks", "with_callbacks"]


class FitTasks:
    """Tasks of one call of `fit`, told to the callbacks of an estimator. A `Watch` of a study's updates.

    `fit` calls it inside `with_callbacks`, and ends it with `end`. What a callback returns is ignored: fits run side by
    side and none of them can be the last one.

    Args:
        estimator: the estimator, a `CallbackSupportMixin`.
        data: `X`, `y` and `metadata` for the hooks that ask for them.

    """

    def __init__(self, estimator: Any, **data: Any) -> None:
        self._estimator, self._data = estimator, data
        self._root: Any = None
        if hasattr(estimator, "_init_callback_context"):
            self._root = estimator._init_callback_context(max_subtasks=None)
            self._begin(self._root)
        self._stage: Any = None
        self._run = "", 0.0
        """The stage of the last update, and the time at which its run began: a stage can run several times."""
        self._told = self._room = 0
        """How many fits of a run were told, and can be told until its task is full."""

    def __call__(self, update: Update) -> None:
        """Begin the stage of an update if its run is new, and tell of the fits that have finished since."""
        name, progress = update.stage, update.progress
        if self._root is None or ":" in name:  # "fits: compiling", which does not know the number of fits yet
            return
        (stage, began), self._run = self._run, (name, progress.began)
        if stage != name or (began != progress.began and self._told == self._room):  # it also moves after compiling
            self._told = 0
            self._begin_stage(name, progress.total)
        for _ in range(self._told, progress.done):
            if self._told == self._room:  # extended grids add fits to a race
                self._begin_stage(name, progress.total)
            fit = self._stage.subcontext("one fit")
            self._begin(fit)
            fit.call_on_fit_task_end(estimator=self._estimator, **self._data)
            self._told += 1

    def end(self) -> None:
        """End the last stage and the whole fit; the estimator is fitted."""
        if self._root is not None:
            self._end_stage()
            fitted = {name: value for name, value in vars(self._estimator).items() if name.endswith("_")}
            self._root.call_on_fit_task_end(
                estimator=self._estimator, reconstruction_attributes=lambda: fitted, **self._data
            )

    def _begin(self, context: Any) -> None:
        context.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def _begin_stage(self, name: str, total: int) -> None:
        """End the last stage and begin one with the fits that were not told, of all fits of a run."""
        self._end_stage()
        self._stage, self._room = self._root.subcontext(name, max_subtasks=total - self._told), total
        self._begin(self._stage)

    def _end_stage(self) -> None:
        if self._stage is not None:
            self._stage.call_on_fit_task_end(estimator=self._estimator, **self._data)
