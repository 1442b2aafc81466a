"""What a study says while it runs."""

from collections.abc import Callable
from dataclasses import dataclass

from bridle.engine import Progress


@dataclass(frozen=True)
class Update:
    """What a progress bar needs."""

    stage: str
    progress: Progress
    best: tuple[str, float] | None
    """The leading setting in words and its mean score so far."""


Watch = Callable[[Update], None]
