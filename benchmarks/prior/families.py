"""Data of the bank: generators and tables, each with a family, drawn at any number of rows."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

Rows = tuple[np.ndarray, np.ndarray]
FRESH_ROWS = 2000
"""Fresh rows that judge the networks of one draw; a table has fewer."""
MIN_FRESH_ROWS = 50
WIDTHS = (2, 12, 20, 30, 40, 64, 100)
"""Numbers of columns: fewer are filled with zeros, so that studies share compiled programs."""
TABLE_FOLDER = Path(os.environ.get("BRIDLE_TABLES", "tables"))
"""CSV files of public tables, and above them two of arrays, which help to learn the curves where they are present. They
are not shipped."""


@dataclass(frozen=True)
class Source:
    """Data that a study of the bank is drawn from."""

    name: str
    family: str
    """Sources of one family are left out together."""
    classes: int
    """The number of classes; 0 for a target of numbers."""
    generate: Callable[[int, np.random.Generator], Rows] | None = None
    table: Callable[[], Rows] | None = None

    def draw(self, count: int, seed: int) -> tuple[Rows, Rows] | None:
        """Return `count` rows and fresh ones, standardized by the first; None if the table is too short."""
        rng = np.random.default_rng([seed, count])
        if self.generate is not None:
            x, y = self.generate(count + FRESH_ROWS, rng)
            order = self._begin_with_all_classes(y, np.arange(len(y)))
        else:
            assert self.table is not None
            x, y = self.table()
            if len(x) < count + MIN_FRESH_ROWS:
                return None
            order = self._begin_with_all_classes(y, rng.permutation(len(x)))[: count + FRESH_ROWS]
        x, y = np.asarray(x, float)[order], y[order]
        spread = x[:count].std(0)
        x = (x - x[:count].mean(0)) / np.where(spread > 0, spread, 1)
        if not self.classes:
            y = (y - y[:count].mean()) / y[:count].std()
        x, y = x.clip(-20, 20).astype("float32"), np.asarray(y).astype("int32" if self.classes else "float32")
        x = np.pad(x, ((0, 0), (0, next((w for w in WIDTHS if w >= x.shape[1]), x.shape[1]) - x.shape[1])))
        fresh = fresh_size(len(x) - count)
        return (x[:count], y[:count]), (x[count : count + fresh], y[count : count + fresh])

    def fresh_rows(self, count: int) -> int:
        """Return the number of fresh rows of a draw of `count` rows."""
        return FRESH_ROWS if self.table is None else fresh_size(min(FRESH_ROWS, len(self.table()[0]) - count))

    def _begin_with_all_classes(self, y: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Return an order of rows that begins with two rows of each class, so that every fold has them all."""
        first = [row for label in range(self.classes) for row in order[y[order] == label][:2]]
        return np.concatenate([np.array(first, int), order[~np.isin(order, first)]])


def fresh_size(left: int) -> int:
    """Return the number of fresh rows where `left` rows are not in the study; few sizes share compiled programs."""
    return next(size for size in (FRESH_ROWS, 1000, 500, 250, 100, MIN_FRESH_ROWS) if size <= left)


def _moons(noise: float) -> Callable[[int, np.random.Generator], Rows]:
    def generate(rows: int, rng: np.random.Generator) -> Rows:
        y = rng.integers(0, 2, rows)
        angle = rng.uniform(0, np.pi, rows)
        x = np.where(y[:, None] == 0, [[1, 1]], [[-1, -1]]) * np.stack([np.cos(angle), np.sin(angle)], 1)
        return x + np.where(y[:, None] == 0, 0, [[1, 0.5]]) + noise * rng.standard_normal((rows, 2)), y

    return generate


def _circles(noise: float, factor: float) -> Callable[[int, np.random.Generator], Rows]:
    def generate(rows: int, rng: np.random.Generator) -> Rows:
        y, angle = rng.integers(0, 2, rows), rng.uniform(0, 2 * np.pi, rows)
        radius = np.where(y == 0, 1, factor)[:, None]
        return radius * np.stack([np.cos(angle), np.sin(angle)], 1) + noise * rng.standard_normal((rows, 2)), y

    return generate


def _checkerboard(rows: int, rng: np.random.Generator) -> Rows:
    x = rng.uniform(-1, 1, (rows, 4))
    y = (x[:, 0] > 0) ^ (x[:, 1] > 0)
    return x, np.where(rng.uniform(size=rows) < 0.05, ~y, y)


