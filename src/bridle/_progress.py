"""A progress bar on standard error: fits done, time left, the best so far. Silent where that is no terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from bridle._visible import visible
from bridle.study import Update, Watch


@contextlib.contextmanager
def progress_bar(show: bool, score: str) -> Iterator[Watch]:
    """Yield a function that draws each update, or one that does nothing."""
    if not (show and sys.stderr.isatty()):
        yield lambda update: None
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


def _drawer(bar: Progress, score: str) -> Callable[[Update], None]:
    tasks: dict[str, int] = {}
    shown = escape(visible(score))

    def draw(update: Update) -> None:
        stage = update.stage.partition(":")[0]
        if stage not in tasks:
            tasks[stage] = bar.add_task(stage, total=1.0, count="", left="", best="")
        progress = update.progress
        waiting = "compiling" if update.stage != stage else ""
        best = (
            ""
            if update.best is None
            else f"best so far {shown} {update.best[1]:.3f} ({escape(visible(update.best[0])[:36])})"
        )
        bar.update(
            tasks[stage],
            completed=progress.share,
            count=f"{progress.done}/{progress.total}",
            left=waiting or f"{_left(progress.seconds_left)} left",
            best=best,
        )

    return draw


def _left(seconds: float) -> str:
    if seconds == float("inf"):
        return "…"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
