"""Noise, constraints, decay, averages and smoothed labels of a model: listed, measured, and their traps found."""

import keras
import numpy as np
import pytest
from tests.auditing._kinds import CASES, IMAGE, SEQUENCE, C, Case, L, X, array, decaying, network, updated

import bridle
from bridle.auditing import Audit

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def effects(audit: Audit) -> dict[str, str]:
    """The effect of each row that is no penalty of the loss."""
    return {f"{row.where} {row.written}": row.effect for row in audit.rows if row.kind != "penalty"}


@each_case
def test_the_audit_finds_it(case: Case) -> None:
    """At its place, by its name, and Keras does what makes it a trap."""
    keras.utils.set_random_seed(3)
    model = case.build()
    audit = bridle.audit(model, case.x)
    labels = {row.where: [finding.label for finding in row.findings] for row in audit.findings}
    assert case.label in labels.get(case.where, []), str(audit)
    assert case.happens(model, case.x)


def test_what_is_fine_has_rows_and_no_findings() -> None:
    """Rates, deviations, constraints and labels as they are meant."""
    keras.utils.set_random_seed(1)
    sequence = network(
        L.GaussianNoise(0.1, name="noise"),
        L.LSTM(4, dropout=0.2, recurrent_dropout=0.1, return_sequences=True, name="lstm"),
        L.RNN([L.GRUCell(3, dropout=0.3, name="first"), L.LSTMCell(3, name="second")], name="stack"),
        L.Dense(50, "relu", bias_initializer="ones", kernel_constraint=C.MaxNorm(0.5), name="hidden"),
        L.Dropout(0.25, name="drop"),
        L.AlphaDropout(0.1, name="alpha"),
        L.GaussianDropout(0.2, name="gauss"),
        L.Dense(3, "softmax", name="out"),
        shape=(5, 6),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
    )
    audit = bridle.audit(sequence, SEQUENCE)
    assert audit.ok, str(audit)
    assert not [row for row in audit.rows if row.kind == "penalty"]
    assert "There is no penalty" in str(audit)
    assert "No findings" in str(audit)
    text = effects(audit)
    scale = SEQUENCE.std()
    assert text.pop("noise/stddev GaussianNoise(0.1)") == (
        f"adds noise of deviation 0.1, {0.1 / scale:.4g} times that of its input"
    )
    drop = text.pop("drop/rate Dropout(0.25)")
    share = float(drop.removeprefix("drops 25 % of its inputs, ").removesuffix(" % in this batch"))
    assert share == pytest.approx(25, abs=8)  # 400 draws have a deviation of 2.2
    moved = np.sqrt((array(sequence.get_layer("hidden").kernel) ** 2).sum(axis=0)) > 0.5
    assert text == {
        "lstm/dropout LSTM(dropout=0.2)": "drops 20 % of the inputs, with one mask for all steps",
        "lstm/recurrent_dropout LSTM(recurrent_dropout=0.1)": (
            "drops 10 % of the state that enters each step, with one mask for all steps"
        ),
        "stack/first/dropout RNN(dropout=0.3)": "drops 30 % of the inputs, with one mask for all steps",
        "alpha/rate AlphaDropout(0.1)": "sets 10 % of its inputs to the lowest value of SELU",
        "gauss/rate GaussianDropout(0.2)": "multiplies by 1 plus noise of deviation 0.5",
        "hidden/kernel MaxNorm(0.5)": f"projects after each update; now it would move {moved.sum()} of 50 units",
        "labels CategoricalCrossentropy(label_smoothing=0.1)": (
            "spreads 0.1 of each label evenly over all classes, also in val_loss"
        ),
    }


def test_noise_inside_other_layers() -> None:
    """Attention, wrappers, and whole channels; layers that draw by themselves have no strength."""
    inputs = keras.Input((5, 6))
    attended = L.MultiHeadAttention(2, 3, dropout=0.1, name="attention")(inputs, inputs)
    both = L.Bidirectional(L.GRU(2, dropout=0.2, return_sequences=True), name="both")(attended)
    dropped = L.TimeDistributed(L.Dropout(0.5, name="inner"), name="td")(L.SpatialDropout1D(0.3, name="space")(both))
    model = keras.Model(inputs, L.Dense(1)(dropped))
    audit = bridle.audit(model, SEQUENCE)
    assert audit.ok, str(audit)
    text = effects(audit)
    assert text["attention/dropout MultiHeadAttention(dropout=0.1)"] == "drops 10 % of the attention scores"
    assert text["both/forward/dropout GRU(dropout=0.2)"] == text["both/backward/dropout GRU(dropout=0.2)"]
    assert text["space/rate SpatialDropout1D(0.3)"].startswith("drops 30 % of the channels")
    assert "td/inner/rate Dropout(0.5)" in text
    flipped = network(L.RandomFlip(name="flip"), L.Flatten(), L.Dense(1), shape=(6, 6, 2))
    audit = bridle.audit(flipped, IMAGE)
    assert effects(audit) == {"flip/output RandomFlip": "draws random numbers in training"}