def _spirals(rows: int, rng: np.random.Generator) -> Rows:
    y, turn = rng.integers(0, 2, rows), np.sqrt(rng.uniform(0.02, 1, rows)) * 2.5 * np.pi
    angle = turn + np.pi * y
    return np.stack([turn * np.cos(angle), turn * np.sin(angle)], 1) + 0.5 * rng.standard_normal((rows, 2)), y


def _blobs(rows: int, rng: np.random.Generator) -> Rows:
    y = rng.integers(0, 4, rows)
    centers = rng.standard_normal((4, 10))
    return centers[y] + 1.3 * rng.standard_normal((rows, 10)), y


def _sparse(columns: int, flips: float) -> Callable[[int, np.random.Generator], Rows]:
    def generate(rows: int, rng: np.random.Generator) -> Rows:
        x = rng.standard_normal((rows, columns))
        y = x[:, 0] + x[:, 1] - x[:, 2] + 0.7 * rng.standard_normal(rows) > 0
        return x, np.where(rng.uniform(size=rows) < flips, ~y, y)

    return generate


def _shell(rows: int, rng: np.random.Generator) -> Rows:
    x = rng.standard_normal((rows, 8))
    return x, (x[:, :4] ** 2).sum(1) + 0.5 * rng.standard_normal(rows) > 3.4


def _noise(rows: int, rng: np.random.Generator) -> Rows:
    return rng.standard_normal((rows, 5)), rng.integers(0, 2, rows)


def _noise_numbers(rows: int, rng: np.random.Generator) -> Rows:
    return rng.standard_normal((rows, 5)), rng.standard_normal(rows)


def _friedman(noise: float) -> Callable[[int, np.random.Generator], Rows]:
    def generate(rows: int, rng: np.random.Generator) -> Rows:
        x = rng.uniform(size=(rows, 10))
        y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
        return x, y + noise * rng.standard_normal(rows)

    return generate


def _linear(rows: int, rng: np.random.Generator) -> Rows:
    x = rng.standard_normal((rows, 30))
    return x, x @ rng.standard_normal(30) / np.sqrt(30) + 0.7 * rng.standard_normal(rows)


def _quadratic(rows: int, rng: np.random.Generator) -> Rows:
    """Two normal classes with one mean and different covariances."""
    y, x = rng.integers(0, 2, rows), rng.standard_normal((rows, 6))
    return np.where(y[:, None] == 0, x @ rng.standard_normal((6, 6)), x @ rng.standard_normal((6, 6))), y


def _hypercube(rows: int, rng: np.random.Generator) -> Rows:
    """Three classes of two clusters each, on corners of a cube of four dimensions, beside eight columns of noise."""
    corners = np.array([[bit >> n & 1 for n in range(4)] for bit in rng.permutation(16)[:6]]) * 2.0 - 1
    cluster, noise = rng.integers(0, 6, rows), rng.standard_normal((rows, 8))
    return np.concatenate([corners[cluster] + 0.8 * rng.standard_normal((rows, 4)), noise], axis=1), cluster % 3


def _teacher(rows: int, rng: np.random.Generator) -> Rows:
    """Two classes of equal size that a random network with 8 hidden units tells apart, with 5 % of labels changed."""
    x = rng.standard_normal((rows, 12))
    score = np.tanh(x @ rng.standard_normal((12, 8)) / 2) @ rng.standard_normal(8)
    y = score > np.median(score)
    return x, np.where(rng.uniform(size=rows) < 0.05, ~y, y)


def _waves(rows: int, rng: np.random.Generator) -> Rows:
    """Ten templates of forty points, shifted, scaled and with noise, as in MNIST-1D."""
    templates = np.random.default_rng(5).standard_normal((10, 12))
    y, x = rng.integers(0, 10, rows), np.zeros((rows, 40))
    grid = np.linspace(0, 11, 24)
    fine = np.stack([np.interp(grid, np.arange(12), template) for template in templates])
    for row, shift in enumerate(rng.integers(4, 13, rows)):
        x[row, shift : shift + 24] = fine[y[row]] * rng.uniform(0.7, 1.3)
    return x + 0.4 * rng.standard_normal(x.shape), y


def _sklearn(name: str) -> Callable[[], Rows]:
    @cache
    def load() -> Rows:
        from sklearn import datasets

        return getattr(datasets, f"load_{name}")(return_X_y=True)

    return load


def _csv(name: str, target: str, drop: tuple[str, ...] = (), numeric: bool = False) -> Callable[[], Rows]:
    @cache
    def load() -> Rows:
        import pandas as pd

        frame = pd.read_csv(TABLE_FOLDER / f"{name}.csv", na_values=["?", "NA"]).drop(columns=list(drop))
        frame = frame.dropna(subset=[target])
        y, features = frame[target], pd.get_dummies(frame.drop(columns=target), dtype=float)
        x = features.fillna(features.median()).to_numpy(float)
        return x, (y.to_numpy(float) if numeric else pd.factorize(y, sort=True)[0])

    return load


