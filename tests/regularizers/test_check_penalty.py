"""The contract catches penalties that break it, law by law."""

import itertools
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import bridle
from bridle.regularizers import KINDS, ActivationPenalty, Entrywise, Penalty, WeightPenalty
from bridle.testing import check_penalty

NUMBERS = itertools.count()


def started(self: Penalty, strength: float) -> None:
    Penalty.__init__(self, strength)


def one(*parents: type[Penalty], **body: Any) -> Penalty:
    """A penalty of the given body, at strength 0.1."""
    own = {"names": ("strength",), "kind": "mine", "options": (), "__init__": started}
    kind = type("Mine", parents, {**own, **body})
    return keras.saving.register_keras_serializable("tests", f"Mine{next(NUMBERS)}")(kind)(0.1)


def of_weights(formula: Any, **body: Any) -> Penalty:
    return one(WeightPenalty, weight_values=lambda self, x: (formula(ops.cast(x, "float32")),), **body)


def of_activations(formula: Any, **body: Any) -> Penalty:
    return one(
        ActivationPenalty,
        activation_values=lambda self, x, charged=None: (formula(ops.cast(x, "float32"), charged),),
        **body,
    )


def weighted(x: Any, charged: Any, values: Any) -> Any:
    """A mean over samples that respects what is charged."""
    if charged is None:
        return ops.mean(values)
    while len(charged.shape) > len(values.shape):
        charged = ops.max(charged, axis=-1)
    while len(charged.shape) < len(values.shape):
        charged = ops.expand_dims(charged, -1)
    spread = ops.ones_like(values) * charged
    return ops.sum(values * spread) / ops.maximum(ops.sum(spread), 1.0)


def counted_once(x: Any, charged: Any) -> Any:
    return weighted(x, charged, ops.square(x))


def twice_at_strength_one(self: Penalty, x: Any) -> Any:
    return self.fixed()[0] ** 2 * ops.sum(ops.square(x))


def strength_inside(self: Penalty, x: Any) -> Any:
    return (ops.sum(ops.square(x)) * (2.0 if self.strengths[0] > 0.5 else 1.0),)


def half_step(self: Penalty, x: Any, step: Any, amounts: Any) -> Any:
    return bridle.L1(0.1, exact=True).proximal(x, 0.5 * step, amounts)


def no_zeros(self: Penalty, x: Any, step: Any, amounts: Any) -> Any:
    near = bridle.L1(0.1, exact=True).proximal(x, step, amounts)
    return ops.where(near == 0, 1e-6 * ops.sign(x), near)


def squares(x: Any) -> Any:
    return ops.sum(ops.square(x))


def pair(self: Penalty, a: float = 1.0, b: float = 1.0) -> None:
    Penalty.__init__(self, a, b)


def sided(self: Penalty, strength: float, side: float = 1.0) -> None:
    """A constructor whose second argument is no option, and so is not saved."""
    self.side = side
    Penalty.__init__(self, strength)


def unnamed(self: Penalty, amount: float) -> None:
    """A constructor that does not know its strength by name."""
    Penalty.__init__(self, amount)


def one_sided() -> Penalty:
    penalty = of_weights(squares, __init__=sided)
    kind = type(penalty)
    kind.weight_values = lambda self, x: (squares(ops.cast(x, "float32")) * self.side,)
    return kind(0.1, 2.0)


def forgetful() -> Penalty:
    """An option that its configuration leaves out."""
    penalty = of_weights(squares, __init__=sided, options=("side",))
    kind = type(penalty)
    kind.weight_values = lambda self, x: (squares(ops.cast(x, "float32")) * self.side,)
    kind.get_config = lambda self: {"strength": 0.1}
    return kind(0.1, 2.0)


def first_sample(x: Any, charged: Any) -> Any:
    first = ops.cast(ops.arange(x.shape[0]) == 0, "float32")
    return counted_once(x * first[:, None, None], charged)


def divided_again(x: Any, charged: Any) -> Any:
    return counted_once(x, charged) / ops.maximum(ops.sum(of_samples(x, charged)), 1.0)


def of_samples(x: Any, charged: Any) -> Any:
    return ops.ones(x.shape[0]) if charged is None else ops.max(ops.reshape(charged, (x.shape[0], -1)), axis=1)


def blind_to_steps(x: Any, charged: Any) -> Any:
    return counted_once(x, of_samples(x, charged))


