"""The parts of a report: what a person gives for one study, and what is computed from it once."""

from dataclasses import dataclass
from functools import cached_property

from bridle.plots import Drawing, Published, drawings
from bridle.report._charts import charts
from bridle.report._plotly import Chart
from bridle.report._words import sentences
from bridle.results import StudyResult
from bridle.stats import Evidence, weigh_evidence


@dataclass(frozen=True)
class Sheet:
    """A further table of a section, such as published claims beside measured numbers."""

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


@dataclass(frozen=True)
class Section:
    """One study in a report: its title, its result, words before it, and what others published about it."""

    title: str
    result: StudyResult
    intro: str = ""
    published: Published | None = None
    tables: tuple[Sheet, ...] = ()
    code: str = ""
    """The lines to paste for the chosen setting."""
    again: str = ""
    """The command or the lines that repeat the study, where they are known."""

    @cached_property
    def evidence(self) -> Evidence:
        """What the result weighs."""
        return weigh_evidence(self.result)

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """The lines of the verdict."""
        return sentences(self.result, self.evidence)

    @cached_property
    def drawings(self) -> tuple[Drawing, ...]:
        """The pictures, on a transparent ground with dark ink."""
        return drawings(self.result, published=self.published, evidence=self.evidence)

    @cached_property
    def charts(self) -> dict[str, Chart]:
        """The interactive charts, by the name of the picture that each takes the place of."""
        return charts(self.result, published=self.published, evidence=self.evidence)
