"""Speed of the engine: six families of networks, five ways to train them, three sizes of populations.

Run it from the root of the repository: `python -m benchmarks.engine` (options with `--help`).
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
