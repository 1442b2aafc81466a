"""The checks of scikit-learn for estimators, with default and own networks."""

import keras
from sklearn.utils.estimator_checks import parametrize_with_checks

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


ESTIMATORS = [
    bridle.RegularizedClassifier(**FEW),
    bridle.RegularizedRegressor(**FEW),
    bridle.RegularizedClassifier(small_classifier, **FEW),
    bridle.RegularizedRegressor(small_regressor, **FEW),
]


@parametrize_with_checks(ESTIMATORS)
def test_estimators_pass_the_checks_of_scikit_learn(estimator, check) -> None:
    """Each of them, with none expected to fail."""
    check(estimator)
