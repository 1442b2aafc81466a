"""One list of all penalties, each with the NumPy lines that it must equal at strength one.

`checked` runs the list on the backend that Keras runs on.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from tests.faults.conftest import sampled

import bridle
from bridle.auditing._formulas import on_activation, on_weight
from bridle.regularizers import PENALTIES, Penalty
from bridle.schedule import linear
from bridle.testing import check_penalty

LABELS = [0, 1, 0, 1]


class Line(NamedTuple):
    """A penalty, the NumPy lines of its components, and what it is checked on."""

    penalty: Penalty
    formula: Callable[[np.ndarray], Any] | None
    shape: tuple[int, ...] | None = None
    on: str | None = None


def l1(x: np.ndarray) -> float:
    return np.abs(x).sum()


def l2(x: np.ndarray) -> float:
    return np.square(x).sum()


def hoyer(x: np.ndarray) -> float:
    return l1(x) ** 2 / l2(x)


def length(x: np.ndarray) -> float:
    """`sqrt(|g|) ||g||`."""
    return np.sqrt(x.size * l2(x))


def labelled(x: np.ndarray) -> float:
    """The lengths of the rows with the same label."""
    return sum(length(x[np.array(LABELS) == label]) for label in set(LABELS))


def per_sample(formula: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], Any]:
    """The mean over samples of what a formula says of one."""
    return lambda x: np.mean([formula(sample) for sample in x])


def divergence(target: float, mean: np.ndarray) -> np.ndarray:
    return target * np.log(target / mean) + (1 - target) * np.log((1 - target) / (1 - mean))


def covariances(x: np.ndarray) -> float:
    """Half the sum of squares off the diagonal."""
    c = np.cov(x.reshape(-1, x.shape[-1]).T, bias=True)
    return (l2(c) - l2(np.diag(c))) / 2


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log(p)).sum(-1)


def both(p: np.ndarray) -> np.ndarray:
    return np.concatenate([p, 1 - p], -1)


def positive(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


@keras.saving.register_keras_serializable("tests")
def cubes(x: Any) -> Any:
    return keras.ops.abs(x) ** 3


@keras.saving.register_keras_serializable("tests")
def farthest(x: Any) -> Any:
    """The largest square of each sample."""
    return keras.ops.max(keras.ops.reshape(keras.ops.square(x), (x.shape[0], -1)), axis=1)


ANCHOR = np.arange(12.0).reshape(4, 3) / 10

LINES = [
    Line(bridle.L1(0.1), l1),
    Line(bridle.L1(0.1, exact=True), l1, on="weight"),
    Line(bridle.L2(0.1), l2),
    Line(bridle.L2(linear(0, 0.1, 10)), lambda x: l2(x) / len(x), (6, 4), "activation"),
    Line(bridle.L1L2(0.1, "auto"), lambda x: (l1(x), l2(x))),
    Line(bridle.Log(0.1), lambda x: np.log(1 + x**2).sum()),
    Line(bridle.SmoothL1(0.1), lambda x: (np.sqrt(x**2 + 1e-3) - np.sqrt(1e-3)).sum()),
    Line(bridle.SmoothL1(0.1, epsilon=4, per="unit"), lambda x: (np.sqrt(x**2 + 4) - 2).mean()),
    Line(bridle.Binarizing(0.1, per="batch"), lambda x: (x * (1 - x)).sum()),
    Line(bridle.Hoyer(0.1), hoyer),
    Line(bridle.Hoyer(0.1), per_sample(hoyer), on="activation"),
    Line(bridle.Hoyer(0.1, over="unit"), lambda x: sum(map(hoyer, x.T))),
    Line(bridle.GroupLasso(0.1), lambda x: sum(map(length, np.moveaxis(x, -2, 0))), (2, 2, 4, 3)),
    Line(bridle.GroupLasso(0.1, exact=True), lambda x: l1(x), (5,)),
    Line(bridle.GroupLasso(0.1, groups="filters", exact=True), lambda x: sum(map(length, x.T))),
    Line(bridle.GroupLasso(0.1, groups=2, exact=True), lambda x: length(x[:2]) + length(x[2:])),
    Line(bridle.GroupLasso(0.1, groups=LABELS), labelled),
    Line(bridle.SparseGroupLasso(0.1, 0.2, groups=LABELS, exact=True), lambda x: (l1(x), labelled(x))),
    Line(bridle.Orthogonality(0.1), lambda x: l2(x.T @ x - np.eye(3))),
    Line(bridle.Orthogonality(0.1, by="rows"), lambda x: l2(x @ x.T - np.eye(4))),
    Line(bridle.SpectralNorm(0.1), lambda x: np.linalg.norm(x.reshape(-1, 3), 2), (2, 2, 3)),
    Line(bridle.Nuclear(0.1), lambda x: np.linalg.norm(x, "nuc")),
    Line(bridle.SoftMaxNorm(0.1), lambda x: l2(positive(np.linalg.norm(x, axis=0) - 3))),
    Line(bridle.SoftMaxNorm(0.1, limit=0), l2),
    Line(bridle.L2SP(0.1), lambda x: l2(x - 0.5 * x[::-1])),  # check_penalty anchors it at half the reversed tensor
    Line(bridle.L2SP(0.1, anchor=1), lambda x: l2(x - 1)),
    Line(bridle.L2SP(0.1, anchor=ANCHOR), lambda x: l2(x - ANCHOR)),
    Line(bridle.KL(0.1), lambda x: divergence(0.05, x.mean((0, 1))).sum()),
    Line(bridle.KL(0.1, target=0.5), lambda x: divergence(0.5, x.mean(0)).sum(), (6, 3)),
    Line(bridle.MeanActivation(0.1), lambda x: l2(x.mean((0, 1)) - 0.05)),
    Line(bridle.Decorrelation(0.1), covariances),
    Line(bridle.AR(0.1), lambda x: np.square(x).mean()),
    Line(bridle.TAR(0.1), lambda x: np.square(np.diff(x, axis=1)).mean()),
    Line(bridle.TAR(0.1), lambda x: 0.0, (6, 1, 3)),
    Line(bridle.Confidence(0.1), lambda x: positive(np.log(3) - entropy(x)).mean()),
    Line(bridle.Confidence(0.1), lambda x: (np.log(2) - entropy(both(x))).mean(), (6, 1)),
    Line(bridle.Confidence(0.1, threshold=0.8), lambda x: positive(0.8 - entropy(x)).mean()),
    Line(bridle.Confidence(0.1, from_logits=True), lambda x: (np.log(3) - entropy(softmax(x))).mean()),
    Line(bridle.Custom(cubes, 0.1), lambda x: l1(x**3)),
    Line(bridle.Custom(farthest, 0.1), per_sample(lambda x: np.max(x**2)), (6, 3), "activation"),
]


def lines_of(cls: type[Penalty]) -> list[Line]:
    """Return the lines of a penalty that the list leaves out, with the formula by which `bridle.audit` knows it."""
    penalty = cls(*[0.1] * len(cls.names))
    if "weight" not in penalty.allowed_on:
        return [Line(penalty, lambda x: on_activation(penalty, x))]
    others = [Line(penalty, None, on="activation")] if "activation" in penalty.allowed_on else []
    return [Line(penalty, lambda x: on_weight(penalty, x), on="weight"), *others]


LISTED = {line.penalty.kind for line in LINES}
LINES += [line for kind, cls in PENALTIES.items() if kind not in LISTED for line in lines_of(cls)]


def check(line: Line) -> None:
    """Check one line of the list."""
    check_penalty(line.penalty, on=line.on, shape=line.shape, formula=line.formula)


def checked() -> list[tuple[str, str]]:
    """Return for each line its penalty and what is wrong with it."""
    found = []
    for line in sampled(LINES, 3):
        try:
            check(line)
            found.append((repr(line.penalty), ""))
        except Exception as error:
            found.append((repr(line.penalty), f"{type(error).__name__}: {error}"))
    return found
