"""Smoothed and mixed losses as functions, against Keras's own `label_smoothing` and against NumPy."""

from itertools import pairwise
from typing import Any

import jax
import keras
import numpy as np
import pytest
from keras import losses as kl
from scipy import stats

from bridle._keras._internals import set_mask
from bridle._keras._labels import SMOOTHINGS, SmoothedLoss, has_classes
from bridle._keras._mixup import MixedLoss, Mixing, draw_mixing, mix_rows, symmetric_share

ROWS, CLASSES = 6, 4
rng = np.random.default_rng(0)
LOGITS = rng.normal(size=(ROWS, CLASSES)).astype("float32")
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
LABELS = rng.integers(0, CLASSES, ROWS)
ONE_HOT = np.eye(CLASSES, dtype="float32")[LABELS]
BITS = (rng.random((ROWS, CLASSES)) < 0.5).astype("float32")
WEIGHTS = rng.random(ROWS).astype("float32")
AGAINST_KERAS = {
    "binary": (kl.BinaryCrossentropy, BITS, {}),
    "binary focal": (kl.BinaryFocalCrossentropy, BITS, {"apply_class_balancing": True, "gamma": 1.5}),
    "categorical": (kl.CategoricalCrossentropy, ONE_HOT, {}),
    "categorical focal": (kl.CategoricalFocalCrossentropy, ONE_HOT, {"alpha": 0.4}),
}


@pytest.mark.parametrize("logits", [False, True], ids=["probabilities", "logits"])
@pytest.mark.parametrize("name", AGAINST_KERAS)
def test_smoothing_is_that_of_keras(name: str, logits: bool) -> None:
    """Where a loss has `label_smoothing`, ours is the same number, with weights and another reduction too."""
    kind, labels, options = AGAINST_KERAS[name]
    prediction = LOGITS if logits else PROBABILITIES
    for reduction, weight in (("sum_over_batch_size", None), ("mean_with_sample_weight", WEIGHTS)):
        plain = kind(from_logits=logits, reduction=reduction, **options)
        smooth = kind(from_logits=logits, label_smoothing=0.2, reduction=reduction, **options)
        ours = SmoothedLoss(plain, np.float32(0.2))(labels, prediction, weight)
        np.testing.assert_allclose(ours, smooth(labels, prediction, weight), rtol=2e-6)


@pytest.mark.parametrize("logits", [False, True], ids=["probabilities", "logits"])
@pytest.mark.parametrize("column", [False, True], ids=["(row,)", "(row, 1)"])
def test_integer_labels_are_smoothed_as_one_hot_ones(column: bool, logits: bool) -> None:
    """The loss of integer labels is the smoothed loss of one-hot labels, which Keras has for those only."""
    prediction = LOGITS if logits else PROBABILITIES
    labels = LABELS[:, None] if column else LABELS
    ours = SmoothedLoss(kl.SparseCategoricalCrossentropy(from_logits=logits), np.float32(0.3))
    theirs = kl.CategoricalCrossentropy(from_logits=logits, label_smoothing=0.3)
    np.testing.assert_allclose(ours(labels, prediction), theirs(ONE_HOT, prediction), rtol=2e-6)
    np.testing.assert_allclose(ours(labels, prediction, WEIGHTS), theirs(ONE_HOT, prediction, WEIGHTS), rtol=2e-6)


def test_masked_steps_have_no_smoothed_loss() -> None:
    """Under the mask of a prediction, the mean is over the other steps, for integers and one-hot labels."""
    real = np.array([[True, True, False], [True, False, False]])
    steps, labels = (array.reshape(2, 3, *array.shape[1:]) for array in (PROBABILITIES, LABELS))
    for loss, y in (
        (kl.SparseCategoricalCrossentropy(), labels),
        (kl.CategoricalCrossentropy(), np.eye(CLASSES, dtype="float32")[labels]),
    ):
        prediction = keras.ops.convert_to_tensor(steps)
        set_mask(prediction, real)
        ours = SmoothedLoss(loss, np.float32(0.3))(y, prediction)
        theirs = kl.CategoricalCrossentropy(label_smoothing=0.3)
        expected = theirs(np.eye(CLASSES, dtype="float32")[labels[real]], steps[real])
        np.testing.assert_allclose(ours, expected, rtol=2e-6)


