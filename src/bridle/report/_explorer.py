"""The explorer of a study: a slider over the strengths that redraws the inside of the networks.

The pictures lie in the page as bytes: each array of a panel has its own offset and scale, and 255 stands for a gap. All
arrays of a page are one compressed block. Without scripts, and on paper, the explorer is hidden.
"""

import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridle._cards import markup
from bridle.plots import POSITIVE, SIGNED, TINTS, ExploreData, Panel, explore_data
from bridle.report._chart_parts import colour, numbers, one_line
from bridle.results import StudyResult
from bridle.stats import Evidence, nan_mean
from bridle.wording import decimal_text, measured_tensors, score_decimals, strength_text, zero_fractions

GAP = 255
"""The byte of a value that is missing."""
LEVELS = 254
"""The largest byte of a value."""
MAX_ARRAY_BYTES = 900_000
"""The bytes of all arrays of a page, before they are compressed."""
MAX_LABEL = 60
"""Characters of a name."""
MAX_FACTS = 3
"""Tensors whose zeros and dead units the summary names."""
MIN_SHARE = 0.005
"""The summary leaves out a tensor whose share is smaller in every candidate."""
Values = dict[str, Any]
"""Plain values for JSON."""


@dataclass(frozen=True)
class Explorer:
    """The slider of one study: its pictures, and what is written about each candidate."""

    data: ExploreData
    names: Mapping[int, str]
    """The name of each arm."""
    labels: Mapping[int, str]
    """The strengths of each candidate in short form."""
    summaries: Mapping[int, str]
    """What was measured of each candidate."""


