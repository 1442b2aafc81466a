"""The code and the output of one trained network for some rows, without padding, and the measures of both."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import keras
import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from bridle._errors import InputError
from bridle.representations import exact_zeros, fvu, l0, live_units, noise_like, norm_ratio, probe

SHOWN_ROWS = 12
"""Rows of which the reconstructions and the activations along time are kept."""
SEQUENCE_AXES = 3
"""The axes of a code of sequences: row, step, unit."""
BATCH_SIZE = 1024


@dataclass(frozen=True)
class Reading:
    """The code and the output of one network for some rows."""

    code: Float[np.ndarray, "row … unit"]
    output: np.ndarray
    mask: Bool[np.ndarray, "row step"] | None
    """True for the steps that count, for a code of shape (row, step, unit)."""

    @property
    def observed(self) -> Float[np.ndarray, "observation unit"]:
        """The code of each row, or of each step of the rows that is no padding.

        Errors: `InputError` if every step is padding.
        """
        if self.code.ndim != SEQUENCE_AXES:
            return self.code.reshape(len(self.code), -1)
        steps = self.code.reshape(-1, self.code.shape[-1]) if self.mask is None else self.code[self.mask]
        if not len(steps):
            raise InputError("Expected rows with steps that are no padding, got rows of padding alone.")
        return steps

    def padded(self, shape: tuple[int, ...]) -> Bool[np.ndarray, "row …"]:
        """Return for each entry of rows of some shape, with the same steps, whether it is padding."""
        if self.mask is None or self.mask.shape != shape[:2]:
            return np.zeros(shape, bool)
        return np.broadcast_to(~self.mask.reshape(*self.mask.shape, *(1,) * (len(shape) - 2)), shape)

    @property
    def over_time(self) -> Float[np.ndarray, "row step unit"]:
        """The code of the first rows of a sequence, NaN in padded steps."""
        code = np.asarray(self.code[:SHOWN_ROWS], np.float32)
        return code if self.mask is None else np.where(self.mask[:SHOWN_ROWS, :, None], code, np.float32(np.nan))


@dataclass(frozen=True)
class MeasuredRows:
    """Rows as a network reads them, with labels for a probe, and a mask in place of that of the model."""

    x: Any
    labels: Any = None
    mask: Any = None

    @property
    def single(self) -> NDArray[Any] | None:
        """The array of rows; None for several inputs."""
        x = self.x
        return cast("NDArray[Any]", x) if isinstance(x, np.ndarray) else None

    @cached_property
    def noise(self) -> NDArray[Any]:
        """White noise like the array of rows."""
        return noise_like(cast("NDArray[Any]", self.x))

    def reconstructed_by(self, model: keras.Model) -> bool:
        """Return True for a model of `CodeReader.watched` whose output has the shape of the rows."""
        return self.single is not None and tuple(model.output["output"].shape)[1:] == self.single.shape[1:]

    def measure(self, model: keras.Model, reading: Reading, per_class: int | None) -> dict[str, float]:
        """Return the measures of one network, of which `reading` is what it makes of these rows."""
        code, values = reading.observed, dict[str, float]()
        if self.reconstructed_by(model):
            padded = reading.padded(self.x.shape)
            noise = noise_like(np.ma.MaskedArray(self.x, padded)) if padded.any() else self.noise
            of_noise = read_network(model, MeasuredRows(np.where(padded, self.x, noise), mask=self.mask))
            values = _reconstruction(self.x, noise, padded, reading.output, of_noise.output)
        values |= {"l0": l0(code), "zeros": exact_zeros(code), "live": live_units(code)}
        if self.labels is not None:
            values["probe"] = probe(reading.code, self.labels, per_class=per_class).mean
        return values


def read_network(model: keras.Model, rows: MeasuredRows) -> Reading:
    """Return code, output and mask of a model of `CodeReader.watched`; a mask of the user replaces that of the model.

    Errors: `InputError` for a mask of another shape.
    """
    found = cast("dict[str, Any]", model.predict(rows.x, batch_size=BATCH_SIZE, verbose=0))
    code, own = np.asarray(found["code"]), found.get("mask")
    if own is not None and np.shape(own) != code.shape[:2]:  # of a layer with another number of steps
        own = None
    if rows.mask is not None:
        own = np.asarray(rows.mask)
        if code.ndim != SEQUENCE_AXES or own.shape != code.shape[:2]:
            expected = f"a mask of shape {code.shape[:2]}" if code.ndim == SEQUENCE_AXES else "no mask"
            raise InputError(
                f"Expected {expected} for a code of shape {code.shape}, got {own.shape}. A mask has one entry for each "
                "step of each row, True where it is no padding."
            )
    return Reading(code, np.asarray(found["output"]), None if own is None else np.asarray(own, bool))


def _reconstruction(
    x: np.ndarray, noise: np.ndarray, padded: np.ndarray, restored: np.ndarray, of_noise: np.ndarray
) -> dict[str, float]:
    """Return the measures of a network that reconstructs its input; padded entries have no error and no size."""

    def observed_fvu(rows: np.ndarray, restored: np.ndarray) -> float:
        centre = np.ma.MaskedArray(rows, padded).mean(axis=0).filled(0.0) if padded.any() else 0.0
        return fvu(*(np.where(padded, centre, part) for part in (rows, restored)))

    sized = norm_ratio(*(np.where(padded, 0.0, part) for part in (x, restored)))
    return {"fvu": observed_fvu(x, restored), "norm_ratio": sized, "noise_fvu": observed_fvu(noise, of_noise)}
