"""The interactive charts hold the numbers of the pictures, and names only as text."""

import base64
import gzip
import json
import math
import re

import numpy as np
import pytest

from bridle.plots import THEMES, curves_data, gains_data, sweep_data
from bridle.report._chart_parts import label, palettes
from bridle.report._explorer import LEVELS, make_explorer, pack_explorers
from bridle.report._section import charts
from bridle.stats import weigh_evidence
from bridle.wording import escape_control_characters

TWO = {"L1": {"hidden/output l1": [1e-4, 1e-3, 1e-2]}, "L2": {"hidden/kernel l2": [1e-4, 1e-3, 1e-2]}}
HOSTILE = (
    "<script>alert(1)</script>",
    '<a href="javascript:alert(1)">x</a>',
    "&#60;b&#62; %{x} $x$ 'q\"",
    "a\u202eb",
    "n" * 300,
)
TEMPLATE = r"%\{fullData\.name\}<br>epoch %\{x\}<br>\w+ %\{y:\.3f\} ± %\{customdata:\.3f\}<extra></extra>"


def traces(chart, *needs):
    return [trace for trace in chart["traces"] if trace["meta"] == list(needs)]


def test_sweep_holds_the_numbers_of_the_picture(study):
    """Means, errors, training scores, both rules, the level of none."""
    result = study(arms=TWO)
    data, chart = sweep_data(result), charts(result)["sweep"]
    for index, arm in enumerate(data.arms):
        (points,) = traces(chart, f"arm {arm.arm_index}")
        np.testing.assert_allclose(points["y"], arm.mean, rtol=1e-5)
        np.testing.assert_allclose(points["error_y"]["array"], arm.error, rtol=1e-5)
        np.testing.assert_allclose(points["x"], data.positions(index), rtol=1e-5)
        (train,) = traces(chart, f"arm {arm.arm_index}", "train")
        np.testing.assert_allclose(train["y"], arm.train, rtol=1e-5)
        for rule, point in arm.marks.items():
            (mark,) = traces(chart, f"arm {arm.arm_index}", rule)
            assert (mark["x"][0], mark["y"][0]) == (points["x"][point], points["y"][point])
    band, level = traces(chart, "none")
    assert level["y"] == pytest.approx([data.none_mean] * len(level["x"]), rel=1e-5)
    assert band["y"][2] - band["y"][0] == pytest.approx(2 * data.none_error, rel=1e-3)
    assert chart["layout"]["xaxis"]["ticktext"] == list(data.ticks.names)


def test_pointing_at_a_strength_says_everything(study):
    """The arm, the strength, the score with its error, train, what finished, which rule."""
    chart = charts(study(diverged=[108]))["sweep"]
    (points,) = traces(chart, "arm 1")
    assert points["hovertext"][2].startswith("L1 activity<br>strength 0.001<br>validation accuracy 0.8")
    assert " ± 0.0" in points["hovertext"][2]
    assert points["hovertext"][2].endswith("<br>29/30 fits finished")
    rules = [text.rpartition("rule: ")[2] for text in points["hovertext"] if "rule: " in text]
    assert sorted(", ".join(rules).split(", ")) == ["1se", "best", "recommended"]


def test_every_trace_can_be_toggled(study):
    """Each condition of a trace is a button; arms come first and keep their names."""
    for chart in charts(study(arms=TWO), published={1e-3: 0.8}).values():
        keys = [item["key"] for item in chart["toggles"]]
        assert len(set(keys)) == len(keys)
        needed = {key for trace in chart["traces"] for key in trace["meta"]}
        assert needed <= {*keys, "source 0"}
    names = [item["label"] for item in charts(study(arms=TWO), published={1e-3: 0.8})["sweep"]["toggles"]]
    assert names == ["L1", "L2", "none", "train", "best", "1se", "recommended", "published"]


def test_arms_differ_without_colour(study):
    """Each arm has its own marker."""
    chart = charts(study(arms={name: {f"{name}/output l1": [1e-3, 1e-2]} for name in "abcdefghi"}))["sweep"]
    points = [trace for trace in chart["traces"] if len(trace["meta"]) == 1 and "marker" in trace]
    assert len({trace["marker"]["symbol"] for trace in points}) == 9
    assert len({item["glyph"] for item in chart["toggles"][:9]}) == 9


