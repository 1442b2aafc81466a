"""Rows in a dictionary go to the inputs of their names, in the audit as everywhere."""

import keras
import numpy as np
import pytest

import bridle
from bridle import BridleError

L = keras.layers
RNG = np.random.default_rng(0)
LEFT, RIGHT = RNG.normal(size=(16, 3)).astype("float32"), RNG.normal(size=(16, 3)).astype("float32")
ROWS = {"left": LEFT, "right": RIGHT}
Y = LEFT[:, :1] - RIGHT[:, 1:2]


def model(order: tuple[str, ...] = ("right", "left"), as_dict: bool = False, width: int = 3) -> keras.Model:
    """The inputs in an order that is not that of their names."""
    doors = {"left": keras.Input((3,), name="left"), "right": keras.Input((width,), name="right")}
    branches = [L.Dense(2, "relu", name=f"on_{name}")(door) for name, door in doors.items()]
    inputs = {name: doors[name] for name in order} if as_dict else [doors[name] for name in order]
    built = keras.Model(inputs, L.Dense(1, name="out")(L.Concatenate()(branches)))
    built.compile("sgd", "mse")
    return built


def charge(model: keras.Model) -> float:
    """Return 0.7 * sum |output| of the layer on `left`, averaged over the rows."""
    kernel, bias = (np.asarray(weight, float) for weight in model.get_layer("on_left").weights)
    return 0.7 * np.maximum(LEFT @ kernel + bias, 0).sum() / 16


@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize("order", [("left", "right"), ("right", "left")])
def test_the_audit_matches_rows_by_name(order, as_dict: bool) -> None:
    """Also where the inputs have other shapes, and are listed in another order than that of the alphabet."""
    built = bridle.regularize(model(order, as_dict), {"on_left/output": bridle.L1(0.7)})
    row = bridle.audit(built, ROWS).rows[0]
    assert row.charged == pytest.approx(charge(built), rel=1e-5)
    assert row.expected == pytest.approx(charge(built), rel=1e-5)
    wide = model(order, as_dict, width=5)
    assert "float32 (16, 5)" in str(bridle.audit(wide, {"left": LEFT, "right": np.ones((16, 5))}))
    with pytest.raises(BridleError, match=r"without 'right'\. Nearest: 'rihgt'"):
        bridle.audit(wide, {"left": LEFT, "rihgt": np.ones((16, 5))})


def test_penalties_and_fit_match_rows_by_name() -> None:
    """The other doors of a penalized model."""
    built = bridle.regularize(model(), {"on_left/output": bridle.L1(0.7)})
    assert float(built.penalties(ROWS)["penalty/on_left/output"]) == pytest.approx(charge(built), rel=1e-5)
    data = float(np.mean((built.predict(ROWS, verbose=0) - Y) ** 2))
    assert built.evaluate(ROWS, Y, verbose=0) == pytest.approx(data + charge(built), rel=1e-5)


def test_a_study_matches_rows_by_name() -> None:
    """Its refit is the one of `fit` on the arrays in the order of the inputs."""
    study = bridle.Study(model, {"L1": {"on_left/output": bridle.L1(0.7)}}, seeds=1, folds=2, epochs=3, shuffle=False)
    result = study.run(ROWS, Y, progress=False)
    keras.utils.set_random_seed(int(result.data.seeds[0]))
    reference = bridle.regularize(model(), {"on_left/output": bridle.L1(0.7)})
    reference.fit([RIGHT, LEFT], Y, epochs=3, shuffle=False, verbose=0)
    for one, other in zip(result.model("L1").get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
