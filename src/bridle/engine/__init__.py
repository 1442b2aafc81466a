"""Training of fits: a step, blocks of epochs, fits on threads or side by side. It knows neither penalties nor Keras."""

from bridle.engine._device import (
    core_count,
    free_memory,
    on_accelerator,
    peak_memory_bytes,
    single_threaded_blas,
)
from bridle.engine._draw import Moment, StepDraw, draw_at
from bridle.engine._early_stopping import Stopping
from bridle.engine._evaluate import predict
from bridle.engine._objective import Loss, Objective, Recipe, Training
from bridle.engine._programs import (
    ENGINE,
    Programs,
    Start,
    choose_width,
    compile_programs,
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
from bridle.engine._state import Fold, Rows, State, put_fold
from bridle.engine._stored import RowSource, blocks_of, is_stored, row_bytes, spread_out, take
from bridle.engine._stored_programs import StoredPrograms, compile_stored_programs
from bridle.engine._stored_train import time_stored_rows
from bridle.engine._sweep import predict_by_blocks
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
    "RowSource",
    "Rows",
    "Start",
    "State",
    "StepDraw",
    "Stopping",
    "StoredPrograms",
    "Training",
    "Wait",
    "WarmStartChain",
    "blocks_of",
    "choose_width",
    "compile_programs",
    "compile_stored_programs",
    "core_count",
    "draw_at",
    "free_memory",
    "is_stored",
    "on_accelerator",
    "peak_memory_bytes",
    "predict",
    "predict_by_blocks",
    "put_fold",
    "row_bytes",
    "run_fits",
    "single_threaded_blas",
    "spread_out",
    "take",
    "time_short_call",
    "time_stored_rows",
]
