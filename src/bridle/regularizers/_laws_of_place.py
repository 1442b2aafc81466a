"""The laws of penalties on activations, and of those with a proximal step."""

import numpy as np
from keras import ops

from bridle.regularizers._contract import Case, Law

NEVER = 1e4
"""A strength at which nothing is left."""


def leaves_out_what_is_not_charged(case: Case) -> str | None:
    """A sample of weight zero is as though it was not there, and a padded step is not looked at."""
    x, kept = case.generic, np.ones(case.shape[0], "float32")
    kept[1::2] = 0.0
    got, expected = case.numbers(x, kept), case.numbers(x[kept > 0])
    if not _same(got, expected):
        return f"{got.tolist()} where some samples have weight zero, and {expected.tolist()} without them"
    if not np.all(case.numbers(x, 0.0 * kept) == 0.0):
        return f"{case.numbers(x, 0.0 * kept).tolist()} for a batch in which nothing counts"
    return _padded(case, kept) if len(case.shape) > 2 else None


def _padded(case: Case, kept: np.ndarray) -> str | None:
    steps = np.repeat(kept[:, None], case.shape[1], axis=1)
    if not _same(case.numbers(case.generic, steps), case.numbers(case.generic, kept)):
        return "another value where the weight of each sample is repeated for its time steps"
    steps[:] = 1.0
    steps[::2, -1] = steps[1::2, 0] = 0.0
    other = np.where(steps.reshape(*steps.shape, *(1,) * (len(case.shape) - 2)), case.generic, 0.25)
    got, expected = case.numbers(other.astype("float32"), steps), case.numbers(case.generic, steps)
    return None if _same(got, expected) else f"{got.tolist()} and {expected.tolist()} for other entries in padded steps"


def does_not_see_the_order_of_samples(case: Case) -> str | None:
    order = np.random.default_rng(2).permutation(case.shape[0])
    got, expected = case.numbers(case.generic[order]), case.numbers(case.generic)
    return None if _same(got, expected) else f"{expected.tolist()}, and {got.tolist()} in another order"


def does_not_depend_on_the_batch_size(case: Case) -> str | None:
    """A batch that holds every sample twice is charged the same, and with `per="batch"` twice."""
    factor, x = 2.0 if case.penalty.per == "batch" else 1.0, case.generic[::2]
    got, once = case.numbers(np.concatenate([x, x])), case.numbers(x)
    return None if _same(got, factor * once) else f"{once.tolist()}, and {got.tolist()} with every sample twice"


def takes_a_proximal_step_that_minimizes(case: Case) -> str | None:
    """No tensor nearby has a lower `sum (z - x)^2 / (2 step) + R(z)`, for the same step and for different ones."""
    rng, x = np.random.default_rng(3), case.generic
    for steps in (np.full(case.shape, 0.2), rng.uniform(0.05, 0.8, case.shape)):
        z = _proximal(case, steps, case.amounts)

        def objective(at: np.ndarray, steps: np.ndarray = steps) -> float:
            return float(np.sum((at - x) ** 2 / (2 * steps))) + case.charge(at, case.amounts)

        best = objective(z)
        for change in _changes(z, rng):
            if objective(z + change) < best - 1e-5 * (1 + abs(best)):
                return f"{best:.6g}, where {objective(z + change):.6g} can be reached"
    return None


def makes_exact_zeros_by_its_proximal_step(case: Case) -> str | None:
    steps = np.full(case.shape, 0.2)
    rest = _proximal(case, steps, (NEVER,) * len(case.amounts))
    if np.any(rest != 0.0):
        return f"an entry of {float(np.abs(rest).max()):g} at strength {NEVER:g}"
    if not np.array_equal(_proximal(case, steps, (0.0,) * len(case.amounts)), case.generic):
        return "a tensor that a step of strength 0 has changed"
    return None


def _proximal(case: Case, steps: np.ndarray, amounts: tuple[float, ...]) -> np.ndarray:
    x, steps = ops.convert_to_tensor(case.generic), ops.convert_to_tensor(steps.astype("float32"))
    return np.array(ops.convert_to_numpy(case.bound.proximal(x, steps, amounts)))


def _changes(z: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Small changes of all entries, of one entry, and of the size."""
    found = []
    for size in (0.1, 0.02):
        one = np.zeros(z.shape)
        one[tuple(rng.integers(z.shape))] = size
        found += [size * rng.normal(size=z.shape) for _ in range(4)] + [one, -one, size * z, -size * z]
    return found


def _same(got: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.allclose(got, expected, rtol=1e-4, atol=1e-6))


OF_ACTIVATIONS: tuple[Law, ...] = (
    leaves_out_what_is_not_charged,
    does_not_see_the_order_of_samples,
    does_not_depend_on_the_batch_size,
)
OF_EXACT: tuple[Law, ...] = (takes_a_proximal_step_that_minimizes, makes_exact_zeros_by_its_proximal_step)
