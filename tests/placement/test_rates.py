"""The rate of a layer, given in the dictionary, makes the fit of the model that was built with that rate."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import pytest
from tests.engine._member import equal, keras_fit, members
from tests.engine._rows import rows
from tests.placement._rates import LAYERS, cells, dense, recurrent, sequences

import bridle
from bridle._keras import rate_arguments, rates_replaced
from bridle.placement import code_lines, find_rates, match_target, regularize
from bridle.study import RunOptions, run_study
from bridle.study.data import Rows
from bridle.study.design import Question, prepare
from bridle.tuning import read_study

L = keras.layers
TORTURE = "BRIDLE_TORTURE" in os.environ
Build = Callable[[], keras.Model]


def check(built: Build, terms: dict[str, Any], wanted: Build, kind: str, *, none: bool = False) -> None:
    """Five epochs of an arm equal those of `wanted`: losses, weights and random states; and `none` those of `built`."""
    x, y = (part[:48] for part in rows(kind))
    *first, arm = members(built, x, y, validation=(x[:8], y[:8]), terms=terms, every=none)
    equal(arm, keras_fit(wanted, x, y))
    if none:
        equal(first[0], keras_fit(built, x, y))


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
    own = (0.0, 0.0), (0.4, 0.3)
    check(lambda: recurrent(*own), terms, lambda: recurrent((0.2, 0.1), (0.4, 0.0)), "sequence", none=True)


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


def test_arms_of_one_study() -> None:
    """The rate of the layer is `none` bit for bit, alone and beside a penalty; a schedule moves the rate."""
    same, warm = {"drop/rate": 0.5}, {"drop/rate": bridle.schedule.steps({0: 0.5, 2: 0.1})}
    arms = {
        "same": same,
        "beside": {**same, "hidden/kernel": bridle.L2(0.0)},
        "others": {"*/rate": [0.0, 0.2]},
        "warm": warm,
        "penalty": {"hidden/kernel": "l2(0.01)"},
    }
    x, y = rows("vector")
    question = Question(lambda: dense(0.5, 0.0001), arms, seeds=(3,), epochs=4, batch_size=16, shuffle=False)
    split = Rows(x[:40], y[:40], validation=(x[40:], y[40:]))
    result = run_study(prepare(question, split), RunOptions(refit=False))[0]
    none, twin, beside, zero, weaker, moved, penalized = result.curves[result.members.fold == 0]
    assert np.isfinite(none[-1]).all()
    np.testing.assert_array_equal(twin, none)
    np.testing.assert_array_equal(beside, none)
    np.testing.assert_array_equal(moved[:2], none[:2], err_msg="before the second step of the schedule")
    assert all((other[-1] != none[-1]).any() for other in (zero, weaker, moved, penalized))
    assert result.setting_strengths[0].tolist() == [-1, 0, -1, -1]
    assert [dict(arm.terms) for arm in result.arms[1:3]] == [
        {"drop/rate": "rate(rate={drop/rate})"},
        {"drop/rate": "rate(rate={drop/rate})", "hidden/kernel": "l2(strength={hidden/kernel l2})"},
    ]


def masks(rate: float, layer: keras.Layer, x: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Zeros of the output of a layer at a traced rate, and the state of its random numbers afterwards."""
    (argument,) = rate_arguments(layer)

    @jax.jit
    def call(rate: Any) -> Any:
        with rates_replaced([(argument, rate)]):
            return layer.stateless_call([], [v.value for v in layer.non_trainable_variables], x, training=True)

    output, (state,) = call(np.float32(rate))
    return np.asarray(output) == 0, np.asarray(state).tolist()


def test_masks_of_two_rates_are_nested() -> None:
    """What a rate drops, every larger one drops; rate 0 drops nothing and leaves the random state where it was."""
    layer, x = L.Dropout(0.5, seed=1), np.ones((200, 50), "float32")
    (none, start), (some, moved), (most, again) = (masks(rate, layer, x) for rate in (0.0, 0.2, 0.7))
    assert not none.any()
    assert not (some & ~most).any()
    assert some.mean() == pytest.approx(0.2, abs=0.02)
    assert most.mean() == pytest.approx(0.7, abs=0.02)
    assert (start, moved, again) == ([1, 0], [1, 1], [1, 1])


class Block(L.Layer):
    """A layer with others inside that have no weights."""

    def __init__(self) -> None:
        super().__init__(name="block")
        self.drop, self.more = L.Dropout(0.1), [L.GaussianNoise(0.2), L.Dropout(0.0)]

    def call(self, x: Any, training: bool = False) -> Any:
        return self.more[1](self.more[0](self.drop(x, training=training), training=training))


