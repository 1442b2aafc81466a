"""Targets, terms, penalized models and the lines to paste."""

import keras
import numpy as np
import pytest

import bridle
from bridle import BridleError
from bridle.placement import bind_terms, code_lines, find_sites, match_target, read_terms, regularize

L = keras.layers


def names(model: keras.Model, target: str) -> list[str]:
    return [place.name for place in match_target(model, target)]


@pytest.fixture
def deep() -> keras.Model:
    """Named layers of several kinds, one of them nested."""
    inner = keras.Sequential([keras.Input((4,)), L.Dense(3, "tanh", name="code")], name="encoder")
    model = keras.Sequential(
        [
            keras.Input((2,)),
            L.Dense(4, "relu", name="hidden"),
            L.BatchNormalization(name="norm"),
            L.Dropout(0.1, name="drop"),
            inner,
            L.Dense(1, name="out"),
        ]
    )
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("hidden/kernel", ["hidden/kernel"]),
        ("*/kernel", ["hidden/kernel", "encoder/code/kernel", "out/kernel"]),
        ("h*/*", ["hidden/kernel", "hidden/bias", "hidden/output", "hidden/preactivation"]),
        ("*/preactivation", ["hidden/preactivation", "encoder/code/preactivation"]),
        ("encoder/*/output", ["encoder/code/output"]),
        ("norm/gamma", ["norm/gamma"]),
        ("drop/output", ["drop/output"]),
        ("hidden/output, out/output", ["hidden/output", "out/output"]),
    ],
)
def test_targets_match(deep: keras.Model, target: str, found: list[str]) -> None:
    """Weights by name, outputs, pre-activations, globs, nested layers, several at once."""
    assert names(deep, target) == found


def test_a_glob_passes_over_layers_with_nothing_of_their_own(deep: keras.Model) -> None:
    """Dropout has an output, but `*/output` does not mean it."""
    assert "drop/output" not in names(deep, "*/output")
    assert "drop/output" in [place.name for place in find_sites(deep)]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("hiden/kernel", "Nearest: 'hidden/kernel'"),
        ("hidden/kernels", "'hidden/kernel'"),
        ("out/preactivation", "matches nothing"),
        ("kernel", "<layer>/<quantity>"),
        (3, "<layer>/<quantity>"),
    ],
)
def test_targets_that_match_nothing_get_a_sentence(deep: keras.Model, target: object, said: str) -> None:
    """The nearest names are listed."""
    with pytest.raises(BridleError, match="Expected") as refused:
        match_target(deep, target)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"hidden/kernel": keras.regularizers.L2(0.1)}, "Use bridle.L2"),
        ({"hidden/kernel": 0.1}, "Expected a regularizer"),
        ({"hidden/kernel": bridle.L1(0.1, per="batch")}, "which has no batch"),
        ({"hidden/kernel": "l9(1)"}, "known regularizer"),
        ([("hidden/kernel", "l2(1)")], "dictionary"),
    ],
)
def test_terms_that_cannot_be_get_a_sentence(deep: keras.Model, terms: object, said: str) -> None:
    """Also Keras's own regularizers, with the name to use."""
    with pytest.raises(BridleError) as refused:
        read_terms(deep, terms)
    assert said in str(refused.value)


def test_penalize_adds_what_the_formula_says(model: keras.Model, moons, tmp_path) -> None:
    """The loss of `evaluate`, with every kind of place, before and after save and load."""
    x, y = moons
    terms = {
        "*/kernel": bridle.L2(0.01),
        "hidden/preactivation": bridle.L1(0.001, per="batch"),
        "hidden/output": "l1l2(0.01, 0.02)",
        "out/bias": bridle.L1(0.5),
    }
    model.layers[-1].bias.assign([0.3])
    penalized = regularize(model, terms)
    kernel, bias, last, last_bias = (np.asarray(w, float) for w in model.get_weights())
    before = x @ kernel + bias
    after = np.maximum(before, 0)
    expected = (
        0.01 * ((kernel**2).sum() + (last**2).sum()) + 0.001 * np.abs(before).sum() + 0.5 * np.abs(last_bias).sum()
    )
    expected += (0.01 * after.sum() + 0.02 * (after**2).sum()) / len(x)
    plain = model.evaluate(x, y, batch_size=len(x), verbose=0)[0]
    assert penalized.evaluate(x, y, batch_size=len(x), verbose=0)[0] - plain == pytest.approx(expected, rel=1e-5)
    penalized.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.evaluate(x, y, batch_size=len(x), verbose=0)[0] - plain == pytest.approx(expected, rel=1e-5)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


def test_penalize_keeps_present_regularizers_and_the_original() -> None:
    """Ours is added to what the layer has; the given model is not touched."""
    model = keras.Sequential([keras.Input((2,)), L.Dense(3, name="hidden", kernel_regularizer="l2")])
    kernel = np.asarray(model.layers[0].kernel)
    both = regularize(model, {"hidden/kernel": bridle.L1(0.5)})
    both(np.ones((1, 2)))
    assert float(sum(both.losses)) == pytest.approx(0.01 * (kernel**2).sum() + 0.5 * np.abs(kernel).sum(), rel=1e-5)
    assert len(model.losses) == 1
    assert float(model.losses[0]) == pytest.approx(0.01 * (kernel**2).sum(), rel=1e-5)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"hidden/kernel": bridle.L2("auto")}, "Give a number"),
    ],
)
def test_penalize_refuses_with_a_sentence(deep: keras.Model, terms: dict, said: str) -> None:
    """A range is for studies; a place without an argument is named."""
    with pytest.raises(BridleError) as refused:
        regularize(deep, terms)
    assert said in str(refused.value)


