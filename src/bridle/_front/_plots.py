"""The pictures of a result, as a person asks for them."""

from matplotlib.axes import Axes

from bridle import plots
from bridle._errors import InputError, near
from bridle.results import StudyResult
from bridle.stats import weigh


class Plots:
    """The pictures of a result. Each takes `ax=None` and returns the axes that it drew on."""

    def __init__(self, data: StudyResult) -> None:
        self._data = data

    def curves(self, ax: Axes | None = None) -> Axes:
        """Learning curves, train and validation, with bands over seeds and folds."""
        return plots.draw_curves(plots.curves_data(self._data), ax)

    def sweep(self, ax: Axes | None = None) -> Axes:
        """Score against strength with error bars and the rules marked."""
        return plots.draw_sweep(plots.sweep_data(self._data), ax)

    def path(self, arm: str | None = None, kind: str = "zeros", ax: Axes | None = None) -> Axes:
        """Exact zeros (`kind="zeros"`), weight norms (`"norm"`) or magnitudes (`"size"`) along an arm's strengths."""
        names = [each.name for each in self._data.arms]
        if arm is not None and arm not in names:
            raise InputError(f"Expected an arm of this study, got {arm!r}. {near(arm, names)}")
        number = (weigh(self._data).winner or min(1, len(names) - 1)) if arm is None else names.index(arm)
        return plots.draw_path(plots.path_data(self._data, number, kind), ax)

    def surface(self, panel: int = -1, ax: Axes | None = None) -> Axes:
        """Rows and decision surface, for two inputs; panel 0 is `none`, then the best setting of each arm."""
        data = plots.surface_data(self._data)
        if data is None:
            raise InputError(
                "Expected a study with two inputs and two classes for a decision surface; this one has others."
            )
        return plots.draw_surface(data, ax, panel=panel)

    def gains(self, ax: Axes | None = None) -> Axes:
        """The difference of each arm to `none`, with its interval."""
        return plots.draw_gains(plots.gains_data(self._data), ax)
