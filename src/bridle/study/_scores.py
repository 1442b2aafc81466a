"""The measure by which settings are compared or stopped, and its direction."""

from bridle._errors import InputError, near
from bridle._keras import Program, direction
from bridle.population import Stopping
from bridle.results import Score
from bridle.study._question import EarlyStopping

LOSS = "loss"
PREFIXES = {"min": False, "max": True}
"""How a direction is written before a name, as in `min:brier`, and whether more is better then."""


def choose_score(program: Program, written: str | None, argument: str = "score") -> Score:
    """Return the score by name, or the first compiled metric that is one number, or the data loss.

    Args:
        program: has the compiled metrics.
        written: "loss", the name of a compiled metric, or one with its direction, as in "min:brier"; None for the
            first metric.
        argument: the name of the argument, for messages.

    Errors: `InputError` where the model has no such metric, and where nothing says in which direction it is better.

    """
    names = (LOSS, *program.metric_names)
    single = [metric for metric in program.metric_names if "[" not in metric]
    prefix, name = _split(written or (single[0] if single else LOSS), names)
    if name not in names:
        raise InputError(
            f"Expected {argument} as 'loss' or a compiled metric, also as 'min:…' or 'max:…', got {written!r}. "
            f"{near(name, names)}"
        )
    if name == LOSS:
        if prefix == "max":
            raise InputError(f"Expected {argument} in a direction that is better, got {written!r}. Write 'loss'.")
        return Score(name, maximize=False)
    if prefix:
        return Score(name, PREFIXES[prefix])
    better = natural(program, name)
    if better is None:
        raise InputError(
            f"Expected {argument} with a direction, got {name!r}, of which Keras does not know whether more or less is "
            f"better. Write {argument}='min:{name}' where less is better, {argument}='max:{name}' where more is, or "
            f"{argument}='loss'."
        )
    return Score(name, better)


def natural(program: Program, name: str) -> bool | None:
    """Return True where more of a measure is better, False where less is, None where Keras does not know."""
    if name == LOSS:
        return False
    bases = dict.fromkeys(each.partition("[")[0] for each in program.metric_names)
    found = direction(dict(zip(bases, program.metrics, strict=False))[name.partition("[")[0]])
    return None if found is None else found == "up"


def written_score(program: Program, score: Score) -> str:
    """Return a score as a person writes it: with its direction where Keras does not know it or has the other one."""
    if natural(program, score.name) == score.maximize:
        return score.name
    return f"{'max' if score.maximize else 'min'}:{score.name}"


def watched(program: Program, stopping: EarlyStopping | None) -> Stopping | None:
    """Return what the engine watches for early stopping.

    Errors: those of `choose_score`.
    """
    if stopping is None:
        return None
    chosen = choose_score(program, stopping.monitor, "monitor")
    number = (LOSS, *program.metric_names).index(chosen.name)
    return Stopping(number, chosen.maximize, stopping.patience, float(stopping.min_delta), stopping.keep_best)


def _split(written: str, names: tuple[str, ...]) -> tuple[str, str]:
    """A direction, or nothing, and a name; a metric may have a colon in its name."""
    prefix, _, name = written.partition(":")
    return (prefix, name) if prefix in PREFIXES and written not in names else ("", written)
