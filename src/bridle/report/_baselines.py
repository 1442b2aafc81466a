"""Baselines in a report: a table, and a sentence where the network is clearly worse."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from bridle._errors import InputError
from bridle.report._amounts import score_text
from bridle.results import Baseline, StudyResult
from bridle.stats import Evidence, Summary, compare_baselines, nan_mean
from bridle.wording import decimal_text, escape_control_characters, join_names, score_decimals, tried_kind

Row = dict[str, str | float]
"""The cells of one model by column."""


def baseline_rows(result: StudyResult, evidence: Evidence) -> list[Row]:
    """Return one dictionary for the selected network and one for each baseline; empty for a study without baselines.

    `model`; `validation`, the mean score over folds, and its standard error `se`; the score on each held-out part;
    `difference`, network minus baseline on the same folds, positive where the network is better, with its interval
    `low` to `high`; `text`, the model in words.
    """
    compared = compare_baselines(result, evidence)
    if compared is None:
        return []
    arm = compared.arm
    best = evidence.candidate(arm)
    held_out = {name: float(nan_mean(result.held_out_scores(name)[best], 0)) for name in result.held_out}
    name = result.arms[arm].name
    network: Row = {"model": "network", **_scores(compared.network, 0), **held_out, **_difference()}
    rows = [network | {"text": f"no {tried_kind(result)}" if arm == 0 else f"{name}, the selected arm"}]
    for index, (baseline, gain) in enumerate(zip(result.baselines, compared.gains, strict=True)):
        held_out = {name: baseline.held_out.get(name, math.nan) for name in result.held_out}
        scores = _scores(compared.baselines, index)
        difference = _difference(gain.difference, gain.low, gain.high)
        rows.append({"model": baseline.name, **scores, **held_out, **difference, "text": baseline.text})
    return rows


def _scores(summary: Summary, index: int) -> Row:
    return {"validation": float(summary.mean[index]), "se": float(summary.error[index])}


def _difference(difference: float = math.nan, low: float = math.nan, high: float = math.nan) -> Row:
    return {"difference": difference, "low": low, "high": high}


@dataclass(frozen=True)
class BaselineCells:
    """Table of the baselines in words and rounded numbers."""

    caption: str
    headers: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


def baseline_cells(result: StudyResult, evidence: Evidence) -> BaselineCells | None:
    """Return the table of the baselines; None for a study without any."""
    rows = baseline_rows(result, evidence)
    if not rows:
        return None
    headers = ("model", "validation", *result.held_out, "network minus it")
    digits = score_decimals(float(rows[0]["validation"]), float(rows[0]["se"]))
    lines = tuple(_line(result, row, digits) for row in rows)
    sense = "" if result.score.maximize else "; positive where the network has less"
    named = "; ".join(f"{row['model']}: {row['text']}" for row in rows)
    caption = (
        f"Mean {result.score.name} ± standard error over the same folds; in brackets the 95 % interval of the "
        f"difference, corrected over {len(rows) - 1} models{sense}. {named[0].upper()}{named[1:]}."
    )
    return BaselineCells(caption, headers, lines)


def _line(result: StudyResult, row: Row, digits: int) -> tuple[str, ...]:
    error = _text(row["se"], digits)
    validation = _text(row["validation"], digits) + (f" ± {error}" if error else "")
    held_out = (_text(row[name], digits) for name in result.held_out)
    difference = _text(row["difference"], digits)
    if math.isfinite(float(row["low"])):
        difference += f" ({_text(row['low'], digits)} to {_text(row['high'], digits)})"
    return (str(row["model"]), validation, *held_out, difference)


def _text(value: str | float, digits: int) -> str:
    return decimal_text(float(value), digits) if math.isfinite(float(value)) else ""


def baseline_line(baselines: Sequence[Baseline], score: str) -> str:
    """Return the mean scores of baselines in one sentence, before any network is trained; "" without any."""
    means = [(baseline, nan_mean(baseline.scores, 0)) for baseline in baselines]
    scores = [
        f"{baseline.name} {decimal_text(float(mean), 3) if np.isfinite(mean) else 'not trained within its time limit'}"
        for baseline, mean in means
    ]
    return f"Without a network, {score} on the same folds: {', '.join(scores)}." if scores else ""


def baseline_frame(result: StudyResult, evidence: Evidence) -> pd.DataFrame:
    """Return the rows of `baseline_rows` as a table.

    Errors: `InputError` for a study without baselines.
    """
    rows = baseline_rows(result, evidence)
    if not rows:
        raise InputError(
            "Expected a study with baselines, got one that has none. bridle.tune trains them for a table with one "
            "target of classes or numbers; run it again for a folder of an older version."
        )
    return pd.DataFrame(rows)


def baseline_table(result: StudyResult, evidence: Evidence, *, explained: bool = True) -> Table | None:
    """Return the table of the baselines for a terminal, with a caption if `explained`; None for a study without any."""
    cells = baseline_cells(result, evidence)
    if cells is None:
        return None
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    if explained:
        grid.caption, grid.caption_justify = _plain(cells.caption), "left"
    grid.add_column(_plain(cells.headers[0]), overflow="fold")
    for name in cells.headers[1:]:
        grid.add_column(_plain(name), justify="right", no_wrap=True)
    for line in cells.lines:
        grid.add_row(*map(_plain, line))
    return grid


def _plain(text: str) -> Text:
    return Text(escape_control_characters(text))


def worse_than_baseline(result: StudyResult, evidence: Evidence) -> tuple[str, str]:
    """Return what was seen and the next step if a baseline is clearly better than the network; empty otherwise.

    Clearly better means that the interval of the difference, over folds, excludes zero.
    """
    compared = compare_baselines(result, evidence)
    better = [] if compared is None else compared.clearly_better
    if compared is None or not better:
        return "", ""
    gain, means = compared.gains[better[0]], compared.baselines.mean
    network = float(compared.network.mean[0])
    digits = score_decimals(network, float(compared.network.error[0]))
    titles = [_title(result.baselines[index].name) for index in better]
    values = [decimal_text(float(means[index]), digits) for index in better]
    listed = join_names([f"{title} ({value})" for title, value in zip(titles, values, strict=True)])
    to_first = "" if len(better) == 1 else " to the first"
    sense = "" if result.score.maximize else ", positive where the network has more"
    sentence = (
        f"On the same folds {listed} {'is' if len(better) == 1 else 'are'} clearly better than the selected network "
        f"({decimal_text(network, digits)}): difference{to_first} {decimal_text(-gain.difference, digits)}, "
        f"95 % interval {decimal_text(-gain.high, digits)} to {decimal_text(-gain.low, digits)}{sense}."
    )
    best, own = (score_text(result, evidence, value) for value in (float(means[better[0]]), network))
    return sentence, f"use {titles[0]}, which is clearly better on the same folds: {best} instead of {own}"


def _title(name: str) -> str:
    return name if name == "gradient boosting" else f"a {name}"
