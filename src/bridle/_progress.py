"""Progress on standard error: fits done, time left, the best so far; a bar in a terminal, else occasional lines."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from bridle._cards import markup
from bridle.report import interim_verdict
from bridle.study import Update, Watch
from bridle.wording import escape_control_characters

LINE_SECONDS = 10.0
"""Least time between two lines without a terminal."""
LINE_SHARE = 0.05
"""Least time between two lines, as a share of the time since the start."""

WAIT_SECONDS = 2.0
"""The time after which a step without a bar is named."""

NOTEBOOK_SECONDS = 0.25
"""Least time between two drawings in a notebook."""


@contextlib.contextmanager
def progress_bar(show: bool, score: str) -> Iterator[Watch]:
    """Yield a function that shows each update: in a bar, in lines, or not at all with `show=False`."""
    shell = find_notebook() if show else None
    if shell is not None:
        with notebook_bar(score) as draw:
            yield draw
        return
    if not show or not sys.stderr.isatty():
        yield _printer(score) if show else lambda update: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[count]}"),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[best]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=5) as bar:
        yield _drawer(bar, score)


@contextlib.contextmanager
def reading_bar(show: bool) -> Iterator[Callable[[int, int | None], None]]:
    """Yield a function that shows how many rows of a stream were read: in a bar, in lines, or not at all."""
    if not show:
        yield lambda done, total: None
    elif sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[count]}"))
        with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=5) as bar:
            task = bar.add_task("reading rows", total=None, count="", visible=False)

            def draw(done: int, total: int | None) -> None:
                bar.update(task, completed=done, total=total, count=_rows_text(done, total), visible=True)

            yield draw
    else:
        yield _line_printer()


@contextlib.contextmanager
def wait_line(show: bool, words: str) -> Iterator[None]:
    """Name a step that takes longer than two seconds on standard error, and say at its end how long it took."""
    if not show:
        yield
        return
    began, lock, open_line = perf_counter(), threading.Lock(), False

    def say() -> None:
        nonlocal open_line
        with lock:
            open_line = True
            sys.stderr.write(f"{escape_control_characters(words)} …")
            sys.stderr.flush()

    timer = threading.Timer(WAIT_SECONDS, say)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            if open_line:
                sys.stderr.write(f" {perf_counter() - began:.0f} s\n")
                sys.stderr.flush()


def _line_printer() -> Callable[[int, int | None], None]:
    """Return a function that prints a line for the rows that were read, at most every `LINE_SECONDS`."""
    last = perf_counter()

    def draw(done: int, total: int | None) -> None:
        nonlocal last
        if (now := perf_counter()) - last >= LINE_SECONDS:
            last = now
            sys.stderr.write(f"reading rows: {_rows_text(done, total)}\n")
            sys.stderr.flush()

    return draw


def _rows_text(done: int, total: int | None) -> str:
    return f"{done:,} rows" if total is None else f"{done:,} of {total:,} rows"


def find_notebook() -> Any:
    """Return IPython's shell of a notebook (Jupyter, VS Code, Colab); None anywhere else, and in its terminal."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell if hasattr(shell, "kernel") else None


@contextlib.contextmanager
def notebook_bar(score: str) -> Iterator[Watch]:
    """Yield a function that draws a bar in the cell's output; at the end one line stays in its place."""
    from IPython.display import HTML, display

    began, answers, drawn, answer = perf_counter(), Answers(), 0.0, ""
    handle: Any = display(HTML(""), display_id=True)

    def draw(update: Update) -> None:
        nonlocal drawn, answer
        answer = answers.of(update) or answer
        if perf_counter() - drawn < NOTEBOOK_SECONDS and update.result is None:
            return
        drawn = perf_counter()
        done = update.progress
        words = f"{update.stage}: {done.done} of {done.total} fits, about {_left(done.seconds_left)} left"
        lines = [f'<progress max="1" value="{done.share:.3f}"></progress> {markup(words)}']
        handle.update(HTML("<br>".join([*lines, *map(markup, filter(None, [_best(update, score), answer]))])))

    try:
        yield draw
    finally:
        handle.update(HTML(f"Study ended after {perf_counter() - began:.0f} s."))


class Answers:
    """Answers of a study that still runs: the first one, and later ones that advise something else."""

    def __init__(self) -> None:
        self._advice = ""

    def of(self, update: Update) -> str:
        """Return the answer in an update as text; empty if it has none, or no other than before."""
        if update.result is None:
            return ""
        text = interim_verdict(update.result)
        advice = text.partition(": ")[2].partition(".")[0]
        if advice == self._advice:
            return ""
        self._advice = advice
        return text


def _drawer(bar: Progress, score: str) -> Callable[[Update], None]:
    tasks: dict[str, TaskID] = {}
    answers = Answers()

    def draw(update: Update) -> None:
        if text := answers.of(update):
            bar.console.print(escape(text), highlight=False)
        stage = update.stage.partition(":")[0]
        if stage not in tasks:
            tasks[stage] = bar.add_task(stage, total=1.0, count="", left="", best="")
        progress = update.progress
        bar.update(
            tasks[stage],
            completed=progress.share,
            count=f"{progress.done}/{progress.total}",
            left="compiling" if update.stage != stage else f"{_left(progress.seconds_left)} left",
            best=escape(_best(update, score)),
        )

    return draw


def _printer(score: str) -> Callable[[Update], None]:
    """Return a function that prints a line for an update, at most every `LINE_SECONDS`."""
    began = last = perf_counter()
    answers = Answers()

    def draw(update: Update) -> None:
        nonlocal last
        if text := answers.of(update):
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
        now = perf_counter()
        if now - last < max(LINE_SECONDS, LINE_SHARE * (now - began)):
            return
        last = now
        progress = update.progress
        pace = "" if progress.share in (0, 1) else f", about {_left(progress.seconds_left)} left"
        best = "" if update.best is None else f"; {_best(update, score)}"
        sys.stderr.write(f"{update.stage}: {progress.done} of {progress.total} fits{pace}{best}\n")
        sys.stderr.flush()

    return draw


def _best(update: Update, score: str) -> str:
    """Return a phrase about the best candidate so far."""
    if update.best is None:
        return ""
    return (
        f"best so far {escape_control_characters(score)} {update.best[1]:.3f} "
        f"({escape_control_characters(update.best[0])[:36]})"
    )


def _left(seconds: float) -> str:
    if seconds == float("inf"):
        return "…"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
