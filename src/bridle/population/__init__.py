"""HOW members are trained: a step, blocks of epochs, members on threads. Knows no penalty and no Keras."""

from bridle.population._member import Rows, State, predict
from bridle.population._objective import Loss, Objective, Recipe
from bridle.population._programs import Fold, Programs, compile_programs, put, starting
from bridle.population._run import Fit, Outcome, Progress, cores, run_fits

__all__ = [
    "Fit", "Fold", "Loss", "Objective", "Outcome", "Programs", "Progress", "Recipe", "Rows", "State",
    "compile_programs", "cores", "predict", "put", "run_fits", "starting",
]  # fmt: skip
