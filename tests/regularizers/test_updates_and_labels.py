"""Decay and label treatments obey their laws with optimizers and losses of Keras."""

from typing import Any

import keras
import pytest
from tests.regularizers._update_cases import DECAYS, LOSSES, TREATMENTS

import bridle
from bridle import BridleError
from bridle.regularizers import KINDS, Decay, LabelTreatment
from bridle.testing import check_decay, check_labels


def named(value: Any) -> str:
    """Return a name that is the same in each process of the tests."""
    return value if isinstance(value, str) else getattr(value, "name", repr(value))


def test_every_kind_is_in_the_list() -> None:
    """New decay and new treatments run the contract."""
    expected = {kind for kind, cls in KINDS.items() if issubclass(cls, Decay | LabelTreatment)}
    assert expected == {DECAYS[0][0].kind, *(treatment.kind for treatment in TREATMENTS)}


@pytest.mark.parametrize(("decay", "optimizer"), DECAYS, ids=named)
def test_decay_obeys_its_laws(decay: bridle.WeightDecay, optimizer: Any) -> None:
    """The contract that ships in the package."""
    check_decay(decay, optimizer=optimizer)


@pytest.mark.parametrize("loss", LOSSES, ids=named)
@pytest.mark.parametrize("treatment", TREATMENTS, ids=repr)
def test_labels_obey_their_laws(treatment: LabelTreatment, loss: Any) -> None:
    """The contract that ships in the package."""
    check_labels(treatment, loss=loss)


class Twice(keras.optimizers.SGD):
    """An optimizer that decays after its step, and by its own rate too."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(gradient, variable, learning_rate)
        self._apply_weight_decay([variable])


class Tripled(keras.losses.CategoricalCrossentropy):
    """A loss whose labels count three times where they are certain."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return super().call(y_true, y_pred) * keras.ops.where(keras.ops.max(y_true, axis=-1) > 0.99, 3.0, 1.0)


def test_finds_what_is_broken() -> None:
    """An optimizer that decays by itself, a loss without classes, and other regularizers."""
    twice = keras.saving.register_keras_serializable("tests")(Twice)(0.1)
    with pytest.raises(AssertionError, match="shrinks the weight before the step"):
        check_decay(bridle.WeightDecay(0.1), optimizer=twice)
    for loss in ("mse", Tripled()):
        with pytest.raises(BridleError, match="Expected a loss of Keras over classes"):
            check_labels(bridle.LabelSmoothing(0.1), loss=loss)
    with pytest.raises(BridleError, match="Expected decay"):
        check_decay(bridle.L2(0.1))
    with pytest.raises(BridleError, match="Expected a label treatment"):
        check_labels(bridle.L2(0.1))
