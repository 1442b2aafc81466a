"""Where programs run: compiled for the CPU or an accelerator, or operation by operation; and its memory."""

import contextlib
import functools
import gc
import os
import resource
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import jax
import numpy as np
from threadpoolctl import ThreadpoolController

OPTIONS = {"cpu": {"xla_backend_optimization_level": 1}, "gpu": {"xla_gpu_deterministic_ops": True}}
"""Compiler options for a kind of device.

On a GPU, those under which it gives the same bits again. On a CPU LLVM's later levels take up to a quarter more time
and give programs that are no faster.
"""
SELDOM = OPTIONS | {"cpu": OPTIONS["cpu"] | {"xla_cpu_use_fusion_emitters": False}}
"""Options for what runs once a fit: compiled in 0.6 to 1.0 of the time; loops would be 1.3 times as slow with them."""


def accelerated() -> bool:
    """Whether programs run on something else than the CPU."""
    return jax.default_backend() != "cpu"


class Executable:
    """A function traced for arguments of these shapes, and compiled when it is first wanted.

    On an accelerator products are formed in full float32 and by deterministic operations: the numbers are those
    of any other run on the same kind of device.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any, options: Mapping[str, Any] = OPTIONS) -> None:
        precision = jax.default_matmul_precision("highest") if accelerated() else contextlib.nullcontext()
        with precision, uncollected():
            self._lowered = jax.jit(function).lower(*arguments)
        self.identity = sha256(self._lowered.as_text().encode()).hexdigest()
        """The SHA-256 of the program, its constants included."""
        self._options = options.get(jax.default_backend())
        self._compiled: Any = None
        self._compiling = threading.Lock()

    def ready(self) -> Any:
        """The compiled program."""
        with self._compiling:
            if self._compiled is None:
                self._compiled = self._lowered.compile(compiler_options=self._options)
                self._lowered = None
        return self._compiled

    def __call__(self, *arguments: Any) -> Any:
        return self.ready()(*arguments)


@functools.cache
def warm_up() -> None:
    """Let a thread make the first product of matrices in this process, while Python traces.

    oneDNN, to which XLA leaves products on a CPU, writes its machine code at the first one, which takes 30 ms.
    """
    product = jax.jit(lambda a: jax.lax.dot_general(a, a, (((0,), (0,)), ((), ()))), compiler_options=SELDOM["cpu"])
    if not accelerated():
        threading.Thread(target=product, args=(np.ones((8, 8), np.float32),)).start()


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """A block in which Python does not look for cycles of garbage: tracing makes so many objects that it would begin
    to, which takes 0.15 s with Keras and JAX loaded, as long as the tracing of a small network.

    At the end `gc.freeze` and `gc.unfreeze` move all objects to the oldest generation. Otherwise the first allocation
    after the block would start the collection.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def as_written(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function run operation by operation, with Python's own loops and branches."""

    def run(*arguments: Any) -> Any:
        with jax.disable_jit():
            return function(*arguments)

    return run


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def unthreaded() -> contextlib.AbstractContextManager[Any]:
    """A block in which LAPACK, which decomposes matrices and draws orthogonal weights, uses one thread for a call.

    OpenBLAS takes as many as there are cores, which wait for each other while fits keep those cores busy: a QR of
    64 × 256 numbers, 1 ms on one thread, then takes 150 ms on two. The numbers are the same.
    """
    return find_libraries().limit(limits=1, user_api="blas")


@functools.cache
def find_libraries() -> ThreadpoolController:
    """The libraries of linear algebra in this process; looking for them takes 15 ms the first time."""
    import scipy.linalg  # noqa: F401 – JAX takes its LAPACK from there, so it is loaded before libraries are counted

    return ThreadpoolController()


def held_now() -> int:
    """Bytes that this process has held at most so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def free_memory() -> int:
    """Bytes that programs may still take: the accelerator's, or this machine's."""
    if accelerated():
        facts = jax.local_devices()[0].memory_stats() or {}
        return int(facts.get("bytes_limit", 0) - facts.get("bytes_in_use", 0)) or 2**30
    try:
        facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return int(facts["MemAvailable"].split()[0]) * 1024  # free pages alone would leave out the file cache
    except (OSError, KeyError, ValueError):  # not every system tells
        return 2**32
