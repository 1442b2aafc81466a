"""The parts of a report: what is reported about one study, and what is computed from it once."""

from dataclasses import dataclass
from functools import cached_property

from bridle.plots import Drawing, Published, curves_data, drawings, gains_data, sweep_data
from bridle.report._baselines import baseline_cells
from bridle.report._chart_curves import curves_chart
from bridle.report._chart_gains import gains_chart
from bridle.report._chart_parts import Chart
from bridle.report._chart_sweep import sweep_chart
from bridle.report._confidence import confidence_cells
from bridle.report._details import detail_lines
from bridle.report._equal_zeros import equal_zeros_cells
from bridle.report._findings import Finding, find_all
from bridle.report._verdict import sentences
from bridle.results import StudyResult
from bridle.stats import Evidence, weigh_evidence


@dataclass(frozen=True)
class Sheet:
    """A further table of a section, such as published numbers next to measured ones."""

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


@dataclass(frozen=True)
class Section:
    """One study in a report: its title, its result, an introduction, and published values."""

    title: str
    result: StudyResult
    intro: str = ""
    published: Published | None = None
    tables: tuple[Sheet, ...] = ()
    code: str = ""
    """Keras lines for the selected candidate."""
    again: str = ""
    """The command that repeats the study, if known."""
    notes: tuple[str, ...] = ()
    """Sentences about the rows and columns, which the page folds."""
    pictures: tuple[Drawing, ...] = ()
    """Further pictures, shown before those of the result."""
    examples: tuple[Drawing, ...] = ()
    """Pictures of single rows, shown after those of the result."""

    @cached_property
    def evidence(self) -> Evidence:
        """The evidence in the result."""
        return weigh_evidence(self.result)

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """The lines of the verdict."""
        return sentences(self.result, self.evidence)

    @cached_property
    def baselines(self) -> tuple[Sheet, ...]:
        """The table of the baselines, if the study has any."""
        cells = baseline_cells(self.result, self.evidence)
        return () if cells is None else (Sheet(cells.caption, cells.headers, cells.lines),)

    @cached_property
    def confidence(self) -> tuple[Sheet, ...]:
        """The table of log loss and calibration error, if they were measured."""
        cells = confidence_cells(self.result, self.evidence)
        return () if cells is None else (Sheet(cells.caption, cells.headers, cells.lines),)

    @cached_property
    def equal_zeros(self) -> tuple[Sheet, ...]:
        """The table of arms at one share of exact zeros, for a search along the frontier."""
        cells = equal_zeros_cells(self.result, self.evidence)
        return () if cells is None else (Sheet(cells.caption, cells.headers, cells.lines),)

    @cached_property
    def details(self) -> tuple[str, ...]:
        """The lines behind the verdict."""
        return detail_lines(self.result, self.evidence)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The diagnoses that apply."""
        return find_all(self.result, self.evidence)

    @cached_property
    def drawings(self) -> tuple[Drawing, ...]:
        """The pictures, dark on a transparent background."""
        own = drawings(self.result, published=self.published, evidence=self.evidence)
        return (*self.pictures, *own, *self.examples)

    @cached_property
    def charts(self) -> dict[str, Chart]:
        """The interactive charts, by the name of the picture that each replaces."""
        return charts(self.result, published=self.published, evidence=self.evidence)


def charts(
    result: StudyResult, *, published: Published | None = None, evidence: Evidence | None = None
) -> dict[str, Chart]:
    """Return the sweep, the gains, and the learning curves of score and loss; skip those without data."""
    evidence = evidence or weigh_evidence(result)
    by_name = {
        "sweep": sweep_chart(sweep_data(result, published=published, evidence=evidence)),
        "gains": gains_chart(gains_data(result, evidence=evidence)),
        "curves": _curves(result, evidence, result.score.measure),
        "loss": None if result.score.measure == "loss" else _curves(result, evidence, "loss"),
    }
    return {name: chart for name, chart in by_name.items() if chart is not None}


def _curves(result: StudyResult, evidence: Evidence, quantity: str) -> Chart | None:
    if f"validation/{quantity}" not in result.quantities:
        return None
    return curves_chart(curves_data(result, quantity=quantity, evidence=evidence))
