"""A model card: the page of a model on the Hugging Face Hub, with the verdict and what stands behind it."""

import json
import math
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from bridle._errors import StoreError
from bridle.exporting._runs import claim_of, study_run
from bridle.exporting._source import Exported, FinishedStudy
from bridle.plots import main_drawing
from bridle.report import find_all, make_cells
from bridle.store import write_text
from bridle.tuning import APPLY, MODEL_FILE, Applied, ImagePreparation
from bridle.wording import decimal_text, escape_control_characters, score_decimals, strength_text

CARD_FILE = "README.md"
MAX_ROWS = 60
"""The number of candidates above which the table has only those that a rule selects."""
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~])")
TAGS = ("keras", "bridle", "regularization")


def write_card(source: FinishedStudy, out: Path, *, license: str | None) -> Exported:
    """Write a folder for the Hugging Face Hub: `README.md`, the report with its pictures, and the model.

    Args:
        source: the study.
        out: the folder.
        license: the licence of the model, as the Hub names it, such as `"mit"`. It is left out by default.

    Errors: `StoreError` if the folder cannot be written.

    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        files, missing = source.save(out, source.name)
    except OSError as error:
        raise StoreError(
            f"Expected a folder that can be written, got {str(out)!r}: {error.strerror}. Give another one."
        ) from error
    applied = None if missing else source.applied
    text = f"---\n{_front_matter(_metadata(source, applied, license))}---\n\n{_page(source, applied, missing)}"
    card = write_text(out / CARD_FILE, text)
    note = f" Without a model. {missing}" if missing else ""
    if applied is not None:
        note += f" {APPLY} has names, categories and means of your columns: look at it before you publish it."
    upload = shlex.join(["hf", "upload", "USER/NAME", str(out)])
    text = f"A model card with {len(files)} files in {out}.{note} To publish it: {upload}"
    return Exported("card", out, text, (card, *files))


def _metadata(source: FinishedStudy, applied: Applied | None, license: str | None) -> dict[str, object]:
    """Return the metadata of the card."""
    task = _task(applied)
    metadata: dict[str, object] = {} if license is None else {"license": license}
    metadata |= {"library_name": "keras", "tags": [*TAGS]} | ({} if task is None else {"pipeline_tag": task})
    result = {
        "task": {"type": task or "other"},
        "dataset": {"type": "own-data", "name": source.name},
        "metrics": list(_metrics(source)),
    }
    return metadata | {"model-index": [{"name": source.name, "results": [result]}]}


def _task(applied: Applied | None) -> str | None:
    """Return the Hub's name of the task, if it has one."""
    if applied is None:
        return None
    kind = applied.problem.task
    if isinstance(applied.preparation, ImagePreparation):
        return "image-classification" if kind == "classification" else None
    return f"tabular-{kind}"


def _metrics(source: FinishedStudy) -> Iterator[dict[str, object]]:
    """Yield the scores of the card: of rows that did not select the network, with the interval in words."""
    data, numbers = source.result.data, study_run(source.result, source.name).metrics
    measure = data.score.measure
    if "score" in numbers:
        yield {
            "type": measure,
            "value": numbers["score"],
            "name": f"{measure} in cross-validation, {_gain_text(source)}",
        }
    for part, rows in data.held_out_rows.items():
        if f"{part}/{measure}" in numbers:
            name = f"{measure} on {rows} {part} rows, mean over seeds"
            yield {"type": measure, "value": numbers[f"{part}/{measure}"], "name": name}


def _gain_text(source: FinishedStudy) -> str:
    """Return the gain over no penalty with its interval in words."""
    claim, none = claim_of(source.result), float(source.result.evidence.quoted.get(0, 0.0))
    if claim is None or not math.isfinite(claim.difference):
        return "without a comparison"
    digits = score_decimals(none, abs(claim.difference) / 10)
    text = f"gain over no penalty {decimal_text(claim.difference, digits)}"
    if not math.isfinite(claim.low):
        return f"{text}, without an interval"
    low, high = (decimal_text(end, digits) for end in (claim.low, claim.high))
    return f"{text} ({100 * claim.level:.4g} % interval {low} to {high})"