def nothing_over_nothing(x: Any, charged: Any) -> Any:
    counted = of_samples(x, charged)
    return ops.sum(ops.square(x) * counted[:, None, None]) / ops.sum(counted)


def with_step(step: Any) -> Penalty:
    return of_weights(lambda x: ops.sum(ops.abs(x)), proximal=step, exact=True)


def shrinks_always(self: Penalty, x: Any, step: Any, amounts: Any) -> Any:
    return 0.99999 * bridle.L1(0.1, exact=True).proximal(x, step, amounts)


def branching(x: Any) -> Any:
    return squares(x) if float(x[0, 0]) > -100 else 0.0 * squares(x)


BROKEN = {
    "negative": (of_weights(ops.sum), "charges finite numbers not below zero"),
    "not a number at zero": (of_weights(lambda x: squares(x) / squares(x)), "charges finite numbers not below zero"),
    "not a scalar": (of_weights(ops.square), "shape (4, 3) in place of a number"),
    "one value too few": (of_weights(squares, names=("a", "b"), __init__=pair), "1 values for 2 strengths"),
    "squares its strength": (of_weights(squares, __call__=twice_at_strength_one), "is linear in its strengths"),
    "looks at its strength": (one(WeightPenalty, weight_values=strength_inside), "is linear in its strengths"),
    "loses an argument": (one_sided(), "is linear in its strengths"),
    "branches on the tensor": (of_weights(branching), "charges the same when compiled"),
    "slope infinite at zero": (of_weights(lambda x: ops.sqrt(squares(x))), "exactly nothing at strength zero"),
    "wrong gradient": (of_weights(lambda x: ops.sum(ops.stop_gradient(x) * x)), "has the gradient of its value"),
    "overflows": (one(WeightPenalty, weight_values=lambda self, x: (squares(x),)), "sums half precision in float32"),
    "cannot be made again": (of_weights(squares, __init__=unnamed), "survives saving"),
    "forgets an option": (forgetful(), "charges the same after saving"),
    "charges all samples": (of_activations(lambda x, charged: squares(x)), "leaves out what is not charged"),
    "charges padded steps": (of_activations(blind_to_steps), "other entries in padded steps"),
    "nothing over nothing": (of_activations(nothing_over_nothing), "a batch in which nothing counts"),
    "the first sample only": (of_activations(first_sample), "does not see the order of samples"),
    "divides again": (of_activations(divided_again), "does not depend on the batch size"),
    "half a proximal step": (with_step(half_step), "minimizes"),
    "no exact zeros": (with_step(no_zeros), "an entry of 1e-06 at strength"),
    "a step at strength zero": (with_step(shrinks_always), "a step of strength 0 has changed"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_catches_what_is_broken(name: str) -> None:
    """The sentence names the law."""
    penalty, law = BROKEN[name]
    with pytest.raises(AssertionError, match="Expected that Mine") as caught:
        check_penalty(penalty)
    assert law in str(caught.value)


def test_catches_a_class_that_keras_does_not_know() -> None:
    """It could not be read from a saved model."""

    class Unregistered(Entrywise):
        names, kind = ("strength",), "unregistered"

        def __init__(self, strength: float, *, per: str = "sample") -> None:
            self.per = per
            super().__init__(strength)

        def entry_values(self, x: Any) -> tuple[Any, ...]:
            return (ops.square(x),)

    with pytest.raises(AssertionError, match="survives saving"):
        check_penalty(Unregistered(0.1))


def test_catches_text_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of the language whose option has no text."""
    penalty = of_weights(squares, __init__=sided, options=("side",))
    monkeypatch.setitem(KINDS, "mine", type(penalty))
    with pytest.raises(AssertionError, match="survives its text"):
        check_penalty(type(penalty)(0.1, {"left": 1}))


def test_compares_with_a_formula() -> None:
    """To 1e-5, on what is given."""
    check_penalty(bridle.L2(0.1), formula=lambda x: np.sum(x**2))
    with pytest.raises(AssertionError, match="equals its formula, on a weight of shape"):
        check_penalty(bridle.L2(0.1), formula=lambda x: np.sum(x**2) * 1.0001)


def test_refuses_what_it_cannot_check() -> None:
    """Expected, got."""
    with pytest.raises(TypeError, match="Expected a penalty"):
        check_penalty(keras.regularizers.L2(0.1))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="on='weight' for"):
        check_penalty(bridle.Nuclear(0.1), on="activation")
    with pytest.raises(ValueError, match="on='activation' for"):
        check_penalty(bridle.L1(0.1, per="unit"), on="weight")
