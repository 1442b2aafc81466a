"""The audit computes what is meant from configurations alone: whatever breaks in the code that charges, it notices."""

from typing import Any

import keras
import numpy as np
import pytest
from tests.regularizers._cases import LINES, Line

import bridle
from bridle import regularizers as penalties
from bridle.auditing._formulas import is_known, on_activation, on_weight, strengths_at
from bridle.placement import _bound_terms, _regularized

L = keras.layers
X = np.random.default_rng(0).normal(size=(8, 5, 3)).astype("float32")
X[:3, 3:] = 0
WEIGHT = np.array([1, 1, 0, 1, 1, 0, 1, 1], "float32")
TERMS = {
    "hidden/output": bridle.L1(0.3),
    "*/kernel": bridle.L2(bridle.schedule.linear(0, 1, 10)),
    "lstm/hidden_state": bridle.TAR(2.0),
    "out/kernel": bridle.L2SP(0.5),
}


def penalized() -> keras.Model:
    """Padding, sample weights, a schedule at its third epoch, an anchor that the weights have left."""
    layers = [L.Masking(), L.Dense(4, "sigmoid", name="hidden"), L.LSTM(3, name="lstm"), L.Dense(1, name="out")]
    model = keras.Sequential([keras.Input((5, 3)), *layers])
    model.compile("sgd", "mse")
    model = bridle.regularize(model, TERMS)
    model.fit(X, np.zeros((8, 1)), epochs=3, verbose=0)
    return model


@pytest.mark.parametrize(
    "line", [line for line in LINES if line.penalty.kind in penalties.PENALTIES], ids=lambda line: repr(line.penalty)
)
def test_every_formula_is_the_published_one(line: Line) -> None:
    """The lines of the tests of penalties; nothing that bridle charges with is called."""
    penalty, rng = line.penalty, np.random.default_rng(1)
    assert is_known(penalty)
    entrywise = isinstance(penalty, penalties.Entrywise)
    allowed = (
        penalty.allowed_on if entrywise and penalty.per == "sample" else penalty.allowed_on[-1:] if entrywise else ()
    )
    for on in (line.on,) if line.on else allowed or penalty.allowed_on[:1]:
        shape = line.shape or ((4, 3) if on == "weight" else (6, 4, 3))
        x = rng.uniform(0.1, 0.9, shape)
        if getattr(penalty, "from_logits", False) is False and penalty.kind == "confidence":
            x = x / x.sum(-1, keepdims=True) if shape[-1] > 1 else x
        expected = np.atleast_1d(line.formula(x))
        if on == "activation" and entrywise and line.on is None and penalty.per == "sample":
            expected = expected / len(x)
        got = on_weight(penalty, x, 0.5 * x[::-1]) if on == "weight" else on_activation(penalty, x)
        np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_all_penalties_have_a_formula() -> None:
    """A penalty without one would be asked what it means itself."""
    lines = {line.penalty.kind for line in LINES}
    assert set(penalties.PENALTIES) <= lines


@pytest.mark.parametrize(
    "course",
    [
        bridle.schedule.linear(0.5, 2.0, 7),
        bridle.schedule.exponential(0.1, 5.0, 4),
        bridle.schedule.warmup(3.0, 5),
        bridle.schedule.steps({2: 1.0, 5: 4.0}),
    ],
)
def test_strengths_at_an_epoch_are_those_of_the_schedule(course: Any) -> None:
    """As its documentation writes them."""
    for epoch in range(9):
        expected = {
            "linear": 0.5 + 1.5 * min(epoch / 7, 1),
            "exponential": 0.1 * 50 ** min(epoch / 4, 1),
            "warmup": 3 * min(epoch / 5, 1),
            "steps": 0.0 if epoch < 2 else 1.0 if epoch < 5 else 4.0,
        }[course.shape]
        assert strengths_at(bridle.L2(course), epoch) == pytest.approx((expected,))


