"""Scale of the targets of a regression."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from bridle._errors import InputError


@dataclass(frozen=True)
class Scale:
    """Scale of a regression target: the network predicts `(y - mean) / sd`.

    `mean` and `sd` are numbers, or lists with one number for each of several targets. The defaults are those of
    classes, which have no scale.
    """

    mean: float | list[float] = 0.0
    sd: float | list[float] = 1.0

    @staticmethod
    def of(means: Float[np.ndarray, "target"], sds: Float[np.ndarray, "target"]) -> "Scale":
        """Return the scale of one target or of several.

        >>> Scale.of(np.array([2.0]), np.array([0.5])), Scale.of(np.array([2.0, 0.0]), np.array([0.5, 1.0]))
        (Scale(mean=2.0, sd=0.5), Scale(mean=[2.0, 0.0], sd=[0.5, 1.0]))
        """
        return Scale(*(float(values[0]) if len(values) == 1 else values.tolist() for values in (means, sds)))

    @staticmethod
    def from_json(content: Mapping[str, Any], targets: int) -> "Scale":
        """Restore the scale of so many targets.

        Args:
            content: what `vars` gave: `mean` and `sd`, each a number, or a list of one number for each target.
            targets: the number of targets.

        Errors: `InputError` for a mean that is not finite, and for a deviation that is not above 0; `ValueError` for
        another number of targets, `KeyError` where one of both is missing.

        >>> Scale.from_json({"mean": 1, "sd": 2}, 1)
        Scale(mean=1.0, sd=2.0)

        """
        means, sds = (np.array(content[name], float).reshape(targets) for name in ("mean", "sd"))
        if not np.isfinite([means, sds]).all() or not (sds > 0).all():
            raise InputError(
                f"Expected finite means and deviations above 0 as the scale of the target, got {dict(content)!r:.200}. "
                "The file was changed: run `bridle tune` again."
            )
        return Scale.of(means, sds)

    def restored(self, outputs: Float[np.ndarray, "row target"]) -> Float[np.ndarray, "row target"]:
        """Return outputs of the network in the units of the targets.

        >>> Scale(1.0, 2.0).restored(np.array([[0.5]])).tolist()
        [[2.0]]
        """
        return outputs.astype(float) * self.sd + self.mean
