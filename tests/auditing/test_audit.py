"""The audit itself: batches, words, what it refuses, and that it leaves everything as it was."""

import keras
import numpy as np
import pytest
from tests.auditing._traps import SEQUENCE, VECTOR, L, R, compiled, masked, sequential

import bridle
from bridle import BridleError


def state_of(model: keras.Model) -> list[np.ndarray]:
    """Everything that a call could change."""
    optimizer = [] if model.optimizer is None else model.optimizer.variables
    variables = [*model.variables, *model.metrics_variables, *optimizer]
    values = [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in variables]
    layers = model._flatten_layers()
    remembered = [np.array([len(layer._losses), len(layer._loss_ids)]) for layer in layers]
    return values + remembered + [np.array([len(vars(layer))]) for layer in layers]


def stateful() -> keras.Model:
    """Dropout, batch statistics, noise and penalties of both sorts."""
    return sequential(
        L.Dense(4, "relu", kernel_regularizer="l2", activity_regularizer="l1", name="hidden"),
        L.BatchNormalization(name="norm"),
        L.Dropout(0.5),
        L.GaussianNoise(0.1),
        L.Dense(1, name="out"),
        shape=(3,),
    )


def test_the_model_is_left_as_it_was() -> None:
    """Weights, statistics, seeds, remembered losses, attributes; before and after training, penalized or not."""
    for model in (stateful(), bridle.regularize(stateful(), {"hidden/output": "l1(0.1)", "*/kernel": "l2(0.1)"})):
        model.fit(VECTOR, np.zeros(4), verbose=0)
        model(VECTOR)
        before, regularizers = state_of(model), [variable.regularizer for variable in model.variables]
        random = keras.random.SeedGenerator(1)
        losses = [float(loss) for loss in model.losses]
        bridle.audit(model)
        bridle.audit(model, VECTOR, sample_weight=np.array([1, 0, 1, 0]))
        assert all(np.array_equal(one, other) for one, other in zip(before, state_of(model), strict=True))
        assert [variable.regularizer for variable in model.variables] == regularizers
        assert [float(loss) for loss in model.losses] == losses
        assert int(random.state.value[1]) == 0


def test_a_failing_call_leaves_the_model_too() -> None:
    """Also where the rows do not fit."""
    model = stateful()
    before = state_of(model)
    with pytest.raises(BridleError):
        bridle.audit(model, np.ones((3, 5)))
    assert all(np.array_equal(one, other) for one, other in zip(before, state_of(model), strict=True))


def test_training_goes_on_as_without_an_audit() -> None:
    """The same losses, bit for bit."""
    histories = []
    for audited in (False, True):
        keras.utils.set_random_seed(5)
        model = stateful()
        model.compile("adam", "mse")
        x, y = np.repeat(VECTOR, 5, axis=0), np.arange(20.0)
        losses = model.fit(x, y, verbose=0).history["loss"]
        if audited:
            bridle.audit(model, x)
        histories.append(losses + model.fit(x, y, epochs=2, verbose=0).history["loss"])
    assert histories[0] == histories[1]


def test_the_total_is_the_loss_that_keras_adds() -> None:
    """Rows add up to it, where nothing is wrong."""
    model = sequential(
        L.Dense(4, kernel_regularizer=R.L1(0.1), bias_regularizer="l2", activity_regularizer=R.L2(0.2), name="hidden"),
        L.Dense(1, kernel_regularizer=bridle.L2(0.3), activity_regularizer=bridle.L1(0.1, per="batch"), name="out"),
        shape=(3,),
    )
    found = bridle.audit(model, VECTOR)
    assert found.ok, str(found)
    model.reset_metrics()
    loss = float(np.ravel(model.train_on_batch(VECTOR, np.zeros(4)))[0])
    assert sum(row.charged for row in found.rows) == pytest.approx(found.total, rel=1e-5)
    assert found.total == pytest.approx(loss, rel=1e-5)
    assert [row.written for row in found.rows][-1] == "L1(strength=0.1, per='batch')"


def test_text_fits_a_terminal() -> None:
    """At most 100 columns, also with long names; a table for pandas."""
    both = R.L1L2(0.123456, 0.0000123)
    layers = [L.Dense(2, kernel_regularizer=both, name=f"a_layer_{'long' * 12}_{n}") for n in range(3)]
    model = sequential(*layers, shape=(3,))
    model.get_layer(index=0).trainable = False
    model.compile(keras.optimizers.AdamW(), "mse")
    found = bridle.audit(model)
    text = str(found)
    assert max(map(len, text.splitlines())) <= 100 or "bridle.regularize" in max(text.splitlines(), key=len)
    assert "one generated batch of 8 samples, float32 (8, 3)" in text
    assert list(found.table().columns) == [
        "where", "written", "charged", "expected", "level", "finding", "kind", "effect"
    ]  # fmt: skip
    assert len(found.table()) == len(found.rows) == 4
    assert [row.level for row in found.findings] == ["warning", "warning"]
    assert "There is no penalty" in str(bridle.audit(sequential(L.Dense(1), shape=(3,))))


def test_batches_are_made_for_every_kind_of_input() -> None:
    """Rows of tables within their range, padding where the model has masks, sizes where axes are open."""
    assert not bridle.audit(masked("l2")).ok
    open_axes = sequential(L.LSTM(2, kernel_regularizer="l2", name="lstm"), shape=(None, 3))
    assert "float32 (8, 8, 3)" in str(bridle.audit(open_axes))
    image = sequential(
        L.Conv2D(2, 9, strides=4, kernel_regularizer="l2", name="conv"), L.Flatten(), shape=(None, None, 1)
    )
    assert "(8, 32, 32, 1)" in str(bridle.audit(image))
    padded = sequential(
        L.Masking(-1.0), L.GRU(2, return_sequences=True, activity_regularizer="l2", name="gru"), shape=(6, 3)
    )
    assert [row.label for row in bridle.audit(padded).findings] == ["includes padded steps"]