def test_a_model_as_written_has_no_findings() -> None:
    """On a schedule, with padding, sample weights, time and an anchor: to a thousandth of what NumPy gives."""
    model = penalized()
    for weight in (None, WEIGHT):
        found = bridle.audit(model, X, sample_weight=weight)
        assert found.ok, str(found)
        rows = {row.where: row for row in found.rows}
        assert {"hidden/output", "lstm/hidden_state", "lstm/kernel", "out/kernel"} < set(rows)
        kernel = np.asarray(model.get_layer("hidden").kernel, float)
        assert rows["hidden/kernel"].expected == pytest.approx(0.2 * (kernel**2).sum(), rel=1e-6)
        assert all(row.charged == pytest.approx(row.expected, rel=1e-4) for row in found.rows)


def _strength(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    model._strengths.assign(model._strengths * 3)


def _mask(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    monkeypatch.setattr(_bound_terms, "_charged", lambda reading, counted: counted)


def _formula(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    monkeypatch.setattr(bridle.L1, "entry_values", lambda self, x: (0.5 * keras.ops.abs(x),))


def _twice(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    monkeypatch.setattr(_regularized, "scale_by_strength", lambda amount, value: 2 * amount * value)


def _place(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    values_at = _bound_terms.BoundTerms.values_at

    def forgetful(self: Any, penalty: Any, place: Any, *rest: Any) -> Any:
        return [] if place.name == "lstm/kernel" else values_at(self, penalty, place, *rest)

    monkeypatch.setattr(_bound_terms.BoundTerms, "values_at", forgetful)


def _dropped(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    total = _regularized.sum_losses
    monkeypatch.setattr(_regularized, "sum_losses", lambda losses: 0.5 * total(losses))


@pytest.mark.parametrize("broken", [_strength, _mask, _formula, _twice, _place, _dropped], ids=lambda f: f.__name__)
def test_whatever_breaks_in_the_charging_code_is_noticed(broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another strength, no mask, a wrong formula, twice, a place forgotten, half of it lost on the way."""
    model = penalized()
    broken(monkeypatch, model)
    found = bridle.audit(model, X, sample_weight=WEIGHT)
    assert "charged otherwise" in [row.label for row in found.rows], str(found)


def test_keras_regularizers_are_judged_by_their_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """A strength changed behind the configuration, and a regularizer that charges something else."""
    kernel, activity = keras.regularizers.L2(0.1), keras.regularizers.L1(0.2)
    layer = L.Dense(4, kernel_regularizer=kernel, activity_regularizer=activity, name="hidden")
    model = keras.Sequential([keras.Input((3,)), layer])
    x = X[:, 0]
    assert bridle.audit(model, x).ok
    for kind, where in ((keras.regularizers.L2, "hidden/kernel"), (keras.regularizers.L1, "hidden/output")):
        with monkeypatch.context() as patch:
            call = kind.__call__
            patch.setattr(kind, "__call__", lambda self, x, call=call: 2 * call(self, x))
            found = {row.where: row for row in bridle.audit(model, x).rows}
        assert found[where].label == "charged otherwise"
        assert found[where].charged == pytest.approx(2 * found[where].expected, rel=1e-5)


def test_a_penalized_model_inside_another_is_audited() -> None:
    """Place by place; that it does not see sample weights is said."""
    inner = bridle.regularize(
        keras.Sequential([keras.Input((3,)), L.Dense(4, "relu", name="hidden")], name="inside"),
        {"hidden/kernel": bridle.L2(0.5), "hidden/output": bridle.L1(1.0)},
    )
    outer = keras.Sequential([keras.Input((3,)), inner, L.Dense(1)])
    found = bridle.audit(outer, X[:, 0])
    assert found.ok, str(found)
    assert [row.where for row in found.rows] == ["inside/hidden/kernel", "inside/hidden/output"]
    kernel = np.asarray(inner.get_layer("hidden").kernel, float)
    assert found.rows[0].charged == pytest.approx(0.5 * (kernel**2).sum(), rel=1e-5)
    weighted = bridle.audit(outer, X[:, 0], sample_weight=WEIGHT)
    assert [row.where for row in weighted.findings] == ["inside/hidden/output"]
    assert "Regularize the outer model" in weighted.findings[0].finding
    inner._strengths.assign(inner._strengths * 2)
    assert len(bridle.audit(outer, X[:, 0]).findings) == 2
