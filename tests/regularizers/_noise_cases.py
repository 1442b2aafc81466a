"""One list of all noise, checked on the backend that Keras runs on."""

import bridle
from bridle.testing import check_noise

NOISES = [
    bridle.Dropout(0.2),
    bridle.Dropout(0.5, shared="time"),
    bridle.Dropout([0.1, 0.5], shared="space"),
    bridle.DropConnect("auto"),
    bridle.GaussianNoise(bridle.schedule.warmup(0.3, 5)),
    bridle.GaussianNoise(0.3, multiplicative=True),
]


def checked() -> list[str]:
    """Check all noise on the backend of this process."""
    for noise in NOISES:
        check_noise(noise)
    return [repr(noise) for noise in NOISES]
