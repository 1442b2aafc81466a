"""Greedy decoding against loops of Keras's predict, and edit distances against their recursion."""

from functools import cache

import keras
import numpy as np
import pandas as pd
import pytest

import bridle
from bridle.decoding import edit_errors, greedy_decode
from bridle.stats import compare_predictors

START, END, TOKENS, STEPS = 1, 2, 7, 5
SOURCES = np.random.default_rng(0).integers(1, TOKENS, (9, 4)).astype("int32")
layers = keras.layers


@pytest.fixture(scope="module")
def translator() -> keras.Model:
    """An encoder–decoder with masks and random weights that ends some sequences early."""
    keras.utils.set_random_seed(3)
    source, before = (
        keras.Input((4,), dtype="int32", name="source"),
        keras.Input((STEPS,), dtype="int32", name="before"),
    )
    _, *states = layers.LSTM(6, return_state=True)(layers.Embedding(TOKENS, 5, mask_zero=True)(source))
    read = layers.Embedding(TOKENS, 5, mask_zero=True)(before)
    h = layers.LSTM(6, return_sequences=True)(read, initial_state=states)
    scores = layers.Dense(TOKENS, kernel_initializer=keras.initializers.RandomNormal(stddev=6.0))(h)
    return keras.Model([source, before], scores)


def by_rows(model: keras.Model, source: np.ndarray) -> list[list[int]]:
    """Decode one row after the other, with one prediction for each token."""
    found = []
    for row in source:
        tokens = [START]
        while len(tokens) <= STEPS:
            before = np.pad(tokens, (0, STEPS - len(tokens)))[None].astype("int32")
            tokens.append(int(model.predict([row[None], before], verbose=0)[0, len(tokens) - 1].argmax()))
            if tokens[-1] == END:
                break
        found.append([token for token in tokens[1:] if token != END])
    return found


def test_rows_decode_together_as_they_do_alone(translator, monkeypatch) -> None:
    """In few calls; sequences end at the first end, at different steps, and are padded."""
    calls, predict = [], keras.Model.predict_on_batch

    def counted(self, x):
        calls.append(predict(self, x))
        return calls[-1]

    monkeypatch.setattr(keras.Model, "predict_on_batch", counted)
    decoded = greedy_decode(translator, SOURCES, start=START, end=END)
    expected = by_rows(translator, SOURCES)
    assert decoded.tolist() == [row + [0] * (STEPS - len(row)) for row in expected]
    assert len({len(row) for row in expected}) > 1
    assert len(calls) <= STEPS + 1  # one more to see that the decoder does not look ahead
    assert {call.shape for call in calls} == {(9, TOKENS)}  # not of every position
    assert edit_errors(decoded, expected).edits.sum() == 0
    parts = greedy_decode(translator, {"source": SOURCES}, start=np.full((9, 1), START), end=END, batch_size=4)
    np.testing.assert_array_equal(parts, decoded)


def test_the_end_may_be_the_padding() -> None:
    """A network that repeats each letter as a phoneme, and ends with 0 after the last letter."""
    letters, before = keras.Input((3,), dtype="int32"), keras.Input((4,), dtype="int32")
    after = layers.ZeroPadding1D((0, 1))(layers.Reshape((3, 1))(letters))
    after = layers.Flatten()(after) + 0 * before
    model = keras.Model([letters, before], layers.Embedding(5, 5, embeddings_initializer="identity")(after))
    spoken = greedy_decode(model, np.array([[1, 3, 0], [4, 0, 2]], np.int32), start=9, end=0)
    assert spoken.tolist() == [[1, 3, 0, 0], [4, 0, 0, 0]]


def test_a_language_model_continues_prefixes_of_different_lengths() -> None:
    """As one row alone does, with inputs of any length; 0 may be a token."""
    keras.utils.set_random_seed(1)
    tokens = keras.Input((None,), dtype="int32")
    h = layers.GRU(8, return_sequences=True)(layers.Embedding(TOKENS, 6)(tokens))
    model = keras.Model(tokens, layers.Dense(TOKENS, kernel_initializer=keras.initializers.RandomNormal(stddev=4))(h))
    prefixes = [[3, 0, 4], [5], [6, 6]]
    start = np.array([row + [-1] * (3 - len(row)) for row in prefixes])
    decoded = greedy_decode(model, start=start, steps=6, padding=-1)
    for row, prefix in zip(decoded.tolist(), prefixes, strict=True):
        tokens = list(prefix)
        for _ in range(6):
            tokens.append(int(model.predict(np.array([tokens]), verbose=0)[0, -1].argmax()))
        assert row == tokens[len(prefix) :]
    assert len(np.unique(decoded)) > 2


