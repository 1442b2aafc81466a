"""Studies of rows on disk: what they cannot do."""

from bridle._errors import InputError
from bridle._keras import Program
from bridle.engine import Rows, is_stored

IN_MEMORY = "Set rows_in='memory', with fewer rows if they do not fit."
"""What to do where rows on disk are refused."""


def check_stored(program: Program, rows: Rows, reconstructs: bool) -> None:
    """Raise `InputError` for rows on disk where a measure needs all of them at once."""
    if not is_stored(rows.x):
        return
    if reconstructs:
        raise InputError(f"Expected y for rows on disk, got none: x would be the target, in memory. {IN_MEMORY}")
    if program.has_own_loss:
        raise InputError(
            "Expected a compiled loss for rows on disk, got a model with its own compute_loss, which takes all "
            f"validation rows at once. {IN_MEMORY}"
        )
