"""A language model with dropout, and activation regularization on top of it."""

from typing import NamedTuple

import keras
import numpy as np
from sklearn.model_selection import GroupKFold

from bridle._api import Result, Study
from bridle.cases._data import read_words
from bridle.cases._reproduction import CaseAnswer, CaseOptions, Line, ReproductionCase
from bridle.metrics import Perplexity
from bridle.regularizers._recurrent import AR, TAR
from bridle.stats import compare

STEPS, BLOCK_ROWS = 35, 20
"""Words of a row, and rows of a block, whose rows are always validated together."""
RATE, BATCH = 0.5, 20
"""The rate of the dropout before the softmax, and rows per batch."""
ARMS = {
    "AR": {"dropout/output": AR(2.0)},
    "AR + TAR": {"dropout/output": AR(2.0), "lstm/output": TAR(1.0)},
}
"""The strengths of the paper: AR after the dropout, TAR before it."""
PUBLISHED = (101.5, 97.2, 96.9)
"""Perplexities of a small LSTM on WikiText-2: without, with AR, with both."""


class Size(NamedTuple):
    """Size of the case: words read, vocabulary, units, epochs, seeds, folds."""

    words: int
    vocabulary: int
    units: int
    epochs: int
    seeds: int
    folds: int


FULL, QUICK = Size(45_000, 2000, 128, 12, 2, 4), Size(6000, 200, 16, 3, 2, 3)


def network(size: Size) -> keras.Model:
    """Return the language model: one LSTM, dropout that is the same at all steps, logits of the next word."""
    layers = [
        keras.layers.Embedding(size.vocabulary, size.units, name="words"),
        keras.layers.LSTM(size.units, return_sequences=True, name="lstm"),
        keras.layers.Dropout(RATE, noise_shape=(None, 1, size.units), name="dropout"),
        keras.layers.Dense(size.vocabulary, name="next"),
    ]
    model = keras.Sequential([keras.Input((STEPS,), dtype="int32"), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss, metrics=[Perplexity(from_logits=True)])
    return model


def log_perplexities(result: Result) -> np.ndarray:
    """Return the log perplexity of every fit on its validation rows, by candidate, seed and fold."""
    return result.data.by_candidate(result.data.quantity("validation/loss")[:, -1])


def gain_line(result: Result, arm: int, other: int, words: tuple[str, str, str]) -> Line:
    """Return the line of the gain of one candidate over another, in log perplexity, paired by seed and fold."""
    losses = log_perplexities(result)
    gain = compare(-losses[arm], -losses[other], result.data.fold_rows)
    quantity, reference, bar = words
    reproduced = bool(gain.low > 0) if bar else None
    return Line(quantity, reference, bar, gain.difference, (gain.low, gain.high), reproduced)


def spread_line(result: Result, candidate: int, name: str) -> Line:
    """Return the line of the standard deviation over seeds, in log perplexity."""
    spread = (
        log_perplexities(result)[candidate].std(axis=0, ddof=1) if len(result.data.seeds) > 1 else np.array([np.nan])
    )
    return Line(f"spread of log perplexity over seeds, {name}", "", "", float(np.sqrt(np.mean(spread**2))), digits=2)


def run(options: CaseOptions) -> CaseAnswer:
    """Compare the three networks on blocks of text that they were not trained on."""
    size = QUICK if options.quick else FULL
    x, y = read_words(options.data, size.words, size.vocabulary).rows(STEPS)
    study = Study(
        network(size),
        ARMS,
        seeds=options.seed_count(size.seeds),
        folds=GroupKFold(size.folds),
        epochs=size.epochs,
        batch_size=BATCH,
        curve_points=min(size.epochs, 6),
    )
    result = options.study("text", study, x, y, refit="none", groups=np.arange(len(x)) // BLOCK_ROWS)
    by_name = {result.data.arms[arm].name: i for i, arm in enumerate(result.data.setting_arm)}
    none, ar, both = (by_name[name] for name in ("none", "AR", "AR + TAR"))
    logs = [float(np.log(value)) for value in PUBLISHED]
    bar = ("gain of AR 2 in log perplexity", f"{logs[0] - logs[1]:.3f} on WikiText-2", "above 0, with its interval")
    lines = [
        gain_line(result, ar, none, bar),
        gain_line(result, both, ar, ("further gain of TAR 1", f"{logs[1] - logs[2]:.3f} on WikiText-2", "")),
    ]
    for name, candidate, reference in zip(by_name, (none, ar, both), PUBLISHED, strict=True):
        value = float(np.exp(log_perplexities(result)[candidate].mean()))
        lines.append(Line(f"perplexity, {name}", f"{reference} on WikiText-2", "", value))
    lines += [spread_line(result, candidate, name) for name, candidate in by_name.items()]
    return CaseAnswer(tuple(lines), _verdict(lines), (result.section("Language model"),))


def _verdict(lines: list[Line]) -> str:
    gain, further = lines[0], lines[1]
    low, high = further.interval or (np.nan, np.nan)
    helps = "lowers" if gain.reproduced else "does not clearly lower"
    more = "adds to it" if low > 0 else "makes it worse" if high < 0 else "changes nothing that can be told"
    ratio = 1 - float(np.exp(-(gain.value or 0.0)))
    return f"AR {helps} the perplexity of a network with dropout ({100 * ratio:.1f} %); TAR on top of it {more}."


def language() -> ReproductionCase:
    """Return the case."""
    return ReproductionCase(
        name="language",
        title="Language model: activation regularization on top of dropout",
        question=(
            "An LSTM with dropout predicts the next word of a text. Does a penalty on the size of its outputs (AR) "
            "lower the perplexity of text that it has not read, and does one on their changes (TAR) lower it further?"
        ),
        protocol=(
            f"The first {FULL.words:,} words and marks of Shakespeare's plays (or of --data), {FULL.vocabulary:,} "
            f"words, rows of {STEPS}; an LSTM of {FULL.units} units, dropout {RATE} that is the same at all steps, "
            f"{FULL.epochs} epochs of Adam, {FULL.folds} folds of blocks of {BLOCK_ROWS} rows, {FULL.seeds} seeds. AR "
            "2 after the dropout and TAR 1 before it are the values of Merity, McCann and Socher, 2017. The "
            "perplexities on WikiText-2 are from a small repetition of that paper, so other text and another network: "
            "signs and sizes of gains can be compared, perplexities cannot. The learning rate and the number of epochs "
            "were set on one fold of the plays."
        ),
        run=run,
        data=f"a text file in UTF-8 of at least {FULL.words:,} words",
    )
