"""Every silent trap of Keras: shown with plain Keras, found by the audit, absent where bridle places the penalty."""

import dataclasses

import keras
import numpy as np
import pytest
from tests.auditing._traps import (
    OWN,
    SEQUENCE,
    TRAPS,
    VECTOR,
    L,
    R,
    Trap,
    compiled,
    convolution,
    dense,
    loss_of,
    orthogonality,
)

import bridle
import bridle.schedule
from bridle.auditing import Audit

IMAGES = np.random.default_rng(2).normal(size=(4, 6, 6, 2)).astype("float32")
each_trap = pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)


def labels(found: Audit) -> dict[str, list[str]]:
    """Return the labels of findings by site."""
    return {row.where: [each.label for each in row.findings] for row in found.findings}


@each_trap
def test_keras_does_it(trap: Trap) -> None:
    """The number that a training step of plain Keras adds; red when Keras changes."""
    keras.utils.set_random_seed(3)
    model = trap.build(trap.regularizer)
    assert loss_of(model, trap.x, trap.sample_weight) == pytest.approx(trap.keras_adds(model), rel=1e-4)


@each_trap
def test_the_audit_finds_it(trap: Trap) -> None:
    """At its place, by its name, with both numbers."""
    keras.utils.set_random_seed(3)
    model = trap.build(trap.regularizer)
    found = bridle.audit(model, trap.x, sample_weight=trap.sample_weight)
    where = f"{model.name}/output" if trap.where == OWN else trap.where
    assert trap.label in labels(found)[where]
    assert not found.ok
    row = next(row for row in found.rows if row.where == where)
    assert found.total == pytest.approx(trap.keras_adds(model), rel=1e-4)
    if trap.expected:
        assert row.expected == pytest.approx(trap.bridle_adds(model), rel=1e-4)
    assert "bridle." in row.finding or trap.label in ("strength 0", "charged though frozen")


MADE = ("TimeDistributed", "half precision", "padded steps", "samples of weight 0", "embeddings", "KL")


@pytest.mark.parametrize("trap", [trap for trap in TRAPS if trap.name in MADE], ids=lambda trap: trap.name)
def test_a_made_batch_shows_it_too(trap: Trap) -> None:
    """Rows of a person's own are not needed: made ones have padding, and rows of tables."""
    keras.utils.set_random_seed(3)
    model = trap.build(trap.regularizer)
    weight = None if trap.sample_weight is None else np.array([1, 1, 1, 1, 0, 0, 0, 0])
    if trap.name == "half precision":
        model.get_layer("hidden").kernel.assign(np.full((3, 400), 20.0))
    assert trap.label in labels(bridle.audit(model, sample_weight=weight))[trap.where]


@each_trap
def test_bridle_does_not(trap: Trap) -> None:
    """The same penalty placed by bridle is the formula in the loss of a training step, and the audit finds nothing."""
    keras.utils.set_random_seed(3)
    model = bridle.regularize(trap.build(None), trap.terms)
    assert loss_of(model, trap.x, trap.sample_weight) == pytest.approx(trap.bridle_adds(model.inner), rel=1e-5)
    found = bridle.audit(model, trap.x, sample_weight=trap.sample_weight)
    assert found.ok, str(found)
    assert [row.where for row in found.rows] == list(trap.terms)
    assert sum(row.charged for row in found.rows) == pytest.approx(trap.bridle_adds(model.inner), rel=1e-5)


def test_without_a_penalty_there_is_nothing_to_find() -> None:
    """The models of the traps are clean but for the penalty."""
    for trap in TRAPS:
        found = bridle.audit(trap.build(None), trap.x)
        assert found.ok, (trap.name, str(found))
        assert found.rows == ()


def test_a_regularizer_that_fails_on_a_convolution() -> None:
    """OrthogonalRegularizer takes matrices only: fit stops, the audit says so, bridle's takes any rank."""
    model = convolution(R.OrthogonalRegularizer(0.1))
    with pytest.raises(ValueError, match="rank 2"):
        loss_of(model, IMAGES)
    found = bridle.audit(model)
    assert labels(found) == {"conv/kernel": ["fails"]}
    assert "bridle.Orthogonality(0.1)" in str(found)
    placed = bridle.regularize(convolution(None), {"conv/kernel": bridle.Orthogonality(1.0)})
    assert loss_of(placed, IMAGES) == pytest.approx(orthogonality(placed.inner), rel=1e-5)
    assert bridle.audit(placed).ok