def _front_matter(metadata: Mapping[str, object]) -> str:
    r"""Return the metadata as YAML: each value in JSON, which YAML contains.

    >>> _front_matter({"tags": ["keras"], "license": "mit"})
    'tags: ["keras"]\nlicense: "mit"\n'
    """
    return "".join(f"{name}: {json.dumps(value, ensure_ascii=True)}\n" for name, value in metadata.items())


def _page(source: FinishedStudy, applied: Applied | None, missing: str) -> str:
    """Return the text of the card."""
    result = source.result
    data, evidence = result.data, result.evidence
    drawing = main_drawing(data, evidence)
    picture = f"\n![{_plain(drawing.alt)}]({drawing.name}.png)\n" if drawing else ""
    verdict = "\n".join(f"> {_plain(line)}\\" for line in result.verdict().splitlines()).removesuffix("\\")
    findings = [f"* {one.code}: {_plain(one.sentence)}" for one in find_all(data, evidence)]
    details = [f"* {_plain(line)}" for line in result.details().splitlines()]
    code = source.section.code
    parts = [
        f"# {_plain(source.name)}\n\n{verdict}",
        f"{picture}\n## Evidence\n\n{_table(source)}",
        "## How it was trained\n\n" + _plain(data.protocol) + (f"\n\n{_fenced(code)}" if code else ""),
        "## Details\n\n" + "\n".join(details),
        "## Limits\n\n" + "\n".join(_limits(source) + findings),
        "## How to load it\n\n" + _loading(applied, missing),
        "The [report](report.html) has interactive charts, result.json every number. "
        "Written by bridle, which compares regularizers of Keras networks by cross-validation.",
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _table(source: FinishedStudy) -> str:
    """Return the candidates as a table of Markdown; the one of the network is bold."""
    data, evidence = source.result.data, source.result.evidence
    cells = make_cells(data, evidence, selected=len(data.setting_arm) > MAX_ROWS)
    headers = ("arm", *cells.headers)
    lines = [f"| {' | '.join(map(_plain, headers))} |", f"|{'---|' * len(headers)}"]
    for arm, group in enumerate(cells.groups):
        strengths = _selected_strengths(source) if arm == evidence.winner else None
        for line in group.lines:
            texts = [_plain(cell) for cell in (group.heading, *line)]
            bold = [f"**{text}**" if text else "" for text in texts]
            lines.append(f"| {' | '.join(bold if line[0] == strengths else texts)} |")
    return "\n".join([*lines, "", _plain(cells.caption)])


def _selected_strengths(source: FinishedStudy) -> str:
    """Return the strengths of the selected candidate as the table has them."""
    data, evidence = source.result.data, source.result.evidence
    arm = evidence.winner or 0
    strengths = ", ".join(map(strength_text, data.strengths(evidence.candidate(arm)).values()))
    return strengths or ("none" if arm == 0 else "–")


def _limits(source: FinishedStudy) -> list[str]:
    data = source.result.data
    rows = int(data.fold_rows.sum(axis=1).max())
    return [
        f"* The numbers hold for rows like the {rows:,} that the study had, and not for data that have changed since.",
        "* An interval is about the choice among these arms and strengths, for this network and these epochs.",
        "* Nothing here measures fairness between groups of people, or robustness to an attack.",
    ]


def _loading(applied: Applied | None, missing: str) -> str:
    if missing:
        return f"The folder has no model. {_plain(missing)}"
    text = (
        "```python\nimport keras\nfrom huggingface_hub import snapshot_download\n\n"
        f'folder = snapshot_download("USER/NAME")\nmodel = keras.models.load_model(f"{{folder}}/{MODEL_FILE}")\n```\n\n'
    )
    if applied is None:
        return text + "The model takes rows as the network of the study does, after any preprocessor."
    return (
        text
        + "The model takes prepared rows. With bridle, a table like that of the training is enough:\n\n"
        + "```sh\nbridle predict FOLDER new.csv\n```"
    )


def _plain(text: str) -> str:
    """Return text that Markdown and HTML show as it is, on one line."""
    return MARKDOWN.sub(r"\\\1", " ".join(escape_control_characters(text).split()))


def _fenced(code: str) -> str:
    """Return a block of code, fenced by more backticks than the code has in a row."""
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}python\n{escape_control_characters(code).rstrip()}\n{fence}"
