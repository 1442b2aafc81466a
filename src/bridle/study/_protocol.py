"""What was done with the rows, in words."""

from bridle.study.data import transformer_line
from bridle.study.design import Prepared, natural_direction
from bridle.study.execution import STORED_PATHS


def describe(prepared: Prepared) -> str:
    """The protocol of a study in a few sentences."""
    question = prepared.question
    seeds = len(question.seed_numbers)
    random = question.initial_weights == "random"
    drawn = "initial weights and shuffling" if random else "shuffling, from the weights given"
    start = f"{seeds} {'seed' if seeds == 1 else 'seeds'} for {drawn}"
    size = f"{question.epochs} epochs, batches of {question.batch_size}"
    sentences = [
        f"{start}; {_split(prepared)}; {_shared(prepared)}{size}.",
        *_training(prepared),
        f"Score: {prepared.score.name}{_direction(prepared)}{_units(prepared)}, measured {_when(prepared)}.",
        *_pooled(prepared),
        *_held_out(prepared),
        *prepared.notes,
    ]
    slow = prepared.engine.untraced
    return " ".join(sentences) + (f" Run operation by operation, which is slow, because of {slow}" if slow else "")


def _split(prepared: Prepared) -> str:
    counts = prepared.fold_rows
    if prepared.rows.validation is not None:
        return f"trained on {counts[0, 0]} rows and judged on the same {counts[0, 1]} others every time"
    train, validation = (
        f"{min(column)} to {max(column)}" if len(set(column)) > 1 else str(column[0]) for column in counts.T
    )
    order = " in the order of the rows" if prepared.ordered else ""
    return (
        f"{len(counts)} folds{order} ({train} rows to train on, {validation} to judge), the same for every arm and seed"
    )


def _shared(prepared: Prepared) -> str:
    rows, said = prepared.rows, []
    if rows.preprocessor is not None:
        said.append(f"rows prepared by {transformer_line(rows.preprocessor)}")
    if rows.target_preprocessor is not None:
        said.append(f"the target {'' if said else 'prepared '}by {transformer_line(rows.target_preprocessor)}")
    where = "inside each fold" if rows.validation is None else "on the training rows"
    return f"{' and '.join(said)}, fitted {where}; " if said else ""


def _units(prepared: Prepared) -> str:
    target = prepared.rows.target_preprocessor
    if target is None or prepared.preparer.loss.lower().replace("_", "").endswith("crossentropy"):
        return ""
    if not prepared.score.pooled and prepared.score.name in prepared.units.transformed:
        return f" in units of the target as {transformer_line(target)} gives it"
    return " in the units of the target as it was given"


def _training(prepared: Prepared) -> list[str]:
    """What differs from a plain fit."""
    question, found = prepared.question, []
    constants = prepared.engine.program.blueprint.constants
    if constants:
        found.append(f"Numbers in the graph of the model given, the same for every seed: {', '.join(constants)}.")
    if any(grid.open for arm in prepared.arms for grid in arm.grids):
        found.append("Ranges of strengths found by fits of the first seed on the first fold.")
    if question.warm_start is not None:
        found.append(f"Each strength starts from the weights of its neighbour, {STORED_PATHS[question.warm_start]}.")
    if prepared.rows.class_weight is not None:
        found.append("Training rows are weighed by class.")
    if question.early_stopping is not None:
        rule = question.early_stopping
        ends = "" if rule.patience is None else f", and ended after {rule.patience} epochs without improvement"
        which = f"the last {rule.validation_fraction:.0%}" if prepared.ordered else f"{rule.validation_fraction:.0%}"
        found.append(f"Each fit is watched on {which} of its training rows, which are set aside{ends}.")
    return found


def _direction(prepared: Prepared) -> str:
    """The direction of a score, where it was given with it."""
    if natural_direction(prepared.engine.program, prepared.score.measure) == prepared.score.maximize:
        return ""
    return f" ({'more' if prepared.score.maximize else 'less'} is better)"


def _pooled(prepared: Prepared) -> list[str]:
    """What a pooled score is, and what counts as the score of one fold."""
    if not prepared.score.pooled:
        return []
    return [
        f"For each setting and seed, {prepared.score.measure} is computed over the predictions of all folds together; "
        "the score of a fold is its jackknife pseudo-value, n·θ − (n − 1)·θ without the fold for n folds, which may "
        "lie outside the range of the measure."
    ]


def _when(prepared: Prepared) -> str:
    if prepared.engine.recipe.keeps_best:
        return "on the weights of the best epoch on the watched rows"
    return "after the last epoch"


def _held_out(prepared: Prepared) -> list[str]:
    held = [f"{name} ({len(pair[1])} rows)" for name, pair in prepared.rows.held_out.items()]
    return [f"Looked at once, after selection, by refits on all rows: {', '.join(held)}."] if held else []
