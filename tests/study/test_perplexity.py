"""Perplexity as a metric of Keras and as the score of a study, against NumPy."""

import keras
import numpy as np
import pytest

import bridle
from bridle.metrics import Perplexity

RANDOM = np.random.default_rng(0)
SHARES = RANDOM.dirichlet(np.ones(5), (7, 4)).astype("float32")
LABELS = RANDOM.integers(0, 5, (7, 4))
WEIGHTS = RANDOM.random((7, 4)).astype("float32")


def by_numpy(weights: np.ndarray) -> float:
    """The formula of the docstring."""
    loss = -np.log(np.take_along_axis(SHARES, LABELS[..., None], axis=2)[..., 0])
    return float(np.exp((weights * loss).sum() / weights.sum()))


def by_metric(labels: np.ndarray, shares: np.ndarray, weights: np.ndarray | None = None, **options: object) -> float:
    """The metric over two batches."""
    metric = Perplexity(**options)
    for part in (slice(0, 3), slice(3, None)):
        metric.update_state(labels[part], shares[part], None if weights is None else weights[part])
    return float(metric.result())


@pytest.mark.parametrize(
    ("labels", "shares", "options"),
    [
        (LABELS, SHARES, {}),
        (LABELS[..., None], SHARES, {}),
        (np.eye(5)[LABELS], SHARES, {}),
        (LABELS, np.log(SHARES), {"from_logits": True}),
    ],
    ids=["numbers", "column", "one-hot", "logits"],
)
def test_forms_of_labels(labels: np.ndarray, shares: np.ndarray, options: dict) -> None:
    """Class numbers, a column of them, one-hot vectors, logits; with weights of steps and of rows."""
    assert by_metric(labels, shares, **options) == pytest.approx(by_numpy(np.ones((7, 4))), rel=1e-5)
    assert by_metric(labels, shares, WEIGHTS, **options) == pytest.approx(by_numpy(WEIGHTS), rel=1e-5)
    rows = np.repeat(WEIGHTS[:, :1], 4, axis=1)
    assert by_metric(labels, shares, WEIGHTS[:, 0], **options) == pytest.approx(by_numpy(rows), rel=1e-5)


def test_a_class_that_does_not_count() -> None:
    """Steps of class 0 are left out of the sum and of the count, also with weights."""
    counts = LABELS != 0
    assert by_metric(LABELS, SHARES, ignore_class=0) == pytest.approx(by_numpy(counts), rel=1e-5)
    assert by_metric(LABELS, SHARES, WEIGHTS[:, 0], ignore_class=0) == pytest.approx(
        by_numpy(counts * WEIGHTS[:, :1]), rel=1e-5
    )


def test_a_study_selects_by_it() -> None:
    """The score is exp of the loss over real steps, less is better, and the file of the model loads."""
    real = np.arange(6) < np.tile([3, 5], 20)[:, None]
    x = np.where(real, RANDOM.integers(1, 4, real.shape), 0)
    layers = [keras.layers.Embedding(4, 3, mask_zero=True), keras.layers.Dense(4, "softmax")]
    model = keras.Sequential([keras.Input((6,), dtype="int32"), *layers])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[Perplexity()])
    study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([0.1])}}, seeds=2, folds=2, epochs=2)
    result = study.run(x, (x + 1) % 4, refit="none", progress=False)
    assert result.data.score.name == "perplexity"
    assert not result.data.score.maximize
    loss = result.data.quantity("validation/loss")[:, -1]
    perplexity = result.data.quantity("validation/perplexity")[:, -1]
    np.testing.assert_allclose(perplexity, np.exp(loss), rtol=1e-4)
    assert result.data.row_scores is not None


def test_the_file_of_a_model_holds_it(tmp_path) -> None:
    """Options survive saving and loading."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    metric = Perplexity(from_logits=True, ignore_class=1, name="ppl")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=[metric])
    x, y = np.eye(3, dtype="float32"), np.array([0, 1, 0])
    before = model.evaluate(x, y, verbose=0, return_dict=True)
    model.save(tmp_path / "model.keras")
    after = keras.saving.load_model(tmp_path / "model.keras").evaluate(x, y, verbose=0, return_dict=True)
    assert before == after
    assert after["ppl"] != pytest.approx(np.exp(after["loss"]))
