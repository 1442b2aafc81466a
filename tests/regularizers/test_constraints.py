"""Constraints are those of Keras, to the bit; over other groups they are what NumPy computes."""

import keras
import numpy as np
import pytest

import bridle
from bridle import BridleError
from bridle.regularizers import Constraint, parse_regularizer
from bridle.testing import check_constraint

W = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
KERNEL = np.random.default_rng(1).normal(size=(2, 2, 4, 3)).astype("float32")
LABELS = [0, 1, 0, 1]


def array(value: object) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(value))


def lengths(w: np.ndarray, groups: object) -> np.ndarray:
    """The norm of the group of each entry, in the shape of `w`."""
    if groups == "units":
        return np.broadcast_to(np.sqrt(np.square(w).sum(axis=tuple(range(w.ndim - 1)), keepdims=True)), w.shape)
    labels = np.arange(4) if groups == "inputs" else np.array(LABELS if groups == "list" else [0, 0, 1, 1])
    rows = np.moveaxis(w, -2, 0)
    norms = np.array([np.sqrt(np.square(rows[labels == label]).sum()) for label in labels])
    return np.moveaxis(np.broadcast_to(norms.reshape(-1, *[1] * (w.ndim - 1)), rows.shape), 0, -2)


@pytest.mark.parametrize("w", [W, KERNEL], ids=["dense", "convolution"])
def test_constraints_equal_those_of_keras(w: np.ndarray) -> None:
    """With all axes but the last, every bit; a limit of 0 and a switch that is off change nothing."""
    axes = list(range(w.ndim - 1))
    pairs = [
        (bridle.MaxNorm(0.9), keras.constraints.MaxNorm(0.9, axis=axes)),
        (bridle.UnitNorm(), keras.constraints.UnitNorm(axis=axes)),
        (bridle.NonNegative(), keras.constraints.NonNeg()),
    ]
    for ours, theirs in pairs:
        np.testing.assert_array_equal(array(ours(w)), array(theirs(w)))
        assert not np.array_equal(array(ours(w)), w)
        np.testing.assert_array_equal(array(ours.at(0.0)(w)), w)


@pytest.mark.parametrize("groups", ["units", "inputs", 2, "list"])
@pytest.mark.parametrize("w", [W, KERNEL], ids=["dense", "convolution"])
def test_groups_share_a_norm(w: np.ndarray, groups: object) -> None:
    """Groups beyond the limit end at it, the others stay; unit norms are one."""
    norms, option = lengths(w, groups), LABELS if groups == "list" else groups
    limit = float(np.median(norms))
    got = array(bridle.MaxNorm(limit, groups=option)(w))
    np.testing.assert_allclose(got, w * np.minimum(norms, limit) / norms, rtol=1e-5)
    assert 0 < (lengths(got, groups) < 0.999 * norms).mean() < 1
    np.testing.assert_allclose(lengths(array(bridle.UnitNorm(groups=option)(w)), groups), 1.0, rtol=1e-5)


def test_half_precision_does_not_overflow() -> None:
    """The squares of these entries are infinite in float16."""
    w = keras.ops.cast(300 * W, "float16")
    for constraint, norm in ((bridle.MaxNorm(2.0), 2.0), (bridle.UnitNorm(), 1.0)):
        got = constraint(w)
        assert keras.backend.standardize_dtype(got.dtype) == "float16"
        np.testing.assert_allclose(lengths(array(got).astype("float32"), "units"), norm, rtol=5e-3)


def test_a_switch_is_one_or_zero() -> None:
    """Any other strength would do what 1 does, and a range has nothing to search."""
    for make in (bridle.UnitNorm, bridle.NonNegative):
        assert make().strengths == (1.0,)
        assert make(bridle.schedule.steps({3: 1})).schedules[0] is not None
        for value in (0.5, "auto", bridle.grid(0.1, 1.0), [0, 2]):
            with pytest.raises(BridleError, match="Expected 1 or 0 in"):
                make(value)


def test_the_penalty_of_the_former_name_still_loads() -> None:
    """`MaxNorm` was a penalty with a strength: its configurations, and the texts that a study stored."""
    former = {"class_name": "MaxNorm", "module": "bridle.regularizers._matrices", "registered_name": "bridle>MaxNorm"}
    penalty = keras.saving.deserialize_keras_object({**former, "config": {"strength": 0.1, "limit": 2.0}})
    assert repr(penalty) == repr(bridle.SoftMaxNorm(0.1, limit=2.0))
    for text in ("maxnorm(strength=0.1, limit=2)", "maxnorm(0.1, limit=2)", "MaxNorm(limit=2, strength=0.1)"):
        assert repr(parse_regularizer(text)) == repr(bridle.SoftMaxNorm(0.1, limit=2.0)), text
    for text in ("maxnorm(0.1)", "maxnorm(limit=0.1)"):
        assert repr(parse_regularizer(text)) == repr(bridle.MaxNorm(0.1)), text


@pytest.mark.parametrize(
    ("constraint", "shape"),
    [
        (bridle.MaxNorm([1, 2]), (4, 3)),
        (bridle.MaxNorm("auto", groups=2), (2, 2, 4, 3)),
        (bridle.MaxNorm(bridle.schedule.linear(3, 1, 10)), (5,)),
        (bridle.UnitNorm(groups=LABELS), (4, 3)),
        (bridle.NonNegative(), (4, 3)),
    ],
    ids=repr,
)
def test_constraints_obey_the_contract(constraint: bridle.Regularizer, shape: tuple[int, ...]) -> None:
    """Every law of `bridle.testing.check_constraint`."""
    check_constraint(constraint, shape=shape)


class Shrinking(Constraint):
    """Not a projection: a second call goes on."""

    names = ("strength",)
    kind = "shrinking"

    def __init__(self, strength: object = 1.0) -> None:
        super().__init__(strength)

    def project(self, x, strengths):
        return x / (1 + strengths[0])


def test_the_contract_finds_what_is_no_projection() -> None:
    """Each violation with its law; other things than constraints are refused."""
    with pytest.raises(AssertionError, match="survives saving"):
        check_constraint(Shrinking())
    with pytest.raises(AssertionError, match="projects twice as once"):
        check_constraint(keras.saving.register_keras_serializable("tests")(Shrinking)())
    with pytest.raises(BridleError, match="Expected a constraint"):
        check_constraint(bridle.L2(0.1))


def test_decay_survives_saving_and_text() -> None:
    """Through Keras's serialization, and through its own text."""
    decay = bridle.WeightDecay(bridle.schedule.linear(0, 0.1, 10))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(decay))
    assert again.get_config() == decay.get_config()
    assert repr(parse_regularizer("weight_decay(0.1)")) == repr(bridle.WeightDecay(0.1))