def test_published_values_and_zero_have_their_places(study):
    """Strength 0 is left of a dotted line and is written as 0."""
    result = study(arms={"L1": {"a/output l1": [0, 1e-3, 1e-2]}})
    chart = charts(result, published={0: 0.8, 1e-3: 0.9})["sweep"]
    (published,) = traces(chart, "published")
    assert published["y"] == [0.8, 0.9]
    assert "0" in chart["layout"]["xaxis"]["ticktext"]
    assert chart["layout"]["shapes"][0]["x0"] == pytest.approx(1e-4 * 10**0.5)
    (points,) = traces(chart, "arm 1")
    assert points["x"][0] == pytest.approx(1e-4)
    assert "<br>strength 0<br>" in points["hovertext"][0]


def test_gains_hold_the_intervals(study):
    """One trace per arm and source, from the lower to the upper end; names above, in the order of the picture."""
    result = study(arms=TWO)
    data, chart = gains_data(result), charts(result)["gains"]
    assert len(chart["traces"]) == 4
    for arm, number in enumerate(data.numbers):
        for place, source in enumerate(data.sources):
            (trace,) = traces(chart, f"arm {number}", f"source {place}")
            wanted = [source.low[arm], source.difference[arm], source.high[arm]]
            np.testing.assert_allclose(trace["x"], wanted, rtol=1e-5)
            assert arm - 0.5 < trace["y"][0] < arm + 0.5
            assert f"{source.name} rows, over {source.over}" in trace["hovertext"]
    low, high = chart["layout"]["xaxis"]["range"]
    assert low < min(0, *(source.low.min() for source in data.sources))
    assert high > max(0, *(source.high.max() for source in data.sources))
    assert [note["text"].split("<br>")[0] for note in chart["layout"]["annotations"]] == list(data.names)
    assert chart["needs"] == [[f"arm {number}"] for number in data.numbers]
    assert [item["label"] for item in chart["toggles"]] == [*data.names, "validation", "test"]


def test_a_gain_without_an_interval_is_a_marker(study):
    """One fit each has a difference and nothing to judge it by."""
    (trace,) = charts(study(folds=1, seeds=1, held_out=()))["gains"]["traces"]
    assert len(trace["x"]) == 1
    assert trace["hovertext"].endswith("no interval")


def test_curves_hold_means_and_bands(study):
    """Validation and training of both settings; where training was not measured there is no point."""
    result = study()
    result.curves[:, 1::2, 1] = np.nan
    data, chart = curves_data(result), charts(result)["curves"]
    for number, curve in enumerate(data.curves):
        band, line = traces(chart, f"setting {number}", "validation")
        np.testing.assert_allclose(line["y"], curve.validation, rtol=1e-5)
        np.testing.assert_allclose(line["customdata"], curve.validation_sd, rtol=1e-5)
        high = band["y"][: len(line["y"])]
        np.testing.assert_allclose(high, curve.validation - curve.validation_sd, rtol=1e-4)
        assert len(traces(chart, f"setting {number}", "train")[1]["x"]) == 6
    assert [item["label"] for item in chart["toggles"]][2:] == ["validation", "train"]


@pytest.mark.parametrize(
    "kind", [{"diverged": range(216)}, {"arms": {}}, {"folds": 1, "seeds": 1}, {"score": "loss"}, {"held_out": ()}]
)
def test_charts_of_hardly_anything_are_strict(study, kind):
    """Unknown values are null or left out; there is no NaN and no infinity."""
    made = charts(study(**kind))
    json.dumps(made, allow_nan=False)
    assert all(chart["traces"] for chart in made.values())
    assert ("sweep" in made) == (kind not in ({"diverged": range(216)}, {"arms": {}}))


