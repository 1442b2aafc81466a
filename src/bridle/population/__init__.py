"""HOW members are trained: a step, blocks of epochs, members on threads or side by side. Knows no penalty, no Keras."""

from bridle.population._device import accelerated, cores, free_memory, held_now, unthreaded
from bridle.population._evaluate import predict
from bridle.population._fit import Fit, Outcome
from bridle.population._member import quantities
from bridle.population._objective import Loss, Objective, Recipe
from bridle.population._programs import ENGINE, Fold, Programs, Start, compile_programs, put
from bridle.population._run import run_fits
from bridle.population._state import Rows, State
from bridle.population._stopping import Stopping
from bridle.population._width import fitting, short_call
from bridle.population._work import Progress

__all__ = [
    "ENGINE", "Fit", "Fold", "Loss", "Objective", "Outcome", "Programs", "Progress", "Recipe", "Rows", "Start", "State",
    "Stopping", "accelerated", "compile_programs", "cores", "fitting", "free_memory", "held_now", "predict", "put",
    "quantities", "run_fits", "short_call", "unthreaded",
]  # fmt: skip
