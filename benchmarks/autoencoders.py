"""Compare a TopK autoencoder with PyTorch's, and sparse coding with scikit-learn's dictionary learning.

    python -m benchmarks.autoencoders    records benchmarks/autoencoders.json

Both networks have the same layers, start, batches, optimizer and epochs. Times are CPU seconds of whole fits, compiling
included, and per epoch (the difference of a long and a short fit), in turn within one run; medians of ratios count.
Install PyTorch for the first part (`pip install torch==2.13.0`); it is left out otherwise.
"""

import json
import os
import time
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import MiniBatchDictionaryLearning

import bridle
from bridle.representations import fvu, l0
from bridle.study import train_single

RECORD = Path(__file__).with_suffix(".json")
UNITS, K, BATCH, RATE = 256, 16, 64, 1e-3
SHORT, LONG, SEEDS = 10, 60, 8
ATOMS, ALPHA = 128, 0.1


def ours(x: np.ndarray, epochs: int, seed: int) -> tuple[float, float]:
    """Return FVU and L0 of `SparseAutoencoder`."""
    sparse = bridle.SparseAutoencoder(
        UNITS, activation=f"topk({K})", epochs=epochs, batch_size=BATCH, learning_rate=RATE, random_state=seed
    ).fit(x)
    code = sparse.transform(x)
    return fvu(x, sparse.inverse_transform(code)), l0(code)


def torchs(x: np.ndarray, epochs: int, seed: int) -> tuple[float, float]:
    """Return FVU and L0 of the same network, trained by a plain loop in PyTorch."""
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rows, count = torch.tensor(x), x.shape[1]
    encoder, decoder = torch.nn.Linear(count, UNITS), torch.nn.Linear(UNITS, count)
    torch.nn.init.xavier_uniform_(encoder.weight)
    torch.nn.init.normal_(decoder.weight)
    for layer in (encoder, decoder):
        torch.nn.init.zeros_(layer.bias)
    normalize(decoder)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=RATE, eps=1e-7)

    def encode(batch):
        linear = encoder(batch)
        values, indices = torch.topk(linear, K, dim=-1)
        return torch.zeros_like(linear).scatter(-1, indices, values.relu())

    for _ in range(epochs):
        for indices in torch.randperm(len(rows)).split(BATCH):
            batch = rows[indices]
            loss = torch.nn.functional.mse_loss(decoder(encode(batch)), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            normalize(decoder)
    with torch.no_grad():
        code = encode(rows)
        return fvu(x, decoder(code).numpy()), l0(code.numpy())


def normalize(decoder) -> None:
    """Scale the atoms of a linear layer of PyTorch, the columns of its weight, to norm one."""
    import torch

    with torch.no_grad():
        decoder.weight /= decoder.weight.norm(dim=0, keepdim=True)


def timed(function, *arguments):
    """Return CPU seconds and result."""
    start = time.process_time()
    result = function(*arguments)
    return time.process_time() - start, result


def against_torch(x: np.ndarray) -> dict[str, object]:
    """Train both networks in turn."""
    records = []
    for seed in range(SEEDS):
        (short, _), (torch_short, _) = timed(ours, x, SHORT, seed), timed(torchs, x, SHORT, seed)
        (long, mine), (torch_long, theirs) = timed(ours, x, LONG, seed), timed(torchs, x, LONG, seed)
        epochs = LONG - SHORT
        records.append(
            (
                mine[0],
                theirs[0],
                mine[1],
                theirs[1],
                (long - short) / epochs,
                (torch_long - torch_short) / epochs,
                long,
                torch_long,
            )
        )
        print("TopK", [round(value, 4) for value in records[-1]], flush=True)
    table = np.array(records)
    return {
        "fvu": table[:, :2].mean(axis=0).tolist(),
        "fvu_ratio": float(table[:, 0].mean() / table[:, 1].mean()),
        "l0": table[:, 2:4].mean(axis=0).tolist(),
        "cpu_ratio_per_epoch": float(np.median(table[:, 4]) / np.median(table[:, 5])),
        "cpu_ratio_of_fits": float(np.median(table[:, 6]) / np.median(table[:, 7])),
        "cpu_seconds_per_epoch": np.median(table[:, 4:6], axis=0).tolist(),
    }


def objective(x: np.ndarray, codes: np.ndarray, atoms: np.ndarray) -> float:
    """Return the mean over rows of `|x - codes @ atoms|^2 / 2 + alpha |codes|_1`."""
    return float(np.mean(np.sum((x - codes @ atoms) ** 2, axis=1) / 2 + ALPHA * np.abs(codes).sum(axis=1)))


def row_codes(x: np.ndarray, steps: int, seed: int) -> float:
    """Return the objective of codes per row and unit atoms, trained in full batches."""
    layers = [
        bridle.layers.RowCodes(len(x), ATOMS, name="rows"),
        bridle.layers.UnitNormDense(x.shape[1], use_bias=False),
    ]
    model = keras.Sequential([keras.Input((1,)), *layers])
    rate = keras.optimizers.schedules.CosineDecay(0.3, steps)
    model.compile(keras.optimizers.Adam(rate), keras.losses.MeanSquaredError(reduction="sum"))
    penalty = bridle.L1(2 * ALPHA / x.shape[1], exact=True)
    numbers = np.arange(len(x), dtype=np.float32)[:, None]
    fit = train_single(model, {"rows/codes": penalty}, numbers, x, seed=seed, epochs=steps, batch_size=len(x))
    return objective(x, *fit.variables[:2])


def dictionary(x: np.ndarray, seed: int) -> float:
    """Return the objective of scikit-learn's mini-batch dictionary learning, with its codes by the lasso."""
    learner = MiniBatchDictionaryLearning(
        ATOMS, alpha=ALPHA, batch_size=256, max_iter=30, fit_algorithm="cd", transform_algorithm="lasso_cd",
        transform_alpha=ALPHA, random_state=seed, tol=0, max_no_improvement=None,
    )  # fmt: skip
    rows = x.astype(float)
    return objective(rows, learner.fit(rows).transform(rows), learner.components_)


def against_dictionary(x: np.ndarray) -> dict[str, object]:
    """Minimize one objective in both ways, in turn."""
    records = []
    for seed in range(2):
        (mine, value), (theirs, reference) = timed(row_codes, x, 500, seed), timed(dictionary, x, seed)
        records.append((value, reference, mine, theirs))
        print("dictionary", [round(number, 4) for number in records[-1]], flush=True)
    table = np.array(records)
    return {
        "objective": table[:, :2].mean(axis=0).tolist(),
        "objective_ratio": float(table[:, 0].mean() / table[:, 1].mean()),
        "cpu_ratio": float(np.median(table[:, 2]) / np.median(table[:, 3])),
        "cpu_seconds": np.median(table[:, 2:], axis=0).tolist(),
    }


def main() -> None:
    """Run both comparisons and record them."""
    x = (load_digits().data / 16).astype(np.float32)
    record = {"torch": against_torch(x)} if find_spec("torch") is not None else {}
    record["dictionary"] = against_dictionary(x - x.mean(axis=0))
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