def wrapped() -> keras.Model:
    """Rates at every depth."""
    inputs = keras.Input((4, 3))
    x = keras.Sequential([keras.Input((4, 3)), L.Dropout(0.3, name="deep")], name="inner")(inputs)
    x = L.TimeDistributed(L.Dropout(0.2, name="step"), name="td")(x)
    x = L.MultiHeadAttention(1, 2, dropout=0.1, name="attention")(x, x)
    x = L.Bidirectional(L.GRU(2, return_sequences=True, dropout=0.3), name="both")(Block()(x))
    model = keras.Model(inputs, L.RNN(L.StackedRNNCells([L.LSTMCell(2)]), name="stack")(x))
    model.compile("sgd", "mse")
    return model


def test_targets_reach_layers_inside_others() -> None:
    """By the attribute that holds a layer; a wrapper's name is enough; the dropout inside attention has one name."""
    model = wrapped()
    assert [(site.name, site.rate.value) for site in find_rates(model)] == [
        ("inner/deep/rate", 0.3),
        ("td/step/rate", 0.2),
        ("attention/dropout", 0.1),
        ("block/drop/rate", 0.1),
        ("block/more/0/stddev", 0.2),
        ("block/more/1/rate", 0.0),
        *((f"both/{side}/{name}", rate) for side in ("forward", "backward") for name, rate in GRU_RATES),
        *((f"stack/cells/0/{name}", 0.0) for name, _ in GRU_RATES),
    ]
    assert [site.name for site in match_target(model, "both/dropout, td/rate")] == [
        "both/forward/dropout",
        "both/backward/dropout",
        "td/step/rate",
    ]
    assert not [site for site in match_target(model, "*/*") if site.rate is not None]


GRU_RATES = (("dropout", 0.3), ("recurrent_dropout", 0.0))


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"td/rate": 1.0}, "Expected a rate from 0 to below 1 at 'td/rate', got 1."),
        ({"td/rate": -0.1}, "Expected a strength ≥ 0 and finite in rate(rate=…), got -0.1."),
        ({"td/rate": "many"}, "Expected a number from 0 to below 1, a list of them, 'auto' or a schedule at 'td/rate'"),
        ({"td/rate": [0.1, 0.2]}, "Expected one number as rate of rate here, got a range to search."),
        ({"td/rate": "l2(0.1)"}, "Expected a weight at 'td/rate' for l2, got the rate 'td/step/rate'."),
        ({"td/rate": None}, "Expected a regularizer such as"),
        ({"*/kernel": 0.1}, "Expected a regularizer such as"),
        ({"block/stddev": 1.5}, "Expected a standard deviation from 0 to 1 at 'block/stddev'"),
        ({"*/rate": 0.1}, "got 'block/more/1/rate' with 0, to which Keras gives no random state."),
        ({"td/rate": 0.1, "td/layer/rate": 0.2}, "Expected each rate once, got 'td/step/rate' in 'td/rate' and in"),
        ({"td/stddev": 0.1}, "Nearest: 'td/step/rate'"),
    ],
)
def test_what_cannot_be_is_a_sentence(terms: dict, sentence: str) -> None:
    """Before training, with the target and what to do."""
    with pytest.raises(bridle.BridleError, match=re.escape(sentence)):
        regularize(wrapped(), terms)


def test_a_model_without_rates_is_told_where_to_put_noise() -> None:
    """Dropout as a regularizer of an output needs no layer."""
    with pytest.raises(bridle.BridleError, match=r"no layer of Keras with dropout or noise.*bridle\.Dropout"):
        regularize(keras.Sequential([keras.Input((2,)), L.Dense(1)]), {"*/rate": 0.1})


def test_code_builds_the_layers_with_the_rates() -> None:
    """Constructor calls of Keras; a call of bridle for layers inside others and for schedules."""
    model = keras.Sequential([keras.Input((4, 3)), L.GRU(2, name="gru"), L.Dropout(0.5, name="drop"), L.Dense(1)])
    code = code_lines(model, {"gru/recurrent_dropout": 0.1, "drop/rate": 0.2})
    assert "keras.layers.Dropout(rate=0.2, name='drop')," in code
    assert re.search(r"keras\.layers\.GRU\(units=2, .*recurrent_dropout=0\.1\),", code)
    assert '"td/rate": 0.2,' in code_lines(wrapped(), {"td/rate": 0.2})
    assert '"drop/rate": "warmup(0.2, 3)",' in code_lines(model, {"drop/rate": "warmup(0.2, 3)"})


def test_numbers_are_rates_in_a_study_file(tmp_path: Path) -> None:
    """Numbers, lists and text at a rate; text alone elsewhere."""
    text = '[data]\narrays = "rows.npz"\n[arms.drop]\n"drop/rate" = [0.1, 0.5]\n"lstm/dropout" = "auto"\n'
    path = tmp_path / "study.toml"
    path.write_text(text)
    assert read_study(path).arms == {"drop": {"drop/rate": [0.1, 0.5], "lstm/dropout": "auto"}}
    for wrong in ('"drop/rate" = true', '"drop/rate" = []', '"*/kernel" = 0.1'):
        path.write_text(text + wrong.replace("drop/", "other/"))
        with pytest.raises(bridle.BridleError, match=r"Expected a (rate|penalty)"):
            read_study(path)
