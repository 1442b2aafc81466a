"""Weight decay and constraints do what Keras does with the same numbers, in `fit` and in a study."""

import os
from collections.abc import Callable

import keras
import numpy as np
import pytest
from tests.engine._member import Trained, member
from tests.engine._rows import first, rest, rows

import bridle
from bridle import BridleError
from bridle.study import RunOptions, run_study
from bridle.study.data import Rows
from bridle.study.design import Question, prepare
from bridle.study.execution._facts import study_facts

L, optimizers, constraints = keras.layers, keras.optimizers, keras.constraints
TRAIN, RATE = 48, 0.3
ALL = "*/kernel, */bias"
OPTIMIZERS = {
    "Adam": lambda rate: optimizers.Adam(0.01, weight_decay=rate),
    "several": lambda rate: optimizers.MultiOptimizer(
        optimizers.OptimizerMap(
            optimizers.SGD(0.1, weight_decay=rate), {".*out/.*": optimizers.Adam(0.01, weight_decay=rate)}
        )
    ),
}
"""Optimizers of Keras with a rate of their own weight decay, or None."""
KINDS = (
    *(optimizers.Adadelta, optimizers.Adagrad, optimizers.Adamax, optimizers.Adafactor, optimizers.Nadam),
    *(optimizers.Ftrl, optimizers.Lion, optimizers.Lamb, optimizers.ScheduleFreeAdamW),
)
OTHERS = {
    "Muon": lambda rate: optimizers.Muon(0.01, weight_decay=rate, adam_weight_decay=rate),
    "scaled": lambda rate: optimizers.LossScaleOptimizer(optimizers.Adam(0.01, weight_decay=rate), initial_scale=8.0),
    "momentum": lambda rate: optimizers.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=rate),
    "schedule": lambda rate: optimizers.RMSprop(optimizers.schedules.CosineDecay(0.03, 8), weight_decay=rate),
    "accumulated": lambda rate: optimizers.Adam(0.01, gradient_accumulation_steps=2, weight_decay=rate),
    "averaged": lambda rate: optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8, weight_decay=rate),
    **{kind.__name__: (lambda rate, kind=kind: kind(0.01, weight_decay=rate)) for kind in KINDS},
}
TORTURE = "BRIDLE_TORTURE" in os.environ
if TORTURE:
    OPTIMIZERS |= OTHERS


def build(optimizer: object = "adam", constraint: object = None) -> keras.Model:
    keras.utils.set_random_seed(3)
    hidden = L.Dense(8, "relu", name="hidden", kernel_constraint=constraint)
    model = keras.Sequential([keras.Input((6,)), hidden, L.Dense(1, "sigmoid", name="out")])
    model.compile(optimizer, "binary_crossentropy")
    return model


def fitted(model: keras.Model, epochs: int = 2) -> list[np.ndarray]:
    x, y = rows("vector")
    model.fit(first(x, TRAIN), first(y, TRAIN), batch_size=16, epochs=epochs, shuffle=False, verbose=0)
    return [np.array(variable.value) for variable in model.trainable_variables]


def studied(make: Callable[[], keras.Model], terms: dict | None = None) -> Trained:
    x, y = rows("vector")
    return member(make, first(x, TRAIN), first(y, TRAIN), terms=terms, validation=(rest(x, TRAIN), rest(y, TRAIN)))


def compared(model: keras.Model, arms: dict) -> dict[str, list[np.ndarray]]:
    """The losses of the candidates of a study at each epoch, by arm."""
    x, y = rows("vector")
    split = Rows(first(x, TRAIN), first(y, TRAIN), validation=(rest(x, TRAIN), rest(y, TRAIN)))
    question = Question(model, arms, seeds=(3,), epochs=3, batch_size=16)
    result = run_study(prepare(question, split), RunOptions(refit=False))[0]
    curves: dict[str, list[np.ndarray]] = {arm.name: [] for arm in result.arms}
    losses = [result.quantities.index(name) for name in ("train/loss", "fit/loss", "validation/loss")]
    for index in np.flatnonzero(result.members.fold == 0):
        arm = result.arms[result.setting_arm[result.members.setting[index]]]
        curves[arm.name].append(result.curves[index][:, losses])
    return curves


