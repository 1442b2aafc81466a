"""What must be the same for the same numbers, from the facts that a study recorded."""

from collections.abc import Mapping

from bridle.results import StudyResult
from bridle.wording import join_names

VERSIONS = ("bridle", "keras", "jax", "numpy")


def facts_again(result: StudyResult) -> str:
    """What to keep for the same numbers, then how long it took on what. Facts that are not known are left out."""
    facts = result.provenance
    kept = [_rows(facts.get("data_sha256")), _seeds([int(seed) for seed in result.seeds]), _folds(result.folds)]
    kept += [f"{facts['epochs']} epochs"] if "epochs" in facts else []
    kept += [f"batches of {facts['batch_size']}"] if "batch_size" in facts else []
    kept += [f"{name} {facts[name]}" for name in VERSIONS if name in facts]
    kept += [f"a device of the same kind ({facts['device']})"] if "device" in facts else []
    where = f" on {facts['machine']}" if "machine" in facts else ""
    took = f"\nIt took {_duration(facts['seconds'])} for {len(result.members):,} fits{where}." if _timed(facts) else ""
    return f"For the same numbers keep {join_names(kept)}.{took}"


def _rows(digest: object) -> str:
    return "the same rows in the same order" + (f" (SHA-256 {str(digest)[:12]}…)" if digest else "")


def _seeds(seeds: list[int]) -> str:
    """Seeds in words.

    >>> _seeds([0]), _seeds([0, 1, 2]), _seeds([3, 7])
    ('seed 0', 'seeds 0 to 2', 'seeds 3, 7')
    """
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    in_a_row = len(seeds) > 2 and seeds == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"seeds {seeds[0]} to {seeds[-1]}" if in_a_row else f"seeds {', '.join(map(str, seeds))}"


def _folds(folds: int) -> str:
    return f"{folds} folds" if folds > 1 else "the one validation set"


def _timed(facts: Mapping[str, object]) -> bool:
    return isinstance(facts.get("seconds"), int | float)


def _duration(seconds: float) -> str:
    """A wall time in words.

    >>> _duration(0.42), _duration(95.2), _duration(5400.0)
    ('0.42 seconds', '95.2 seconds', '90 minutes')
    """
    return f"{seconds:.3g} seconds" if seconds < 600 else f"{seconds / 60:.3g} minutes"
