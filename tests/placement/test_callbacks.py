"""Callbacks for plain `fit`: what they log adds up, and what they change is undone."""

import keras
import numpy as np
import pytest

import bridle
from bridle import BridleError, schedule
from bridle.callbacks import Monitor, PenaltyLog, StrengthSchedule

L = keras.layers


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
    return x, x[:, :1]


def network(**options) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), L.Dense(4, "relu", name="hidden", **options), L.Dense(1, name="out")])
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("placed", [True, False])
def test_the_parts_add_up_to_the_loss(placed: bool, rows) -> None:
    """For training and validation rows, with penalties of bridle and of Keras, and partial batches."""
    model = network(kernel_regularizer="l2", activity_regularizer=keras.regularizers.L1(0.01))
    if placed:
        model = bridle.regularize(model, {"hidden/output": "l1(0.1)", "out/kernel": "l2(0.1)"})
    history = model.fit(*rows, validation_split=0.2, epochs=2, verbose=0, callbacks=[PenaltyLog()]).history
    names = {"data_loss", "penalty/other"} | (
        {"penalty/hidden/output", "penalty/out/kernel"} if placed else {"penalty/hidden/kernel"}
    )
    assert set(history) == {f"{prefix}{name}" for prefix in ("", "val_") for name in (*names, "loss")}
    for prefix in ("", "val_"):
        total = sum(np.array(history[f"{prefix}{name}"]) for name in names)
        np.testing.assert_allclose(total, history[f"{prefix}loss"], rtol=1e-5)
        assert all(np.all(np.array(history[f"{prefix}{name}"]) > 0) for name in names)
    assert sorted(model.fit(*rows, verbose=0).history) == ["loss"]


def test_a_stopped_fit_leaves_nothing_that_the_next_one_trips_over(rows) -> None:
    """Ctrl-C, and then on: each number is logged once, and nothing is left behind."""

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None) -> None:
            raise KeyboardInterrupt

    model = bridle.regularize(network(), {"hidden/output": "l1(0.1)"})
    with pytest.raises(KeyboardInterrupt):
        model.fit(*rows, verbose=0, callbacks=[PenaltyLog(), Stop()])
    history = model.fit(*rows, epochs=1, verbose=0, callbacks=[PenaltyLog()]).history
    total = history["data_loss"][0] + history["penalty/hidden/output"][0]
    assert total == pytest.approx(history["loss"][0], rel=1e-5)
    assert sorted(model.fit(*rows, verbose=0).history) == ["loss"]


def test_logging_changes_no_number(rows) -> None:
    """The same weights with and without the callback."""
    ends = []
    for callbacks in ([], [PenaltyLog(), Monitor()]):
        model = bridle.regularize(network(), {"hidden/output": "l1(0.1)"})
        model.fit(*rows, epochs=2, shuffle=False, verbose=0, callbacks=callbacks)
        ends.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*ends, strict=True))


def test_temporal_penalties_are_no_part_of_a_validation_loss(rows) -> None:
    """AR and TAR are charged in training only, as their paper has it."""
    x = np.stack([rows[0]] * 4, axis=1)
    model = keras.Sequential([keras.Input((4, 3)), L.LSTM(2, name="lstm"), L.Dense(1)])
    model.compile("adam", "mse")
    penalized = bridle.regularize(model, {"lstm/hidden_state": bridle.AR(2.0)})
    history = penalized.fit(x, rows[1], validation_split=0.2, verbose=0, callbacks=[PenaltyLog()]).history
    assert history["penalty/lstm/hidden_state"][0] > 0
    assert history["val_penalty/lstm/hidden_state"][0] == 0
    assert history["val_loss"][0] == pytest.approx(history["val_data_loss"][0])


def test_monitor_tells_zeros_and_norms(rows) -> None:
    """Of weights after each epoch, and of activations on given rows."""
    model = network()
    history = model.fit(*rows, verbose=0, callbacks=[Monitor(["*/kernel", "hidden/output"], rows[0])]).history
    kernel = np.asarray(model.get_layer("hidden").kernel)
    assert history["norm/hidden/kernel"][0] == pytest.approx(np.linalg.norm(kernel), rel=1e-5)
    output = np.maximum(rows[0] @ kernel + np.asarray(model.get_layer("hidden").bias), 0)
    assert history["zeros/hidden/output"][0] == pytest.approx(np.mean(output == 0), abs=1e-6)
    with pytest.raises(BridleError, match="x=rows"):
        model.fit(*rows, verbose=0, callbacks=[Monitor("hidden/output")])


def test_schedules_need_no_new_compilation(rows) -> None:
    """One trace for all epochs; the strengths are those of the schedule."""
    seen, traced = [], []
    function = bridle.Custom(lambda x: traced.append(1) or keras.ops.square(x), schedule.steps({1: 0.1, 2: 0.5}))

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None) -> None:
            seen.append(next(iter(self.model.strengths.values())))

    model = bridle.regularize(network(), {"hidden/kernel": function})
    model.fit(*rows, epochs=1, verbose=0)
    count = len(traced)
    model.fit(*rows, epochs=4, verbose=0, callbacks=[Look()])
    assert seen == pytest.approx([0, 0.1, 0.5, 0.5])
    assert len(traced) == count


def test_a_placed_number_can_be_put_on_a_schedule(rows) -> None:
    """By target; other targets stay."""
    model = bridle.regularize(network(), {"hidden/kernel": "l2(0.1)", "out/kernel": "l2(0.2)"})
    callback = StrengthSchedule({"hidden/kernel": schedule.exponential(1e-3, 1e-1, 2)})
    model.fit(*rows, epochs=2, verbose=0, callbacks=[callback])
    assert list(model.strengths.values()) == pytest.approx([1e-2, 0.2])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: StrengthSchedule({"hidden/kernel": 0.1}), "a schedule of numbers"),
        (lambda: StrengthSchedule({"hiden/kernel": schedule.linear(0, 1, 2)}), "Nearest: 'hidden/kernel'"),
    ],
)
def test_wrong_schedules_get_a_sentence(make, said: str, rows) -> None:
    """At the border."""
    with pytest.raises(BridleError) as refused:
        bridle.regularize(network(), {"hidden/kernel": "l2(0.1)"}).fit(*rows, verbose=0, callbacks=[make()])
    assert said in str(refused.value)


def test_a_schedule_needs_a_penalized_model(rows) -> None:
    """A plain model bakes its strengths in."""
    with pytest.raises(BridleError, match=r"bridle\.regularize"):
        network().fit(*rows, verbose=0, callbacks=[StrengthSchedule()])
