"""Label treatments in a study: parity with Keras's own label smoothing, one program, plain scores, bad input."""

from typing import Any

import keras
import numpy as np
import pytest
from tests.engine._member import SEED, keras_fit, member

import bridle
from bridle.engine import Moment, draw_at

L = keras.layers
rng = np.random.default_rng(0)
ROWS = 40
X = rng.normal(size=(ROWS, 4)).astype("float32")
KIND = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
ONE_HOT = np.eye(3, dtype="float32")[KIND]
WEIGHTS = rng.random(ROWS).astype("float32") * (np.arange(ROWS) % 5 > 0)
SMOOTH = {"labels": bridle.LabelSmoothing(0.2)}


def classifier(loss: Any = "sparse_categorical_crossentropy", **options: Any) -> keras.Model:
    """Three classes from four numbers."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), L.Dense(6, "relu"), L.Dense(3, "softmax")])
    model.compile("adam", loss, **options)
    return model


def two_outputs(smoothing: float, sparse: bool = False) -> keras.Model:
    """Classes, and a number that is left alone."""
    x = keras.Input((4,))
    hidden = L.Dense(6, "relu")(x)
    model = keras.Model(
        x, {"kind": L.Dense(3, "softmax", name="kind")(hidden), "size": L.Dense(1, name="size")(hidden)}
    )
    dense = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
    losses = {"kind": keras.losses.SparseCategoricalCrossentropy() if sparse else dense, "size": "mse"}
    model.compile("adam", losses, loss_weights={"kind": 2.0, "size": 0.5})
    return model


def same(ours: Any, theirs: Any) -> None:
    """The training loss of every epoch and the weights after them."""
    np.testing.assert_allclose(ours.curves["fit/loss"], theirs.curves["fit/loss"], 2e-4, 1e-6)
    for one, two in zip(ours.end, theirs.end, strict=True):
        np.testing.assert_allclose(one, two, 2e-3, 2e-5)


def test_smoothed_integers_of_one_output_with_weights() -> None:
    """Integer labels of one of two outputs, with row weights: the fit of Keras with smoothed one-hot labels."""
    split = {"validation": (X[30:], {"kind": KIND[30:], "size": X[30:, :1]})}
    options = {"weight": WEIGHTS[:30]}
    integers = {"kind": KIND[:30], "size": X[:30, :1]}
    ours = member(two_outputs(0.0, sparse=True), X[:30], integers, terms=SMOOTH, **split, **options)
    same(ours, keras_fit(lambda: two_outputs(0.2), X[:30], {"kind": ONE_HOT[:30], "size": X[:30, :1]}, **options))


def test_mixed_batches_are_those_of_numpy() -> None:
    """With the numbers of the fit, epoch and step, NumPy computes the loss of mixed rows, labels and weights."""
    model = classifier(keras.losses.SparseCategoricalCrossentropy())
    model.optimizer.learning_rate = 0.0
    split = {"validation": (X[14:], KIND[14:]), "weight": WEIGHTS[:14]}
    ours = member(model, X[:14], KIND[:14], terms={"labels": bridle.Mixup(0.7)}, **split)
    model.set_weights(ours.end[: len(model.weights)])
    rows = np.arange(14)
    for epoch, got in enumerate(ours.curves["fit/loss"]):
        numbers = np.asarray(draw_at(Moment(np.array([SEED, 1], "uint32"), epoch, 0), "labels").uniform((16,)), float)
        order = np.argsort(numbers[2:])
        q = (numbers[0] ** (-1 / 0.7) - 1) * np.cos(2 * np.pi * numbers[1]) ** 2
        share = np.where((WEIGHTS[rows] > 0) & (WEIGHTS[order] > 0), 0.5 + 0.5 * np.sqrt(q / (1 + q)), 1.0)
        p = model.predict(share[:, None] * X[rows] + (1 - share[:, None]) * X[order], verbose=0)
        own, partner = -np.log(p[rows, KIND[rows]]), -np.log(p[rows, KIND[order]])
        expected = np.mean(share * WEIGHTS[rows] * own + (1 - share) * WEIGHTS[order] * partner)
        assert got == pytest.approx(expected, rel=1e-5), epoch


@pytest.fixture(scope="module")
def result() -> bridle.Result:
    """One study with every treatment at 0 and above, alone and together."""
    arms = {
        "no smoothing": {"labels": bridle.LabelSmoothing(0.0)},
        "no mixing": {"labels": bridle.Mixup(0.0)},
        "neither": {"labels": ["labelsmoothing(0)", "mixup(0)"], "*/kernel": "l2(0)"},
        "smoothed": {"labels": bridle.LabelSmoothing(bridle.schedule.linear(0.0, 0.3, 4))},
        "mixed": {"labels": bridle.Mixup([0.2, 2.0])},
        "both": {"labels": ["labelsmoothing(0.3)", "mixup(2)"]},
    }
    study = bridle.Study(classifier(), arms, seeds=1, folds=2, epochs=6, batch_size=8)
    return study.run(X, KIND, sample_weight=WEIGHTS, progress=False)


def curves(result: bridle.Result, arm: str) -> np.ndarray:
    """All curves of the fits of the first candidate of an arm, with those of both folds."""
    data = result.data
    candidate = np.flatnonzero(data.setting_arm == [each.name for each in data.arms].index(arm))[0]
    return data.curves[(data.members.setting == candidate) & (data.members.fold >= 0)]


def test_treatments_of_strength_zero_change_no_bit(result) -> None:
    """Alone, together and beside others, every curve is that of `none`; strengths above 0 change them."""
    none = curves(result, "none")
    assert len(none) == 2
    for arm in ("no smoothing", "no mixing", "neither"):
        np.testing.assert_array_equal(curves(result, arm), none)
    for arm in ("smoothed", "mixed", "both"):
        assert not np.array_equal(curves(result, arm), none)


def test_all_arms_share_one_program(result) -> None:
    """Strengths are traced: one shape of rows trains with one program, and the refits with another."""
    assert result.data.provenance["compilations"] <= 6


def test_scores_are_of_labels_as_they_are(result) -> None:
    """The loss of the refit on all rows is that of Keras's `evaluate`, for a smoothed and mixed arm too."""
    data = result.data
    for arm in ("both", "mixed"):
        model = result.model(arm, single=True)
        expected = model.evaluate(X, KIND, sample_weight=WEIGHTS, batch_size=ROWS, verbose=0)
        candidate = data.setting_arm[data.members.setting] == [each.name for each in data.arms].index(arm)
        refit = np.flatnonzero(candidate & (data.members.fold == -1))[0]
        train = data.curves[refit, -1, list(data.quantities).index("train/loss")]
        assert train == pytest.approx(expected, rel=1e-4)


