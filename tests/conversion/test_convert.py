"""Conversions as numbers and sentences, and what is refused."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

import bridle
from bridle import BridleError
from bridle.conversion import CONVENTIONS

FACTS = {"batch_size": 30, "time_steps": 70, "units": 400, "learning_rate": 3e-4}
PAIRS = [pair for pair in itertools.product(CONVENTIONS, repeat=2) if pair[0].subject == pair[1].subject]


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=[f"{old.name} to {new.name}" for old, new in PAIRS])
def test_there_and_back_is_the_same(old, new) -> None:
    """Any two conventions about the same thing; zero stays zero, but for a probability of keeping."""
    for value in (7.3e-5, 1 / 3, 1.0 if "keep_prob" in (old.name, new.name) else 0.0):
        if value == 1.0 and old.name != "keep_prob":
            continue
        there = bridle.convert(value, old.name, to=new.name, **FACTS)
        back = bridle.convert(there.strength, new.name, to=old.name, **FACTS)
        tolerance = 1e-12 if old.curve is new.curve is None else 1e-7  # 1 − 1e-9 has seven digits of its own
        assert back.strength == pytest.approx(value, rel=tolerance, abs=0)
    if old is new:
        assert bridle.convert(math.pi / 4, old.name, to=new.name).strength == math.pi / 4


@pytest.mark.parametrize(
    ("value", "source", "to", "facts", "expected"),
    [
        (1e-4, "keras2.3 activity", "keras3.14 activity", {"batch_size": 30}, 3e-3),
        (1e-5, "Keras 2.2.4 L1 activity", "bridle", {"batch_size": 30}, 3e-4),
        (3e-3, "keras 3.15.1 activity", "keras3.5 activity", {"batch_size": 30}, 1e-4),
        (1e-3, "tf.keras 2.11 activity_regularizer", "keras3.14 activity", {}, 1e-3),
        (1e-3, "tensorflow 2.3 activity", "bridle", {}, 1e-3),
        (1e-3, "keras1.2.2 activity", "keras2.0.0 activity", {}, 1e-3),
        (1e-3, "keras1.0.2 activity", "keras1.1 activity", {"batch_size": 10}, 1e-4),
        (1e-3, "keras4 activity", "bridle", {}, 1e-3),
        (5e-4, "PyTorch weight decay", "keras l2", {}, 2.5e-4),
        (5e-4, "AlexNet weight_decay", "keras3.15 kernel_regularizer l2", {}, 2.5e-4),
        (5e-4, "weight decay", "torch", {}, 5e-4),
        (4e-5, "tf.nn.l2_loss", "bridle", {}, 2e-5),
        (1e-4, "sklearn alpha", "l2", {"batch_size": 200}, 2.5e-7),
        (1e-4, "sklearn alpha", "pytorch", {"batch_size": 200}, 5e-7),
        (0.25, "bridle", "pytorch", {}, 0.5),
        (0.25, "keras bias l2", "bridle weights", {}, 0.25),
        (0.01, "pytorch adamw", "keras3.15 adamw", {}, 0.01),
        (1e-4, "tfa adamw", "keras adamw", {"learning_rate": 1e-3}, 0.1),
        (2, "awd-lstm alpha", "bridle", {"time_steps": 70, "units": 400}, 2 / 28000),
        (np.float32(0.5), "keras l2", "pytorch", {}, 1.0),
        (0.8, "tf.nn.dropout keep_prob", "keras dropout", {}, 0.2),
        (0.2, "PyTorch Dropout p", "Keep probability", {}, 0.8),
        (0.3, "dropout rate", "bridle", {}, 0.3),
        (0.5, "keras dropout", "multiplicative noise", {}, 1.0),
        (0.2, "gaussian dropout deviation", "bridle", {}, 0.04 / 1.04),
        (0.04, "noise variance", "keras stddev", {}, 0.2),
        (0.1, "torch label smoothing", "keras label_smoothing", {}, 0.1),
        (0.004, "keras adamw", "bridle", {}, 0.004),
        (0.004, "keras adamw", "plain SGD", {}, 0.004),
        (0.01, "keras sgd weight_decay", "pytorch adamw", {}, 0.01),
        (0.1, "keras adamw", "decay per update", {"learning_rate": 1e-3}, 1e-4),
        (1e-4, "decay per update", "keras sgd weight_decay", {"learning_rate": 0.1}, 1e-3),
    ],
)
def test_known_conversions(value, source, to, facts, expected) -> None:
    """Numbers worked out by hand, in the many ways that people write the names."""
    assert float(bridle.convert(value, source, to=to, **facts)) == pytest.approx(expected, rel=1e-14)


def test_a_conversion_explains_itself() -> None:
    """A line, a sentence for each side, the factor and what it comes from."""
    found = bridle.convert(1e-4, "keras2.3 l1 activity", to="keras3.14 activity", batch_size=30)
    assert repr(found) == "L1 0.0001 (keras2.3 activity) = L1 0.003 (keras3.14 activity)"
    first, old, new, factor, *_ = str(found).splitlines()
    assert first == repr(found)
    assert old.endswith("adds strength · Σ_units Σ_batch |out|: not divided by the batch size.")
    assert new.endswith("adds strength · Σ_units Σ_batch |out| / batch_size.")
    assert factor == "Factor 30 = batch_size, with batch_size = 30."
    same = str(bridle.convert(1, "alexnet", to="pytorch"))
    assert "Factor 1: both mean the same." in same
    assert "f is the magnitude for L1" in str(bridle.convert(1, "keras weights"))
    kept = str(bridle.convert(0.8, "keep_prob", to="keras dropout")).splitlines()
    assert kept[0] == "0.8 (keep_prob) = 0.2 (keras dropout)"
    assert kept[3] == "A strength in 'keep_prob' is 1 − strength in 'bridle dropout'."


def test_a_conversion_gives_the_penalty() -> None:
    """In the convention of its target, where bridle has it."""
    summed = bridle.convert(1e-3, "keras3.5 l2 activity", to="keras2.3 activity")
    assert repr(summed.penalty) == "L2(strength=0.001, per='batch')"
    assert repr(bridle.convert(1e-4, "sklearn alpha", to="pytorch", batch_size=200).penalty) == "L2(strength=2.5e-07)"
    with pytest.raises(BridleError, match=r"'keras2\.3 l1 activity'"):
        _ = bridle.convert(1, "keras2.3 activity", batch_size=3).penalty
    assert bridle.convert(0.01, "keras adamw", to="pytorch adamw").text == "weightdecay(0.01)"
    assert bridle.convert(1e-4, "decay per update", learning_rate=1e-3).text == "weightdecay(0.1)"
    assert bridle.convert(0.8, "keep_prob", to="multiplicative noise").text == "dropout(0.2)"
    assert bridle.convert(0.04, "noise variance").text == "gaussiannoise(0.2)"
    assert bridle.convert(0.1, "pytorch label_smoothing").text == "labelsmoothing(0.1)"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"strength": -1}, "strength ≥ 0 and finite, got -1"),
        ({"strength": math.nan}, "got nan"),
        ({"strength": math.inf}, "got inf"),
        ({"strength": 10**400}, "finite"),
        ({"strength": "1e-4"}, "got '1e-4'"),
        ({"strength": True}, "got True"),
        ({"strength": 1e308}, "too large"),
        ({"batch_size": 0}, "batch_size as a whole number above zero"),
        ({"batch_size": 2.5}, "whole number"),
        ({"batch_size": None}, "batch_size=…, the rows of one training batch"),
        ({"source": "tfa adamw", "to": "keras adamw"}, "--learning-rate"),
        ({"source": "tfa adamw", "to": "keras adamw", "learning_rate": 0}, "learning_rate as a number above zero"),
        ({"source": "awd-lstm alpha", "units": 3}, "time_steps=…, the steps of one sequence"),
        ({"source": "keras l2"}, "about the same thing"),
        ({"source": "adamw"}, "'adamw' (decay)"),
        ({"source": "adamw", "to": "bridle weights"}, "decoupled decay"),
        ({"source": "keras l2", "to": "adamw"}, "'keras sgd weight_decay'"),
        ({"source": "dropout", "to": "keras l2"}, "about the same thing"),
        ({"strength": 1.5, "source": "dropout", "to": "bridle"}, "at least 0 and below 1 in 'bridle dropout', got 1.5"),
        ({"strength": 0, "source": "keep_prob", "to": "bridle"}, "got 0 in 'keep_prob', which is 1 there"),
        ({"strength": 80, "source": "keep_prob", "to": "bridle"}, "which is -79 there"),
        ({"strength": 1, "source": "label smoothing", "to": "bridle"}, "below 1"),
        ({"source": "keras l1", "to": "pytorch"}, "'keras l1' (L1) and 'pytorch' (L2)"),
        ({"source": "pytorch l1 weight_decay"}, "its only norm"),
        ({"source": "keras l1 l2"}, "got both"),
        ({"source": "pytroch weight decay"}, "Nearest: 'pytorch weight_decay'"),
        ({"source": 3}, "a convention as text"),
        ({"source": "bridle", "to": "bridle"}, "'bridle' twice"),
        ({"source": "keras activity"}, "the version of Keras"),
        ({"source": "keras2 activity"}, "a full version of Keras"),
        ({"source": "keras1.0 activity"}, "a full version of Keras"),
        ({"source": "keras1.0.6 activity"}, "no strength matches"),
        ({"source": "keras2.16 activity"}, "whose activity penalty is known"),
        ({"source": "tf.keras 2.17 activity"}, "Later ones come with Keras 3"),
        ({"source": "keras3.14"}, "Write 'keras l2' or 'keras3.14 activity'"),
    ],
)
def test_what_cannot_be_converted_gets_a_sentence(words: dict, said: str) -> None:
    """Expected, got, and what to do next."""
    asked = {"strength": 1e-4, "source": "keras2.3 activity", "to": "keras3.14 activity", "batch_size": 30, **words}
    with pytest.raises(BridleError) as error:
        bridle.convert(asked.pop("strength"), asked.pop("source"), **asked)
    assert said in str(error.value)
    assert str(error.value).startswith("Expected")


def test_names_are_told_apart() -> None:
    """No two conventions answer to the same name, and each answers to its own."""
    from bridle.conversion._names import _key, find

    names = [name for convention in CONVENTIONS for name in (convention.name, *convention.aliases)]
    assert len({_key(name) for name in names}) == len(names)
    assert all(find(convention.name)[0] is convention for convention in CONVENTIONS)


def test_conversion_loads_neither_keras_nor_jax() -> None:
    """The numbers, the sentences and the values of the literature need nothing but Python."""
    code = (
        "import sys, bridle, bridle.conversion\n"
        "assert float(bridle.convert(1e-4, 'pytorch')) == 5e-5 and len(repr(bridle.presets)) > 100\n"
        "print([m for m in ('keras', 'jax', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
