"""Every penalty and every kind of place in a study: strength 0 is none, schedules and anchors are those of `fit`."""

import keras
import numpy as np
import pytest
from tests.conftest import network

import bridle
from bridle import BridleError
from bridle.placement import read_terms
from bridle.regularizers import PENALTIES, Penalty
from bridle.study import RunOptions, run_study
from bridle.study.data import Rows
from bridle.study.design import Question, prepare

L = keras.layers
AT = {
    "kl": "gate/output",
    "binarizing": "gate/output",
    "meanactivation": "gate/output",
    "decorrelation": "lstm/hidden_state",
    "confidence": "out/output",
    "ar": "lstm/hidden_state",
    "tar": "lstm/cell_state",
    "l1": "lstm/kernel[forget]",
    "l2": "td/step/preactivation",
    "log": "rnn/output",
    "l2sp": "gate/kernel",
}
"""A place for each kind; the others go to the kernel of `gate`."""
OPTIONS = {"softmaxnorm": {"limit": 0.1}, "meanactivation": {"target": 0.3}}


def build() -> keras.Model:
    """Recurrent, wrapped, sigmoid: a place for everything."""
    model = keras.Sequential(
        [
            keras.Input((2,)),
            L.Reshape((2, 1)),
            L.LSTM(3, return_sequences=True, name="lstm"),
            L.TimeDistributed(L.Dense(3, "relu", name="step"), name="td"),
            L.SimpleRNN(4, name="rnn"),
            L.Dense(4, "sigmoid", name="gate"),
            L.Dense(1, "sigmoid", name="out"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def make(kind: str, *amounts: float) -> Penalty:
    """A member of the family with these strengths."""
    names = PENALTIES[kind].names
    return PENALTIES[kind](**dict(zip(names, amounts * len(names), strict=False)), **OPTIONS.get(kind, {}))


def run(arms: dict, x, y, epochs: int = 4, refit: bool = False):
    question = Question(build(), arms, seeds=(3,), epochs=epochs, batch_size=16, shuffle=False)
    rows = Rows(x[:40], y[:40], validation=(x[40:], y[40:]))
    return run_study(prepare(question, rows), RunOptions(refit=refit))[0]


@pytest.fixture(scope="module")
def everything(moons):
    """One study with every penalty at strength 0 and at 0.05: an arm each."""
    arms = {}
    for kind in PENALTIES:
        for amount in (0.0, 0.05):
            arms[f"{kind} {amount}"] = {AT.get(kind, "gate/kernel"): make(kind, amount)}
    return run(arms, *moons)


def curve(result, arm: str) -> np.ndarray:
    number = [each.name for each in result.arms].index(arm)
    setting = int(np.flatnonzero(result.setting_arm == number)[0])
    member = int(np.flatnonzero((result.members.setting == setting) & (result.members.fold == 0))[0])
    return result.curves[member]


@pytest.mark.parametrize("kind", sorted(PENALTIES))
def test_strength_zero_is_none_bit_for_bit(kind: str, everything) -> None:
    """Every number that was measured is the same, and none of them was lost; a strength above 0 changes them."""
    none, zero, some = (curve(everything, arm) for arm in ("none", f"{kind} 0.0", f"{kind} 0.05"))
    assert np.isfinite(none[-1]).all()
    assert np.array_equal(zero, none, equal_nan=True)
    assert not np.array_equal(some, none, equal_nan=True)


def test_penalized_fit_of_strength_zero_is_the_plain_fit(moons) -> None:
    """The same weights, bit for bit, with every penalty at its place at strength 0."""
    x, y = moons
    zeros: dict[str, Penalty] = {}
    for kind in PENALTIES:
        place = AT.get(kind, "gate/kernel")
        times = 1 + sum(target.split(", ")[0] == place for target in zeros)
        zeros[", ".join([place] * times)] = make(kind, 0.0)
    assert len(zeros) == len(PENALTIES)
    ends = []
    for terms in ({}, zeros):
        keras.utils.set_random_seed(3)
        model = build()
        fitted = bridle.regularize(model, terms) if terms else model
        fitted.fit(x[:32], y[:32], batch_size=16, epochs=2, shuffle=False, verbose=0)
        ends.append(fitted.get_weights())
    assert all(np.array_equal(one, other) for one, other in zip(*ends, strict=True))


@pytest.mark.parametrize(
    "terms",
    [
        {
            "lstm/kernel[forget]": bridle.L2(0.1),
            "lstm/cell_state": bridle.L1(0.05),
            "gate/kernel": bridle.L2SP(0.3, anchor=1.0),
            "rnn/kernel": bridle.Custom(keras.ops.square, 0.2, name="square"),
        },
        {
            "td/step/preactivation": bridle.L1(0.05),
            "rnn/output": bridle.L2(0.1),
            "lstm/hidden_state": bridle.TAR(2.0),
            "gate/output": bridle.KL(0.1),
            "gate/kernel": bridle.Orthogonality(0.01),
            "out/output": bridle.Confidence(0.1),
        },
        {"*/kernel": bridle.L2(bridle.schedule.steps({1: 0.01, 3: 0.1})), "*/bias": "l1(warmup(0.1, 3))"},
    ],
    ids=lambda terms: " + ".join(terms),
)
def test_a_member_is_the_penalized_fit(terms: dict, moons) -> None:
    """Same losses epoch by epoch, same weights in the end."""
    x, y = moons
    keras.utils.set_random_seed(3)
    reference = bridle.regularize(build(), terms)
    history = reference.fit(
        x[:40], y[:40], validation_data=(x[40:], y[40:]), batch_size=16, epochs=4, shuffle=False, verbose=0
    ).history
    result = run({"arm": terms}, x, y, refit=True)
    np.testing.assert_allclose(result.quantity("fit/loss")[1], history["loss"], rtol=2e-4)
    refit = int(np.flatnonzero((result.members.setting == 1) & (result.members.fold == -1))[0])
    for got, variable in zip(result.weights[refit], reference.inner.trainable_variables, strict=False):
        np.testing.assert_allclose(got, np.asarray(variable.value), rtol=3e-3, atol=3e-5)
    assert abs(result.quantity("fit/loss")[0, -1] - result.quantity("fit/loss")[1, -1]) > 1e-4


def test_pretrained_anchors_are_the_weights_as_given(moons) -> None:
    """A strong pull keeps every member near the given model's kernel, which it does not start from."""
    x, y = moons
    model = network(seed=11)
    model.optimizer.learning_rate = 0.03
    question = Question(model, {"near": {"hidden/kernel": bridle.L2SP(10.0)}}, seeds=(3,), epochs=300, curve_points=1)
    result = run_study(prepare(question, Rows(x, y, validation=(x, y))))[0]
    wanted = np.asarray(model.get_layer("hidden").kernel)
    none, near = (
        result.weights[int(np.flatnonzero((result.members.setting == setting) & (result.members.fold == -1))[0])][0]
        for setting in (0, 1)
    )
    assert np.abs(near - wanted).max() < 0.05
    assert np.abs(none - wanted).max() > 0.2


def test_results_give_the_penalty_back(moons, tmp_path) -> None:
    """With its options, its schedule, and a person's own function; from a stored study too, where it has a text."""
    x, y = moons
    own = bridle.Custom(keras.ops.square, [0.1, 0.2], name="square")
    arms = {
        "groups": {"gate/kernel": bridle.GroupLasso([0.1, 0.2], groups="units", exact=True)},
        "warm": {"lstm/kernel[forget]": bridle.L2(bridle.schedule.warmup([0.1, 0.2], 2))},
        "own": {"gate/kernel": own},
    }
    result = bridle.Study(build(), arms, seeds=1, folds=2, epochs=2).run(x, y, refit="none", progress=False)
    groups, warm, square = (next(iter(result.regularizers(arm).values())) for arm in arms)
    assert groups.options_text() == "groups='units', exact=True"
    assert warm.schedules[0].shape == "warmup"
    assert warm.base_strengths[0] in (0.1, 0.2)
    assert square.kind == "custom:square"
    for arm in arms:
        assert list(result.model(arm, penalized=True).terms) == list(arms[arm])
    assert "bridle.regularize(model" in result.code("warm")
    result.save(tmp_path / "kept")
    kept = bridle.load(tmp_path / "kept")
    assert [repr(kept.regularizers(arm)) for arm in ("groups", "warm")] == [
        repr(result.regularizers(arm)) for arm in ("groups", "warm")
    ]
    with pytest.raises(BridleError, match="custom:square"):
        kept.regularizers("own")


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"lstm/kernel[forgot]": "l2(1)"}, "'forget', 'cell'"),
        ({"gate/kernel[forget]": "l2(1)"}, "has neither"),
        ({"td/step/output": bridle.KL(0.1)}, "sigmoid"),
        ({"gate/output": bridle.TAR(0.1)}, "without a time axis"),
        ({"gate/kernel": bridle.GroupLasso(0.1, groups=3)}, "gate/kernel"),
        ({"gate/kernel": bridle.L2SP(0.1, anchor=np.zeros((2, 2)))}, "(2, 2)"),
        ({"gate/output": bridle.GroupLasso(0.1)}, "Expected a weight"),
        ({"gate/kernel": bridle.KL(0.1)}, "Expected an activation"),
        ({"gate/kernel": bridle.Custom(lambda x: x - 10.0, 0.1, name="low")}, "low"),
        ({"gate/output": bridle.Custom(lambda x: x[:, :1], 0.1, name="narrow")}, "narrow"),
        ({"gate/output": bridle.Custom(lambda x: keras.ops.log(x - 5), 0.1, name="lost")}, "lost"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_is_refused_before_training(terms: dict, said: str, moons) -> None:
    """One sentence that names the place or the function, from a study."""
    question = Question(build(), {"arm": terms}, epochs=1)
    with pytest.raises(BridleError) as refused:
        prepare(question, Rows(*moons))
    assert said in str(refused.value)


def test_labels_tell_options_apart() -> None:
    """Two arms that differ in an option do not share a slot."""
    model = build()
    terms = [
        read_terms(model, {"gate/kernel": bridle.GroupLasso(0.1, groups=groups)})[0].label
        for groups in ("inputs", "units")
    ]
    assert terms == ["gate/kernel grouplasso", "gate/kernel grouplasso groups='units'"]
    near, far = (
        read_terms(model, {"gate/kernel": bridle.L2SP(0.1, anchor=np.full((4, 4), value))})[0].label
        for value in (1.0, 2.0)
    )
    assert near != far
    assert max(len(near), len(far)) < 120


def test_a_penalty_without_a_gradient_touches_only_its_own_fits(moons) -> None:
    """At strength 0 it is exactly none, also where its gradient is no number: 0 × NaN is not 0."""
    x, y = moons
    odd = bridle.Custom(lambda tensor: keras.ops.sqrt(keras.ops.sum(tensor * 0.0)), [0.0, 0.1])
    for target in ("hidden/kernel", "hidden/output"):
        arms = {"L2": {"*/kernel": bridle.L2([0.01])}, "odd": {target: odd}}
        question = Question(network(), arms, seeds=1, epochs=2)
        result = run_study(
            prepare(question, Rows(x[:40], y[:40], validation=(x[40:], y[40:]))), RunOptions(refit=False)
        )[0]
        assert result.counts()[0].tolist() == [1, 1, 1, 0]
        plain = Question(network(), {"L2": arms["L2"]}, seeds=1, epochs=2)
        alone = run_study(prepare(plain, Rows(x[:40], y[:40], validation=(x[40:], y[40:]))), RunOptions(refit=False))[0]
        assert np.array_equal(alone.scores()[0], result.scores()[0])