@pytest.mark.parametrize(
    ("optimizer", "text", "shares"),
    [
        (keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.2), "SGD(weight_decay=0.2)", (0.02, 0.02)),
        (
            keras.optimizers.Muon(0.1, weight_decay=0.2, adam_weight_decay=0.5),
            "Muon(weight_decay=0.2, adam_weight_decay=0.5)",
            (0.02, 0.05),
        ),
    ],
    ids=["SGD", "Muon"],
)
def test_the_share_that_decay_takes(optimizer: keras.optimizers.Optimizer, text: str, shares: tuple) -> None:
    """What one update without a gradient takes from weights of 1, by each optimizer."""
    model = network(L.Dense(4, bias_initializer="ones", kernel_initializer="ones", name="hidden"), optimizer=optimizer)
    row = next(row for row in bridle.audit(model, X).rows if row.kind == "decay")
    assert row.written == text
    updated(model)
    after = [float(array(weight.value).ravel()[0]) for weight in model.get_layer("hidden").weights]
    assert [1 - value for value in after] == pytest.approx(shares, abs=1e-6)
    share = f"{shares[0]:g}" if shares[0] == shares[1] else f"{shares[0]:g} to {shares[1]:g}"
    assert row.effect.startswith(f"takes {share} of 2 weights at each update, half in ")
    assert row.effect.split("half in ")[1].startswith(f"{np.log(0.5) / np.log(1 - max(shares)):,.0f} ")


def test_several_optimizers_and_losses_have_rows_of_their_own() -> None:
    """Each with its weights, each with the name of its output; penalties of an optimizer too."""
    inputs = keras.Input((6,))
    first, second = L.Dense(1, "sigmoid", name="first")(inputs), L.Dense(3, "softmax", name="second")(inputs)
    model = keras.Model(inputs, {"first": first, "second": second})
    decayed, penalized = keras.optimizers.AdamW(), keras.optimizers.Ftrl(l2_regularization_strength=0.1)
    optimizer = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(penalized, {"first/.*": decayed}))
    losses = {
        "first": keras.losses.BinaryCrossentropy(label_smoothing=0.2),
        "second": keras.losses.CategoricalCrossentropy(),
    }
    model.compile(optimizer, losses)
    audit = bridle.audit(model, X)
    rows = {row.where: (row.written, row.effect) for row in audit.rows if row.where.startswith("labels")}
    assert rows == {
        "labels of first": (
            "BinaryCrossentropy(label_smoothing=0.2)",
            "trains and validates with 0.1 and 0.9 instead of 0 and 1",
        )
    }
    label, prediction = np.array([[1.0]], "float32"), np.array([[0.9]], "float32")
    smoothed = float(losses["first"](label, prediction))
    assert smoothed == pytest.approx(-0.9 * np.log(0.9) - 0.1 * np.log(0.1), rel=1e-5)
    written = [row.written for row in audit.rows if row.where == "optimizer"]
    assert written == ["AdamW(weight_decay=0.004)", "Ftrl(l2_regularization_strength=0.1)"]
    assert "2 weights" in next(row.effect for row in audit.rows if row.kind == "decay")


def test_a_constraint_that_fails_and_one_that_is_normalized() -> None:
    """One that needs square matrices stops the update; SpectralNormalization is listed."""
    model = network(
        L.SpectralNormalization(L.Dense(3), name="spectral"),
        L.Dense(2, kernel_constraint=lambda w: keras.ops.matmul(w, w)),
    )
    audit = bridle.audit(model, X)
    assert [finding.label for row in audit.findings for finding in row.findings] == ["fails"]
    assert "spectral/kernel SpectralNormalization" in effects(audit)
    with pytest.raises(Exception, match="shape"):
        updated(model)


def test_a_table_for_pandas() -> None:
    """One row each, with its kind; those of the loss have no effect."""
    model = decaying(layers=[L.Dense(4, kernel_regularizer="l1", name="hidden"), L.Dropout(0.5), L.Dense(1)])
    table = bridle.audit(model, X).table()
    assert table["kind"].tolist() == ["penalty", "noise", "decay"]
    assert (table["effect"] == "").tolist() == [True, False, False]


def test_what_bridle_places_has_rows_too() -> None:
    """Each kind by its effect; its decay is none of the optimizer's, its constraints none of the layers'."""
    model = network(
        L.Dense(4, bias_initializer="ones", name="hidden"),
        L.Dropout(0.5, name="drop"),
        L.Dense(3, "softmax", name="out"),
        optimizer=keras.optimizers.AdamW(0.1, weight_decay=0.2),
        loss="categorical_crossentropy",
    )
    terms = {
        "inputs": bridle.GaussianNoise(0.1),
        "hidden/output": bridle.Dropout(0.25),
        "hidden/kernel": [bridle.MaxNorm(1.0), bridle.WeightDecay(0.3)],
        "out/kernel": bridle.DropConnect(bridle.schedule.steps({0: 0.1, 9: 0.5})),
        "labels": bridle.LabelSmoothing(0.1),
        "drop/rate": 0.2,
    }
    audit = bridle.audit(bridle.regularize(model, terms), X)
    ours = {f"{row.where} {row.kind}": row.effect for row in audit.rows if row.written.startswith("bridle.")}
    assert ours == {
        "inputs noise": "adds noise of deviation 0.1",
        "hidden/output noise": "drops 25 % of the entries",
        "hidden/kernel constraint": "limits the norm of each group of weights to 1 after each update",
        "hidden/kernel decay": "takes learning rate times 0.3 of the weight at each update",
        "out/kernel noise": "drops 10 % of the weights, with one mask for each batch",
        "labels labels": "spreads 0.1 of each label evenly over all classes, in training only",
        "drop/rate noise": "replaces the rate of the layer by 0.2",
    }
    rest = {row.where: row.effect for row in audit.rows if not row.written.startswith("bridle.")}
    assert rest["optimizer"].startswith("takes 0.02 of 3 weights at each update")
    assert set(rest) == {"drop/rate", "optimizer"}
    constrained = network(L.Dense(4, kernel_constraint="non_neg", name="hidden"))
    audit = bridle.audit(bridle.regularize(constrained, {"hidden/kernel": bridle.MaxNorm(1.0)}), X)
    assert [(row.written, row.label) for row in audit.rows] == [
        ("bridle.MaxNorm(limit=1)", "two constraints"),
        ("NonNeg()", ""),
    ]
