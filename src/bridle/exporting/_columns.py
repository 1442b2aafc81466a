"""Columns, features and outputs of a model in words and numbers, so that other programs can prepare rows."""

from collections.abc import Iterator, Sequence
from typing import Any

from bridle.exporting._source import Source
from bridle.tables import Column, Preparation
from bridle.tuning import Applied

FORMAT = "bridle model 1"
ABSENT = "(missing)"
RULES = {
    "number": "(x - mean) / scale as 32-bit float, where x is the number, or the median for a missing cell",
    "missing": "1 if the cell is missing, else 0",
    "category": "1 if the cell has one of the labels, else 0; a missing cell has the label (missing)",
    "part": "(x - mean) / scale where standardised is true, else x; x is this part of the date, or the median",
    "encoded": "(x - mean) / scale; x is the entry of the column's means or log(1 + count) for the category",
    "term": "the weight of a term, as the column's vocabulary says",
}
"""The rule of each kind of feature."""


def describe(source: Source, inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, Any]:
    """Return the columns, the features and the outputs of a model as strict JSON.

    Keys: `format`; `inputs` and `outputs`, the names in the model; `features`, one entry for each feature of a row in
    order, with `column`, `kind`, and the numbers of its rule in `rules`; `columns` with what was learned of the
    categories or words of a column; `target` with its `classes`, or the `mean` and `scale` that restore a number as
    `prediction * scale + mean`. A model that is not of a table has `preparation` in place of the features.
    """
    content: dict[str, Any] = {"format": FORMAT, "inputs": list(inputs), "outputs": list(outputs)}
    applied = source.applied
    if applied is None:
        stored = source.result.data.preparation
        return content | {"preparation": {part: one.text for part, one in stored.items()}}
    content["target"] = _target(applied)
    if not isinstance(applied.preparation, Preparation):
        return content | {"preparation": applied.preparation.to_json()}
    content["features"] = list(_features(applied.preparation))
    kinds = {feature["kind"] for feature in content["features"]}
    content["rules"] = {kind: rule for kind, rule in RULES.items() if kind in kinds}
    learned = applied.preparation.to_json()["learned"]
    columns = learned.get("columns") if isinstance(learned, dict) else None
    return content | ({"columns": columns} if columns else {})


def _target(applied: Applied) -> dict[str, Any]:
    problem = applied.problem
    if problem.classes is None:
        return {
            "task": problem.task,
            "names": list(problem.names),
            "mean": applied.scale.mean,
            "scale": applied.scale.sd,
        }
    one = applied.model.output_shape[-1] == 1
    meaning = "the probability of the second class" if one else "the probability of each class"
    return {"task": problem.task, "names": list(problem.names), "classes": list(problem.classes), "meaning": meaning}


def _features(preparation: Preparation) -> Iterator[dict[str, Any]]:
    """Yield the features in order; one that no training row shows is 0 everywhere."""
    layout, learned = preparation.layout, preparation.learned_
    positions = {int(index): number for number, index in enumerate(layout.numbers)}
    index = 0
    for column in layout.columns:
        for place, name in enumerate(column.features):
            feature: dict[str, Any] = {"name": name, "column": column.name, "kind": _kind(column, name)}
            if column.kind == "text":
                feature["labels"] = [label for label, at in column.positions.items() if at == place]
            if index in positions:
                number = positions[index]
                feature |= {"median": learned.medians[number], "mean": learned.means[number]}
                feature["scale"] = learned.scales[number]
            if column.kind == "date":
                feature["standardised"] = index in positions
            if not learned.seen[index]:
                feature["always"] = 0
            yield feature
            index += 1


def _kind(column: Column, name: str) -> str:
    """Return the kind of a feature, by which `RULES` has its rule."""
    if column.indicator and name == f"{column.name} {ABSENT}":
        return "missing"
    return {"number": "number", "text": "category", "date": "part", "encoded": "encoded", "words": "term"}[column.kind]
