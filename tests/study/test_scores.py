"""The direction of a score: Keras's own knowledge, or a person's word; never a guess from a name."""

import inspect
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from tests.conftest import network

import bridle
from bridle import L2, EarlyStopping
from bridle._errors import InputError
from bridle._keras import direction
from bridle.results import Score
from bridle.stats import select_strength, summarize
from bridle.study import RunOptions, run_study
from bridle.study.data import Rows
from bridle.study.design import Question, prepare
from bridle.study.execution._facts import study_facts
from bridle.tuning import prepare_study, read_study


def brier(y: object, share: object) -> object:
    """Mean squared error of a probability: less is better."""
    return ops.mean(ops.square(ops.reshape(ops.cast(y, share.dtype), share.shape) - share), axis=-1)


def named(name: str) -> object:
    """The same function under another name."""

    def function(y: object, share: object) -> object:
        return brier(y, share)

    function.__name__ = name
    return function


def scored(metrics: list[object], **options: object) -> keras.Model:
    model = network(**options)
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=metrics)
    return model


def prepared(model: keras.Model, moons, **options: object):
    settings = {"seeds": 1, "folds": 2, "epochs": 2} | options
    return prepare(Question(model, {"L2": {"*/kernel": L2([1e-4, 3.0])}}, **settings), Rows(*moons))


@pytest.mark.parametrize("name", ["brier", "pinball", "distance", "wape", "hit_rate_error", "skill"])
def test_a_metric_of_my_own_needs_a_direction(name: str, moons) -> None:
    """Refused before training with what to write, as a function and as a wrapper, as score and as monitor."""
    for metric in (named(name), keras.metrics.MeanMetricWrapper(brier, name=name)):
        with pytest.raises(InputError, match=f"Write score='min:{name}' where less is better"):
            prepared(scored([metric]), moons)
    with pytest.raises(InputError, match=f"Write monitor='min:{name}' where less is better"):
        prepared(scored(["accuracy", named(name)]), moons, early_stopping=EarlyStopping(monitor=name))


def test_a_metric_that_decides_nothing_needs_no_direction(moons) -> None:
    """Beside the score, which Keras knows, any function is measured."""
    assert prepared(scored(["accuracy", brier]), moons).score == Score("accuracy", maximize=True)
    assert prepared(scored([brier]), moons, score="loss").score == Score("loss", maximize=False)


def test_less_of_my_own_metric_is_better(moons) -> None:
    """The study hands over the strength with the least mean, not the constant network."""
    study = prepared(scored([brier]), moons, score="min:brier", epochs=20)
    assert study.score == Score("brier", maximize=False)
    assert study_facts(study, False, None)["score"] == "min:brier"
    result, _ = run_study(study, RunOptions(refit=False))
    summary = summarize(result.scores())
    choice = select_strength(result.path(1), summary, maximize=result.score.maximize)
    means = np.nanmean(result.scores(), axis=(1, 2))
    assert means[choice.best] == means[result.setting_arm == 1].min()
    assert means[choice.best] < 0.2 < means[result.setting_arm == 1].max()
    assert "less is better" in result.protocol


def test_more_of_my_own_metric_is_better(moons) -> None:
    """And a person's word goes before Keras's."""
    model = scored([named("skill"), "mae"])
    assert prepared(model, moons, score="max:skill").score == Score("skill", maximize=True)
    odd = prepared(model, moons, score="max:mae")
    assert odd.score == Score("mae", maximize=True)
    assert study_facts(odd, False, None)["score"] == "max:mae"
    assert study_facts(prepared(model, moons, score="min:mae"), False, None)["score"] == "mae"
    with pytest.raises(InputError, match="got 'max:loss'"):
        prepared(model, moons, score="max:loss")
    with pytest.raises(InputError, match="Expected score as 'loss' or a compiled metric"):
        prepared(model, moons, score="min:skil")


