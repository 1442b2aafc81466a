"""The conditions of a study: what its strengths multiply, and what must stay the same to reproduce its numbers."""

from bridle.results import StudyResult
from bridle.wording import is_weight, join_names

VERSIONS = ("bridle", "keras", "jax", "numpy")
"""Packages whose versions are named."""


def strength_meaning(result: StudyResult) -> str:
    """Return sentences about the sums that the strengths of a study multiply."""
    terms = [term for arm in result.arms for term in arm.terms if term[0] != "training"]
    on_weights = [is_weight(result, target) for target, _ in terms]
    sentences = []
    if any(on_weights):
        sentences.append("A strength on a weight multiplies a sum over its entries.")
    if not all(on_weights):
        sentences.append(
            "A strength on an activation multiplies a sum over its units, averaged over the samples of the batch."
        )
    conventions = {"batch": "summed over the samples instead", "unit": "averaged over the units as well"}
    sentences += [
        f"With per={name!r}, it is {words}."
        for name, words in conventions.items()
        if any(f"per={name!r}" in penalty or f"per={name}" in penalty for _, penalty in terms)
    ]
    return " ".join(sentences)


def reproduction(result: StudyResult) -> str:
    """Return what must stay the same to get the same numbers, then how long the study took.

    Facts that the study did not record are left out.
    """
    facts = result.provenance
    conditions = [_rows(facts.get("data_sha256")), _seeds([int(seed) for seed in result.seeds]), _folds(result.folds)]
    conditions += [f"{facts['epochs']} epochs"] if "epochs" in facts else []
    conditions += [f"batches of {facts['batch_size']}"] if "batch_size" in facts else []
    conditions += [f"{name} {facts[name]}" for name in VERSIONS if name in facts]
    conditions += [f"a device of the same kind ({facts['device']})"] if "device" in facts else []
    machine = f" on {facts['machine']}" if "machine" in facts else ""
    seconds = facts.get("seconds")
    took = ""
    if isinstance(seconds, int | float):
        took = f"\nThe study took {_duration(seconds)} for {len(result.members):,} fits{machine}."
    return f"To reproduce these numbers, keep {join_names(conditions)}.{took}"


def _rows(digest: object) -> str:
    return "the same rows in the same order" + (f" (SHA-256 {str(digest)[:12]}…)" if digest else "")


def _seeds(seeds: list[int]) -> str:
    """Return seeds in words.

    >>> _seeds([0]), _seeds([0, 1, 2]), _seeds([3, 7])
    ('seed 0', 'seeds 0 to 2', 'seeds 3, 7')
    """
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    consecutive = len(seeds) > 2 and seeds == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"seeds {seeds[0]} to {seeds[-1]}" if consecutive else f"seeds {', '.join(map(str, seeds))}"


def _folds(folds: int) -> str:
    return f"{folds} folds" if folds > 1 else "the one validation set"


def _duration(seconds: float) -> str:
    """Return a wall time in words.

    >>> _duration(0.42), _duration(95.2), _duration(5400.0)
    ('0.42 seconds', '95.2 seconds', '90 minutes')
    """
    return f"{seconds:.3g} seconds" if seconds < 600 else f"{seconds / 60:.3g} minutes"