def test_decoders_that_look_ahead_or_diverged_are_refused(translator) -> None:
    """Their sequences would mean nothing."""
    tokens = keras.Input((4,), dtype="int32")
    both = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(layers.Embedding(TOKENS, 4)(tokens))
    with pytest.raises(bridle.BridleError, match="depends on no later token, got one that looks ahead"):
        greedy_decode(keras.Model(tokens, layers.Dense(TOKENS)(both)), start=1)
    broken = keras.models.clone_model(translator)
    broken.set_weights([weight * np.nan for weight in translator.get_weights()])
    with pytest.raises(bridle.BridleError, match="got NaN"):
        greedy_decode(broken, SOURCES, start=1)


REFUSED = {
    "both inputs": ([SOURCES, SOURCES], {}, r"but the decoder's, in all 1, got 2. The inputs are source, before"),
    "no input": ((), {}, "got 0"),
    "a name": ({"sauce": SOURCES}, {}, "got 'sauce'. .*'source'"),
    "a token": (SOURCES + 3, {}, "tokens from 0 to 6, the vocabulary of the input 'source', got 9 in source"),
    "a start": (SOURCES, {"start": 7}, "got 7 in start"),
    "an end": (SOURCES, {"end": 7}, "vocabulary of the output of the model, got 7 in end"),
    "a number": (3, {}, r"an array of shape \(None, 4\) for the input 'source', got \(\)"),
    "a width": (SOURCES[:, :3], {}, r"an array of shape \(None, 4\) for the input 'source', got \(9, 3\)"),
    "no array": ({"source": [[1, 2], [3]]}, {}, "an array for 'source', got rows of different lengths"),
    "no padding": (SOURCES, {"padding": None}, "Expected padding as a whole number, got None"),
    "part of a tensor": (SOURCES, {"end": np.array(2.7)}, "Expected end as a whole number"),
    "part of an end": (SOURCES, {"end": 2.7}, "Expected end as a whole number, got 2.7"),
    "a fraction": (SOURCES, {"start": 1.0}, "start as a whole number"),
    "rows": (SOURCES, {"start": np.ones((3, 1), int)}, "the same number of rows.* 9 in source, 3 in start"),
    "steps": (SOURCES, {"steps": 6}, "at most 5 steps: 'before' has 5 positions and start 1 tokens, got 6"),
    "no steps": (SOURCES, {"steps": 0}, "steps as a whole number of at least 1, got 0"),
    "a long start": (SOURCES, {"start": np.ones((9, 6), int)}, "at most 5 tokens in start, the length of 'before'"),
}


@pytest.mark.parametrize(("inputs", "options", "words"), REFUSED.values(), ids=REFUSED)
def test_refusals(translator, inputs, options, words) -> None:
    """Each in a sentence."""
    with pytest.raises(bridle.BridleError, match=words):
        greedy_decode(translator, inputs, **{"start": 1, **options})


def test_models_that_write_nothing_are_refused() -> None:
    """Of one label a row; or a decoder without a fixed length and without steps."""
    one = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    with pytest.raises(bridle.BridleError, match=r"\(row, step, token\), got Sequential with \(None, 2\)"):
        greedy_decode(one, start=1)
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    with pytest.raises(bridle.BridleError, match="Expected steps for the input 'tokens'"):
        greedy_decode(keras.Model(tokens, layers.Embedding(4, 4)(tokens)), start=1)
    vectors = keras.Input((3, 4), name="vectors")
    with pytest.raises(bridle.BridleError, match=r"reads tokens of shape \(row, step\), got \(None, 3, 4\)"):
        greedy_decode(keras.Model(vectors, layers.Dense(4)(vectors)), start=1)


