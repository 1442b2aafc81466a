"""Pictures of a result: each is computed as numbers first, then drawn."""

from bridle.plots._activations import ActivationsData, activations_data, draw_activations
from bridle.plots._curves import Curve, CurvesData, band, curves_data, draw_curves
from bridle.plots._drawing import Drawing
from bridle.plots._figures import drawings
from bridle.plots._frontier import FrontierData, draw_frontier, frontier_data
from bridle.plots._gains import GainsData, Source, draw_gains, gains_data
from bridle.plots._heatmap import HeatmapData, draw_heatmap, heatmap_data
from bridle.plots._names import (
    decimals,
    named_list,
    score_places,
    setting_name,
    shorten,
    spell,
    strength_text,
    strengths_text,
)
from bridle.plots._pair import Shown
from bridle.plots._path import PathData, Trail, draw_path, path_data
from bridle.plots._strengths import Ticks
from bridle.plots._style import THEMES, Theme, marker
from bridle.plots._surface import Panel, SurfaceData, draw_surface, surface_data
from bridle.plots._sweep import Published, SweepData, Swept, draw_sweep, sweep_data
from bridle.plots._tensors import is_weight, lead, measured, penalized, zeros
from bridle.plots._units import UnitsData, draw_units, units_data
from bridle.plots._weights import WeightsData, draw_weights, weights_data

__all__ = [
    "THEMES",
    "ActivationsData",
    "Curve",
    "CurvesData",
    "Drawing",
    "FrontierData",
    "GainsData",
    "HeatmapData",
    "Panel",
    "PathData",
    "Published",
    "Shown",
    "Source",
    "SurfaceData",
    "SweepData",
    "Swept",
    "Theme",
    "Ticks",
    "Trail",
    "UnitsData",
    "WeightsData",
    "activations_data",
    "band",
    "curves_data",
    "decimals",
    "draw_activations",
    "draw_curves",
    "draw_frontier",
    "draw_gains",
    "draw_heatmap",
    "draw_path",
    "draw_surface",
    "draw_sweep",
    "draw_units",
    "draw_weights",
    "drawings",
    "frontier_data",
    "gains_data",
    "heatmap_data",
    "is_weight",
    "lead",
    "marker",
    "measured",
    "named_list",
    "path_data",
    "penalized",
    "score_places",
    "setting_name",
    "shorten",
    "spell",
    "strength_text",
    "strengths_text",
    "surface_data",
    "sweep_data",
    "units_data",
    "weights_data",
    "zeros",
]
