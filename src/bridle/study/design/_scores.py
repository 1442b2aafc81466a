"""Measures by which candidates are compared or stopped, and their direction."""

from collections.abc import Sequence
from typing import Any

from bridle._errors import InputError, nearest_names
from bridle._keras import Program, direction
from bridle.engine import Stopping
from bridle.results import POOLED, Score
from bridle.study.design._question import EarlyStopping
from bridle.study.design._units import scale_of

LOSS = "loss"
POOLING = "pooled:"
"""The prefix of a score, before its direction, that is computed over the rows of all folds together."""
PREFIXES = {"min": False, "max": True}
"""The prefixes of a direction, as in `min:brier`; True where more is better."""


def choose_score(program: Program, text: str | None, argument: str = "score") -> Score:
    """Return the score by name, or the first compiled metric that is one number, or the data loss.

    Args:
        program: has the compiled metrics.
        text: "loss", the name of a compiled metric, or one with its direction, as in "min:brier"; None for the
            first metric. As a score also "pooled:" before any of them.
        argument: the name of the argument, for messages.

    Errors: `InputError` where the model has no such metric, and where nothing says in which direction it is better.

    """
    names = (LOSS, *program.metric_names)
    single = [metric for metric in program.metric_names if "[" not in metric]
    pooled = argument == "score" and text not in names and (text or "").startswith(POOLING)
    start, plain = (POOLING, (text or "").removeprefix(POOLING)) if pooled else ("", text or [*single, LOSS][0])
    prefix, name = _split(plain, names)
    if name not in names:
        raise InputError(
            f"Expected {argument} as 'loss' or a compiled metric, also as 'min:…' or 'max:…', got {text!r}. "
            f"{nearest_names(name, names)}"
        )
    if (prefix, name) == ("max", LOSS):
        raise InputError(f"Expected {argument} in a direction that is better, got {text!r}. Write 'loss'.")
    better = PREFIXES[prefix] if prefix else natural_direction(program, name)
    if better is None:
        raise InputError(
            f"Expected {argument} with a direction, got {name!r}, of which Keras does not know whether more or less is "
            f"better. Write {argument}='{start}min:{name}' where less is better, "
            f"{argument}='{start}max:{name}' where more is, or {argument}='loss'."
        )
    return Score(f"{POOLED if pooled else ''}{name}", better, pooled)


def check_pooled(program: Program, score: Score, targets: Sequence[Any]) -> None:
    """Raise, before anything is trained, for scores that cannot be computed from pooled predictions.

    Args:
        program: has the compiled metrics.
        score: the measure that candidates are compared by.
        targets: the fitted preparation of the target in each fold, or None.

    Errors: `InputError` for the loss of a model with its own `compute_loss`, and for targets that each fold prepares
    by more than a shift and a scale.

    """
    if score.measure == "loss" and program.has_own_loss:
        raise InputError(
            "Expected the name of a compiled metric in score='pooled:…', got 'pooled:loss' of a model with its own "
            "compute_loss, which needs the weights of one fit. Write score='loss', or pool a metric."
        )
    if any(target is not None and scale_of(target) is None for target in targets):
        raise InputError(
            f"Expected target_preprocessor to shift and scale where a score is pooled, got {targets[0]!r}, which gives "
            f"each fold labels of its own. Prepare the labels before the study, or write score={score.measure!r}."
        )


def natural_direction(program: Program, name: str) -> bool | None:
    """Return True where more of a measure is better, False where less is, None where Keras does not know."""
    if name == LOSS:
        return False
    bases = dict.fromkeys(metric.partition("[")[0] for metric in program.metric_names)
    better = direction(dict(zip(bases, program.metrics, strict=False))[name.partition("[")[0]])
    return None if better is None else better == "up"


def score_text(program: Program, score: Score) -> str:
    """Return a score as text, with its direction where Keras does not know it or has the other one."""
    direction = (
        "" if natural_direction(program, score.measure) == score.maximize else f"{'max' if score.maximize else 'min'}:"
    )
    return f"{POOLING if score.pooled else ''}{direction}{score.measure}"


def stopping_rule(program: Program, stopping: EarlyStopping | None) -> Stopping | None:
    """Return the stopping rule of the engine.

    Errors: those of `choose_score`.
    """
    if stopping is None:
        return None
    score = choose_score(program, stopping.monitor, "monitor")
    index = (LOSS, *program.metric_names).index(score.name)
    return Stopping(index, score.maximize, stopping.patience, float(stopping.min_delta), stopping.restore_best_weights)


def _split(text: str, names: tuple[str, ...]) -> tuple[str, str]:
    """Split a score into a direction, which may be empty, and a name, which may contain a colon."""
    prefix, _, name = text.partition(":")
    return (prefix, name) if prefix in PREFIXES and text not in names else ("", text)