def test_early_stopping_on_my_own_metric_is_that_of_keras(moons) -> None:
    """The same epochs as Keras's callback with mode="min"."""
    stopping = EarlyStopping(patience=2, validation_fraction=0.4, monitor="min:brier", min_delta=0.002)
    model = scored([brier], optimizer=keras.optimizers.Adam(0.3))
    question = Question(
        model,
        {},
        (5,),
        epochs=40,
        batch_size=16,
        shuffle=False,
        early_stopping=stopping,
        initial_weights="model",
        score="loss",
    )
    study = prepare(question, Rows(moons[0][:50], moons[1][:50], validation=(moons[0][50:], moons[1][50:])))
    result, _ = run_study(study, RunOptions(refit=False))
    fold = study.folds[0]
    x, y = (np.asarray(leaf) for leaf in (fold.rows.x, fold.rows.y))
    train, watch = fold.cuts
    callback = keras.callbacks.EarlyStopping(
        "val_brier", patience=2, min_delta=0.002, restore_best_weights=True, mode="min"
    )
    history = model.fit(
        x[:train], y[:train], validation_data=(x[train:watch], y[train:watch]), epochs=40, batch_size=16,
        shuffle=False, verbose=0, callbacks=[callback],
    ).history  # fmt: skip
    assert result.members.epochs[0] == len(history["loss"])
    assert result.members.kept[0] == callback.best_epoch + 1


def every_metric() -> list[keras.metrics.Metric]:
    """One of each metric of Keras that can be made with few arguments."""
    made = []
    options = {"MeanIoU": {"num_classes": 2}, "IoU": {"num_classes": 2, "target_class_ids": [0]}}
    options |= {"OneHotMeanIoU": {"num_classes": 2}, "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]}}
    options |= {name: {"recall": 0.5} for name in ("PrecisionAtRecall", "SpecificityAtRecall")}
    options |= {
        "BinaryIoU": {},
        "RecallAtPrecision": {"precision": 0.5},
        "SensitivityAtSpecificity": {"specificity": 0.5},
    }
    options |= {"SpecificityAtSensitivity": {"sensitivity": 0.5}}
    for name, kind in vars(keras.metrics).items():
        if inspect.isclass(kind) and kind not in (keras.metrics.Metric, keras.metrics.MeanMetricWrapper):
            try:
                made.append(kind(**options.get(name, {})))
            except TypeError:
                continue
    return made


def test_keras_knows_its_own_metrics() -> None:
    """Wherever Keras's callbacks tell a direction by themselves, it is that one; counts are told too."""
    known = {type(metric).__name__: direction(metric) for metric in every_metric()}
    for metric in every_metric():
        carried = getattr(metric, "_direction", None)
        if carried is not None:
            assert known[type(metric).__name__] == carried
    assert len(known) > 30
    assert {known[name] for name in ("TruePositives", "TrueNegatives", "AUC", "R2Score", "F1Score")} == {"up"}
    assert {known[name] for name in ("FalsePositives", "FalseNegatives", "Poisson", "KLDivergence")} == {"down"}
    assert known["Mean"] is None
    wrapped = keras.metrics.MeanMetricWrapper
    assert direction(wrapped(keras.metrics.binary_accuracy)) == "up"
    assert direction(wrapped(keras.losses.huber)) == "down"


def test_a_study_file_takes_a_direction(tmp_path: Path) -> None:
    """As score and as monitor."""
    rng = np.random.default_rng(0)
    np.savetxt(tmp_path / "t.csv", np.c_[rng.normal(size=(60, 3))], delimiter=",", header="a,b,c", comments="")
    text = '[data]\ntable = "t.csv"\ntarget = "c"\n[study]\nseeds = 1\nepochs = 2\nscore = "min:mae"\n'
    path = tmp_path / "study.toml"
    path.write_text(text + '[study.early_stopping]\nmonitor = "max:r2"\n')
    job = prepare_study(read_study(path))
    assert job.prepared.score == Score("mae", maximize=False)
    assert job.prepared.engine.recipe.stopping.maximize
    path.write_text(text.replace("min:mae", "max:loss"))
    with pytest.raises(bridle.BridleError, match="max:loss"):
        prepare_study(read_study(path))