@pytest.mark.parametrize("logits", [False, True], ids=["probabilities", "logits"])
def test_ignored_classes_stay_ignored(logits: bool) -> None:
    """Rows of `ignore_class` have no loss and no gradient, and the mean is over the others, as without smoothing."""
    prediction, labels = (LOGITS if logits else PROBABILITIES).copy(), LABELS.copy()
    labels[[1, 4]] = -1
    rest = labels >= 0
    loss = SmoothedLoss(kl.SparseCategoricalCrossentropy(from_logits=logits, ignore_class=-1), np.float32(0.3))
    theirs = kl.CategoricalCrossentropy(from_logits=logits, label_smoothing=0.3)
    np.testing.assert_allclose(loss(labels, prediction), theirs(ONE_HOT[rest], prediction[rest]), rtol=2e-6)
    prediction[1] = np.nan
    slope = np.asarray(jax.grad(lambda p: loss(labels, p))(prediction))
    assert (slope[~rest] == 0).all()
    assert np.isfinite(slope).all()
    assert (slope[rest] != 0).any(axis=1).all()


def expected_over_labels(loss: Any, labels: np.ndarray, prediction: np.ndarray, share: float, pool: list) -> float:
    """The mean loss of rows whose label is drawn anew from `pool` with a probability."""
    drawn = [float(loss(label, prediction)) for label in pool]
    return (1 - share) * float(loss(labels, prediction)) + share * float(np.mean(drawn))


def test_margin_and_generalized_losses_are_those_of_redrawn_labels() -> None:
    """Losses that are not linear in labels are the mean over labels of which a share is drawn anew."""
    signs = rng.choice([-1.0, 1.0], (ROWS, 1)).astype("float32")
    score = LOGITS[:, :1]
    each_class = [np.tile(np.eye(CLASSES, dtype="float32")[k], (ROWS, 1)) for k in range(CLASSES)]
    both = [-np.ones_like(signs), np.ones_like(signs)]
    cases = [
        (kl.Hinge(), signs, score, both),
        (kl.Hinge(), (signs + 1) / 2, score, both),
        (kl.SquaredHinge(), signs, score, both),
        (kl.CategoricalHinge(), ONE_HOT, LOGITS, each_class),
        (
            kl.CategoricalGeneralizedCrossEntropy(q=0.7),
            LABELS,
            PROBABILITIES,
            [np.full(ROWS, k) for k in range(CLASSES)],
        ),
    ]
    for loss, labels, prediction, pool in cases:
        ours = SmoothedLoss(loss, np.float32(0.3))(labels, prediction)
        expected = expected_over_labels(loss, labels, prediction, 0.3, pool)
        np.testing.assert_allclose(ours, expected, rtol=1e-5, err_msg=loss.name)


def test_divergence_is_of_smoothed_labels() -> None:
    """Distributions as labels of the Kullback-Leibler divergence are mixed with the even one."""
    smooth = 0.8 * ONE_HOT + 0.2 / CLASSES
    ours = SmoothedLoss(kl.KLDivergence(), np.float32(0.2))(ONE_HOT, PROBABILITIES)
    np.testing.assert_allclose(ours, np.mean(np.sum(smooth * np.log(smooth / PROBABILITIES), axis=1)), rtol=1e-5)


def test_every_loss_over_classes_of_keras_is_known() -> None:
    """Every loss of Keras with `label_smoothing` or integer classes can be smoothed; losses of numbers cannot."""
    kinds = [value for value in vars(kl).values() if isinstance(value, type) and issubclass(value, keras.Loss)]
    names = {kind.__name__ for kind in kinds if kind is not keras.Loss and has_classes(kind())}
    assert names == {
        *("BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy"),
        *("KLDivergence", "SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy"),
        *("Hinge", "SquaredHinge", "CategoricalHinge"),
    }
    assert len(names) == len(SMOOTHINGS)


def classification_losses() -> list[Any]:
    """Every loss over classes with labels and predictions for it."""
    return [
        *((kind(**options), labels, PROBABILITIES) for kind, labels, options in AGAINST_KERAS.values()),
        (kl.BinaryCrossentropy(label_smoothing=0.1), BITS, PROBABILITIES),
        (kl.CategoricalCrossentropy(label_smoothing=0.1, from_logits=True), ONE_HOT, LOGITS),
        (kl.CategoricalFocalCrossentropy(label_smoothing=0.1), ONE_HOT, PROBABILITIES),
        (kl.SparseCategoricalCrossentropy(), LABELS, PROBABILITIES),
        (kl.SparseCategoricalCrossentropy(ignore_class=0), LABELS, PROBABILITIES),
        (kl.KLDivergence(), ONE_HOT, PROBABILITIES),
        (kl.Hinge(), BITS, LOGITS),
        (kl.SquaredHinge(), BITS, LOGITS),
        (kl.CategoricalHinge(), ONE_HOT, LOGITS),
        (kl.CategoricalGeneralizedCrossEntropy(), LABELS, np.eye(CLASSES, dtype="float32")[LABELS - 1]),
    ]


