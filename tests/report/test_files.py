"""The page, the numbers and the figures on disk."""

import base64
import gzip
import hashlib
import json
import os
import re
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import pytest

from bridle._errors import InputError, StoreError
from bridle.plots import drawings
from bridle.report import Section, Sheet, page, strict, to_json, write
from bridle.report._assets import CSS, themed_svg

EVIL = '<script>alert("x")</script>&'
SHEET = Sheet("Published claims", ("claim", "published", "measured"), ((EVIL, 0.914, float("nan")),))


class Outline(HTMLParser):
    """Collects tags and complains of those left open."""

    VOID = ("meta", "img", "br", "input")

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def outline(text):
    parser = Outline()
    parser.feed(text)
    assert parser.open == []
    return parser.seen


def without_scripts(text):
    return re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)


def policy_of(text):
    found = (attrs for _, attrs in outline(text) if attrs.get("http-equiv") == "Content-Security-Policy")
    return dict(rule.split(" ", 1) for rule in next(found)["content"].split("; "))


def digests(text, tag):
    inside = re.findall(rf"<{tag}(?: id=[^>]*)?>(.*?)</{tag}>", text, re.DOTALL)
    return {f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'" for part in inside}


@pytest.fixture(scope="module")
def plain(study):
    """The page of a study with one arm."""
    return page("t", [Section("t", study())])


def test_page_is_closed_to_the_network(study):
    """Only inline pictures, and the styles and scripts whose hashes the policy names."""
    text = page("moons", [Section("moons", study(picture=True, insides=True))])
    seen, policy = outline(text), policy_of(text)
    assert policy["default-src"] == policy["connect-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["img-src"] == "data:"
    library = base64.b64decode(re.search(r'id="library">([^<]*)<', text)[1])
    unpacked = f"<script>{gzip.decompress(library).decode()}</script>"
    assert set(policy["script-src"].split()) == digests(text, "script") | digests(unpacked, "script")
    assert set(policy["style-src"].split()) == digests(text, "style")
    assert "unsafe" not in str(policy)
    images = [attrs for tag, attrs in seen if tag == "img"]
    assert len(images) == 10
    assert all(attrs["src"].startswith("data:image/") and attrs["alt"] for attrs in images)
    kinds = [attrs.get("type", "runs") for tag, attrs in seen if tag == "script"]
    assert kinds == ["application/json", "application/gzip", "runs"] * 2
    assert not [tag for tag, attrs in seen if tag in ("link", "iframe") or "style" in attrs]
    assert not [name for _, attrs in seen for name in attrs if name.startswith("on")]
    assert not re.search(r'(src|href)="(?!data:|#)', without_scripts(text))


def test_page_without_charts_has_no_scripts(study):
    """Without a finished fit the charts have no points."""
    text = page("moons", [Section("moons", study(diverged=range(216)))])
    assert policy_of(text)["script-src"] == "'none'"
    assert "<script" not in text
    assert "data-chart" not in text


def test_the_data_of_the_charts_is_in_the_page(study):
    """As strict JSON, one chart for each picture that names one."""
    sections = [Section("Tutorial", study(folds=1)), Section("Honest", study())]
    text = page("moons", sections)
    (block,) = re.findall(r'<script type="application/json" id="charts">(.*?)</script>', text, re.DOTALL)

    def refuse(name):
        raise AssertionError(f"{name} in the data of the charts")

    data = json.loads(block, parse_constant=refuse)
    assert set(data["charts"]) == set(re.findall(r'data-chart="([^"]*)"', text))
    assert data["charts"]["study-2-sweep"] == sections[1].charts["sweep"]
    assert set(data["palettes"]) == {"light", "dark"}


def test_page_tells_in_order(study):
    """Verdict, a picture, what stands behind it, table, pictures, protocol, provenance, how to repeat it."""
    result = study().with_provenance(epochs=4000, machine="Linux", seconds=12.5, data_sha256="ab12")
    text = page("moons", [Section("moons", result, again="bridle run moons --seeds '6'")])
    parts = (
        "Use L1 activity at strength 0.001.",
        "<img",
        "<details>",
        " lifts validation",
        'alt="Differences to no penalty',
        "<table",
        "Method",
        "216, of which 216 finished",
        "compilations",
        "Reproduce this study",
        "bridle run moons --seeds &#x27;6&#x27;",
        "To reproduce these numbers, keep the same rows in the same order (SHA-256 ab12…), seeds 0 to 5, 5 folds, 4000",
        "The study took 12.5 seconds for 216 fits on Linux.",
    )
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert result.protocol in text


def test_a_wide_study_shows_one_picture_first_and_folds_its_table(study, plain):
    """With a panel for each of nine arms, the gains come first; the table of many candidates opens on a click."""
    arms = {f"arm {i}": {f"layer{i}/kernel l1": [1e-4, 1e-3, 1e-2, 1e-1]} for i in range(9)}
    text = page("t", [Section("t", study(arms=arms), notes=("`a`: number.", EVIL))])
    parts = ("Use ", 'data-chart="study-1-gains"', "Details of this answer", "The rows and columns", "`a`: number.")
    parts += ('data-chart="study-1-sweep"', "<summary>All 37 candidates</summary>", "<table")
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    small = plain
    assert small.index('data-chart="study-1-sweep"') < small.index('data-chart="study-1-gains"')
    assert "All 6 candidates" not in small


def test_diagnoses_are_in_the_page(study, plain):
    """With the code, its sentence and what to do; none for a study without any."""
    text = page("t", [Section("t", study(arms={"L1": {"hidden/output l1": [1e-5, 1e-3]}}))])
    assert "<dt>BR007</dt><dd><strong>The best strength lies on the edge of the range.</strong>" in text
    assert "<em>What to do:</em> Extend the range" in text
    assert "<dt>BR" not in plain


@pytest.mark.parametrize("titles", [("moons",), ("Study",), ("Tutorial", "Honest")])
def test_headings_descend_step_by_step(study, titles):
    """One first heading, and no level left out."""
    seen = outline(page("moons", [Section(title, study(arms={}), code="x = 1") for title in titles]))
    levels = [int(tag[1]) for tag, _ in seen if tag in ("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert dict(seen)["html"] == {"lang": "en"}


def test_page_of_several_studies(study):
    """Each answer stands at the top with a link to its study; further tables are shown."""
    sections = [Section("Tutorial", study(folds=1), "As printed.", {1e-3: 0.8}, (SHEET,)), Section("Honest", study())]
    text = page("moons", sections, lead="Two protocols.")
    seen = outline(text)
    assert [attrs["href"] for tag, attrs in seen if tag == "a"] == ["#study-1", "#study-2"]
    assert [attrs["id"] for tag, attrs in seen if tag == "h2"] == ["study-1", "study-2"]
    assert len({attrs["data-chart"] for tag, attrs in seen if "data-chart" in attrs}) == 8
    assert "Published claims" in text
    assert "<td>0.914</td>" in text
    assert "Diamonds: published values" in text


def test_whatever_a_person_named_is_escaped(study):
    """In titles, names of arms and slots, protocol, tables and provenance."""
    result = study(arms={EVIL: {f"{EVIL}/output l1": [1e-3]}}).with_provenance(**{EVIL: EVIL})
    text = page(EVIL, [Section(EVIL, result, EVIL, None, (SHEET,)), Section(EVIL, result)], EVIL)
    assert "<script>alert" not in text
    assert text.count("<script") == text.count("</script") == 6
    outline(text)


def test_text_that_turns_around_is_written_as_codes(study):
    """A name cannot make the numbers beside it read backwards."""
    text = page("t", [Section("s", study(arms={"safe\u202e\u2066": {"a/output l1": [1e-3]}}), again="a\x00b")])
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", text)
    assert "safe\\u202e\\u2066" in without_scripts(text)


def test_the_shipped_library_is_as_published():
    """Byte for byte plotly.js-basic-dist-min 4.1.1, with its licence beside it; it can end no element."""
    folder = files("bridle.report").joinpath("_static")
    library = folder.joinpath("plotly-basic.min.js").read_bytes()
    assert hashlib.sha256(library).hexdigest() == "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"
    assert b"</script" not in library
    assert b"<!--" not in library
    assert "Permission is hereby granted" in folder.joinpath("LICENSE-plotly.txt").read_text()
    assert len(folder.joinpath("report.js").read_text().splitlines()) <= 120
    assert len(folder.joinpath("explore.js").read_text().splitlines()) <= 300


def test_page_is_small(study):
    """Three studies, each with all pictures, stay well below two megabytes."""
    arms = {n: {f"{n}/kernel l1": [1e-3, 1e-2]} for n in "abc"}
    section = Section("study", study(picture=True, insides=True, arms=arms))
    assert len(page("moons", [section] * 3).encode()) < 1_500_000


def test_page_without_sections_is_refused():
    """With what to do."""
    with pytest.raises(InputError, match="Section"):
        page("moons", [])


def test_text_stands_out_from_its_ground():
    """By 4.5 to 1 in every pair of the page's own colours, in light, in dark and on paper."""
    for theme in re.findall(r":root\{([^}]*)\}", CSS.replace("\n", "")):
        colours = dict(re.findall(r"--(\w+):#(\w+)", theme))
        light = {
            name: luminance(code if len(code) == 6 else "".join(c * 2 for c in code)) for name, code in colours.items()
        }
        for ground in ("ground", "soft"):
            for text in ("ink", "muted", "mark"):
                low, high = sorted((light[text], light[ground]))
                assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground, theme)


def luminance(code):
    """Return the relative luminance of a colour, as WCAG defines it."""
    parts = [int(code[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_pictures_follow_the_reader(study):
    """No theme colour is left fixed; the dark ones are there."""
    svg = themed_svg(drawings(study())[0].figure)
    assert "prefers-color-scheme:dark" in svg
    assert "fill: var(--c0)" in svg
    assert ": #1b1f24" not in svg
    assert not re.search(r'd="[^"]*\d\.\d{3}', svg)


def test_json_is_strict_and_complete(study):
    """No NaN, statuses as words, every member."""
    result = study(diverged=[0, 40])
    data = json.loads(json.dumps(to_json(result), allow_nan=False))
    assert data["verdict"].startswith("Use L1 activity at strength 0.001.")
    assert data["details"][0].startswith("The best of 6 candidates, chosen on other rows, lifts")
    assert {one["code"] for one in data["diagnoses"]} >= {"BR014"}
    assert data["winner"] == "L1 activity"
    assert data["provenance"]["bad"] is None
    assert data["provenance"]["wall seconds"] == 7.25
    assert len(data["members"]) == len(result.members)
    first = data["members"][0]
    assert (first["status"], first["fold"], first["seed"]) == ("diverged at epoch 311", 0, 0)
    assert data["members"][5]["fold"] == "all rows"
    assert data["members"][5]["last"]["test/accuracy"] == pytest.approx(result.held_out["test"][5, 1])
    assert data["arms"][1]["best"]["strengths"] == {"hidden/output l1": 1e-3}
    assert [(gain["rows"], gain["evidence"]) for gain in data["gains"]] == [("validation", True), ("test", True)]
    assert data["table"][0]["hidden/output l1"] is None


@pytest.mark.parametrize("kind", [{"diverged": range(216)}, {"arms": {}}, {"folds": 1, "seeds": 1}])
def test_json_of_hardly_anything(study, kind):
    """Unknown values are null."""
    json.dumps(to_json(study(**kind)), allow_nan=False)


def test_strict_turns_anything_plain():
    """Infinity is null; what JSON does not know becomes its text."""
    import numpy as np

    given = {1: np.array([1.0, np.inf]), "b": (np.int64(3), True, None), "c": {float("nan")}, "d": complex(1, 2)}
    assert strict(given) == {"1": [1.0, None], "b": [3, True, None], "c": [None], "d": "(1+2j)"}


def test_write_leaves_exactly_its_files(study, tmp_path):
    """Overwriting is whole, and no temporary file stays."""
    for arms in ({}, None):
        section = Section("moons", study() if arms is None else study(arms=arms))
        written = write(tmp_path / "a" / "b", "moons", [section], extra={"claims": [float("nan")]})
    assert {path.name for path in written.paths} == set(os.listdir(tmp_path / "a" / "b"))
    assert [path.name for path in written.figures] == ["sweep.png", "gains.png", "frontier.png", "curves.png",
                                                          "loss.png", "path.png"]  # fmt: skip
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in written.figures)
    numbers = json.loads(written.numbers.read_text())
    assert numbers["extra"] == {"claims": [None]}
    assert numbers["sections"][0]["title"] == "moons"


def test_figures_of_several_studies_have_safe_names(study, tmp_path):
    """Titles become prefixes that no file system can misread."""
    small = study(arms={})
    written = write(
        tmp_path, "t", [Section("../Tutorial's", small), Section("../tutorial s", small), Section("中", small)]
    )
    names = {path.name for path in written.figures}
    assert {"tutorial-s-curves.png", "tutorial-s-2-curves.png", "study-curves.png"} <= names
    assert all(path.parent == tmp_path for path in written.paths)


def test_a_folder_that_cannot_be_written_gets_a_sentence(study, tmp_path):
    """The message has expected, got and advice."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StoreError, match=r"Expected a folder that can be written, got .*Give another folder"):
        write(blocked, "moons", [Section("moons", study(arms={}))])
