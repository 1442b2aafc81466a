"""HOW members are trained: a step, blocks of epochs, members on threads or side by side. Knows no penalty, no Keras."""

from bridle.engine._device import accelerated, cores, free_memory, peak_memory_bytes, single_threaded_blas
from bridle.engine._early_stopping import Stopping
from bridle.engine._evaluate import predict
from bridle.engine._member import quantities
from bridle.engine._objective import Loss, Objective, Recipe
from bridle.engine._programs import ENGINE, Fold, Programs, Start, compile_programs, put
from bridle.engine._run import run_fits
from bridle.engine._scheduler import Batch, Exhausted, FitSource, FixedSource, Progress, Wait, WarmStartChain
from bridle.engine._state import Rows, State
from bridle.engine._train import FitResult, FitSpec
from bridle.engine._width import fitting, short_call

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
    "Objective",
    "Programs",
    "Progress",
    "Recipe",
    "Rows",
    "Start",
    "State",
    "Stopping",
    "Wait",
    "WarmStartChain",
    "accelerated",
    "compile_programs",
    "cores",
    "fitting",
    "free_memory",
    "peak_memory_bytes",
    "predict",
    "put",
    "quantities",
    "run_fits",
    "short_call",
    "single_threaded_blas",
]
