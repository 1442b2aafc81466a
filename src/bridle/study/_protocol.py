"""What was done with the rows, in words."""

from bridle.study._prepare import Prepared


def describe(prepared: Prepared) -> str:
    """The protocol of a study in a few sentences."""
    question, counts = prepared.question, prepared.fold_rows
    seeds = len(question.seed_numbers)
    start = f"{seeds} {'seed' if seeds == 1 else 'seeds'} for initial weights and shuffling"
    if prepared.rows.validation is not None:
        split = f"trained on {counts[0, 0]} rows and judged on the same {counts[0, 1]} others every time"
    else:
        train, validation = (
            f"{min(column)} to {max(column)}" if len(set(column)) > 1 else str(column[0]) for column in counts.T
        )
        split = (
            f"{len(counts)} folds ({train} rows to train on, {validation} to judge), the same for every arm and seed"
        )
    held = [f"{name} ({len(pair[1])} rows)" for name, pair in prepared.rows.held_out.items()]
    after = f" Looked at once, after selection, by refits on all rows: {', '.join(held)}." if held else ""
    shared = (
        "preparation fitted inside each fold, "
        if prepared.rows.prepare is not None and prepared.rows.validation is None
        else ""
    )
    size = f"{question.epochs} epochs, batches of {question.batch_size}"
    return f"{start}; {split}; {shared}{size}. Score: {prepared.score.name}, measured after the last epoch.{after}"
