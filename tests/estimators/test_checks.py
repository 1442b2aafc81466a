"""The checks of scikit-learn for estimators, those of `parametrize_with_checks`, with default and own networks."""

import keras
import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator
from tests.faults.conftest import scaled

import bridle

FEW = {"arms": {"L2": {"*/kernel": bridle.L2([1e-3])}}, "seeds": 1, "folds": 2, "epochs": 30, "race": False}


def small_classifier(inputs: int, outputs: int) -> keras.Model:
    """4 units, logits."""
    layers = [keras.layers.Dense(4, "relu"), keras.layers.Dense(outputs)]
    model = keras.Sequential([keras.Input((inputs,)), *layers])
    losses = keras.losses
    loss = losses.BinaryCrossentropy if outputs == 1 else losses.SparseCategoricalCrossentropy
    model.compile(keras.optimizers.Adam(0.05), loss(from_logits=True), metrics=["accuracy"])
    return model


def small_regressor(inputs: int, outputs: int) -> keras.Model:
    """4 units."""
    model = keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(outputs)])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    return model


ESTIMATORS = {
    "classifier": bridle.RegularizedClassifier(**FEW),
    "regressor": bridle.RegularizedRegressor(**FEW),
    "own classifier": bridle.RegularizedClassifier(small_classifier, **FEW),
    "own regressor": bridle.RegularizedRegressor(small_regressor, **FEW),
}
ALWAYS = {
    "classifier": ("pickle", "sample_weight_equivalence", "one_label", "feature_names"),
    "regressor": ("dont_overwrite", "methods_subset", "regressor_multioutput"),
    "own classifier": ("n_features_in",),
    "own regressor": ("sample_weights_list",),
}
"""Words in the names of the checks that `make test` runs; `make torture` runs all of them."""


def checks():
    """Yield each estimator with each check of scikit-learn."""
    for name, estimator in ESTIMATORS.items():
        for one, check in estimator_checks_generator(estimator, legacy=True, mark="skip"):
            title = getattr(check, "func", check).__name__.removeprefix("check_")
            chosen = bool(scaled(0, 1)) or any(word in title for word in ALWAYS[name])
            marks = () if chosen else pytest.mark.skip(reason="in make torture")
            yield pytest.param(one, check, id=f"{name}: {title}", marks=marks)


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_estimators_pass_the_checks_of_scikit_learn(estimator, check) -> None:
    """Each of them, with none expected to fail."""
    check(estimator)
