"""Training of fits: a step, blocks of epochs, fits on threads or side by side. It knows neither penalties nor Keras."""

from bridle.engine._device import core_count, free_memory, on_accelerator, peak_memory_bytes, single_threaded_blas
from bridle.engine._draw import Moment, StepDraw, draw_at
from bridle.engine._early_stopping import Stopping
from bridle.engine._evaluate import predict
from bridle.engine._objective import Loss, Objective, Recipe, Training
from bridle.engine._programs import (
    ENGINE,
    Fold,
    Programs,
    Start,
    choose_width,
    compile_programs,
    put_fold,
    time_short_call,
)
from bridle.engine._scheduler import (
    Batch,
    Exhausted,
    FitSource,
    FixedSource,
    Progress,
    Wait,
    WarmStartChain,
    run_fits,
)
from bridle.engine._state import Rows, State
from bridle.engine._train import FitResult, FitSpec

__all__ = [
    "ENGINE",
    "Batch",
    "Exhausted",
    "FitResult",
    "FitSource",
    "FitSpec",
    "FixedSource",
    "Fold",
    "Loss",
    "Moment",
    "Objective",
    "Programs",
    "Progress",
    "Recipe",
    "Rows",
    "Start",
    "State",
    "StepDraw",
    "Stopping",
    "Training",
    "Wait",
    "WarmStartChain",
    "choose_width",
    "compile_programs",
    "core_count",
    "draw_at",
    "free_memory",
    "on_accelerator",
    "peak_memory_bytes",
    "predict",
    "put_fold",
    "run_fits",
    "single_threaded_blas",
    "time_short_call",
]