def make_explorer(result: StudyResult, evidence: Evidence, studies: int = 1) -> Explorer | None:
    """Return the explorer of one of `studies` of a page; None for a study without anything to compare."""
    data = explore_data(result, evidence, MAX_ARRAY_BYTES // studies)
    if data is None or not data.panels:
        return None
    candidates = dict.fromkeys(candidate for path in data.arms.values() for candidate in path)
    return Explorer(
        data,
        {arm: one_line(result.arms[arm].name, MAX_LABEL) for arm in data.arms},
        {candidate: _label(result, candidate) for candidate in candidates},
        {candidate: _summary(result, evidence, candidate) for candidate in candidates},
    )


def _label(result: StudyResult, candidate: int) -> str:
    strengths = result.strengths(candidate)
    if not strengths:
        return "none" if int(result.setting_arm[candidate]) == 0 else "as written"
    if len(strengths) == 1:
        return strength_text(next(iter(strengths.values())))
    return ", ".join(f"{one_line(slot, 30)} {strength_text(value)}" for slot, value in strengths.items())


def _summary(result: StudyResult, evidence: Evidence, candidate: int) -> str:
    """Return a line on the scores, the selection, zeros and dead units of one candidate."""
    arm = int(result.setting_arm[candidate])
    mean, error = float(evidence.validation.mean[candidate]), float(evidence.validation.error[candidate])
    decimals = score_decimals(mean, error)
    spread = f" ± {decimal_text(error, decimals)}" if np.isfinite(error) else ""
    train = float(evidence.train.mean[candidate])
    finished, total = (int(counts[candidate]) for counts in result.counts())
    rules = [rule for rule, index in evidence.marks(arm).items() if index == candidate]
    parts = [f"Validation {result.score.name} {decimal_text(mean, decimals)}{spread}"]
    parts += [f"training {decimal_text(train, decimals)}"] if np.isfinite(train) else []
    parts += [f"{finished} of {total} fits finished"]
    parts += [f"selected by the rule {' and '.join(rules)}"] if rules else []
    facts = [f"{', '.join(parts)}."]
    for text, tensors, values in (
        ("of the units of {} are dead", measured_tensors(result, "dead"), _dead_shares),
        ("of {} is exactly zero", measured_tensors(result, "zeros"), zero_fractions),
    ):
        by_tensor = {tensor: values(result, tensor) for tensor in tensors}
        some = [tensor for tensor, shares in by_tensor.items() if (np.nan_to_num(shares) >= MIN_SHARE).any()]
        shares = [(one_line(tensor, 40), float(by_tensor[tensor][candidate])) for tensor in some[:MAX_FACTS]]
        facts += [f"{100 * share:.0f} % {text.format(tensor)}." for tensor, share in shares if np.isfinite(share)]
    return " ".join(facts)


def _dead_shares(result: StudyResult, tensor: str) -> np.ndarray:
    return nan_mean(result.by_candidate(result.diagnostic(f"dead/{tensor}")), (1, 2))


def explorer_html(explorer: Explorer, key: str, tag: str) -> str:
    """Return the controls and the empty panels of a study, hidden until the script draws them."""
    data = explorer.data
    path = data.arms[data.arm]
    start = path.index(data.candidate) if data.candidate in path else len(path) - 1
    options = "".join(
        f'<option value="{arm}"{" selected" if arm == data.arm else ""}>{markup(name)}</option>'
        for arm, name in explorer.names.items()
    )
    choice = f'<p><label for="{key}-arm">Arm</label> <select id="{key}-arm" autocomplete="off">{options}</select></p>'
    panels = "".join(
        f'<div class="panel"><p class="name">{markup(panel.name)}</p>'
        f'<canvas role="img" aria-label="{markup(panel.name)}"></canvas>'
        f'<p class="gap" hidden></p><p class="note">{markup(panel.note)}</p></div>'
        for panel in data.panels
    )
    return (
        f'<div class="explorer" role="group" data-explorer="{key}" aria-labelledby="{key}-explorer" hidden>'
        f'<{tag} class="part" id="{key}-explorer">Explore the strengths</{tag}>'
        "<p>The slider goes from no regularizer to the strongest one. All axes stay the same.</p>"
        f'<div class="controls">{choice if len(data.arms) > 1 else ""}'
        f'<p><label for="{key}-strength">Strength</label> '
        f'<output id="{key}-label" for="{key}-strength">{markup(explorer.labels[path[start]])}</output>'
        f'<input type="range" id="{key}-strength" min="0" max="{len(path) - 1}" step="1" value="{start}" '
        f'autocomplete="off" aria-describedby="{key}-summary"></p></div>'
        f'<p class="summary" id="{key}-summary" aria-live="polite">{markup(explorer.summaries[path[start]])}</p>'
        f'<div class="panels">{panels}</div></div>'
    )


def pack_explorers(explorers: Mapping[str, Explorer]) -> tuple[Values, str]:
    """Return what the script reads, and the arrays of all studies as compressed base64 text.

    Args:
        explorers: the explorers of a page, by the key of their study.

    """
    blocks: list[bytes] = []
    tints = {"surface": _tint(TINTS), "signed": _tint(SIGNED), "positive": _tint(POSITIVE)}
    studies = {key: _study(explorer, blocks) for key, explorer in explorers.items()}
    packed = base64.b64encode(gzip.compress(b"".join(blocks), mtime=0)).decode()
    return {"tints": tints, "studies": studies}, packed


def _tint(colours: Any) -> str:
    """Return the colours of all bytes of a value, as base64 of three bytes each."""
    scale = (255 * colours(np.linspace(0.0, 1.0, LEVELS + 1))[:, :3]).round().astype(np.uint8)
    return base64.b64encode(scale.tobytes()).decode()


def _study(explorer: Explorer, blocks: list[bytes]) -> Values:
    data = explorer.data
    points = np.column_stack([np.clip(data.points, 0, 1) * LEVELS, data.classes]).round().astype(np.uint8)
    arms = {
        str(arm): {
            "color": colour(arm),
            "stops": [[candidate, explorer.labels[candidate], explorer.summaries[candidate]] for candidate in path],
        }
        for arm, path in data.arms.items()
    }
    return {
        "arms": arms,
        "none": data.none,
        "points": [_append(points.tobytes(), blocks), len(points)],
        "panels": [_panel(panel, blocks) for panel in data.panels],
    }


def _panel(panel: Panel, blocks: list[bytes]) -> Values:
    low, high = _span(panel)
    array = quantize(panel.values, low, high)
    return {
        "kind": panel.kind,
        "shape": list(array.shape[1:]),
        "at": _append(array.tobytes(), blocks),
        "rows": {str(candidate): row for row, candidate in enumerate(panel.candidates)},
        "low": numbers([low])[0],
        "high": numbers([high])[0],
        "across": _ticks(panel.across),
        "up": _ticks(panel.up),
        "labels": list(panel.labels),
        "signed": panel.signed,
    }


def _span(panel: Panel) -> tuple[float, float]:
    """Return the values of the bytes 0 and `LEVELS`."""
    if panel.kind == "surface":
        return 0.0, 1.0
    ends = [value for value, _ in panel.up] if panel.kind == "weights" else [0.0] if panel.kind == "units" else []
    low, high = float(np.nanmin([np.nanmin(panel.values), *ends])), float(np.nanmax([np.nanmax(panel.values), *ends]))
    return low, high if high > low else low + 1.0


def quantize(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return values as bytes: 0 for `low`, 254 for `high`, 255 where there is none.

    >>> quantize(np.array([0.0, 0.5, 1.0, np.nan]), 0.0, 1.0).tolist()
    [0, 127, 254, 255]
    """
    scaled = LEVELS * np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.where(np.isfinite(values), np.nan_to_num(scaled).round(), GAP).astype(np.uint8)


def _append(block: bytes, blocks: list[bytes]) -> int:
    """Add a block, and return the position of its first byte."""
    start = sum(map(len, blocks))
    blocks.append(block)
    return start


def _ticks(ticks: Sequence[tuple[float, str]]) -> list[list[Any]]:
    return [[numbers([value])[0], name] for value, name in ticks]