def test_several_inputs() -> None:
    """As a list or by name, in the structure that the model takes."""
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    joined = L.Concatenate()([L.Dense(2, activity_regularizer=R.L2(1.0), name="left")(a), b])
    rows = {"a": np.ones((4, 2), "float32"), "b": VECTOR}
    by_list, by_name = (compiled(keras.Model(inputs, L.Dense(1)(joined))) for inputs in ([a, b], {"a": a, "b": b}))
    assert bridle.audit(by_list).ok
    assert bridle.audit(by_name).ok
    expected = bridle.audit(by_name, rows).total
    assert bridle.audit(by_list, list(rows.values())).total == pytest.approx(expected)
    assert bridle.audit(by_list, rows).total == pytest.approx(expected)
    with pytest.raises(BridleError, match="Expected 2 inputs"):
        bridle.audit(by_list, VECTOR)


def test_a_large_batch_is_cut() -> None:
    """At most 256 rows, as is said."""
    found = bridle.audit(stateful(), np.ones((1000, 3)), sample_weight=np.ones(1000))
    assert "the first 256 of 1000 samples" in str(found)


class Subclassed(keras.Model):
    """A model that states no inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = L.Dense(2, activity_regularizer="l2", name="hidden")

    def call(self, x):
        return self.hidden(x)


def test_a_subclassed_model_needs_rows() -> None:
    """And is audited as any."""
    model = Subclassed()
    with pytest.raises(BridleError, match="without weights"):
        bridle.audit(model, VECTOR)
    model(VECTOR)
    with pytest.raises(BridleError, match="Expected x"):
        bridle.audit(model)
    found = bridle.audit(model, VECTOR)
    assert found.ok
    assert [row.where for row in found.rows] == ["hidden/output"]


@pytest.mark.parametrize(
    ("x", "weight", "said"),
    [
        (np.ones((3, 5)), None, "(3, 5)"),
        (np.ones((0, 3)), None, "at least one"),
        (np.array([["a", "b", "c"]]), None, "numbers"),
        (np.full((3, 3), np.inf), None, "finite"),
        (VECTOR, np.ones(3), "sample_weight"),
        (VECTOR, "heavy", "sample_weight"),
        (3, None, "numbers"),
        ([VECTOR, VECTOR], None, "Expected 1 inputs"),
        ({}, None, "Expected"),
    ],
)
def test_rows_that_do_not_fit_get_a_sentence(x: object, weight: object, said: str) -> None:
    """The message has expected and got."""
    with pytest.raises(BridleError, match="Expected") as refused:
        bridle.audit(stateful(), x, sample_weight=weight)
    assert said in str(refused.value)


def test_what_is_no_model_gets_a_sentence() -> None:
    """A layer is not enough."""
    with pytest.raises(BridleError, match=r"Expected a keras\.Model to audit, got Dense"):
        bridle.audit(L.Dense(1))


def test_penalties_stay_apart_by_place_and_owner() -> None:
    """A penalized model shows its own regularizers and bridle's side by side, also with sample weights."""
    model = sequential(L.Dense(2, kernel_regularizer=R.L1(0.1), name="hidden"), shape=(3,))
    placed = bridle.regularize(model, {"hidden/kernel": bridle.L2(0.2), "hidden/output": bridle.L2(1.0)})
    found = bridle.audit(placed, VECTOR, sample_weight=np.array([1, 1, 0, 0]))
    assert found.ok, str(found)
    written = [(row.where, row.written) for row in found.rows]
    assert written == [
        ("hidden/kernel", "L1(0.1)"),
        ("hidden/kernel", "bridle.L2(strength=0.2)"),
        ("hidden/output", "bridle.L2(strength=1)"),
    ]
    output = VECTOR[:2] @ np.asarray(model.get_layer("hidden").kernel)
    assert found.rows[-1].charged == pytest.approx((output**2).sum() / 2, rel=1e-5)


def test_nested_models_and_wrapped_layers() -> None:
    """Names are those that bridle.regularize takes."""
    inner = keras.Sequential([keras.Input((3,)), L.Dense(2, activity_regularizer="l2", name="code")], name="encoder")
    model = sequential(inner, L.Dense(1, kernel_regularizer="l1", name="out"), shape=(3,))
    found = bridle.audit(model, VECTOR)
    assert found.ok
    assert [row.where for row in found.rows] == ["out/kernel", "encoder/code/output"]
    both = sequential(L.Bidirectional(L.LSTM(2, activity_regularizer="l2"), name="both"), shape=(5, 3))
    assert bridle.audit(both, SEQUENCE).ok


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (L.Dense(2, kernel_regularizer=lambda w: keras.ops.sum(w**4)), "bridle.Custom("),
        (L.Dense(2, kernel_regularizer=bridle.L1(0.25)), "bridle.L1(strength=0.25)"),
        (L.Dense(2, kernel_regularizer=R.L1L2(0.1, 0.2)), "bridle.L1L2(l1=0.1, l2=0.2)"),
    ],
)
def test_the_advice_is_a_line_to_paste(layer: keras.Layer, text: str) -> None:
    """In the words of bridle, and it runs."""
    model = sequential(layer, shape=(3,))
    layer.trainable = False
    said = bridle.audit(model).findings[0].finding
    line = said[said.index("bridle.regularize(") :].rstrip(".")
    assert text in line
    if "Custom" not in line:
        assert bridle.audit(eval(line, {"bridle": bridle, "model": model})).rows