def test_code_builds_a_model_with_the_same_loss(model: keras.Model, moons) -> None:
    """The pasted layers, with the same weights, charge the same as `regularize`."""
    x, y = moons
    terms = {
        "*/kernel": bridle.L2(0.01),
        "hidden/preactivation": bridle.L1(0.001, per="batch"),
        "hidden/output": bridle.L1(0.02, per="unit"),
    }
    code = code_lines(model, terms, batch_size=len(x))
    layers = eval("[" + code.replace("import keras", "") + "]", {"keras": keras})
    pasted = keras.Sequential([keras.Input((2,)), *layers])
    pasted.compile("adam", "binary_crossentropy")
    pasted.set_weights(model.get_weights())
    expected = regularize(model, terms).evaluate(x, y, batch_size=len(x), verbose=0)[0]
    assert pasted.evaluate(x, y, batch_size=len(x), verbose=0) == pytest.approx(expected, rel=1e-5)


def test_the_same_term_in_two_arms_has_one_slot(model: keras.Model) -> None:
    """Only strengths differ between arms; the program holds each term once."""
    from bridle.placement import distinct_terms

    arms = [
        read_terms(model, {"*/kernel": bridle.L2(0.1)}),
        read_terms(model, {"*/kernel": bridle.L2(0.2), "*/bias": "l1l2"}),
    ]
    assert bind_terms(distinct_terms(arms)).slots == ("*/kernel l2", "*/bias l1l2.l1", "*/bias l1l2.l2")


def test_masked_steps_and_weightless_samples_are_not_charged() -> None:
    """Keras charges them; a study does not."""
    import jax.numpy as jnp

    from bridle._keras import Reading

    model = keras.Sequential([keras.Input((3, 1)), L.Dense(2, name="hidden")])
    bound = bind_terms(read_terms(model, {"hidden/output": bridle.L1(1.0)}))
    value = jnp.ones((2, 3, 2))
    mask = jnp.array([[1, 1, 0], [1, 0, 0]])
    everything = bound.weight_values(None, {0: [Reading(value, None)]})
    masked = bound.weight_values(None, {0: [Reading(value, mask)]})
    weighted = bound.weight_values(None, {0: [Reading(value, mask)]}, jnp.array([1.0, 0.0]))
    assert [float(v[0]) for v in (everything, masked, weighted)] == [6.0, 3.0, 4.0]


def test_strength_zero_stays_zero_where_a_penalty_overflows(moons) -> None:
    """A square of 1e25 is infinite, and 0 times infinity is not a number."""
    x, y = moons
    runs = []
    for terms in ({}, {"hidden/output": bridle.L2(bridle.schedule.steps({9: 1.0}))}):
        model = keras.Sequential([keras.Input((2,)), L.Dense(3, name="hidden"), L.Dense(1, name="out")])
        model.compile("sgd", "mse")
        model.set_weights([np.full((2, 3), 1e25), np.zeros(3), np.full((3, 1), 1e-26), np.zeros(1)])
        fitted = bridle.regularize(model, terms) if terms else model
        runs.append(fitted.fit(x, y, epochs=1, batch_size=60, shuffle=False, verbose=0).history["loss"][0])
    assert np.isfinite(runs[0])
    assert runs[1] == pytest.approx(runs[0], rel=1e-6)


def test_inner_weights_are_each_charged() -> None:
    """Attention has four kernels; `*/kernel` means all of them, and each has its own name."""
    inputs = keras.Input((3, 4))
    model = keras.Model(inputs, L.Dense(1, name="out")(L.MultiHeadAttention(2, 2, name="att")(inputs, inputs)))
    found = names(model, "att/kernel")
    assert len(found) == len(set(found)) == 4
    assert names(model, "att/query/kernel") == ["att/query/kernel"]
    bound = bind_terms(read_terms(model, {"att/kernel": bridle.L2(1.0)}))
    total = sum(float((np.asarray(v) ** 2).sum()) for v in model.get_layer("att").weights if v.name == "kernel")
    assert float(bound.weight_values(lambda variable: variable.value, {})[0]) == pytest.approx(total, rel=1e-5)


def test_recurrent_kernels_are_penalized_by_their_argument() -> None:
    """Keras's argument is `recurrent_regularizer`."""
    model = keras.Sequential([keras.Input((3, 1)), L.LSTM(2, name="lstm"), L.Dense(1, name="out")])
    penalized = regularize(model, {"lstm/recurrent_kernel": bridle.L2(0.5)})
    kernel = np.asarray(model.get_layer("lstm").cell.recurrent_kernel)
    charged = penalized.penalties(np.ones((1, 3, 1)))
    assert float(charged["penalty/lstm/recurrent_kernel"]) == pytest.approx(0.5 * (kernel**2).sum(), rel=1e-5)
    assert "recurrent_regularizer=keras.regularizers.L2(0.5)" in code_lines(model, {"lstm/recurrent_kernel": "l2(0.5)"})
