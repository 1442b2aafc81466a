"""The other arguments of penalties: what is refused, with which sentence, and what is kept."""

from typing import Any

import keras
import numpy as np
import pytest

import bridle
from bridle import BridleError
from bridle.regularizers import PENALTIES, parse_penalty


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: bridle.KL(1.0, target=0), "1e-6 of them), such as 0.05, got 0"),
        (lambda: bridle.KL(1.0, target=1.0), "between 0 and 1"),
        (lambda: bridle.KL(1.0, target="5%"), "got '5%'"),
        (lambda: bridle.KL(1.0, target=True), "got True"),
        (lambda: bridle.MeanActivation(1.0, target=float("nan")), "a finite number, such as 0.05, got nan"),
        (lambda: bridle.SmoothL1(1.0, epsilon=0), "smoothl1(epsilon=…) a number of at least 1e-12"),
        (lambda: bridle.SoftMaxNorm(1.0, limit=-1), "softmaxnorm(limit=…) a length ≥ 0"),
        (lambda: bridle.Confidence(1.0, threshold=-0.1), "an entropy ≥ 0, or None"),
        (lambda: bridle.Confidence(1.0, from_logits=1), "confidence(from_logits=…) True or False, got 1"),
        (lambda: bridle.Hoyer(1.0, over="row"), "hoyer(over=…) 'tensor' or 'unit', got 'row'"),
        (lambda: bridle.Orthogonality(1.0, by=0), "orthogonality(by=…) 'columns' or 'rows', got 0"),
        (lambda: bridle.GroupLasso(1.0, groups="gates"), "Use 'inputs', 'units', 'filters', a number"),
        (lambda: bridle.GroupLasso(1.0, groups=0), "got 0. Use"),
        (lambda: bridle.GroupLasso(1.0, groups=True), "got True. Use"),
        (lambda: bridle.GroupLasso(1.0, groups=[]), "got []. Use"),
        (lambda: bridle.SparseGroupLasso(1.0, 1.0, groups=[0.5, 1.0]), "sparsegrouplasso(groups=…)"),
        (lambda: bridle.GroupLasso(1.0, exact="yes"), "exact=True or exact=False"),
        (
            lambda: bridle.L2SP(1.0, anchor="start"),
            "l2sp(anchor=…) 'pretrained', a finite number, or",
        ),
        (lambda: bridle.L2SP(1.0, anchor=float("inf")), "a finite number"),
        (lambda: bridle.L2SP(1.0, anchor=[1.0, float("nan")]), "finite numbers only, got nan"),
        (lambda: bridle.L2SP(1.0, anchor=[[1.0], [1.0, 2.0]]), "shape of the weight, got [[1.0], [1.0, 2.0]]"),
        (lambda: bridle.L2SP(1.0, anchor=None), "got None"),
        (lambda: parse_penalty("kl(1, target=7)"), "between 0 and 1"),
        (lambda: parse_penalty("kl(1, aim=0.1)"), "arguments strength, target of kl"),
    ],
)
def test_refuses_options(make: Any, said: str) -> None:
    """Expected, got, where, what next."""
    with pytest.raises(ValueError, match="Expected") as refused:
        make()
    assert isinstance(refused.value, BridleError)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("penalty", "shape", "said"),
    [
        (bridle.GroupLasso(1.0, groups=4), (10, 2), "divides the 10 inputs, got 4. Near it: 1, 2, 5, 10"),
        (bridle.GroupLasso(1.0, groups=20), (10, 2), "got 20. Near it: 5, 10"),
        (bridle.GroupLasso(1.0, groups=[0, 1]), (3, 2), "for each of the 3 inputs, got 2"),
        (bridle.GroupLasso(1.0), (), "Use l1 there"),
        (bridle.Orthogonality(1.0), (3,), "at least two axes for orthogonality, got shape (3,)"),
        (bridle.SpectralNorm(1.0), (3,), "at least two axes for spectral"),
        (bridle.Nuclear(1.0), (3,), "at least two axes for nuclear"),
        (bridle.L2SP(1.0, anchor=np.ones((2, 2))), (3, 2), "the shape (3, 2) of the weight, got (2, 2)"),
        (bridle.L2SP(1.0), (3, 2), "Place it with bridle.regularize or a bridle.Study"),
    ],
)
def test_refuses_weights_that_do_not_fit(penalty: Any, shape: tuple[int, ...], said: str) -> None:
    """The sentence names the sizes."""
    with pytest.raises(ValueError, match="Expected") as refused:
        penalty(np.ones(shape, "float32"))
    assert said in str(refused.value)


