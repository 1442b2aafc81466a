"""Places inside layers: gates, states, heads, wrappers, nested, shared and subclassed models."""

import keras
import numpy as np
import pytest

import bridle
from bridle import BridleError
from bridle.placement import find_sites, match_target

L = keras.layers


def names(model: keras.Model, target: str) -> list[str]:
    return [place.name for place in match_target(model, target)]


def charged(model: keras.Model, terms: dict, x: np.ndarray) -> float:
    return float(sum(bridle.regularize(model, terms).penalties(x).values()))


@pytest.fixture(scope="module")
def recurrent() -> keras.Model:
    """LSTM, GRU, Bidirectional, TimeDistributed, with random biases."""
    model = keras.Sequential(
        [
            keras.Input((4, 2)),
            L.LSTM(3, return_sequences=True, name="lstm"),
            L.Bidirectional(L.GRU(2, return_sequences=True, name="turned"), name="both"),
            L.TimeDistributed(L.Dense(3, "relu", name="step"), name="td"),
            L.GRU(2, name="gru"),
            L.Dense(1, name="out"),
        ]
    )
    for number, weight in enumerate(model.weights):
        weight.assign(np.random.default_rng(number).normal(size=weight.shape))
    return model


@pytest.mark.parametrize(
    ("target", "columns"),
    [
        ("lstm/kernel[input]", slice(0, 3)),
        ("lstm/kernel[forget]", slice(3, 6)),
        ("lstm/kernel[cell]", slice(6, 9)),
        ("lstm/kernel[output]", slice(9, 12)),
        ("gru/recurrent_kernel[update]", slice(0, 2)),
        ("gru/recurrent_kernel[reset]", slice(2, 4)),
        ("gru/bias[candidate]", slice(4, 6)),
    ],
)
def test_gates_are_slices_in_the_order_of_keras(recurrent: keras.Model, target: str, columns: slice) -> None:
    """Input, forget, cell, output side by side in LSTM; update, reset, candidate in GRU."""
    layer, _, rest = target.partition("/")
    weight = np.asarray(getattr(recurrent.get_layer(layer).cell, rest.partition("[")[0]))
    expected = 0.5 * (weight[..., columns] ** 2).sum()
    assert charged(recurrent, {target: bridle.L2(0.5)}, np.ones((2, 4, 2))) == pytest.approx(expected, rel=1e-5)


