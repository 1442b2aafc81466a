"""Strengths of other software, versions and papers, translated."""

from bridle.conversion._convention import FUNCTION, Convention, Factor
from bridle.conversion._convert import Conversion, convert
from bridle.conversion._presets import Preset, Presets, presets
from bridle.conversion._table import CONVENTIONS

__all__ = ["CONVENTIONS", "FUNCTION", "Convention", "Conversion", "Factor", "Preset", "Presets", "convert", "presets"]