def test_strength_zero_is_the_loss_itself_bit_for_bit() -> None:
    """Values and gradients at a traced strength 0 are those of the loss alone, also with its own label smoothing."""
    losses, labels, predictions = zip(*classification_losses(), strict=True)

    def values_and_slopes(changed: Any, predictions: Any, labels: Any) -> Any:
        pairs = zip(losses, predictions, labels, strict=True)
        return [jax.value_and_grad(lambda p, y=y, loss=loss: changed(loss)(y, p))(p) for loss, p, y in pairs]

    ours = jax.jit(lambda p, y, e: values_and_slopes(lambda loss: SmoothedLoss(loss, e), p, y))
    theirs = jax.jit(lambda p, y: values_and_slopes(lambda loss: loss, p, y))
    pairs = zip(ours(predictions, labels, np.float32(0.0)), theirs(predictions, labels), strict=True)
    for loss, (one, two) in zip(losses, pairs, strict=True):
        np.testing.assert_array_equal(one[0], two[0], err_msg=loss.name)
        np.testing.assert_array_equal(one[1], two[1], err_msg=loss.name)


def test_labels_are_never_smoothed_twice() -> None:
    """Above 0 the strength takes the place of the loss's own label smoothing."""
    for kind, labels, options in AGAINST_KERAS.values():
        twice = SmoothedLoss(kind(label_smoothing=0.4, **options), np.float32(0.1))
        once = kind(label_smoothing=0.1, **options)
        np.testing.assert_allclose(twice(labels, PROBABILITIES), once(labels, PROBABILITIES), rtol=2e-6)


@pytest.mark.parametrize("strength", [0.05, 0.4, 1.0, 8.0])
def test_shares_are_those_of_a_symmetric_beta_distribution(strength: float) -> None:
    """20,000 draws agree with SciPy's distribution, folded at one half, within four standard errors."""
    first, second = rng.random((2, 20_000)).astype("float32")
    shares = np.asarray(symmetric_share(np.float32(strength), first, second), float)
    points, beta = np.array([0.51, 0.6, 0.75, 0.9, 0.99, 0.9999]), stats.beta(strength, strength)
    fractions = np.mean(shares[:, None] <= points, axis=0)
    np.testing.assert_allclose(fractions, beta.cdf(points) - beta.cdf(1 - points), atol=4 * 0.5 / np.sqrt(20_000))
    assert shares.min() >= 0.5
    assert shares.max() <= 1.0


def test_shares_of_two_strengths_are_paired() -> None:
    """With the same numbers a larger strength mixes every batch more, and strength 0 none."""
    first, second = rng.random((2, 500)).astype("float32")
    first[:2] = 0.0, np.nextafter(np.float32(1), np.float32(0))
    by_strength = [np.asarray(symmetric_share(np.float32(a), first, second)) for a in (0.0, 1e-4, 0.1, 0.3, 1.0, 9.0)]
    assert all((weak >= strong).all() for weak, strong in pairwise(by_strength))
    assert (by_strength[0] == 1).all()


def uniform(seed: int) -> Any:
    """A function that draws the same numbers for every strength."""
    return lambda shape: np.random.default_rng(seed).random(shape).astype("float32")


def test_rows_are_mixed_with_one_partner_each() -> None:
    """Arrays in a tree are mixed by the same permutation and share, which NumPy repeats."""
    order, share = draw_mixing(np.float32(1.0), uniform(3), ROWS)
    assert sorted(np.asarray(order)) == list(range(ROWS))
    x = {"a": LOGITS, "image": rng.integers(0, 255, (ROWS, 2, 2, 3)).astype("uint8"), "absent": None}
    mixed = mix_rows(x, Mixing(order, share))
    for name in ("a", "image"):
        rows = x[name].astype("float32")
        np.testing.assert_allclose(mixed[name], share * rows + (1 - share) * rows[order], rtol=1e-6)
    assert mixed["absent"] is None


