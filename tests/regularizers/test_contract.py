"""Every penalty obeys the same laws, on every backend."""

from pathlib import Path

import jax
import keras
import numpy as np
import pytest
from tests.regularizers._cases import LINES, Line, check

import bridle
from bridle.regularizers import PENALTIES, Penalty

ROOT = Path(__file__).parents[2]
ENTRYWISE = {
    "l1": (np.abs,),
    "l2": (np.square,),
    "l1l2": (np.abs, np.square),
    "log": (lambda x: np.log(1 + x**2),),
    "smoothl1": (lambda x: np.sqrt(x**2 + 1e-3) - np.sqrt(1e-3),),
    "binarizing": (lambda x: x * (1 - x),),
}
DEGREE = {
    "l1": (1,), "l2": (2,), "l1l2": (1, 2), "hoyer": (0,), "grouplasso": (1,), "sparsegrouplasso": (1, 1),
    "spectral": (1,), "nuclear": (1,), "decorrelation": (4,), "ar": (2,), "tar": (2,),
}  # fmt: skip
ZERO_AT_ZERO = {*DEGREE, "log", "smoothl1", "binarizing", "softmaxnorm"}


def make(kind: str, amount: float = 0.3, **options: object) -> Penalty:
    penalty = PENALTIES[kind]
    return penalty(*[amount * (number + 1) for number in range(len(penalty.names))], **options)


def unit(penalty: Penalty, x: np.ndarray) -> list[float]:
    """Return its value at strength one."""
    of = penalty.weight_values if "weight" in penalty.allowed_on else penalty.activation_values
    return [float(value) for value in of(x)]


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).uniform(0.05, 0.95, size=(5, 3, 2)).astype("float32")


def test_every_penalty_is_in_the_list() -> None:
    """A new penalty must state its NumPy line."""
    assert set(PENALTIES) | {"custom:cubes", "custom:farthest"} == {line.penalty.kind for line in LINES}


@pytest.mark.parametrize("line", LINES, ids=lambda line: repr(line.penalty))
def test_obeys_the_laws(line: Line) -> None:
    """The contract that ships in the package, and the NumPy line."""
    check(line)


@pytest.mark.parametrize("kind", sorted(DEGREE))
def test_is_homogeneous(kind: str, x: np.ndarray) -> None:
    """Each component scales with the stated power of its argument."""
    once, twice = unit(make(kind), x), unit(make(kind), 2 * x)
    assert twice == pytest.approx([2**degree * one for degree, one in zip(DEGREE[kind], once, strict=True)], rel=1e-5)


@pytest.mark.parametrize("kind", sorted(ZERO_AT_ZERO))
def test_is_zero_at_zero(kind: str, x: np.ndarray) -> None:
    """R(0) = 0 where it is claimed."""
    assert unit(make(kind), np.zeros_like(x)) == [0.0] * len(PENALTIES[kind].names)


@pytest.mark.parametrize("kind", sorted(kind for kind, penalty in PENALTIES.items() if "weight" in penalty.allowed_on))
def test_trains_as_an_ordinary_keras_regularizer(kind: str) -> None:
    """In a plain layer it adds its value to the loss."""
    penalty = make(kind, anchor=1.0) if kind == "l2sp" else make(kind)
    layer = keras.layers.Dense(3, kernel_regularizer=penalty)
    layer.build((None, 2))
    assert float(layer.losses[0]) == pytest.approx(float(penalty(layer.kernel)), rel=1e-6)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("per", ["sample", "batch", "unit"])
@pytest.mark.parametrize("kind", ENTRYWISE)
def test_activity_conventions(kind: str, x: np.ndarray, per: str, masked: bool) -> None:
    """Sum over units; over the batch a mean, a sum, or a mean with the units; what is not charged is not counted."""
    charged = np.ones((5, 3), "float32")
    if masked:
        charged[0], charged[1, 2] = 0, 0
    samples, entries = charged.max(axis=1).sum(), charged.sum() * 2
    divisor = {"sample": samples, "batch": 1, "unit": entries}[per]
    got = make(kind, per=per).activation_values(x, charged if masked else None)
    for value, formula in zip(got, ENTRYWISE[kind], strict=True):
        expected = (formula(x.astype(float)) * charged[..., None]).sum() / divisor
        assert float(value) == pytest.approx(expected, rel=1e-5)