def _images() -> Rows:
    """Return the test images of MNIST as means of 4 by 4 pixels."""
    with np.load(TABLE_FOLDER.parent / "mnist.npz") as arrays:
        x, y = arrays["x_test"].astype(float), arrays["y_test"].astype(int)
    return x.reshape(-1, 7, 4, 7, 4).mean((2, 4)).reshape(-1, 49), y


def _vowels() -> Rows:
    """Return the mean coefficients of spoken vowels, whose classes are the nine speakers."""
    with np.load(TABLE_FOLDER.parent / "japanese_vowels.npz") as arrays:
        x, y, length = (
            np.concatenate([arrays[f"{part}_train"], arrays[f"{part}_test"]]) for part in ("x", "y", "length")
        )
    return x.sum(1) / length[:, None], y.astype(int)


GENERATORS = (
    Source("moons", "moons", 2, _moons(0.2)),
    Source("moons, more noise", "moons", 2, _moons(0.4)),
    Source("circles", "circles", 2, _circles(0.1, 0.8)),
    Source("circles, wide", "circles", 2, _circles(0.2, 0.5)),
    Source("checkerboard", "checkerboard", 2, _checkerboard),
    Source("spirals", "spirals", 2, _spirals),
    Source("blobs", "blobs", 4, _blobs),
    Source("sparse linear", "sparse linear", 2, _sparse(20, 0.0)),
    Source("sparse linear, 100 columns, flips", "sparse linear", 2, _sparse(100, 0.1)),
    Source("shell", "shell", 2, _shell),
    Source("noise", "noise", 2, _noise),
    Source("noise, numbers", "noise", 0, _noise_numbers),
    Source("friedman 1", "friedman 1", 0, _friedman(1.0)),
    Source("friedman 1, more noise", "friedman 1", 0, _friedman(4.0)),
    Source("linear", "linear", 0, _linear),
    Source("waves", "waves", 10, _waves),
    Source("quadratic", "quadratic", 2, _quadratic),
    Source("hypercube", "hypercube", 3, _hypercube),
    Source("teacher", "teacher", 2, _teacher),
)
TABLES = (
    Source("iris", "iris", 3, table=_sklearn("iris")),
    Source("wine", "wine", 3, table=_sklearn("wine")),
    Source("breast cancer", "breast cancer", 2, table=_sklearn("breast_cancer")),
    Source("digits", "digits", 10, table=_sklearn("digits")),
    Source("diabetes", "diabetes", 0, table=_sklearn("diabetes")),
)
OTHER_TABLES = (
    Source("abalone", "abalone", 0, table=_csv("abalone", "rings", numeric=True)),
    Source("banknotes", "banknotes", 2, table=_csv("banknote_authentication", "forged")),
    Source("glass", "glass", 6, table=_csv("glass", "type")),
    Source("haberman", "haberman", 2, table=_csv("haberman", "survived")),
    Source("mpg", "mpg", 0, table=_csv("mpg", "mpg", ("name",), numeric=True)),
    Source("penguins", "penguins", 3, table=_csv("penguins", "species", ("island",))),
    Source("phoneme", "phoneme", 2, table=_csv("phoneme", "nasal")),
    Source("pima", "pima", 2, table=_csv("pima-indians-diabetes", "diabetes")),
    Source("tips", "tips", 0, table=_csv("tips", "tip", numeric=True)),
    Source("wheat seeds", "wheat seeds", 3, table=_csv("wheat-seeds", "variety")),
    Source("red wine", "red wine", 0, table=_csv("winequality-red", "quality", numeric=True)),
)
ARRAYS = {
    "mnist.npz": Source("images", "images", 10, table=_images),
    "japanese_vowels.npz": Source("vowels", "vowels", 9, table=_vowels),
}
"""Sources by the files above the folder of tables."""
SECOND = ("moons", "circles", "sparse linear, 100 columns, flips", "friedman 1, more noise")
"""Second sources of a family, which are drawn with few rows only."""


def sources() -> tuple[Source, ...]:
    """Return the sources that are present on this machine."""
    tables = OTHER_TABLES if TABLE_FOLDER.is_dir() else ()
    arrays = [source for name, source in ARRAYS.items() if (TABLE_FOLDER.parent / name).is_file()]
    return (*GENERATORS, *TABLES, *tables, *arrays)