def test_rows_of_weight_zero_neither_get_nor_give() -> None:
    """A row that does not count is in no mixture, whatever it holds."""
    counted = np.array([1, 0, 1, 1, 0, 1])
    mixing = draw_mixing(np.float32(1.0), uniform(4), ROWS, counted)
    x = LOGITS.copy()
    x[counted == 0] = np.nan
    mixed = np.asarray(mix_rows(x, mixing))
    assert np.isfinite(mixed[counted == 1]).all()
    alone = (counted == 1) & (counted[np.asarray(mixing.order)] == 0)
    np.testing.assert_array_equal(mixed[alone], x[alone])
    assert (np.asarray(mixing.share)[counted == 1] < 1).any()


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_mixed_loss_is_that_of_mixed_labels(reduction: str) -> None:
    """For a loss linear in labels, the mixed loss of integers and of one-hot labels is the loss of mixed labels."""
    order, share = draw_mixing(np.float32(1.0), uniform(5), ROWS)
    labels = share * ONE_HOT + (1 - share) * ONE_HOT[order]
    expected = float(kl.CategoricalCrossentropy(reduction=reduction)(labels, PROBABILITIES))
    sparse = MixedLoss(kl.SparseCategoricalCrossentropy(reduction=reduction), Mixing(order, share))
    dense = MixedLoss(kl.CategoricalCrossentropy(reduction=reduction), Mixing(order, share))
    np.testing.assert_allclose(sparse(LABELS, PROBABILITIES), expected, rtol=1e-5)
    np.testing.assert_allclose(dense(ONE_HOT, PROBABILITIES), expected, rtol=1e-5)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_each_label_counts_with_the_weight_of_its_row(reduction: str) -> None:
    """The mixed loss is a weighted mean of 2n labels, in NumPy."""
    weights = WEIGHTS * np.array([1, 1, 0, 1, 1, 1], "float32")
    order, share = (np.asarray(part) for part in draw_mixing(np.float32(1.0), uniform(6), ROWS, weights))
    loss = MixedLoss(kl.SparseCategoricalCrossentropy(reduction=reduction), Mixing(order, share))
    own, partner = -np.log(PROBABILITIES[np.arange(ROWS), LABELS]), -np.log(PROBABILITIES[range(ROWS), LABELS[order]])
    first, second = share * weights, (1 - share) * weights[order]
    total = float(np.sum(first * own + second * partner))
    divisor = {"sum": 1.0, "sum_over_batch_size": ROWS, "mean_with_sample_weight": float(np.sum(first + second))}
    np.testing.assert_allclose(loss(LABELS, PROBABILITIES, weights), total / divisor[reduction], rtol=1e-5)


def test_squared_error_has_the_gradient_of_mixed_numbers() -> None:
    """For squared error, the mixed loss moves the weights as the loss of mixed labels does."""
    y = rng.normal(size=(ROWS, 1)).astype("float32")
    order, share = draw_mixing(np.float32(1.0), uniform(7), ROWS)
    mixed = MixedLoss(kl.MeanSquaredError(), Mixing(order, share))
    labels = share * y + (1 - share) * y[order]
    ours = jax.grad(lambda p: mixed(y, p))(LOGITS[:, :1])
    np.testing.assert_allclose(ours, jax.grad(lambda p: kl.MeanSquaredError()(labels, p))(LOGITS[:, :1]), atol=1e-6)


def test_mixing_of_strength_zero_changes_no_bit() -> None:
    """At a traced strength 0, rows, losses and gradients are those without mixing, with weights and without."""

    def ours(strength: Any, p: Any, weight: Any) -> Any:
        mixing = draw_mixing(strength, uniform(8), ROWS, weight)
        rows = mix_rows(LOGITS, mixing)
        loss = MixedLoss(kl.SparseCategoricalCrossentropy(), mixing)
        return jax.value_and_grad(lambda p: loss(LABELS, p, weight))(p), rows

    plain = jax.value_and_grad(lambda p, w: kl.SparseCategoricalCrossentropy()(LABELS, p, w))
    for weight in (None, WEIGHTS):
        both, rows = jax.jit(ours)(np.float32(0.0), PROBABILITIES, weight)
        np.testing.assert_array_equal(rows, LOGITS)
        for one, two in zip(both, jax.jit(plain)(PROBABILITIES, weight), strict=True):
            np.testing.assert_array_equal(one, two)
