"""The only place that touches the inside of Keras."""

from bridle._keras._backend import require_jax, seeded
from bridle._keras._blueprint import Blueprint, blueprint, compile_like, is_rebuildable, model_json
from bridle._keras._program import Forward, Program, loss_name, program
from bridle._keras._taps import Reading, Tap, watching

__all__ = [
    "Blueprint",
    "Forward",
    "Program",
    "Reading",
    "Tap",
    "blueprint",
    "compile_like",
    "is_rebuildable",
    "loss_name",
    "model_json",
    "program",
    "require_jax",
    "seeded",
    "watching",
]