def test_a_result_hands_over_its_treatments(result) -> None:
    """Regularizers, code and a model that goes on training with them."""
    terms = result.regularizers("both")
    assert repr(terms) == "{'labels': [LabelSmoothing(eps=0.3), Mixup(alpha=2)]}"
    assert '"labels": ["labelsmoothing(eps=0.3)", "mixup(alpha=2)"],' in result.code("both")
    result.model("both", penalized=True, single=True).fit(X, KIND, verbose=0)


def test_own_smoothing_of_the_loss_is_noted() -> None:
    """The notes say that a strength above 0 takes the place of `label_smoothing`."""
    model = classifier(keras.losses.CategoricalCrossentropy(label_smoothing=0.4))
    plan = bridle.Study(model, {"s": SMOOTH}, seeds=1, folds=2, epochs=1).prepare(X, ONE_HOT)
    assert any("label_smoothing=0.4" in note for note in plan.notes)


class WithOwnLoss(keras.Model):
    """Uses labels in its own `compute_loss`."""

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True) -> Any:
        return keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, y_pred))


def tokens() -> keras.Model:
    """A model of positions in an embedding, whose input is declared as numbers."""
    return keras.Sequential([keras.Input((4,)), L.Embedding(9, 2), L.Flatten(), L.Dense(3, "softmax")])


@pytest.mark.parametrize(
    ("loss", "terms", "words"),
    [
        (
            "mse",
            "labelsmoothing(0.1)",
            "a loss over classes for LabelSmoothing at 'labels', got 'mean_squared",
        ),
        (lambda y, p: keras.ops.mean((y - p) ** 2, -1), "labelsmoothing(0.1)", "'<lambda>'"),
        ("own", "labelsmoothing(0.1)", "custom compute_loss"),
        ("own", "mixup(0.1)", "custom compute_loss"),
        (keras.losses.Circle(), "mixup(0.1)", "'circle'"),
        ("tokens", "mixup(0.1)", "the input of the model, whose integers"),
        ("mse", "labelsmoothing(1)", "below 1"),
        ("mse", "mixup(-1)", "≥ 0"),
        ("mse", ["mixup(0.1)", "mixup(0.2)"], "two mixup"),
        ("mse", ["mixup(0.1)", bridle.Mixup(bridle.schedule.linear(0.0, 1.0, 2))], "Expected one mixup"),
    ],
)
def test_bad_input_gets_a_sentence_before_training(loss: Any, terms: Any, words: str) -> None:
    """In the arm of a study, before anything is compiled."""
    if loss == "own":
        x = keras.Input((4,))
        model = WithOwnLoss(x, L.Dense(3, "softmax")(x))
        model.compile("adam")
    elif loss == "tokens":
        model = tokens()
        model.compile("adam", "sparse_categorical_crossentropy")
    else:
        model = classifier(loss)
    y = KIND if loss in ("own", "tokens") else ONE_HOT
    with pytest.raises(bridle.BridleError, match="Expected") as caught:
        bridle.Study(model, {"arm": {"labels": terms}}, seeds=1, folds=2, epochs=1).prepare(np.abs(X), y)
    assert words in str(caught.value)


@pytest.mark.parametrize("kind", [bridle.LabelSmoothing, bridle.Mixup])
def test_text_and_configuration_keep_a_treatment(kind: Any) -> None:
    """A number, a list, `auto` and a schedule come back from the text and from Keras's configuration."""
    for strength in (0.2, [0.1, 0.3], "auto", bridle.schedule.linear(0.0, 0.4, 5)):
        treatment = kind(strength)
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(treatment))
        assert repr(again) == repr(treatment)
        assert again.get_config() == treatment.get_config()
    assert repr(bridle.parse_regularizer(kind(0.2).to_text("0.2"))) == repr(kind(0.2))
    assert all(value < kind.upper for value in kind.auto.values)


def test_a_treatment_elsewhere_is_refused() -> None:
    """At a weight, and a penalty at the labels."""
    for terms in ({"*/kernel": "mixup(0.1)"}, {"labels": "l2(0.1)"}):
        with pytest.raises(bridle.BridleError, match="labels"):
            bridle.regularize(classifier(), terms)
