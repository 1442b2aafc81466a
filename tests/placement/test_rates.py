"""The rate of a layer, given in the dictionary, makes the fit of the model that was built with that rate."""

import os
from collections.abc import Callable
from typing import Any

import keras
import pytest
from tests.engine._member import equal, keras_fit, member
from tests.engine._rows import rows
from tests.placement._rates import LAYERS, cells, dense, recurrent, sequences

from bridle.placement import find_rates

L = keras.layers
TORTURE = "BRIDLE_TORTURE" in os.environ
Build = Callable[[], keras.Model]


def check(built: Build, terms: dict[str, Any], wanted: Build, kind: str) -> None:
    """Five epochs of an arm equal those of `wanted`: losses, weights and the states of the random layers."""
    x, y = (part[:48] for part in rows(kind))
    equal(member(built, x, y, validation=(x[:8], y[:8]), terms=terms), keras_fit(wanted, x, y))


def test_dropout_and_noise_equal_the_model_built_with_the_rate() -> None:
    """Dropout, GaussianDropout, AlphaDropout and GaussianNoise, with and without a seed, also in a nested model."""
    check(lambda: dense(0.5, 0.4), {"*/rate": 0.3, "noise/stddev": 0.1}, lambda: dense(0.3, 0.1), "vector")


def test_dropout_of_sequences_equals_the_model_built_with_the_rate() -> None:
    """Spatial dropout, a shared mask, `TimeDistributed`, and the weights of four kinds of attention."""
    check(lambda: sequences(0.5), {"*/rate": 0.2, "*/dropout": 0.2}, lambda: sequences(0.2), "sequence")


def test_dropout_of_recurrent_layers_equals_the_model_built_with_the_rates() -> None:
    """From 0 and back to 0.

    Without recurrent dropout, LSTM and GRU compute all gates in one product and draw one mask for all of them.
    """
    terms = {"both/dropout": 0.2, "both/recurrent_dropout": 0.1, "gru/recurrent_dropout": 0.0}
    check(lambda: recurrent((0.0, 0.0), (0.4, 0.3)), terms, lambda: recurrent((0.2, 0.1), (0.4, 0.0)), "sequence")


@pytest.mark.skipif(not TORTURE, reason="the long list of make torture")
@pytest.mark.parametrize("own", [(0.0, 0.0), (0.4, 0.3)])
def test_dropout_of_cells_equals_the_model_built_with_the_rates(own: tuple[float, float]) -> None:
    """SimpleRNN with padded steps, an LSTM that computes its gates apart, and a stack of cells."""
    terms = {"*/dropout": 0.2, "*/recurrent_dropout": 0.1}
    check(lambda: cells(*own), terms, lambda: cells(0.2, 0.1), "sequence")


@pytest.mark.skipif(not TORTURE, reason="the long list of make torture")
@pytest.mark.parametrize("rate", [0.3, 0.0])
@pytest.mark.parametrize("layer", LAYERS)
def test_layers_one_by_one(layer: str, rate: float) -> None:
    """Each layer in a model of its own; at rate 0 the rate of a built layer is set to 0."""
    build, kind, quantity = LAYERS[layer]

    def wanted() -> keras.Model:
        model = build(rate or 0.5)
        for site in find_rates(model) if rate == 0 else ():
            setattr(site.rate.holder, site.rate.attribute, rate)
        return model

    check(lambda: build(0.5), {f"*/{quantity}": rate}, wanted, kind)
