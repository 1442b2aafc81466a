"""Every penalty obeys the same laws."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import bridle
from bridle.penalties import KINDS, Penalty, parse_penalty

NUMPY = {
    "l1": (lambda x: np.abs(x).sum(),),
    "l2": (lambda x: np.square(x).sum(),),
    "l1l2": (lambda x: np.abs(x).sum(), lambda x: np.square(x).sum()),
}
DEGREE = {"l1": (1,), "l2": (2,), "l1l2": (1, 2)}


def make(kind: str, amount: float = 0.3, **options: str) -> Penalty:
    penalty = KINDS[kind]
    return penalty(*[amount * (number + 1) for number in range(len(penalty.names))], **options)


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5, 3, 2)).astype("float32")


def test_every_penalty_is_in_the_tables_of_these_tests() -> None:
    """A new penalty must state its NumPy line and its degree."""
    assert set(KINDS) == set(NUMPY) == set(DEGREE)


def test_equals_its_numpy_line(kind: str, x: np.ndarray) -> None:
    """The value is the sum of strengths times the formula."""
    penalty = make(kind)
    expected = sum(a * f(x.astype(float)) for a, f in zip(penalty.fixed(), NUMPY[kind], strict=True))
    assert float(penalty(x)) == pytest.approx(expected, rel=1e-5)


def test_is_zero_at_zero_and_never_negative(kind: str, x: np.ndarray) -> None:
    """R(0) = 0 and R(x) > 0 elsewhere."""
    assert float(make(kind)(np.zeros_like(x))) == 0.0
    assert float(make(kind)(x)) > 0.0


def test_is_homogeneous(kind: str, x: np.ndarray) -> None:
    """Each component scales with the stated power of its argument."""
    once, twice = make(kind).unit_values(x), make(kind).unit_values(2 * x)
    for degree, one, two in zip(DEGREE[kind], once, twice, strict=True):
        assert float(two) == pytest.approx(2**degree * float(one), rel=1e-5)


def test_gradient_equals_finite_differences(kind: str) -> None:
    """The slope along a direction is that of the formula, away from the kinks."""
    x = jnp.array([[0.5, -1.5], [2.0, -0.25]])
    direction = jnp.array([[1.0, 0.5], [-0.3, 2.0]])
    penalty, step = make(kind), 1e-2
    slope = jax.grad(lambda t: penalty(x + t * direction))(0.0)
    difference = (penalty(x + step * direction) - penalty(x - step * direction)) / (2 * step)
    assert float(slope) == pytest.approx(float(difference), rel=1e-3)


def test_strength_zero_is_no_penalty(kind: str, x: np.ndarray) -> None:
    """Value and gradient are exactly zero."""
    none = KINDS[kind](*[0.0] * len(KINDS[kind].names))
    assert float(none(x)) == 0.0
    assert not np.any(np.asarray(jax.grad(none)(jnp.asarray(x))))


def test_traced_strength_equals_fixed_strength(kind: str, x: np.ndarray) -> None:
    """Nothing branches on a strength."""
    penalty = make(kind)

    @jax.jit
    def traced(amounts: jax.Array) -> jax.Array:
        return sum(a * v for a, v in zip(amounts, penalty.unit_values(x), strict=True))

    assert float(traced(jnp.array(penalty.fixed()))) == pytest.approx(float(penalty(x)), rel=1e-6)


def test_survives_serialization(kind: str, x: np.ndarray) -> None:
    """Keras writes and reads it, with its convention."""
    penalty = make(kind, per="batch")
    again = keras.regularizers.deserialize(keras.regularizers.serialize(penalty))
    assert repr(again) == repr(penalty)
    assert float(again(x)) == float(penalty(x))
    assert repr(parse_penalty(repr(penalty))) == repr(penalty)


def test_trains_as_an_ordinary_keras_regularizer(kind: str) -> None:
    """In a plain layer it adds its value to the loss."""
    layer = keras.layers.Dense(3, kernel_regularizer=make(kind))
    layer.build((None, 2))
    assert float(layer.losses[0]) == pytest.approx(float(make(kind)(layer.kernel)), rel=1e-6)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("per", ["sample", "batch", "unit"])
def test_activity_conventions(kind: str, x: np.ndarray, per: str, masked: bool) -> None:
    """Sum over units; over the batch a mean, a sum, or a mean with the units; what is not charged is not counted."""
    charged = np.ones((5, 3), "float32")
    if masked:
        charged[0], charged[1, 2] = 0, 0
    kept = x * charged[..., None]
    samples, entries = charged.max(axis=1).sum(), charged.sum() * 2
    divisor = {"sample": samples, "batch": 1, "unit": entries}[per]
    got = make(kind, per=per).activity_values(x, charged if masked else None)
    for value, formula in zip(got, NUMPY[kind], strict=True):
        assert float(value) == pytest.approx(formula(kept.astype(float)) / divisor, rel=1e-5)


@pytest.mark.parametrize("per", ["sample", "batch", "unit"])
def test_keras_activity_regularizer_agrees_with_the_convention(kind: str, per: str) -> None:
    """What Keras adds for it, after its division by the batch size, is what the convention says."""
    x = np.random.default_rng(1).normal(size=(6, 4)).astype("float32")
    layer = keras.layers.Dense(3, activity_regularizer=make(kind, per=per))
    out = layer(x)
    values = make(kind).at(*make(kind).fixed()).fixed()
    expected = sum(a * float(v) for a, v in zip(values, make(kind, per=per).activity_values(out), strict=True))
    assert float(layer.losses[0]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_summed_in_float32(kind: str, dtype: str) -> None:
    """Keras's own activity penalty is infinite here."""
    x = keras.ops.cast(np.full((256, 64), 30.0), dtype)
    assert all(np.isfinite(float(value)) for value in make(kind).activity_values(x))
    assert str(make(kind).activity_values(x)[0].dtype) == "float32"


def test_any_real_number_is_a_strength() -> None:
    """NumPy scalars and zero-dimensional arrays, which Keras's L2 rejects."""
    from fractions import Fraction

    for value in (np.float32(0.5), np.float64(0.5), np.array(0.5), Fraction(1, 2), 0.5):
        assert bridle.L2(value).fixed() == (0.5,)
    assert bridle.L1(np.int64(1)).fixed() == (1.0,)
