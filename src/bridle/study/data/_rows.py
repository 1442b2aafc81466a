"""The rows of a study: a plain value, checked on creation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridle._errors import InputError
from bridle.study.data._forms import plain_rows


@dataclass(frozen=True)
class Rows:
    """The rows of a study, as the user gives them.

    `preprocessor` is a scikit-learn transformer of x (a scaler, an encoder), `target_preprocessor` one of y; each
    is fitted on the training rows of every fold. `class_weight` is `{class: weight}` or "balanced"; it weighs
    training rows only, as in `fit`. `validation=(x, y)` is one split instead of folds. `held_out` sets
    are evaluated once, after selection. Both may have weights: `(x, y, sample_weight)`.
    """

    x: Any
    y: Any
    sample_weight: Any = None
    groups: Any = None
    class_weight: Any = None
    validation: tuple[Any, ...] | None = None
    held_out: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    preprocessor: Any = None
    target_preprocessor: Any = None

    def __post_init__(self) -> None:
        for name, parts in {"validation": self.validation, **self.held_out}.items():
            if parts is not None and (not isinstance(parts, tuple | list) or len(parts) not in (2, 3)):
                size = f" of {len(parts)}" if isinstance(parts, tuple | list) else ""
                raise InputError(f"Expected {name}=(x, y) or (x, y, sample_weight), got {type(parts).__name__}{size}.")
        outside = {
            name: tuple(plain_rows(part, f"{name} {'xyw'[place]}") for place, part in enumerate(parts))
            for name, parts in self.held_out.items()
        }
        judge = self.validation and tuple(plain_rows(part, "validation") for part in self.validation)
        plain = {"x": plain_rows(self.x), "y": plain_rows(self.y, "y"), "held_out": outside, "validation": judge}
        for name, value in plain.items():
            object.__setattr__(self, name, value)