def strings(value):
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings(inner)]
    if isinstance(value, list | tuple):
        return [text for inner in value for text in strings(inner)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_text(study, name):
    """What plotly would read as a tag, a link, an entity or a variable stands as it was written, shortened."""
    made = charts(study(arms={name: {f"{name}/output l1": [1e-3, 1e-2]}}))
    for chart in made.values():
        shown = strings([chart["traces"], chart["layout"]])
        tags = {part.split(">")[0] for text in shown for part in text.split("<")[1:]}
        assert tags <= {"br", "extra", "/extra"}
        assert all(len(line) < 150 for text in shown for line in text.split("<br>"))
        templates = [trace["hovertemplate"] for trace in chart["traces"] if "hovertemplate" in trace]
        assert all(re.fullmatch(TEMPLATE, text) for text in templates)
        assert "\u202e" not in str(chart)
        assert all(len(item["label"]) <= 40 for item in chart["toggles"])


def test_labels_show_what_stands_there():
    """Entities are escaped once; lines become one; the middle of long names is left out."""
    assert label("a<b & c&lt;\nd") == "a&lt;b &amp; c&amp;lt; d"
    assert len(label("n" * 300)) == 60
    assert escape_control_characters("a\u202eb\u2067c\x00d\ud800") == "a\\u202eb\\u2067c\\u0000d\\ud800"
    assert escape_control_characters("שלום 中 é\n\t") == "שלום 中 é\n\t"


def test_palettes_are_the_themes():
    """Every colour that a chart names is there, in both."""
    found = palettes()
    assert found["dark"]["@ink"] == THEMES["dark"].ink
    assert found["light"]["@hue1"] == THEMES["light"].colour(2)
    assert found["light"].keys() == found["dark"].keys()


def test_colours_are_names_of_the_palette(study):
    """So that one chart serves light and dark."""
    known = palettes()["light"]

    def colours(value, key=""):
        if isinstance(value, dict):
            return [found for name, inner in value.items() for found in colours(inner, name)]
        if isinstance(value, list | tuple):
            return [found for inner in value for found in colours(inner, key)]
        return [value] if key.endswith("color") else []

    for chart in charts(study(arms=TWO), published={1e-3: 0.8}).values():
        assert set(colours(chart)) <= {*known, "rgba(0,0,0,0)"}
        assert math.isfinite(chart["layout"]["height"])


def test_the_slider_holds_the_numbers_of_the_networks(study):
    """As bytes, to half a step: surfaces, weights, quantiles over units, curves; a panel without data is left out."""
    result = study(arms=TWO, picture=True, insides=True)
    words, packed = pack_explorers({"s": make_explorer(result, weigh_evidence(result))})
    block = np.frombuffer(gzip.decompress(base64.b64decode(packed)), np.uint8)
    json.dumps(words, allow_nan=False)

    def values(panel, candidate):
        size = math.prod(panel["shape"])
        part = block[panel["at"] + panel["rows"][str(candidate)] * size :][:size].reshape(panel["shape"])
        return panel["low"] + part / LEVELS * (panel["high"] - panel["low"])

    panels = words["studies"]["s"]["panels"]
    surface, weights, activity, _, curves, _ = panels
    assert [panel["kind"] for panel in panels] == ["surface", "weights", "units", "units", "curves", "curves"]
    np.testing.assert_allclose(values(surface, 3), result.picture.surfaces[1], atol=0.5 / LEVELS + 1e-6)
    assert set(surface["rows"]) == {"0", "3"}
    assert weights["shape"] == [2, 125]
    assert set(weights["rows"]) == {str(candidate) for candidate in range(7)}
    median = result.by_candidate(result.diagnostic("unit50/hidden/output"))[2].mean()
    assert values(activity, 2)[0, 3] == pytest.approx(median, abs=0.5 * activity["high"] / LEVELS + 1e-6)
    curve = curves_data(result, settings=[2]).curves[0]
    np.testing.assert_allclose(values(curves, 2)[3], curve.validation, atol=(curves["high"] - curves["low"]) / LEVELS)
    assert [stop[1] for stop in words["studies"]["s"]["arms"]["1"]["stops"]] == ["none", "1e-4", "0.001", "0.01"]
    bare = study(arms=TWO)
    bare_panels = pack_explorers({"s": make_explorer(bare, weigh_evidence(bare))})[0]["studies"]["s"]["panels"]
    assert [panel["kind"] for panel in bare_panels] == ["curves", "curves"]


def test_the_slider_of_many_candidates_stays_small(study):
    """With a thousand candidates the pictures have fewer points, and fit into the room of a page."""
    many = {f"arm {i}": {f"layer{i}/kernel l1": np.geomspace(1e-6, 1, 40).tolist()} for i in range(25)}
    result = study(arms=many, seeds=1, folds=2, picture=True, insides=True)
    words, packed = pack_explorers({"s": make_explorer(result, weigh_evidence(result))})
    assert len(json.dumps(words)) + len(packed) < 1_500_000


def test_a_study_with_nothing_to_compare_has_no_slider(study):
    for changes in ({"arms": {}}, {"diverged": range(216)}):
        result = study(**changes)
        assert make_explorer(result, weigh_evidence(result)) is None
