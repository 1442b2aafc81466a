"""Columns, features and outputs of a model in words and numbers, so that other programs can prepare rows."""

from collections.abc import Iterator, Sequence
from typing import Any

from bridle.exporting._source import FinishedStudy
from bridle.tables import Column, Preparation
from bridle.tuning import Applied

FORMAT = "bridle model 1"
RULES = {
    "number": "(x - mean) / scale, where x is the number, or the median for a missing cell",
    "missing": "1 if the cell is missing, else 0",
    "category": "1 if the cell has one of the labels, else 0; a missing cell has the label (missing)",
    "date": "a part of the date: with s, the seconds since 1970, trend is s / 86400; day of month is 1 to 31; a "
    "weekday is 1 or 0; season, day and half-day are sin or cos of 2 pi s / period, with a year of 365.2425 days. A "
    "part with a scale is (x - mean) / scale, where x is the part, or the median for a missing cell",
    "mean": "(x - mean) / scale, where x is entry number place of the category's means in columns, or of overall for "
    "an unknown category",
    "frequency": "(x - mean) / scale, where x is log(1 + the category's count in columns), 0 for an unknown category",
    "term": "entry number place of 4 w / |w|, where w is (1 + log(count)) * idf for each of the column's terms that "
    "the text has, else 0; terms are lower-case words of two or more letters or digits, and pairs of them with a blank",
    "direction": "entry number place of 4 z / |z|, where z is the product of directions and w, and w as for a term; "
    "directions are base64 of 16-bit floats, little-endian, for each place a row of one number for each term",
}
"""The rule of each kind of feature, all as 32-bit floats; `always: 0` stands before it."""


def describe(source: FinishedStudy, inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, Any]:
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
    content["features"] = list(describe_features(applied.preparation))
    kinds = {feature["kind"] for feature in content["features"]}
    content["rules"] = {kind: rule for kind, rule in RULES.items() if kind in kinds}
    learned = applied.preparation.to_json()["learned"]
    columns = learned.get("columns") if isinstance(learned, dict) else None
    return content | ({"columns": columns} if columns else {})


def _target(applied: Applied) -> dict[str, Any]:
    problem = applied.problem
    if problem.parts:
        one = len(applied.model.output_shape) == 2
        meaning = "the probability of the second class of each target" if one else "of each target, that of each class"
        classes = {part.target: list(part.classes or ()) for part in problem.parts}
        return {"task": problem.task, "names": list(problem.names), "classes": classes, "meaning": meaning}
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


def describe_features(preparation: Preparation) -> Iterator[dict[str, Any]]:
    """Yield the features in order, each with the numbers of its rule; one that no training row shows is 0."""
    layout, learned = preparation.layout, preparation.learned_
    numbers = zip(learned.medians, learned.means, learned.scales, strict=True)
    standardised = dict(zip(layout.numbers.tolist(), numbers, strict=True))
    index = 0
    for column in layout.columns:
        words = "term" if getattr(learned.columns.get(column.name), "directions", None) is None else "direction"
        for place, name in enumerate(column.features):
            feature: dict[str, Any] = {"name": name, "column": column.name, "kind": _kind(column, place, words)}
            if column.kind == "text":
                feature["labels"] = [label for label, at in column.positions.items() if at == place]
            if column.kind in ("encoded", "words"):
                feature["place"] = place
            if feature["kind"] == "date":
                feature |= {"part": column.parts[place], "pattern": column.pattern}
            if index in standardised:
                feature |= dict(zip(("median", "mean", "scale"), standardised[index], strict=True))
            if not learned.seen[index]:
                feature["always"] = 0
            yield feature
            index += 1


def _kind(column: Column, place: int, words: str) -> str:
    """Return the kind of a feature, by which `RULES` has its rule; `words` for one of a free text."""
    if column.indicator and place == len(column.features) - 1:
        return "missing"
    if column.kind == "encoded":
        return "mean" if place < column.size else "frequency"
    return {"number": "number", "text": "category", "date": "date", "words": words}[column.kind]