def test_a_forgotten_object_cannot_be_seen_but_its_absence_can() -> None:
    """SimpleRNN keeps nothing of an object; beside other objects even that cannot be told, and is a note."""
    alone = keras.Sequential([keras.Input((5, 3)), L.SimpleRNN(2, activity_regularizer=R.L2(0.1), name="rnn")])
    assert alone.get_layer("rnn").get_config()["activity_regularizer"] is None
    assert labels(bridle.audit(alone)) == {"rnn/output": ["forgotten"]}
    beside = keras.Sequential([keras.Input((5, 3)), L.SimpleRNN(2, kernel_regularizer=R.L2(0.1), name="rnn")])
    found = bridle.audit(beside)
    assert found.ok
    assert "Unknown: whether" in str(found)


def test_set_after_build_is_charged_after_save_and_load(tmp_path) -> None:
    """And what was set on the variable is gone: both as the audit says."""
    late, on_variable = (
        next(trap for trap in TRAPS if trap.name == name) for name in ("set after build", "set on the variable")
    )
    for trap, after in ((late, True), (on_variable, False)):
        model = trap.build(R.L2(1.0))
        model.save(tmp_path / "m.keras")
        again = keras.saving.load_model(tmp_path / "m.keras", custom_objects={"no_loss": lambda y, p: 0 * p[:, 0]})
        assert (sum(map(float, again.losses)) > 0) == after
        assert bridle.audit(again, VECTOR).ok


def test_a_strength_changed_after_fit_has_no_effect_until_compile() -> None:
    """The training step keeps the old one; the audit cannot see that, and says so until the model is compiled."""
    regularizer = R.L2(1.0)
    model = dense(regularizer)
    x, y = np.repeat(VECTOR, 10, axis=0), np.zeros(40)
    before = model.fit(x, y, verbose=0).history["loss"][0]
    assert bridle.audit(model).ok
    regularizer.l2 = 100.0
    assert model.fit(x, y, verbose=0).history["loss"][0] == pytest.approx(before)
    assert any("whether a strength was changed" in note for note in bridle.audit(model).notes)
    assert model.fit(x, y, verbose=0).history["loss"][0] == pytest.approx(before)
    compiled(model)
    assert not bridle.audit(model).notes
    assert model.fit(x, y, verbose=0).history["loss"][0] == pytest.approx(100 * before)


def test_a_strength_of_bridle_follows_its_schedule_without_compiling() -> None:
    """Nothing is baked into the step."""
    schedule = bridle.schedule.steps({0: 1.0, 1: 100.0})
    model = bridle.regularize(dense(None), {"hidden/kernel": bridle.L2(schedule)})
    losses = model.fit(VECTOR, np.zeros(4), epochs=2, verbose=0).history["loss"]
    assert losses[1] == pytest.approx(100 * losses[0], rel=1e-5)
    assert bridle.audit(model).ok


def test_the_documented_string_and_numpy_numbers() -> None:
    """Keras refuses its own documented 'l1_l2' and NumPy's numbers, and branches on traced ones; bridle takes all."""
    import jax

    with pytest.raises(ValueError, match="l1_l2"):
        R.get("l1_l2")
    with pytest.raises(ValueError, match="non-negative float"):
        R.L2(np.float32(0.1))
    assert bridle.parse_penalty("l1_l2(0.01, 0.02)").fixed() == (0.01, 0.02)
    assert bridle.L2(np.float32(0.5)).fixed() == (0.5,)
    baked = R.L1L2(0.1, 0.1)

    def traced(strength: jax.Array) -> jax.Array:
        baked.l1 = strength
        return baked(np.ones(3, "float32"))

    with pytest.raises(jax.errors.TracerBoolConversionError):
        jax.jit(traced)(0.1)
    unit = bridle.L1L2(0.1, 0.1).weight_values(np.ones(3, "float32"))
    assert float(jax.jit(lambda strength: strength * unit[0])(0.1)) == pytest.approx(0.3)


def decaying(**exclusions: list) -> keras.Model:
    """A network with biases, a normalisation and AdamW."""
    layers = [L.Dense(3, name="hidden"), L.LayerNormalization(name="layer_norm"), L.Dense(1, name="out")]
    model = keras.Sequential([keras.Input((3,)), *layers])
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    if exclusions:
        optimizer.exclude_from_weight_decay(**exclusions)
    model.compile(optimizer, "mse")
    return model


