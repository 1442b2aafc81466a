"""What an audit says: rows, each one penalty at one place, with what was found there."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["wrong", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing to know about a penalty.

    `"wrong"` where the loss is not what is written, `"warning"` where it is and may not be what was meant, or may
    not stay so.
    """

    label: str
    """A few words, for the table."""
    text: str
    """What, why, and what to do."""
    level: Level = "wrong"


@dataclass(frozen=True)
class Row:
    """One penalty at one place, for one batch."""

    where: str
    """The place in the language of targets, such as `hidden/kernel`."""
    written: str
    """The penalty as it is written in the model."""
    charged: float
    """What is really added to the loss; not a number where nothing is measured, as for weight decay."""
    expected: float
    """What the penalty means: on weights its value once; on activations its sum over units, averaged over samples,
    without padded steps and samples of weight zero."""
    findings: tuple[Finding, ...] = ()

    @property
    def finding(self) -> str:
        """What was found, in words; empty where everything is as written."""
        return " ".join(f"{found.label}: {found.text}" for found in self.findings)

    @property
    def label(self) -> str:
        """What was found, in a few words."""
        return "; ".join(found.label for found in self.findings)

    @property
    def level(self) -> Level | None:
        """The gravest level; None where nothing was found."""
        levels = {found.level for found in self.findings}
        return "wrong" if "wrong" in levels else "warning" if levels else None
