"""Scale of the targets of a regression."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Scale:
    """Scale of a regression target: the network predicts `(y - mean) / sd`. Several targets have lists."""

    mean: float | list[float] = 0.0
    sd: float | list[float] = 1.0

    @staticmethod
    def of(means: Float[np.ndarray, "target"], sds: Float[np.ndarray, "target"]) -> "Scale":
        """Return the scale of one target or of several."""
        return Scale(*(float(values[0]) if len(values) == 1 else values.tolist() for values in (means, sds)))

    @staticmethod
    def from_json(content: Mapping[str, Any], targets: int) -> "Scale":
        """Restore the scale of so many targets."""
        numbers = [np.array(content[name], float).reshape(targets) for name in ("mean", "sd")]
        return Scale.of(*numbers)

    def restored(self, outputs: Float[np.ndarray, "row target"]) -> Float[np.ndarray, "row target"]:
        """Return outputs of the network in the units of the targets."""
        return outputs.astype(float) * self.sd + self.mean
