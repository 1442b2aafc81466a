"""Pictures of a result: each is computed as numbers first, then drawn."""

from bridle.plots._curves import Curve, CurvesData, curves_data, draw_curves
from bridle.plots._figures import Drawing, drawings
from bridle.plots._gains import GainsData, Source, draw_gains, gains_data
from bridle.plots._names import decimals, named_list, setting_name, shorten, spell, strength_text, strengths_text
from bridle.plots._path import PathData, Trail, draw_path, path_data
from bridle.plots._style import THEMES, Theme
from bridle.plots._surface import Panel, SurfaceData, draw_surface, surface_data
from bridle.plots._sweep import Published, SweepData, Swept, draw_sweep, sweep_data
from bridle.plots._tensors import is_weight, lead, measured, penalized, zeros

__all__ = [
    "THEMES",
    "Curve",
    "CurvesData",
    "Drawing",
    "GainsData",
    "Panel",
    "PathData",
    "Published",
    "Source",
    "SurfaceData",
    "SweepData",
    "Swept",
    "Theme",
    "Trail",
    "curves_data",
    "decimals",
    "draw_curves",
    "draw_gains",
    "draw_path",
    "draw_surface",
    "draw_sweep",
    "drawings",
    "gains_data",
    "is_weight",
    "lead",
    "measured",
    "named_list",
    "path_data",
    "penalized",
    "setting_name",
    "shorten",
    "spell",
    "strength_text",
    "strengths_text",
    "surface_data",
    "sweep_data",
    "zeros",
]