def test_weight_decay_hits_biases_and_scales_too() -> None:
    """A step without a gradient shrinks all of them in Keras; the audit names them; kernels alone are bridle's."""
    model = decaying()
    bias = model.get_layer("hidden").bias
    bias.assign([1.0, 1.0, 1.0])
    model.optimizer.apply([keras.ops.zeros_like(v.value) for v in model.trainable_variables], model.trainable_variables)
    assert np.asarray(bias) == pytest.approx(0.95)
    found = bridle.audit(model)
    assert labels(found) == {"optimizer": ["decays more than kernels"]}
    assert "hidden/bias" in str(found)
    assert "layer_norm/gamma" in str(found)
    plain = keras.models.clone_model(model)
    plain.compile("sgd", "mse")
    placed = bridle.audit(bridle.regularize(plain, {"*/kernel": bridle.L2(0.25)}))
    assert placed.ok
    assert [row.where for row in placed.rows] == ["hidden/kernel", "out/kernel"]


def test_exclusions_that_match_nothing_or_are_not_saved() -> None:
    """Layer names are not searched; what is excluded is not in the configuration."""
    nothing = decaying(var_names=["layer_norm"])
    assert all(nothing.optimizer._use_weight_decay(v) for v in nothing.trainable_variables)
    assert labels(bridle.audit(nothing))["optimizer"] == ["decays more than kernels", "excludes nothing"]
    right = decaying(var_names=["bias", "beta", "gamma"])
    again = type(right.optimizer).from_config(right.optimizer.get_config())
    assert all(again._use_weight_decay(v) for v in right.trainable_variables)
    assert labels(bridle.audit(right))["optimizer"] == ["exclusions lost on save"]


def test_what_a_layer_adds_by_itself_is_listed() -> None:
    """`add_loss` of a layer of a person's own is a row without a finding."""

    class Adds(L.Layer):
        def call(self, x):
            self.add_loss(3.0 * keras.ops.ones(()))
            return x

    model = compiled(keras.Sequential([keras.Input((3,)), Adds(name="adds"), L.Dense(1, kernel_regularizer="l2")]))
    found = bridle.audit(model, VECTOR)
    assert found.ok
    assert [(row.where, row.charged) for row in found.rows if row.written == "add_loss"] == [("adds/add_loss", 3.0)]
    assert found.total == pytest.approx(loss_of(model, VECTOR), rel=1e-5)


def test_a_cell_with_an_activity_penalty_stops_fit_on_jax() -> None:
    """The audit says so before, and bridle's own way to the same tensor trains."""

    def network(regularizer: object) -> keras.Model:
        cell = L.SimpleRNNCell(2, activity_regularizer=regularizer)
        return compiled(keras.Sequential([keras.Input((5, 3)), L.RNN(cell, name="loop")]))

    model = network(R.L2(1.0))
    assert list(labels(bridle.audit(model)).values()) == [["inside the loop"]]
    with pytest.raises(Exception, match="tracer"):
        loss_of(model, SEQUENCE)
    placed = bridle.regularize(network(None), {"loop/hidden_state": bridle.L2(1.0)})
    assert bridle.audit(placed, SEQUENCE).total == pytest.approx(loss_of(placed, SEQUENCE), rel=1e-5)


def test_attention_charges_its_parts_and_forgets_nothing() -> None:
    """MultiHeadAttention passes its penalty to the layers inside, which are charged and listed."""
    inputs = keras.Input((5, 3))
    layer = L.MultiHeadAttention(2, 2, activity_regularizer="l2", name="att")
    model = compiled(keras.Model(inputs, L.Flatten()(layer(inputs, inputs))))
    found = bridle.audit(model, SEQUENCE)
    assert found.ok, str(found)
    assert [row.where for row in found.rows][-1] == "att/attention_output/output"
    assert found.total == pytest.approx(loss_of(model, SEQUENCE), rel=1e-5)


def test_a_layer_with_two_outputs_is_called_once() -> None:
    """Both are charged, as the layer says, and that is no second call."""

    class Two(L.Layer):
        def call(self, x):
            return x, 2.0 * x

    inputs = keras.Input((3,))
    model = compiled(keras.Model(inputs, L.Add()(Two(activity_regularizer="l2", name="two")(inputs))))
    found = bridle.audit(model, VECTOR)
    assert found.ok, str(found)
    assert found.rows[0].charged == pytest.approx(0.01 * 5 * (VECTOR**2).sum() / 4, rel=1e-5)


def test_every_row_is_a_value() -> None:
    """Rows cannot be changed afterwards."""
    row = bridle.audit(dense("l2"), VECTOR).rows[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.charged = 1.0
