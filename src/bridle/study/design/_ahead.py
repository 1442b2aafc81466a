"""Compilation in the background, while other work uses Python."""

from concurrent.futures import ThreadPoolExecutor

from bridle.engine import core_count, on_accelerator
from bridle.study.design._prepare import refit_rows
from bridle.study.design._prepared import Prepared


def compile_ahead(prepared: Prepared) -> None:
    """Start to compile the programs of the folds, and after them those of the refits, and return.

    XLA mostly uses one core and does not hold Python's lock, so a second core and Python are free meanwhile. A run that
    needs a program waits for it, and raises the errors of its compilation. Nothing happens on an accelerator, where the
    width of programs is timed first.
    """
    if on_accelerator():
        return
    engine = prepared.engine
    compiling = ThreadPoolExecutor(core_count())
    for fold in {fold.shape: fold for fold in prepared.folds}.values():
        compiling.submit(engine.programs(fold, {}).compile_fully)
    rows = refit_rows(prepared)
    compiling.submit(engine.programs(rows.fold, rows.held_out).compile_fully)
    compiling.shutdown(wait=False)
