"""The interactive charts of one study, by the name of the picture that each takes the place of."""

from bridle.plots import Published, curves_data, gains_data, sweep_data
from bridle.report._chart_curves import curves_chart
from bridle.report._chart_gains import gains_chart
from bridle.report._chart_sweep import sweep_chart
from bridle.report._plotly import Chart
from bridle.results import StudyResult
from bridle.stats import Evidence, weigh_evidence


def charts(
    result: StudyResult, *, published: Published | None = None, evidence: Evidence | None = None
) -> dict[str, Chart]:
    """Sweep, gains, and the learning curves of the score and of the loss: those that there is data for."""
    evidence = evidence or weigh_evidence(result)
    made = {
        "sweep": sweep_chart(sweep_data(result, published=published, evidence=evidence)),
        "gains": gains_chart(gains_data(result, evidence=evidence)),
        "curves": _curves(result, evidence, result.score.measure),
        "loss": None if result.score.measure == "loss" else _curves(result, evidence, "loss"),
    }
    return {name: chart for name, chart in made.items() if chart is not None}


def _curves(result: StudyResult, evidence: Evidence, quantity: str) -> Chart | None:
    if f"validation/{quantity}" not in result.quantities:
        return None
    return curves_chart(curves_data(result, quantity=quantity, evidence=evidence))
