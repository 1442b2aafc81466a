"""Pictures of a result: numbers are computed first, then drawn.

Each picture has two functions: `…_data(result, …)` computes its numbers, `draw_…(data, axes)` draws them.
`drawings` collects the pictures of a report, each with its caption and alternative text.

* over strengths: `sweep`, `gains`, `path`, `heatmap`, `frontier`
* over epochs: `curves`
* over any number, such as the width of a network: `lines`
* of trained models: `activations`, `units`, `weights`, `surface`
"""

from bridle.plots._activations import activations_data, draw_activations
from bridle.plots._curves import Curve, CurvesData, band, curves_data, draw_curves
from bridle.plots._figures import Drawing, drawings
from bridle.plots._frontier import draw_frontier, frontier_data
from bridle.plots._gains import GainsData, Source, draw_gains, gains_data
from bridle.plots._heatmap import draw_heatmap, heatmap_data
from bridle.plots._lines import LineSeries, draw_lines, lines_alt
from bridle.plots._path import draw_path, path_data
from bridle.plots._strengths import Ticks
from bridle.plots._style import THEMES, Theme, marker
from bridle.plots._surface import draw_surface, surface_data
from bridle.plots._sweep import Published, SweepData, Swept, draw_sweep, sweep_data
from bridle.plots._units import draw_units, units_data
from bridle.plots._weights import draw_weights, weights_data

__all__ = [
    "THEMES",
    "Curve",
    "CurvesData",
    "Drawing",
    "GainsData",
    "LineSeries",
    "Published",
    "Source",
    "SweepData",
    "Swept",
    "Theme",
    "Ticks",
    "activations_data",
    "band",
    "curves_data",
    "draw_activations",
    "draw_curves",
    "draw_frontier",
    "draw_gains",
    "draw_heatmap",
    "draw_lines",
    "draw_path",
    "draw_surface",
    "draw_sweep",
    "draw_units",
    "draw_weights",
    "drawings",
    "frontier_data",
    "gains_data",
    "heatmap_data",
    "lines_alt",
    "marker",
    "path_data",
    "surface_data",
    "sweep_data",
    "units_data",
    "weights_data",
]
