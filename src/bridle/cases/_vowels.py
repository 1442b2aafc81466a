"""Ensembles of regularized LSTMs on utterances of nine speakers."""

from typing import Any

import keras
import numpy as np

from bridle._api import Ensemble, EnsembleGain, Result, Study
from bridle.cases._data import read_vowels
from bridle.cases._reproduction import CaseAnswer, CaseOptions, Line, ReproductionCase
from bridle.regularizers import L1, L2
from bridle.regularizers._recurrent import AR
from bridle.report import Sheet

UNITS, EPOCHS, SEEDS, FOLDS = 32, 40, 10, 3
DTW = 0.932
"""The accuracy of one nearest neighbour by dynamic time warping with Euclidean steps, computed for this case."""
PARTS = ("input", "forget", "output")
"""The gates of an LSTM."""


def arms() -> dict[str, dict[str, Any]]:
    """Return the penalties: on the recurrent kernel, the outputs, the cell state and the kernels of the gates."""
    gates = {f"lstm/{kernel}[{gate}]": L2(1e-3) for kernel in ("kernel", "recurrent_kernel") for gate in PARTS}
    return {
        "L2 recurrent kernel": {"lstm/recurrent_kernel": L2([1e-4, 1e-3, 1e-2])},
        "AR": {"lstm/hidden_state": AR([0.1, 1.0])},
        "L1 cell state": {"lstm/cell_state": L1([1e-4, 1e-3, 1e-2])},
        "L2 gates": gates,
    }


def network() -> keras.Model:
    """Return the classifier of speakers: one LSTM that leaves padded steps out."""
    layers = [keras.layers.Masking(), keras.layers.LSTM(UNITS, name="lstm"), keras.layers.Dense(9, name="speaker")]
    model = keras.Sequential([keras.Input((29, 12)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss, metrics=["accuracy"])
    return model


def gain_line(name: str, gain: EnsembleGain, bar: str = "") -> Line:
    """Return the line of a gain with its interval."""
    reproduced = bool(gain.low > 0) if bar else None
    quantity = f"{name}, {'log loss' if gain.measure == 'loss' else gain.measure}"
    note = (
        "" if reproduced is not False else f"The interval over {gain.count} utterances, one of them 0.003, contains 0."
    )
    return Line(quantity, "", bar, gain.difference, (gain.low, gain.high), reproduced, note)


def table(ensembles: dict[str, Ensemble], test: tuple[np.ndarray, np.ndarray]) -> Sheet:
    """Return the accuracies and log losses of the mean member and of the ensemble of each arm."""
    rows = []
    for name, ensemble in ensembles.items():
        gains = [ensemble.gain(*test, measure=measure) for measure in ("accuracy", "loss")]
        rows.append((name, *(f"{value:.3f}" for gain in gains for value in (gain.other, gain.score))))
    headers = ("arm", "accuracy of a member", "of the ensemble", "log loss of a member", "of the ensemble")
    return Sheet("Members and ensembles on the 370 test utterances", headers, tuple(rows))


def run(options: CaseOptions) -> CaseAnswer:
    """Train every arm, average the refits of all seeds, and score members and ensembles on the test utterances."""
    train, test = read_vowels("train"), read_vowels("test")
    study = Study(
        network(),
        {name: arm for name, arm in arms().items() if not options.quick or name in ("AR", "L1 cell state")},
        seeds=options.seed_count(SEEDS, 2),
        folds=FOLDS,
        epochs=5 if options.quick else EPOCHS,
        score="loss",
        curve_points=10,
    )
    result = options.study("speakers", study, *train, test=test)
    ensembles = {arm.name: result.ensemble(arm.name, "best") for arm in result.data.arms}
    lines = list(_lines(result, ensembles, test))
    return CaseAnswer(tuple(lines), _verdict(lines), (result.section("Speakers"),), tables=(table(ensembles, test),))


def _lines(result: Result, ensembles: dict[str, Ensemble], test: tuple[np.ndarray, np.ndarray]) -> Any:
    """Yield the lines: accuracy of the ensemble, its gain over members, and what penalties add to it."""
    none = ensembles["none"]
    found = none.gain(*test, measure="accuracy")
    yield Line("accuracy of the ensemble without a penalty", f"1-NN with time warping {DTW}, run", "", found.score)
    for measure in ("loss", "accuracy"):
        gain = none.gain(*test, measure=measure)
        yield gain_line("ensemble over mean member, no penalty", gain, "above 0, with its interval")
    for name in list(ensembles)[1:]:
        gain = ensembles[name].gain(*test, measure="accuracy")
        yield gain_line(f"ensemble over mean member, {name}", gain, "above 0, with its interval")
    for name in list(ensembles)[1:]:
        for measure in ("loss", "accuracy"):
            yield gain_line(
                f"ensemble of {name} over that of no penalty", ensembles[name].compare(none, *test, measure=measure)
            )


def _verdict(lines: list[Line]) -> str:
    judged = [line for line in lines if line.reproduced is not None]
    clear = sum(bool(line.reproduced) for line in judged)
    better = [
        line.quantity.removeprefix("ensemble of ").partition(" over ")[0]
        for line in lines
        if line.reproduced is None and line.interval and line.interval[0] > 0 and line.quantity.endswith("log loss")
    ]
    members = f"Ensembles are better than their members in {clear} of {len(judged)} comparisons"
    what = (
        f"Penalized members make a clearly better one with {' and '.join(better)}"
        if better
        else ("No penalty makes a clearly better ensemble")
    )
    return f"{members}, by the interval over test utterances. {what} (log loss)."


def vowels() -> ReproductionCase:
    """Return the case."""
    return ReproductionCase(
        name="vowels",
        title="Vowels: ensembles of regularized LSTMs",
        question=(
            "Ten LSTMs that differ in their seed tell nine speakers apart. How much better is the mean of their "
            "predictions than one of them, and do members with a penalty make a better ensemble?"
        ),
        protocol=(
            "Japanese Vowels (270 utterances to train, 370 to test, 12 channels, 7 to 29 steps), LSTM of "
            f"{UNITS} units with a mask, {EPOCHS} epochs of Adam, {SEEDS} seeds; the strength of an arm is the best of "
            f"{FOLDS} folds of the training utterances by log loss. An ensemble averages logits. Intervals are over "
            "test utterances, for these networks. The reference is one nearest neighbour by dynamic time warping, "
            "computed with Euclidean steps and no band."
        ),
        run=run,
    )
