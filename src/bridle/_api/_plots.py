"""The pictures of a result, as a person asks for them."""

from typing import Literal

from matplotlib.axes import Axes

from bridle import plots
from bridle._errors import InputError, nearest_names
from bridle.results import StudyResult
from bridle.stats import weigh_evidence


class Plots:
    """The pictures of a result. Each takes `ax=None` and returns the axes that it drew on."""

    def __init__(self, data: StudyResult) -> None:
        self._data = data

    def curves(self, ax: Axes | None = None) -> Axes:
        """Learning curves, train and validation, with bands over seeds and folds."""
        return plots.draw_curves(plots.curves_data(self._data), ax)

    def sweep(self, ax: Axes | None = None, *, arm: str | None = None) -> Axes:
        """Score against strength with error bars and the rules marked; one arm alone has its exact zeros above it."""
        index = self._arm_index(arm)
        arms = None if index is None else [index]
        return plots.draw_sweep(plots.sweep_data(self._data, arms=arms), ax)

    def heatmap(self, ax: Axes | None = None, *, arm: str | None = None) -> Axes:
        """Mean score over the two strengths of an arm; by default of the best arm of which two vary."""
        return plots.draw_heatmap(plots.heatmap_data(self._data, self._arm_index(arm)), ax)

    def frontier(self, ax: Axes | None = None) -> Axes:
        """Score against exact zeros in what is penalized, for every setting; those that no other beats are joined."""
        return plots.draw_frontier(plots.frontier_data(self._data), ax)

    def path(
        self, arm: str | None = None, kind: Literal["zeros", "norm", "size"] = "zeros", ax: Axes | None = None
    ) -> Axes:
        """Exact zeros (`kind="zeros"`), weight norms (`"norm"`) or magnitudes (`"size"`) along an arm's strengths."""
        index = self._arm_index(arm)
        if index is None:
            index = weigh_evidence(self._data).winner or min(1, len(self._data.arms) - 1)
        return plots.draw_path(plots.path_data(self._data, index, kind), ax)

    def units(self, ax: Axes | None = None, *, arm: str | None = None, tensor: str | None = None) -> Axes:
        """Magnitudes of the units of a tensor along the strengths of an arm: median, bands and extremes."""
        return plots.draw_units(plots.units_data(self._data, self._arm_index(arm), tensor), ax)

    def weights(self, ax: Axes | None = None, *, arm: str | None = None, tensor: str | None = None) -> Axes:
        """A weight matrix, or learned filters, without a penalty and with the best one of an arm."""
        return plots.draw_weights(plots.weights_data(self._data, self._arm_index(arm), tensor), ax)

    def activations(
        self, ax: Axes | None = None, *, arm: str | None = None, tensor: str | None = None, kind: str = "map"
    ) -> Axes:
        """A penalized activation before and after, as rows × units (`kind="map"`) or as a `"histogram"`."""
        if kind not in ("map", "histogram"):
            raise InputError(f"Expected kind='map' or 'histogram', got {kind!r}.")
        return plots.draw_activations(plots.activations_data(self._data, self._arm_index(arm), tensor), ax, kind=kind)

    def surface(self, panel: int = -1, ax: Axes | None = None) -> Axes:
        """Rows and decision surface, for two inputs; panel 0 is `none`, then each arm's choices, weak to strong."""
        data = plots.surface_data(self._data)
        if data is None:
            raise InputError(
                "Expected a study with two inputs and two classes for a decision surface; this one has others."
            )
        return plots.draw_surface(data, ax, panel=panel)

    def gains(self, ax: Axes | None = None) -> Axes:
        """The difference of each arm to `none`, with its interval."""
        return plots.draw_gains(plots.gains_data(self._data), ax)

    def _arm_index(self, arm: str | None) -> int | None:
        """Return the index of an arm by name; None for no name."""
        names = [known_arm.name for known_arm in self._data.arms]
        if arm is not None and arm not in names:
            raise InputError(f"Expected an arm of this study, got {arm!r}. {nearest_names(arm, names)}")
        return None if arm is None else names.index(arm)
