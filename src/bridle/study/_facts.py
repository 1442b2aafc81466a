"""Where a study's numbers come from."""

import os
import platform

import jax
import keras
import numpy as np
import scipy
import sklearn

from bridle._version import __version__
from bridle.engine import core_count
from bridle.study._baseline import constant_facts
from bridle.study.data import fingerprint
from bridle.study.design import Prepared


def facts(prepared: Prepared, seconds: float, threads: int | None) -> dict[str, object]:
    """Versions, machine, rows and sizes: what must stay the same for the same numbers, and how long they took."""
    return {
        "bridle": __version__,
        "keras": keras.__version__,
        "jax": jax.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "python": platform.python_version(),
        "seconds": round(seconds, 3),
        "epochs": prepared.question.epochs,
        "batch_size": prepared.question.batch_size,
        "threads": threads or core_count(),
        "width": max(prepared.engine.widths, default=1),
        "device": jax.devices()[0].device_kind,
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores",
        "compilations": prepared.engine.compilations,
        "forms": prepared.engine.forms,
        "compile_seconds": round(prepared.engine.compile_seconds, 3),
        **constant_facts(prepared),
        "data_sha256": fingerprint(prepared.rows.x, prepared.rows.y),
    }