def test_a_closed_forget_gate_is_the_gate_called_forget() -> None:
    """A forget gate pushed shut makes the LSTM forget: the name is not only a slice."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6, 1)), L.LSTM(2, name="lstm", unit_forget_bias=True)])
    (place,) = match_target(model, "lstm/bias[forget]")
    x = np.zeros((1, 6, 1), "float32")
    x[0, 0] = 3
    before = np.abs(np.asarray(model(x))).sum()
    place.variable.assign(place.insert(place.variable.value, keras.ops.full((2,), -20.0)))
    assert np.abs(np.asarray(model(x))).sum() < 1e-3 < before


def test_all_gates_together_are_the_whole_weight(recurrent: keras.Model) -> None:
    """A glob over parts; and parts are never matched without brackets."""
    x = np.ones((2, 4, 2))
    whole = charged(recurrent, {"lstm/kernel": "l2(1)"}, x)
    assert charged(recurrent, {"lstm/kernel[*]": "l2(1)"}, x) == pytest.approx(whole, rel=1e-5)
    assert names(recurrent, "lstm/k*") == ["lstm/kernel"]


def test_inner_layers_have_places(recurrent: keras.Model) -> None:
    """Inside Bidirectional and TimeDistributed; a weight also goes by the name of the layer around it."""
    assert names(recurrent, "both/*/kernel") == ["both/forward_turned/kernel", "both/backward_turned/kernel"]
    assert names(recurrent, "both/bias[reset]") == [
        "both/forward_turned/bias[reset]",
        "both/backward_turned/bias[reset]",
    ]
    assert names(recurrent, "td/kernel") == names(recurrent, "td/step/kernel") == ["td/step/kernel"]
    assert names(recurrent, "*/output") == ["lstm/output", "both/output", "td/output", "gru/output", "out/output"]
    assert names(recurrent, "*/kernel") == [
        "lstm/kernel", "both/forward_turned/kernel", "both/backward_turned/kernel", "td/step/kernel", "gru/kernel",
        "out/kernel",
    ]  # fmt: skip


def test_kernels_are_neither_biases_nor_scales() -> None:
    """Said aloud, for what it is worth most; statistics are not matched by a glob either."""
    model = keras.Sequential([keras.Input((3,)), L.Dense(2, name="a"), L.BatchNormalization(name="norm")])
    assert names(model, "*/kernel") == ["a/kernel"]
    assert names(model, "norm/*") == ["norm/gamma", "norm/beta", "norm/output"]
    assert names(model, "norm/moving_mean") == ["norm/moving_mean"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("lstm/kernel[forgett]", "'forget', 'cell'"),
        ("gru/kernel[forget]", "'update', 'reset', 'candidate'"),
        ("out/kernel[forget]", "has neither"),
        ("lstm/cell_stat", "Nearest: 'lstm/cell_state'"),
        ("gru/cell_state", "'gru/hidden_state'"),
    ],
)
def test_unknown_gates_get_a_sentence(recurrent: keras.Model, target: str, said: str) -> None:
    """With the names there are."""
    with pytest.raises(BridleError, match="Expected") as refused:
        match_target(recurrent, target)
    assert said in str(refused.value)


def test_backward_states_meet_their_masks() -> None:
    """A layer that goes backwards gives its steps in reverse; padded ones are found all the same."""
    model = keras.Sequential([keras.Input((5, 2)), L.Masking(), L.Bidirectional(L.LSTM(2, name="inner"), name="both")])
    x = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32")
    x[0, 2:] = 0
    short = bridle.regularize(model, {"both/backward_inner/hidden_state": bridle.L1(1.0)})
    alone = [float(sum(short.penalties(rows).values())) for rows in (x[:1, :2], x[1:2], x[2:])]
    assert float(sum(short.penalties(x).values())) == pytest.approx(np.mean(alone), rel=1e-5)


def test_padding_never_changes_a_state_penalty() -> None:
    """Hidden and cell states of a masked sequence are those of the sequence cut short."""
    model = keras.Sequential([keras.Input((None, 2)), L.Masking(), L.LSTM(2, name="lstm"), L.Dense(1)])
    x = np.random.default_rng(0).normal(size=(2, 6, 2)).astype("float32")
    x[:, 3:] = 0
    for terms in ({"lstm/cell_state": "l1(1)"}, {"lstm/hidden_state": "l2(1)"}, {"lstm/hidden_state": "tar(1)"}):
        assert charged(model, terms, x) == pytest.approx(charged(model, terms, x[:, :3]), rel=1e-5)


def test_attention_weights_heads_and_scores() -> None:
    """Four kernels by one name, one head of each, and the scores that they give."""
    inputs = keras.Input((3, 4))
    outputs, scores = L.MultiHeadAttention(2, 5, name="att")(inputs, inputs, return_attention_scores=True)
    model = keras.Model(inputs, [outputs, scores])
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    layer = model.get_layer("att")
    kernels = [weight for weight in layer.weights if weight.name == "kernel"]
    assert [name.split("/")[1] for name in names(model, "att/kernel")] == ["query", "key", "value", "attention_output"]
    first = sum((np.asarray(w)[:, 0] ** 2).sum() for w in kernels[:3]) + (np.asarray(kernels[3])[0] ** 2).sum()
    assert charged(model, {"att/kernel[0]": "l2(1)"}, x) == pytest.approx(first, rel=1e-5)
    given = np.asarray(model(x)[1])
    assert charged(model, {"att/attention_scores": "l2(1)"}, x) == pytest.approx((given**2).sum() / 2, rel=1e-5)
    plain = keras.Model(inputs, layer(inputs, inputs))
    assert charged(plain, {"att/attention_scores": "l2(1)"}, x) == pytest.approx((given**2).sum() / 2, rel=1e-5)


def test_models_with_several_inputs_and_outputs() -> None:
    """Each head of the model has its own place."""
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    both = L.Concatenate(name="cat")([L.Dense(2, name="left")(a), L.Dense(2, name="right")(b)])
    model = keras.Model([a, b], {"one": L.Dense(1, name="one")(both), "two": L.Dense(2, name="two")(both)})
    model.compile("sgd", {"one": "mse", "two": "mse"})
    x = [np.ones((4, 2), "float32"), np.ones((4, 3), "float32")]
    y = {"one": np.zeros((4, 1)), "two": np.zeros((4, 2))}
    penalized = bridle.regularize(model, {"one/output": "l2(0.5)", "cat/output": "l1(0.1)", "right/kernel": "l2(1)"})
    both_values = np.asarray(keras.Model(model.inputs, model.get_layer("cat").output)(x))
    expected = 0.5 * np.square(np.asarray(model(x)["one"])).sum() / 4 + 0.1 * np.abs(both_values).sum() / 4
    expected += np.square(np.asarray(model.get_layer("right").kernel)).sum()
    plain, with_penalty = (each.evaluate(x, y, verbose=0, return_dict=True)["loss"] for each in (model, penalized))
    assert with_penalty - plain == pytest.approx(expected, rel=1e-5)


def test_a_shared_layer_is_charged_for_each_call_and_its_weight_once() -> None:
    """Two calls give two activations and one kernel."""
    a, b = keras.Input((2,)), keras.Input((2,))
    shared = L.Dense(3, name="shared")
    model = keras.Model([a, b], L.Add()([shared(a), shared(b)]))
    x = [np.ones((2, 2), "float32"), np.full((2, 2), 2, "float32")]
    kernel = np.asarray(shared.kernel, float)
    calls = sum(np.square(np.asarray(each) @ kernel).sum() / 2 for each in x)
    assert charged(model, {"shared/output": "l2(1)"}, x) == pytest.approx(calls, rel=1e-5)
    assert charged(model, {"shared/kernel": "l2(1)"}, x) == pytest.approx((kernel**2).sum(), rel=1e-5)


def test_every_place_has_its_own_name(recurrent: keras.Model) -> None:
    """A name means one tensor."""
    listed = [place.name for place in find_sites(recurrent)]
    assert len(listed) == len(set(listed))
