"""Is the mean of networks of several seeds better than one of them, and do folds tell? On tables, with a small trainer.

`python -m benchmarks.seed_mean --tables folder` adds CSV files, whose last column is the class, to the tables of
scikit-learn. It prints for each table: scores on held-out rows of one network, of the mean of probabilities and of the
mean of logits; log losses likewise; and the mean difference where the mean scored worse over the folds.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.model_selection import KFold

SEEDS, SPLITS, FOLDS, MAX_ROWS, STEPS, BATCH, RATE = 5, 10, 5, 400, 600, 32, 2e-3
HIDDEN, STRENGTHS = (64, 32), (0.0, 1e-3)
COLUMNS = ("one", "mean", "mean of logits", "loss of one", "loss of mean", "loss of mean of logits", "over folds")


def network(layers: list, x: jax.Array) -> jax.Array:
    """Return the logits of a dense network with ReLU."""
    for kernel, bias in layers[:-1]:
        x = jax.nn.relu(x @ kernel + bias)
    return x @ layers[-1][0] + layers[-1][1]


def trainer(sizes: tuple[int, ...]) -> Callable[..., jax.Array]:
    """Return a function: keys of seeds, x, y, masks of training rows, strength → logits (mask, seed, row, class)."""

    def fit(key: jax.Array, x: jax.Array, y: jax.Array, mask: jax.Array, strength: float) -> jax.Array:
        def loss(layers: list, rows: jax.Array) -> jax.Array:
            picked = jnp.take_along_axis(jax.nn.log_softmax(network(layers, x[rows])), y[rows][:, None], 1)
            return -jnp.mean(picked) + strength * sum(jnp.sum(kernel**2) for kernel, _ in layers)

        keys = zip(jax.random.split(key, len(sizes)), sizes, sizes[1:], strict=False)
        start = [
            (jax.random.uniform(one, (a, b), minval=-1, maxval=1) * np.sqrt(6 / (a + b)), jnp.zeros(b))
            for one, a, b in keys
        ]

        def step(index: int, state: tuple) -> tuple:  # Adam
            layers, first, second = state
            rows = jax.random.choice(jax.random.fold_in(key, index), len(x), (BATCH,), p=mask / mask.sum())
            gradient = jax.grad(loss)(layers, rows)
            first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
            second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
            scale = RATE * jnp.sqrt(1 - 0.999 ** (index + 1.0)) / (1 - 0.9 ** (index + 1.0))
            moved = jax.tree.map(lambda p, m, v: p - scale * m / (jnp.sqrt(v) + 1e-7), layers, first, second)
            return moved, first, second

        zeros = jax.tree.map(jnp.zeros_like, start)
        return network(jax.lax.fori_loop(0, STEPS, step, (start, zeros, zeros))[0], x)

    return jax.jit(jax.vmap(jax.vmap(fit, (0, None, None, None, None)), (None, None, None, 0, None)))


def compare(x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Return one row for each split and strength."""
    train, lines = trainer((x.shape[1], *HIDDEN, int(y.max()) + 1)), []
    for split in range(SPLITS):
        order = np.random.default_rng(split).permutation(len(x))
        test, rest = np.split(order, [len(x) // 5])
        folds = [rest[part] for _, part in KFold(FOLDS, shuffle=True, random_state=split).split(rest)]
        masks = np.array([np.isin(np.arange(len(x)), np.setdiff1d(rest, part)) for part in (test, *folds)], np.float32)
        for strength in STRENGTHS:
            logits = train(jax.random.split(jax.random.key(split), SEEDS), x, y, masks, strength)
            shares, of_logits = np.asarray(jax.nn.softmax(logits)), np.asarray(jax.nn.softmax(logits[0].mean(axis=0)))
            means = shares.mean(axis=1)
            over_folds = [
                accuracy(means[index], y, part) - np.mean([accuracy(one, y, part) for one in shares[index]])
                for index, part in enumerate(folds, start=1)
            ]
            scores = [
                part
                for measure in (accuracy, log_loss)
                for part in (
                    np.mean([measure(one, y, test) for one in shares[0]]),
                    *(measure(mean, y, test) for mean in (means[0], of_logits)),
                )
            ]
            lines.append([*scores, np.mean(over_folds)])
    return pd.DataFrame(lines, columns=list(COLUMNS))


def accuracy(shares: np.ndarray, y: np.ndarray, rows: np.ndarray) -> float:
    """Return the share of rows whose most probable class is right."""
    return float((shares[rows].argmax(axis=1) == y[rows]).mean())


def log_loss(shares: np.ndarray, y: np.ndarray, rows: np.ndarray) -> float:
    """Return the mean of `-log p(class)`."""
    return -float(np.log(np.clip(shares[rows, y[rows]], 1e-7, 1)).mean())


def read_tables(folder: Path | None) -> dict[str, pd.DataFrame]:
    """Return tables by name; the last column is the class."""
    loaders = {"wine": datasets.load_wine, "iris": datasets.load_iris, "breast cancer": datasets.load_breast_cancer}
    tables = {name: load(as_frame=True).frame for name, load in loaders.items()}
    return tables | {path.stem: pd.read_csv(path) for path in (sorted(folder.glob("*.csv")) if folder else ())}


def main() -> None:
    """Print the means of each table, and of all together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path)
    found = []
    for name, table in read_tables(parser.parse_args().tables).items():
        rows = table.dropna().sample(frac=1, random_state=0)[:MAX_ROWS]
        x = pd.get_dummies(rows.iloc[:, :-1]).to_numpy(np.float32)
        y = pd.factorize(rows.iloc[:, -1])[0]
        found.append(compare((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9), y).assign(table=name))
        print(name, found[-1].drop(columns="table").mean().round(4).to_dict(), flush=True)
    whole = pd.concat(found)
    gain, worse = whole["mean"] - whole["one"], whole["over folds"] < 0
    print(f"gain {gain.mean():.4f} ± {gain.sem():.4f}; worse over the folds in {worse.mean():.0%} of cases, where the")
    print(f"gain on held-out rows is {gain[worse].mean():.4f} ± {gain[worse].sem():.4f}")


if __name__ == "__main__":
    main()