def same(got: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for ours, theirs in zip(got, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_decay_equals_that_of_each_optimizer(name: str) -> None:
    """Bit for bit; in place of the optimizer's own where both have a rate."""
    make = OPTIMIZERS[name]
    expected = fitted(build(make(RATE)))
    for own in (None, 2 * RATE):
        got = fitted(bridle.regularize(build(make(own)), {ALL: bridle.WeightDecay(RATE)}))
        if name == "several" and not TORTURE:  # the options with which the tests compile round SGD's update otherwise
            np.testing.assert_allclose(got[0], expected[0], rtol=1e-6, atol=1e-7)
        else:
            same(got, expected)


def test_a_study_decays_as_adamw_bit_for_bit() -> None:
    """With the rate as an argument of the program; at 0 the optimizer decays by its own."""
    adamw = studied(lambda: build(optimizers.AdamW(0.01, weight_decay=RATE)))
    got = studied(lambda: build(optimizers.Adam(0.01)), {ALL: bridle.WeightDecay(RATE)})
    own = studied(lambda: build(optimizers.AdamW(0.01, weight_decay=RATE)), {"*/kernel": bridle.WeightDecay(0.0)})
    for each in (got, own):
        same(each.end, adamw.end)
        np.testing.assert_array_equal(each.curves["validation/loss"], adamw.curves["validation/loss"])


def test_decay_of_kernels_is_adamw_that_excludes_biases() -> None:
    """Bit for bit, in `fit` and in a study; the exclusion leaves the biases of both to Adam."""

    def excluding() -> keras.Model:
        optimizer = optimizers.AdamW(0.01, weight_decay=RATE)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        return build(optimizer)

    def decayed() -> keras.Model:
        return build(optimizers.Adam(0.01))

    kernels = {"*/kernel": bridle.WeightDecay(RATE)}
    expected, everywhere = fitted(excluding()), fitted(build(optimizers.AdamW(0.01, weight_decay=RATE)))
    same(fitted(bridle.regularize(decayed(), kernels)), expected)
    assert np.abs(everywhere[1] - expected[1]).max() > 1e-4
    adamw, ours = studied(excluding), studied(decayed, kernels)
    same(ours.end, adamw.end)
    np.testing.assert_array_equal(ours.curves["validation/loss"], adamw.curves["validation/loss"])


def test_decay_with_plain_sgd_is_the_l2_of_half_its_rate() -> None:
    """The curves of two arms, up to rounding."""
    arms = {"decay": {"*/kernel": bridle.WeightDecay(0.1)}, "l2": {"*/kernel": bridle.L2(0.05)}}
    result = compared(build("sgd"), arms)
    loss = [result[name][0][:, -1] for name in ("none", "decay", "l2")]
    np.testing.assert_allclose(loss[1], loss[2], rtol=1e-5)
    assert np.abs(loss[0] - loss[1]).max() > 1e-4


def test_constraints_equal_those_of_keras() -> None:
    """Bit for bit in `fit`, to rounding in a study; those of bridle are constraints of Keras too."""
    terms = {"a/kernel": bridle.MaxNorm(0.5), "b/kernel": bridle.UnitNorm(), "out/kernel": bridle.NonNegative()}

    def three(*of_layers: object) -> keras.Model:
        keras.utils.set_random_seed(3)
        a, b, out = of_layers or (None, None, None)
        layers = [L.Dense(8, "relu", name="a", kernel_constraint=a), L.Dense(8, "relu", name="b", kernel_constraint=b)]
        output = L.Dense(1, "sigmoid", name="out", kernel_constraint=out)
        model = keras.Sequential([keras.Input((6,)), *layers, output])
        model.compile("adam", "binary_crossentropy")
        return model

    of_keras = constraints.MaxNorm(0.5), constraints.UnitNorm(), constraints.NonNeg()
    expected = fitted(three(*of_keras))
    same(fitted(bridle.regularize(three(), terms)), expected)
    for got, theirs in zip(studied(three, terms).end, studied(lambda: three(*of_keras)).end, strict=True):
        np.testing.assert_allclose(got, theirs, rtol=1e-5, atol=1e-8)
    assert 0.49 < np.linalg.norm(expected[0], axis=0).min() < np.linalg.norm(expected[0], axis=0).max() <= 0.5 + 1e-6


def test_strength_zero_is_none_bit_for_bit() -> None:
    """Alone, beside others at work, and where the optimizer decays by its own rate."""
    arms = {
        "zero": {"hidden/kernel": [bridle.MaxNorm(0.0), bridle.WeightDecay(0.0)], "out/kernel": bridle.UnitNorm(0)},
        "decay": {"hidden/kernel": bridle.WeightDecay([0.1, 1.0])},
        "limit": {"hidden/kernel": bridle.MaxNorm([0.3, 0.6])},
        "sign": {"out/kernel": bridle.NonNegative()},
        "beside": {"hidden/kernel": [bridle.L2(0.1), bridle.WeightDecay(0.0), bridle.MaxNorm(0.0)]},
        "penalty": {"hidden/kernel": bridle.L2(0.1)},
    }
    curves, penalty = compared(build("adamw"), arms), compared(build("adamw"), {"penalty": arms["penalty"]})
    np.testing.assert_array_equal(curves["none"], penalty["none"])
    np.testing.assert_array_equal(curves["penalty"], penalty["penalty"])
    np.testing.assert_array_equal(curves["zero"], curves["none"])
    np.testing.assert_array_equal(curves["beside"], curves["penalty"])
    different = [*curves["decay"], *curves["limit"], *curves["sign"]]
    assert len(different) == 5
    assert not any(np.array_equal(curve, curves["none"][0]) for curve in different)


def test_a_constraint_holds_after_exact_zeros_and_after_that_of_keras() -> None:
    """The proximal step first, then the projections, in a study as in `fit`."""
    terms = {"hidden/kernel": [bridle.L1(0.5, exact=True), bridle.MaxNorm(0.3)]}
    make = lambda: build(optimizers.SGD(0.05), "non_neg")  # noqa: E731 - a line
    for kernel in (fitted(bridle.regularize(make(), terms), epochs=5)[0], studied(make, terms).end[0]):
        assert (kernel == 0).mean() > 0.3
        assert (kernel >= 0).all()
        assert np.linalg.norm(kernel, axis=0).max() <= 0.3 + 1e-6


def test_parts_of_a_weight() -> None:
    """The forget gate decays at its own rate, the output gate has a limit; the others decay as the optimizer says."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((3, 2)), L.LSTM(4, name="lstm")])
    model.compile(optimizers.AdamW(0.1, weight_decay=0.1), "mse")
    terms = {"lstm/kernel[forget]": bridle.WeightDecay(2.0), "lstm/kernel[output]": bridle.MaxNorm(0.2)}
    regularized = bridle.regularize(model, terms)
    variables = regularized.trainable_variables
    regularized.optimizer.apply([keras.ops.zeros(variable.shape) for variable in variables], variables)
    before, after = (np.array(each.get_layer("lstm").cell.kernel) for each in (model, regularized))
    np.testing.assert_allclose(after[:, :4], 0.99 * before[:, :4], rtol=1e-6)
    np.testing.assert_allclose(after[:, 4:8], 0.8 * before[:, 4:8], rtol=1e-6)
    np.testing.assert_allclose(after[:, 8:12], 0.99 * before[:, 8:12], rtol=1e-6)
    assert np.linalg.norm(after[:, 12:], axis=0).max() <= 0.2 + 1e-6 < np.linalg.norm(before[:, 12:], axis=0).max()


def test_schedules_are_those_of_the_epoch_and_a_file_keeps_them(tmp_path) -> None:
    """Decay that begins, a limit that shrinks: the study takes the steps of `fit`; a loaded model goes on."""
    terms = {
        "hidden/kernel": [
            bridle.WeightDecay(bridle.schedule.steps({2: 1.0})),
            bridle.MaxNorm(bridle.schedule.linear(1.0, 0.3, 4)),
        ]
    }
    x, y = rows("vector")
    model = bridle.regularize(build(), terms)
    got, kernels = studied(build, terms), []
    for epoch in range(5):
        model.at_epoch(epoch)
        model.fit(
            first(x, TRAIN),
            first(y, TRAIN),
            batch_size=16,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            verbose=0,
        )
        kernels.append(np.linalg.norm(np.array(model.get_layer("hidden").kernel), axis=0).max())
    assert kernels[-1] <= 0.3 + 1e-6 < kernels[0] <= 1.0 + 1e-6
    model.save(tmp_path / "model.keras")
    again, clone = keras.models.load_model(tmp_path / "model.keras"), keras.models.clone_model(model)
    assert repr(again.terms) == repr(clone.terms) == repr(model.terms)
    same(fitted(again, epochs=1), fitted(model, epochs=1))
    plain = bridle.strip(model)
    assert type(plain) is keras.Sequential
    assert plain.get_layer("hidden").kernel.constraint is None
    assert np.linalg.norm(fitted(plain, epochs=3)[0], axis=0).max() > 0.3 + 1e-3
    assert np.linalg.norm(got.end[0], axis=0).max() <= 0.3 + 1e-6


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"hidden/output": bridle.WeightDecay(0.1)}, "Expected a weight at 'hidden/output' for weightdecay"),
        ({"hidden/output": bridle.MaxNorm(1.0)}, "Expected a weight at 'hidden/output' for maxnorm"),
        ({"still/kernel": bridle.WeightDecay(0.1)}, "got 'still/kernel', which is frozen"),
        ({"still/kernel": bridle.UnitNorm()}, "got 'still/kernel', which is frozen"),
        ({"hidden/kernel": bridle.MaxNorm(1.0, groups=4)}, "divides the 6 inputs"),
        ({"hidden/kernel": [bridle.MaxNorm(1.0), bridle.NonNegative()]}, "Expected one constraint for 'hidden/kernel'"),
        (
            {"hid*/kernel": bridle.MaxNorm(1.0), "hidden/ker*": bridle.UnitNorm()},
            "at 'hid*/kernel' and at 'hidden/ker*'",
        ),
        ({"hid*/kernel": bridle.WeightDecay(1.0), "hidden/ker*": bridle.WeightDecay(2.0)}, "Expected one decay for"),
        ({"hidden/kernel": bridle.WeightDecay("auto")}, "range to search"),
    ],
    ids=str,
)
def test_bad_input_is_refused_before_training(terms: dict, words: str) -> None:
    """In one sentence, by `regularize` and by a study."""
    model = keras.Sequential(
        [keras.Input((6,)), L.Dense(6, name="still", trainable=False), L.Dense(8, "relu", name="hidden"),
         L.Dense(1, name="out")]
    )  # fmt: skip
    model.compile("adam", "mse")
    with pytest.raises(BridleError) as refused:
        bridle.regularize(model, terms)
    assert words in str(refused.value)
    if "range" not in words:
        with pytest.raises(BridleError) as refused:
            prepare(Question(model, {"arm": terms}), Rows(*rows("vector")))
        assert words in str(refused.value)


def test_an_update_by_another_optimizer_is_refused() -> None:
    """Without `compile`, or around the model, nothing would decay; an arm may share a target with another arm."""
    x, y = rows("vector")
    inner = bridle.regularize(build(), {"hidden/kernel": bridle.WeightDecay(0.1)})
    outer = keras.Sequential([keras.Input((6,)), inner])
    outer.compile("adam", "binary_crossentropy")
    with pytest.raises(BridleError, match="Expected for weightdecay an update by the optimizer"):
        outer.fit(x, y, verbose=0)
    arms = {"all": {"*/kernel": bridle.WeightDecay(0.1)}, "one": {"hidden/kernel": bridle.WeightDecay(0.2)}}
    prepare(Question(build(), arms), Rows(x, y))


def test_a_stored_study_of_the_former_penalty_is_the_same_study() -> None:
    """Its facts, which are in the keys of its fits, have the former name; those of the constraint differ."""
    x, y = rows("vector")
    arms = {
        "penalty": {"hidden/kernel": bridle.SoftMaxNorm([0.1, 1.0], limit=0.5)},
        "constraint": {"hidden/kernel": bridle.MaxNorm([0.1, 1.0])},
    }
    facts = study_facts(prepare(Question(build(), arms), Rows(x, y)), False, None)
    slot = "hidden/kernel maxnorm limit=0.5"
    assert facts["arms"]["penalty"] == {"hidden/kernel": f"maxnorm(strength={{{slot}}}, limit=0.5)"}
    assert facts["strengths"][f"penalty: {slot}"] == [0.1, 1.0]
    assert facts["arms"]["constraint"] == {"hidden/kernel": "maxnorm(limit={hidden/kernel maxnorm})"}
