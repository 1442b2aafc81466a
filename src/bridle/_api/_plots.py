"""`Result.plot`: the pictures of a result."""

from typing import Literal

from matplotlib.axes import Axes

from bridle import plots
from bridle import report as reports
from bridle._cards import Frame
from bridle._errors import InputError, nearest_names
from bridle.results import StudyResult
from bridle.stats import weigh_evidence


class Plots:
    """Pictures of a study result.

    Methods draw on `ax`, or on a new figure if `ax` is None, and return the axes; `interactive` is for notebooks.
    `arm` is the name of an arm; by default the method selects one, or draws all.

    Errors: `InputError` for an unknown arm or tensor, and if the study has no data for the picture.
    """

    def __init__(self, data: StudyResult) -> None:
        self._data = data

    def interactive(self, height: int = 720) -> Frame:
        """Show all pictures in a notebook, with values under the pointer and a slider over the strengths.

        It is the page of `Result.report` without the Keras code, in a frame of `height` pixels.
        """
        title = "Regularization study"
        return Frame(reports.page(title, [reports.Section(title, self._data)]), height)

    def curves(self, ax: Axes | None = None) -> Axes:
        """Draw learning curves of training and validation rows, with bands over seeds and folds."""
        return plots.draw_curves(plots.curves_data(self._data), ax)

    def sweep(self, ax: Axes | None = None, *, arm: str | None = None) -> Axes:
        """Draw the score against the strength, with standard errors and the selected candidates.

        With `arm`, draw that arm alone, with its share of exact zeros above.
        """
        index = self._arm_index(arm)
        arms = None if index is None else [index]
        return plots.draw_sweep(plots.sweep_data(self._data, arms=arms), ax)

    def heatmap(self, ax: Axes | None = None, *, arm: str | None = None) -> Axes:
        """Draw the mean score over the two strengths of an arm; by default, of the best arm with two strengths."""
        return plots.draw_heatmap(plots.heatmap_data(self._data, self._arm_index(arm)), ax)

    def frontier(self, ax: Axes | None = None, *, tensor: str | None = None) -> Axes:
        """Draw the score of every candidate against its share of exact zeros, and connect the Pareto front.

        Zeros are those of `tensor`, such as `"code/output"`; by default those of the tensor of a search along the
        frontier, and in other studies those of what each arm charges.
        """
        evidence = weigh_evidence(self._data)
        if tensor is None and evidence.sparse is not None:
            tensor = evidence.sparse.tensor
        return plots.draw_frontier(plots.frontier_data(self._data, evidence=evidence, tensor=tensor), ax)

    def path(
        self, arm: str | None = None, kind: Literal["zeros", "norm", "size"] = "zeros", ax: Axes | None = None
    ) -> Axes:
        """Draw a property of the penalized tensors along the strengths of an arm.

        Args:
            arm: name of an arm. Default: the arm with the largest gain.
            kind: `"zeros"` for the share of exact zeros (default), `"norm"` for the norms of the weights, `"size"` for
                the mean magnitude.
            ax: the axes to draw on.

        """
        index = self._arm_index(arm)
        if index is None:
            index = weigh_evidence(self._data).winner or min(1, len(self._data.arms) - 1)
        return plots.draw_path(plots.path_data(self._data, index, kind), ax)

    def units(self, ax: Axes | None = None, *, arm: str | None = None, tensor: str | None = None) -> Axes:
        """Draw the magnitudes of the units of a tensor along the strengths: median, quantile bands and extremes."""
        return plots.draw_units(plots.units_data(self._data, self._arm_index(arm), tensor), ax)

    def weights(self, ax: Axes | None = None, *, arm: str | None = None, tensor: str | None = None) -> Axes:
        """Draw a weight matrix, or convolution filters, without a penalty and with the best candidate of an arm."""
        return plots.draw_weights(plots.weights_data(self._data, self._arm_index(arm), tensor), ax)

    def activations(
        self, ax: Axes | None = None, *, arm: str | None = None, tensor: str | None = None, kind: str = "map"
    ) -> Axes:
        """Draw a penalized activation, without a penalty and with the best candidate of an arm.

        `kind` is `"map"` for an image of rows × units (default), or `"histogram"`.
        """
        if kind not in ("map", "histogram"):
            raise InputError(f"Expected kind='map' or 'histogram', got {kind!r}.")
        return plots.draw_activations(plots.activations_data(self._data, self._arm_index(arm), tensor), ax, kind=kind)

    def surface(self, panel: int = -1, ax: Axes | None = None) -> Axes:
        """Draw the rows and the decision surface of a study with two inputs and two classes.

        `panel` is the index of a candidate: 0 is `none`; the selected candidates of each arm follow, weak to strong.
        """
        data = plots.surface_data(self._data)
        if data is None:
            raise InputError(
                "Expected a study with two inputs and two classes for a decision surface, got another one."
            )
        return plots.draw_surface(data, ax, panel=panel)

    def gains(self, ax: Axes | None = None) -> Axes:
        """Draw the gain of each arm over `none`, with its interval."""
        return plots.draw_gains(plots.gains_data(self._data), ax)

    def _arm_index(self, arm: str | None) -> int | None:
        """Return the index of an arm by name, or None if no name was given."""
        names = [existing.name for existing in self._data.arms]
        if arm is not None and arm not in names:
            raise InputError(f"Expected an arm of this study, got {arm!r}. {nearest_names(arm, names)}")
        return None if arm is None else names.index(arm)