def distance(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """The recursion of Levenshtein."""

    @cache
    def of(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (first[i - 1] != second[j - 1]))

    return of(len(first), len(second))


def test_edit_distances_are_those_of_the_recursion() -> None:
    """Of rows of all lengths, before the end and without padding."""
    rng = np.random.default_rng(0)
    rows = [[tuple(rng.integers(3, 6, rng.integers(0, 7)).tolist()) for _ in range(60)] for _ in range(2)]
    errors = edit_errors([[*row, 2, 9] for row in rows[0]], [[*row, 0] for row in rows[1]], end=2)
    expected = [distance(*pair) for pair in zip(*rows, strict=True)]
    assert errors.edits.tolist() == expected
    assert errors.lengths.tolist() == [len(row) for row in rows[1]]
    assert errors.token_rate == pytest.approx(sum(expected) / sum(map(len, rows[1])))
    assert errors.sequence_rate == errors.wrong.mean() == np.mean(np.array(expected) > 0)
    assert str(edit_errors([["a", "b"]], [["a", "c"]])) == "100.0% of 1 sequences are wrong, 50.0% of tokens."
    assert np.isnan(edit_errors([[1]], [[0]]).token_rate)


class OfTorch:
    """A tensor that, as PyTorch's, is only equal to itself in a dictionary, and no array before it is detached."""

    def __init__(self, values) -> None:
        self.values = np.asarray(values)

    def __iter__(self):
        return map(OfTorch, self.values)

    def __len__(self) -> int:
        return len(self.values)

    def detach(self) -> "OfTorch":
        return self

    def cpu(self) -> np.ndarray:
        return self.values


@pytest.mark.parametrize("kind", [keras.ops.convert_to_tensor, OfTorch, pd.DataFrame])
def test_tensors_of_any_library_are_their_numbers(kind) -> None:
    """As a whole, as rows, and as single tokens."""
    decoded, expected = np.array([[3, 4, 0], [5, 6, 7]]), [[3, 4], [5, 7]]
    whole = kind(decoded)
    assert edit_errors(whole, expected).edits.tolist() == [0, 1]
    if kind is not pd.DataFrame:
        assert edit_errors(list(whole), expected).edits.tolist() == [0, 1]
        assert edit_errors([list(row) for row in whole], expected).edits.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("decoded", "expected", "words"),
    [
        ([[1]], [[1], [2]], "got 1 and 2"),
        ([], [], "got 0 and 0"),
        (np.ones((2, 3, 4)), [[1], [2]], r"shape \(row, step\), got \(2, 3, 4\)"),
        ([np.ones((2, 3))], [[1]], r"a sequence of tokens in each row, got shape \(2, 3\)"),
        (3, [[1]], r"shape \(row, step\), got \(\)"),
        (["a text"], ["a text"], "Split each text into its tokens"),
        ([1, 2], [1, 2], "a list of single tokens"),
    ],
)
def test_refused_sequences(decoded, expected, words) -> None:
    """Each in a sentence."""
    with pytest.raises(bridle.BridleError, match=words):
        edit_errors(decoded, expected)


