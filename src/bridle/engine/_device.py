"""Execution of programs on the CPU or an accelerator, compiled or operation by operation; cores and memory."""

import contextlib
import functools
import itertools
import os
import resource
import sys
import threading
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import jax
import numpy as np
from threadpoolctl import ThreadpoolController

from bridle._garbage import gc_paused
from bridle._keras import with_compiler_options
from bridle.sources._place import machine_memory

OPTIMIZATION_LEVEL = "xla_backend_optimization_level"
"""Compiler option for how far LLVM optimizes. A level in `XLA_FLAGS` is left as it is."""
COMPILE_OPTIONS = {
    "cpu": {} if OPTIMIZATION_LEVEL in os.environ.get("XLA_FLAGS", "") else {OPTIMIZATION_LEVEL: 1},
    "gpu": {"xla_gpu_deterministic_ops": True},
}
"""Compiler options for a kind of device.

On a GPU they make results reproducible to the bit. On a CPU they leave out LLVM's later levels, which take up to a
quarter more time and give programs that are no faster.
"""
FAST_COMPILE_OPTIONS = COMPILE_OPTIONS | {"cpu": COMPILE_OPTIONS["cpu"] | {"xla_cpu_use_fusion_emitters": False}}
"""Options for programs that run once a fit: 0.6 to 1.0 of the compile time; loops would be 1.3 times as slow."""
QUICK_COMPILE_OPTIONS = FAST_COMPILE_OPTIONS | {
    "cpu": FAST_COMPILE_OPTIONS["cpu"] | dict.fromkeys(COMPILE_OPTIONS["cpu"], 0)
}
"""Options for programs that predict some rows once a fit: 0.4 of the compile time with `FAST_COMPILE_OPTIONS`."""
COMPILED_PER_CHECK = 16
"""Compiled programs between two counts of the maps of memory: a count takes 1 ms, and 0.1 s where there are many."""
MAPS_SHARE = 0.5
"""The share of the maps that a process may have at which programs are released."""
UNKNOWN_DEVICE_BYTES = 2**30
"""Free memory that is assumed of an accelerator that does not report it."""


def on_accelerator() -> bool:
    """Return True if programs run on something else than the CPU."""
    return jax.default_backend() != "cpu"


def release_programs(maps: Path = Path("/proc/self/maps"), limit: Path = Path("/proc/sys/vm/max_map_count")) -> bool:
    """Let JAX forget its compiled programs if they take up much of what Linux allows a process; return True if so.

    Each program on a CPU maps its machine code into memory, about 20 regions. JAX keeps all of them, and after some
    3,000 programs the process would end with a segmentation fault. Programs in use stay; others are compiled again.
    """
    try:
        many = maps.read_bytes().count(b"\n") > MAPS_SHARE * int(limit.read_text())
    except (OSError, ValueError):  # another system
        return False
    if many:
        jax.clear_caches()
    return many


_compiled = itertools.count(1)


class Executable:
    """Function traced for arguments of these shapes, and compiled when it is first needed.

    On an accelerator it forms products in full float32 and by deterministic operations. So every run on the same kind
    of device gives the same numbers.
    """

    def __init__(
        self, function: Callable[..., Any], *arguments: Any, options: Mapping[str, Any] = COMPILE_OPTIONS
    ) -> None:
        precision = jax.default_matmul_precision("highest") if on_accelerator() else contextlib.nullcontext()
        with precision, gc_paused():
            self._lowered: Any = jax.jit(function).lower(*arguments)
        self.identity = sha256(self._lowered.as_text().encode()).hexdigest()
        """SHA-256 of the program's text, with its constants and the names of functions and result fields."""
        self._options = options.get(jax.default_backend())
        self._compiled: Any = None
        self._compiling = threading.Lock()

    def compiled(self) -> Any:
        """Return the compiled program."""
        with self._compiling:
            if self._compiled is None:
                self._compiled = with_compiler_options(
                    lambda options: self._lowered.compile(compiler_options=options), self._options
                )
                self._lowered = None
                if next(_compiled) % COMPILED_PER_CHECK == 0:
                    release_programs()
        return self._compiled

    def __call__(self, *arguments: Any) -> Any:
        return self.compiled()(*arguments)


@functools.cache
def warm_up() -> None:
    """Let a thread multiply the first matrices of this process while Python traces.

    XLA leaves products on a CPU to oneDNN, which generates its machine code at the first one: 30 ms.
    """

    def multiply(options: dict[str, Any] | None) -> None:
        product = jax.jit(lambda a: jax.lax.dot_general(a, a, (((0,), (0,)), ((), ()))), compiler_options=options)
        product(np.ones((8, 8), np.float32))

    if not on_accelerator():
        threading.Thread(target=with_compiler_options, args=(multiply, FAST_COMPILE_OPTIONS["cpu"])).start()


def run_eagerly(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function run operation by operation, with Python's own loops and branches."""

    def run(*arguments: Any) -> Any:
        with jax.disable_jit():
            return function(*arguments)

    return run


def core_count() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def single_threaded_blas() -> contextlib.AbstractContextManager[Any]:
    """Return a context in which LAPACK uses one thread per call; it decomposes matrices and draws orthogonal weights.

    OpenBLAS uses as many as there are cores, which wait for each other while fits keep those cores busy. A QR of
    64 × 256 numbers, 1 ms on one thread, then takes 150 ms on two. The numbers are the same.
    """
    return find_libraries().limit(limits=1, user_api="blas")


@functools.cache
def find_libraries() -> ThreadpoolController:
    """Return the libraries of linear algebra in this process; the first search takes 15 ms."""
    import scipy.linalg  # noqa: F401 – JAX takes its LAPACK from there, so it is loaded before libraries are counted

    return ThreadpoolController()


def peak_memory_bytes() -> int:
    """Return the most bytes that this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def free_memory() -> int:
    """Return the bytes that programs may still use: the accelerator's, or this machine's."""
    if on_accelerator():
        stats = jax.local_devices()[0].memory_stats() or {}
        return int(stats.get("bytes_limit", 0) - stats.get("bytes_in_use", 0)) or UNKNOWN_DEVICE_BYTES
    return machine_memory()
