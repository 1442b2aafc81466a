"""One list of all noise. Run as a program it checks noise, decay and labels on the backend that Keras runs on."""

import sys

from tests.regularizers._update_cases import check_all

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

if __name__ == "__main__":
    for noise in NOISES:
        check_noise(noise)
    check_all()
    sys.stdout.write(f"checked {len(NOISES)}")
