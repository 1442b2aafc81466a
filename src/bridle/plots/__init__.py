"""Pictures of a result: numbers are computed first, then drawn.

Each picture has two functions: `…_data(result, …)` computes its numbers, `draw_…(data, axes)` draws them.
`drawings` collects the pictures of a report, each with its caption and alternative text.

* over strengths: `sweep`, `gains`, `path`, `heatmap`, `frontier`
* over epochs: `curves`
* over any number, such as the width of a network: `lines`
* of trained models: `activations`, `units`, `weights`, `surface`
* of single rows: `errors`, images with the largest errors
* of codes: `code_frontier`, `densities`, `along_time`, and as tiles `features`, `matched`, `reconstructions`; all by
  `code_drawings`
"""

from bridle.plots._activations import activations_data, draw_activations
from bridle.plots._along_time import along_time_data, draw_along_time
from bridle.plots._code_figures import code_drawings
from bridle.plots._codes import code_frontier_data, densities_data, draw_code_frontier, draw_densities
from bridle.plots._curves import Curve, CurvesData, band, curves_data, draw_curves
from bridle.plots._errors import (
    RowErrors,
    class_errors,
    class_shares,
    draw_images,
    error_drawings,
    row_errors,
    worst_errors,
)
from bridle.plots._explore import ExploreData, Panel, explore_data
from bridle.plots._features import draw_tiles, features_data, matched_data, reconstructions_data
from bridle.plots._figures import Drawing, drawings, main_drawing
from bridle.plots._frontier import counted_tensors, draw_frontier, frontier_data
from bridle.plots._gains import GainsData, Source, draw_gains, gains_data
from bridle.plots._heatmap import draw_heatmap, heatmap_data
from bridle.plots._lines import LineSeries, draw_lines, lines_alt
from bridle.plots._pair import POSITIVE, SIGNED
from bridle.plots._path import draw_path, path_data
from bridle.plots._strengths import Ticks
from bridle.plots._style import THEMES, Theme, marker
from bridle.plots._surface import TINTS, draw_surface, surface_data
from bridle.plots._sweep import Published, SweepData, Swept, draw_sweep, sweep_data
from bridle.plots._units import draw_units, units_data
from bridle.plots._weights import draw_weights, weights_data

__all__ = [
    "POSITIVE",
    "SIGNED",
    "THEMES",
    "TINTS",
    "Curve",
    "CurvesData",
    "Drawing",
    "ExploreData",
    "GainsData",
    "LineSeries",
    "Panel",
    "Published",
    "RowErrors",
    "Source",
    "SweepData",
    "Swept",
    "Theme",
    "Ticks",
    "activations_data",
    "along_time_data",
    "band",
    "class_errors",
    "class_shares",
    "code_drawings",
    "code_frontier_data",
    "counted_tensors",
    "curves_data",
    "densities_data",
    "draw_activations",
    "draw_along_time",
    "draw_code_frontier",
    "draw_curves",
    "draw_densities",
    "draw_frontier",
    "draw_gains",
    "draw_heatmap",
    "draw_images",
    "draw_lines",
    "draw_path",
    "draw_surface",
    "draw_sweep",
    "draw_tiles",
    "draw_units",
    "draw_weights",
    "drawings",
    "error_drawings",
    "explore_data",
    "features_data",
    "frontier_data",
    "gains_data",
    "heatmap_data",
    "lines_alt",
    "main_drawing",
    "marker",
    "matched_data",
    "path_data",
    "reconstructions_data",
    "row_errors",
    "surface_data",
    "sweep_data",
    "units_data",
    "weights_data",
    "worst_errors",
]
