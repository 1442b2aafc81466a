"""Starts by seed: those of Keras, also where no model is built for them; and what importing costs."""

import copy
import random
import subprocess
import sys

import keras
import numpy as np
import pytest

from bridle._keras import InitialValues

L = keras.layers


def values(model: keras.Model) -> list[np.ndarray]:
    return [np.asarray(v.value) for v in (*model.trainable_variables, *model.non_trainable_variables)]


def deep() -> keras.Model:
    """Initializers of several kinds, random layers, statistics."""
    rnn = L.LSTM(5, recurrent_dropout=0.2, return_sequences=True)
    layers = [L.Bidirectional(rnn), L.Dense(4, kernel_initializer="orthogonal"), L.Dropout(0.3), L.BatchNormalization()]
    last = L.Dense(2, kernel_initializer=keras.initializers.TruncatedNormal(seed=5), bias_initializer="random_normal")
    return keras.Sequential([keras.Input((3, 4)), *layers, L.Flatten(), last])


def test_seeds_without_a_model_of_their_own_start_as_keras_does() -> None:
    """Bit for bit, of the same kinds; models are built for the first two seeds only, for the first one twice."""
    built = []
    starts = InitialValues(lambda: built.append(1) or deep())
    for seed in (3, 5, 7, 2**31 - 1):
        trainable, other = starts.variables(seed)
        keras.utils.set_random_seed(seed)
        model = deep()
        assert len(trainable) == len(model.trainable_variables)
        for got, expected in zip([*trainable, *other], values(model), strict=True):
            assert got.dtype == expected.dtype
            assert np.array_equal(got, expected)
    assert len(built) == 3


@pytest.mark.parametrize("disturbed", [{1}, {2}, {3}, {4}, {1, 3}, {3, 5}])
def test_another_thread_that_draws_random_numbers_changes_nothing(disturbed: set[int]) -> None:
    """As that of a Dask worker does, which draws its waiting times while it connects: here in the given builds."""
    built = []

    def build() -> keras.Model:
        built.append(1)
        first = L.Dense(3)
        if len(built) in disturbed:
            random.random()
        return keras.Sequential([keras.Input((2,)), first, L.Dense(1)])

    starts = InitialValues(build)
    for seed in (1, 2, 3, 4):
        got = [each for part in starts.variables(seed) for each in part]
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.Input((2,)), L.Dense(3), L.Dense(1)])
        assert all(np.array_equal(a, b) for a, b in zip(got, values(model), strict=True))


def test_every_kind_of_initializer_draws_the_bits_of_keras() -> None:
    """Also one of a person's own that computes with what Keras draws."""

    class Scaled(keras.initializers.GlorotNormal):
        def __call__(self, shape, dtype=None):
            drawn = super().__call__(shape, dtype)
            return drawn * float(keras.ops.max(drawn))

    kinds = ("glorot_uniform", "he_normal", "lecun_uniform", "random_normal", "truncated_normal", "orthogonal", "zeros")
    for initializers in (kinds, (Scaled(), Scaled())):

        def build(initializers=initializers) -> keras.Model:
            layers = [L.Dense(6, kernel_initializer=copy.copy(initializer)) for initializer in initializers]
            return keras.Sequential([keras.Input((6,)), *layers])

        starts = InitialValues(build)
        for seed in range(1, 9):
            keras.utils.set_random_seed(seed)
            expected = values(build())
            drawn = [value for part in starts.variables(seed) for value in part]
            assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(drawn, expected, strict=True))


@pytest.mark.parametrize("source", ["python", "numpy", "values"])
def test_a_function_with_a_mind_of_its_own_is_called_for_every_seed(source: str) -> None:
    """Random numbers drawn beside those of Keras, or weights set by hand: still the bits of Keras."""

    def build() -> keras.Model:
        if source == "python":
            random.random()
        model = keras.Sequential([keras.Input((2,)), L.Dense(3), L.Dense(1)])
        if source != "python":
            drawn = np.random.normal(size=(2, 3)) if source == "numpy" else np.full((2, 3), random.randint(1, 99))
            model.layers[0].kernel.assign(drawn)
        return model

    starts = InitialValues(build)
    for seed in (1, 2, 3, 4):
        keras.utils.set_random_seed(seed)
        expected, got = values(build()), [each for part in starts.variables(seed) for each in part]
        assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))


STUDY = """
import gc, sys, keras, numpy, bridle
searches = []
gc.callbacks.append(lambda phase, facts: searches.append(phase))
Study = bridle.Study
gc.callbacks.clear()
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
model.compile("adam", "mse")
x = numpy.random.default_rng(0).normal(size=(20, 2))
Study(model, {"L2": {"*/kernel": bridle.L2(0.1)}}, seeds=3, folds=2, epochs=2).run(x, x[:, 0], progress=False)
print(searches, [name for name in ("tensorflow", "torch", "sklearn.decomposition") if name in sys.modules])
"""


def test_a_study_imports_what_it_needs_without_searches_for_garbage() -> None:
    """Keras asks whether things are TensorFlow's; the answer costs seconds and 400 MB where that is installed."""
    done = subprocess.run([sys.executable, "-c", STUDY], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"


BITS = """
import hashlib, random, sys, keras, numpy, bridle
random.seed(0)
layers = [keras.layers.Reshape((8, 8, 1)), keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten()]
model = keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dropout(0.2), keras.layers.Dense(1)])
model.compile("adam", "mse")
x = numpy.random.default_rng(0).normal(size=(90, 64)).astype("float32")
arms = {"L2": {"*/kernel": bridle.L2([0.01, 0.1])}, "wild": {"*/kernel": bridle.L2(1.0), "learning_rate": 1e18}}
arms = {name: arms[name] for name in sys.argv[1].split(",")}
seeds = [int(seed) for seed in sys.argv[2].split(",")]
study = bridle.Study(model, arms, seeds=seeds, folds=2, epochs=4, shuffle=True)
found = study.run(x, x[:, :3].sum(axis=1), refit="none", progress=False, threads=int(sys.argv[3])).data
m = found.members
own = [n for n in range(len(m)) if found.arms[found.setting_arm[m.setting[n]]].name == "L2" and m.seed[n] == 4]
own = sorted((n for n in own if m.fold[n] >= 0), key=lambda n: (m.setting[n], m.fold[n]))
print(len(own), int((m.diverged_at > 0).sum()) > 0, hashlib.sha256(found.curves[own].tobytes()).hexdigest())
"""


def test_the_same_bits_in_another_process_order_company_and_number_of_threads() -> None:
    """A member alone, and one beside fits that diverge, under other threads and cores: the same bits."""
    runs = [("L2", "4", "1", []), ("L2,wild", "9,4,1", "2", []), ("wild,L2", "4", "3", ["taskset", "-c", "0"])]
    if sys.platform != "linux":
        runs = runs[:2]
    found = []
    for arms, seeds, threads, prefix in runs:
        command = [*prefix, sys.executable, "-c", BITS, arms, seeds, threads]
        found.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert [count for count, _, _ in found] == ["4"] * len(runs)
    assert [diverged for _, diverged, _ in found] == ["False", *["True"] * (len(runs) - 1)]
    assert len({digest for _, _, digest in found}) == 1