@pytest.mark.parametrize("kind", ["ar", "tar"])
def test_time_is_needed(kind: str) -> None:
    """An activation without a time axis."""
    with pytest.raises(ValueError, match=r"shape \(batch, time, …\)"):
        PENALTIES[kind](1.0).activation_values(np.ones(3, "float32"))


@pytest.mark.parametrize("penalty", [bridle.Nuclear(1.0), bridle.L2SP(1.0), bridle.Hoyer(1.0, over="unit")])
def test_weights_only(penalty: Any) -> None:
    """Placed on an activation they say so."""
    assert penalty.allowed_on == ("weight",)
    with pytest.raises(ValueError, match="Expected a weight"):
        penalty.activation_values(np.ones((3, 2), "float32"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("group_lasso(0.1, groups=units)", "GroupLasso(strength=0.1, groups='units')"),
        ("GroupLasso(0.1, groups=[0, 0, 1], exact=True)", "GroupLasso(strength=0.1, groups=[0, 0, 1], exact=True)"),
        ("sparse_group_lasso(l1=0.1, group=auto)", "SparseGroupLasso(l1=0.1, group=auto)"),
        ("SpectralNorm(0.1)", "SpectralNorm(strength=0.1)"),
        ("SPECTRAL(0.1)", "SpectralNorm(strength=0.1)"),
        ("smooth_l1(0.1, epsilon=0.01)", "SmoothL1(strength=0.1, epsilon=0.01)"),
        ("l2_sp(0.1, anchor=-1)", "L2SP(strength=0.1, anchor=-1.0)"),
        ("mean_activation(0.1)", "MeanActivation(strength=0.1)"),
        ("confidence(0.1, threshold=0.5)", "Confidence(strength=0.1, threshold=0.5)"),
        ("confidence(0.1, threshold=None)", "Confidence(strength=0.1)"),
    ],
)
def test_reads_options_in_text(text: str, shown: str) -> None:
    """Case and underscores make no difference, and class names go too."""
    assert repr(parse_penalty(text)) == shown


def test_an_anchor_is_kept_as_it_is() -> None:
    """A variable stays a variable: what it holds later is what counts."""
    start = keras.Variable(np.ones((2, 2), "float32"))
    unbound = bridle.L2SP(0.5)
    bound = unbound.with_anchor(start)
    assert (unbound.needs_anchor, bound.needs_anchor) == (True, False)
    assert bound.anchor is start
    assert bound.at(1.0).anchor is start
    assert float(bound(np.ones((2, 2), "float32"))) == 0.0
    start.assign(np.zeros((2, 2)))
    assert float(bound(np.ones((2, 2), "float32"))) == 2.0


def test_an_anchor_is_saved_with_its_numbers() -> None:
    """As a list; the printed form shows the shape only."""
    bound = bridle.L2SP(0.5).with_anchor(np.array([[1.0, 2.0]]))
    assert bound.get_config()["anchor"] == [[1.0, 2.0]]
    assert repr(bound) == "L2SP(strength=0.5, anchor=array(1, 2))"
    assert bound.to_text("0.5") == "l2sp(strength=0.5, anchor=[[1.0, 2.0]])"
    assert bridle.L2SP(0.5).get_config()["anchor"] == "pretrained"


def test_no_other_penalty_needs_an_anchor() -> None:
    """`needs_anchor` can be asked of every penalty."""
    assert {kind for kind, penalty in PENALTIES.items() if penalty(*[1.0] * len(penalty.names)).needs_anchor} == {
        "l2sp"
    }
