"""A linear network of five weights, stepped by Keras here and by other software in a Python of its own."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 5)), RNG.normal(size=(12, 1))
START = RNG.normal(size=(5, 1))
STEPS = 4


def needs(package: str) -> pytest.MarkDecorator:
    """Skip where a package is not installed, and say which."""
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed")


def elsewhere(code: str) -> np.ndarray:
    """What a script prints as JSON, run where its imports disturb nothing; it knows `x`, `y`, `start` and `steps`."""
    arrays = json.dumps([X.tolist(), Y.tolist(), START.tolist()])
    head = f"import json\nimport numpy as np\nx, y, start = (np.array(array) for array in {arrays})\nsteps = {STEPS}\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", head + code],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return np.array(json.loads(done.stdout.splitlines()[-1]))


def torch_steps(optimizer: str) -> np.ndarray:
    """The weights after some steps of PyTorch, with `optimizer` built from `[w]`."""
    return elsewhere(
        "import torch\n"
        "w = torch.tensor(start, requires_grad=True)\n"
        f"optimizer = torch.optim.{optimizer}\n"
        "for _ in range(steps):\n"
        "    optimizer.zero_grad()\n"
        "    ((torch.tensor(x) @ w - torch.tensor(y)) ** 2).mean().backward()\n"
        "    optimizer.step()\n"
        "print(json.dumps(w.detach().tolist()))\n"
    )


def keras_steps(optimizer: keras.optimizers.Optimizer, penalty: object = None) -> np.ndarray:
    """The weights after as many steps of Keras."""
    layer = keras.layers.Dense(1, use_bias=False, kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((5,)), layer])
    layer.kernel.assign(START)
    model.compile(optimizer, "mse")
    for _ in range(STEPS):
        model.train_on_batch(X, Y)
    return np.array(layer.kernel)
