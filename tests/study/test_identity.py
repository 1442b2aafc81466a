"""The facts that decide a study's numbers: their names and texts are stored, and hashed into the key of each fit."""

from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler
from tests.conftest import network

from bridle import L1, EarlyStopping, Study
from bridle.engine import Stopping
from bridle.study.execution import study_facts
from bridle.study.execution._keys import _stopping_text


def test_facts_are_those_of_0_1(moons) -> None:
    """Arguments may be renamed; a stored name or value may not change without refusing older folders."""
    x, y = moons
    study = Study(
        network(),
        {"L1": {"hidden/kernel": L1([1e-3, 1e-2]), "learning_rate": 0.01}, "auto": {"*/output": L1("auto")}},
        seeds=[3, 5],
        folds=GroupKFold(3),
        epochs=7,
        batch_size=16,
        shuffle=False,
        score="min:loss",
        curve_points=4,
        initial_weights="model",
        warm_start="decreasing",
        early_stopping=EarlyStopping(patience=2),
    )
    rows = {
        "groups": [number // 4 for number in range(60)],
        "class_weight": "balanced",
        "preprocessor": StandardScaler(),
    }
    facts = study_facts(study.prepare(x, y, test=(x[:9], y[:9]), **rows), False, 4)
    for name in ("model", "engine", "keras", "jax", "device"):
        assert facts.pop(name)
    assert facts == {
        "arms": {
            "L1": {"hidden/kernel": "l1(strength={hidden/kernel l1})", "learning_rate": 0.01},
            "auto": {"*/output": "l1(strength={*/output l1})"},
        },
        "strengths": {"L1: hidden/kernel l1": [0.001, 0.01], "auto: */output l1": "auto"},
        "rows": "52 rows, b7f186a90646a2ad",
        "weights, groups and validation rows": "abe01a6a4cffd83c",
        "preparation": ["StandardScaler()", None],
        "held-out rows": {"test": "c0c18d2a2d71c3f5"},
        "folds": "GroupKFold(n_splits=3, random_state=None, shuffle=False)",
        "seeds": [3, 5],
        "epochs": 7,
        "batch size": 16,
        "shuffle": False,
        "score": "loss",
        "points": 4,
        "start": "weights",
        "path": "strong to weak",
        "early stopping": {"patience": 2, "watch": 0.2, "monitor": "loss", "min_delta": 0.0, "keep_best": True},
        "race": False,
        "nested": 4,
    }


def test_early_stopping_is_hashed_as_it_was() -> None:
    """The text is the one that 0.1 hashed, whatever its class is called now."""
    rule = Stopping(1, False, None, 0.001, True)
    text = "Stopping(measure=1, maximize=False, patience=None, min_delta=0.001, keep_best=True)"
    assert (_stopping_text(rule), _stopping_text(None)) == (text, "None")