@pytest.fixture(scope="module")
def study() -> tuple[bridle.Result, np.ndarray, np.ndarray]:
    """An encoder–decoder that learns to copy, with three seeds."""
    x = SOURCES[np.arange(24) % 9]
    y = np.pad(x, ((0, 0), (0, 1)), constant_values=END)
    before = np.pad(y[:, :-1], ((0, 0), (1, 0)), constant_values=START)
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,), dtype="int32", name="source"), keras.Input((5,), dtype="int32", name="before")
    embed = layers.Embedding(TOKENS, 4, mask_zero=True, name="embed")
    _, state = layers.GRU(5, return_state=True, name="encoder")(embed(inputs[0]))
    h = layers.GRU(5, return_sequences=True, name="decoder")(embed(inputs[1]), initial_state=state)
    model = keras.Model(inputs, layers.Dense(TOKENS, name="next")(h))
    model.compile(keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    arms = {"L2": {"*/kernel": bridle.L2([1e-3, 1e-1])}}
    result = bridle.Study(model, arms, seeds=3, folds=2, epochs=4).run([x, before], y, refit="all", progress=False)
    return result, SOURCES, np.pad(SOURCES, ((0, 0), (0, 1)))


def test_a_measure_of_every_refit_is_that_of_its_model(study) -> None:
    """Means over seeds, paired with none; the loop over refits against models taken one by one."""
    result, source, expected = study

    def rate(model: keras.Model) -> float:
        return edit_errors(greedy_decode(model, source, start=START, end=END), expected).token_rate

    table = result.measure(rate, rule=None)
    assert table["candidate"].tolist() == ["none", "L2: 0.001", "L2: 0.1"]
    by_hand = {arm: [rate(result.model(arm, "best", seed)) for seed in range(3)] for arm in ("none", "L2")}
    best = "L2: " + f"{next(iter(result.best('L2', 'best').strengths.values())):g}"
    row = table.set_index("candidate").loc[best]
    assert table["mean"][0] == pytest.approx(np.mean(by_hand["none"]))
    assert row["mean"] == pytest.approx(np.mean(by_hand["L2"]))
    assert row["difference"] == pytest.approx(np.mean(by_hand["L2"]) - np.mean(by_hand["none"]))
    difference = np.subtract(by_hand["L2"], by_hand["none"])
    half = 4.302653 * difference.std(ddof=1) / 3**0.5
    assert row["difference_high"] - row["difference"] == pytest.approx(half, rel=1e-5, abs=1e-9)
    chosen = result.measure(rate, "L2", "best")
    assert chosen["candidate"].tolist() == ["none", best]
    assert chosen["mean"].tolist() == table.set_index("candidate").loc[["none", best], "mean"].tolist()
    assert greedy_decode(result.model("none"), source, start=START, end=END).shape == (9, 5)  # the mean over seeds


def test_a_decoder_has_codes_along_its_steps(study) -> None:
    """Of a model with several inputs, by the mask of the decoder's own."""
    result, source, expected = study
    before = np.pad(expected[:, :-2], ((0, 0), (1, 1)), constant_values=((0, 0), (START, 0)))
    codes = result.representation("decoder", {"source": source, "before": before})
    assert codes.units == 5
    np.testing.assert_array_equal(np.isfinite(codes.activations[0]).all(axis=2), before > 0)
    assert "fvu" not in codes.measures
    assert codes.rows.shape == (0, 0)
    assert result.representation("encoder", [source, before]).activations == {}


def test_a_measure_of_rows_has_intervals_over_rows(study) -> None:
    """Of the mean over seeds, by `bridle.stats.compare_predictors`."""
    result = study[0]
    rows = np.random.default_rng(1).normal(size=30)

    def squares(model: keras.Model) -> np.ndarray:
        return (rows - model.get_layer("next").get_weights()[0][0, 0]) ** 2

    table = result.measure(squares, rule="best", over="rows").set_index("arm")
    each = {arm: [squares(result.model(arm, "best", seed)) for seed in range(3)] for arm in ("none", "L2")}
    expected = compare_predictors(np.mean(each["L2"], axis=0), np.mean(each["none"], axis=0), np.ones(30))
    assert table.loc["L2", "mean"] == pytest.approx(np.mean(each["L2"]))
    assert table.loc["L2", "difference_low"] == pytest.approx(expected.low)
    assert table.loc["L2", "low"] < table.loc["L2", "mean"] < table.loc["L2", "high"]
    assert np.isnan(table.loc["none", "difference"])
    assert table["seeds"].tolist() == [3, 3]


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        (lambda _: "much", {}, "Expected a number, or one for each row, from the function of a measure, got 'much'"),
        (lambda _: np.ones((2, 2)), {}, r"got an array of shape \(2, 2\)"),
        (lambda _: 1.0, {"over": "rows"}, "Expected one number for each row from the function of a measure, got 1.0"),
        (lambda _: 1.0, {"over": "folds"}, "Expected over='seeds' or over='rows', got 'folds'"),
        (lambda _: 1.0, {"arms": "L3"}, "Expected an arm of this study, got 'L3'"),
        (lambda _: 1.0, {"rule": "worst"}, "Expected the rule 'recommended', 'best' or '1se', got 'worst'"),
        (lambda model, calls=[]: calls.append(1) or np.ones(len(calls)), {}, r"for every model, got shapes \(1,\) and"),
    ],
)
def test_refused_measures(study, function, options, words) -> None:
    """Each in a sentence."""
    with pytest.raises(bridle.BridleError, match=words):
        study[0].measure(function, **options)