ACTIVITIES = [(kind, per) for kind in ENTRYWISE for per in ("sample", "batch", "unit")]
ACTIVITIES += [(kind, "sample") for kind in ("kl", "meanactivation", "decorrelation", "confidence")]


@pytest.mark.parametrize(("kind", "per"), ACTIVITIES)
def test_keras_activity_regularizer_agrees_with_the_convention(kind: str, per: str) -> None:
    """The value that Keras adds, divided by the batch size, follows the convention."""
    penalty = make(kind) if per == "sample" else make(kind, per=per)
    layer = keras.layers.Dense(3, activation="sigmoid", activity_regularizer=penalty)
    out = layer(np.random.default_rng(1).normal(size=(6, 4)).astype("float32"))
    values = zip(penalty.fixed(), penalty.activation_values(out), strict=True)
    assert float(layer.losses[0]) == pytest.approx(sum(a * float(v) for a, v in values), rel=1e-5)


@pytest.mark.parametrize("kind", ["kl", "meanactivation", "decorrelation", "ar", "tar", "confidence"])
def test_masks_leave_what_a_formula_says_of_the_rest(kind: str) -> None:
    """Padded steps at the end of the samples: the same as the steps without them."""
    x = np.random.default_rng(3).uniform(0.1, 0.9, size=(4, 5, 3)).astype("float32")
    charged = np.ones((4, 5), "float32")
    charged[:, 3:] = 0
    penalty = make(kind)
    got, expected = penalty.activation_values(x, charged), penalty.activation_values(x[:, :3])
    assert [float(v) for v in got] == pytest.approx([float(v) for v in expected], rel=1e-5)


def test_pairs_of_steps_need_both() -> None:
    """TAR leaves out the jump into a padded step and the jump out of it."""
    h = np.array([[[0.0], [100.0], [1.0], [3.0]]], "float32")
    (value,) = bridle.TAR(1.0).activation_values(h, np.array([[1.0, 0.0, 1.0, 1.0]], "float32"))
    assert float(value) == 4.0


@pytest.mark.parametrize("penalty", [bridle.SpectralNorm(1.0), bridle.Nuclear(1.0)])
def test_singular_values_that_are_zero_have_no_slope(penalty: Penalty) -> None:
    """At rank one the slope stays at rank one, and at zero there is none."""
    slope = jax.grad(penalty)
    assert np.allclose(slope(np.ones((4, 3), "float32")), 1 / np.sqrt(12), atol=1e-6)
    assert not np.any(slope(np.zeros((4, 3), "float32")))


def test_what_holds_in_training_only() -> None:
    """AR and TAR are no part of a validation loss, as their authors have it."""
    assert {kind for kind, penalty in PENALTIES.items() if not penalty.at_evaluation} == {"ar", "tar"}
    assert {kind for kind, penalty in PENALTIES.items() if penalty.needs_time} == {"ar", "tar"}
    assert {kind for kind, penalty in PENALTIES.items() if penalty.domain == "unit"} == {
        "kl",
        "confidence",
        "binarizing",
    }
    assert bridle.Confidence(1.0, from_logits=True).domain == "real"


def test_any_real_number_is_a_strength() -> None:
    """NumPy scalars and zero-dimensional arrays, which Keras's L2 rejects."""
    from fractions import Fraction

    for value in (np.float32(0.5), np.float64(0.5), np.array(0.5), Fraction(1, 2), 0.5):
        assert bridle.L2(value).fixed() == (0.5,)
    assert bridle.L1(np.int64(1)).fixed() == (1.0,)
