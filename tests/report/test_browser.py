"""The page in a real browser: Chromium without a window."""

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bridle.plots import THEMES
from bridle.report import Section, page
from bridle.report._chart_parts import one_line

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install -e '.[dev]'")

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="Expected Chromium on the path to open the report in, found none. Install it: apt-get install chromium",
)
TWO = {"L1": {"hidden/output l1": [1e-4, 1e-3, 1e-2]}, "L2": {"hidden/kernel l2": [1e-4, 1e-3, 1e-2]}}
HOSTILE = (
    "<script>alert(1)</script>",
    '<a href="javascript:alert(1)">x</a><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>&lt;b&gt; %{x} $x$ 'q\" `${alert(1)}`",
    "gain \u202e38.0 \u2066reversed",
    "שלום عالم 中文 🙂",
    "n" * 300,
    "__proto__",
    "@ink",
)
WATCH = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.refused.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""


@dataclass
class Opened:
    """A page, and everything that it said or asked for."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def figure(self, name: str, number: int = 1) -> Any:
        return self.page.locator(f'figure[data-chart="study-{number}-{name}"]')

    def traces(self, name: str) -> int:
        return self.figure(name).locator(".scatterlayer .trace").count()

    def hover(self, name: str, point: int = 0) -> str:
        """Return the text that the pointer shows on a marker."""
        figure = self.figure(name)
        figure.scroll_into_view_if_needed()
        box = figure.locator(".scatterlayer .points path").nth(point).bounding_box()
        return self.point(figure, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def point(self, figure: Any, x: float, y: float) -> str:
        """Move the pointer there from beside it, and read the text, once that of the point before has gone."""
        shown = figure.locator(".hoverlayer .hovertext")
        self.page.mouse.move(0, 0)
        shown.first.wait_for(state="detached")
        self.page.mouse.move(x - 4, y)
        self.page.mouse.move(x, y, steps=3)
        shown.first.wait_for()
        return "\n".join(shown.locator("tspan.line").all_text_contents())

    def refused(self) -> list[str]:
        return self.page.evaluate("window.refused")

    def quiet(self) -> bool:
        """Return True if nothing was logged, refused or fetched."""
        assert self.said == []
        assert self.refused() == []
        assert [url[:80] for url in self.asked if not url.startswith(("file:", "data:"))] == []
        return True


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        # Without its sandbox it also starts as root and in containers; the only page that it opens is our own.
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def study(study):
    """The builder of results, which makes each once: so most tests share the page of one."""
    made = {}

    def once(**options):
        if repr(options) not in made:
            made[repr(options)] = study(**options)
        return made[repr(options)]

    return once


@pytest.fixture(scope="module")
def written():
    """Pages by the results and notes that they are made of, with these."""
    return {}


def text_of(results, notes, written):
    """Return the page of results, drawn once for all tests."""
    key = (*map(id, results), notes)
    if key not in written:
        sections = [Section(f"Study {number}", result, notes=notes) for number, result in enumerate(results, start=1)]
        written[key] = results, page("Report", sections)
    return written[key][1]


@pytest.fixture
def show(browser, tmp_path, written):
    """Write a page and open it: `show(result, …)`, one section for each result; options are those of the context."""
    contexts = []

    def opened(*results, notes=(), **options):
        (tmp_path / "report.html").write_text(text_of(results, notes, written), encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 900}, **options})
        contexts.append(context)
        context.add_init_script(WATCH)
        found = Opened(context.new_page())
        found.page.on("console", lambda message: found.said.append(message.text))
        found.page.on("pageerror", lambda error: found.said.append(str(error)))
        found.page.on("dialog", lambda dialog: (found.said.append(dialog.message), dialog.dismiss()))
        found.page.on("request", lambda request: found.asked.append(request.url))
        found.page.goto((tmp_path / "report.html").as_uri())
        if options.get("java_script_enabled", True):
            figures = found.page.locator("figure[data-chart]")
            for number in range(figures.count()):
                found.page.locator("figure.live[data-chart]").nth(number).wait_for()
        return found

    yield opened
    for context in contexts:
        context.close()


def test_charts_take_the_place_of_their_pictures(show, study):
    """All of them, in every study, and nothing is said, refused or fetched on the way."""
    seen = show(study(arms=TWO, picture=True), study(folds=1))
    for number, arms in ((1, 2), (2, 1)):
        for name in ("sweep", "gains", "curves", "loss"):
            figure = seen.figure(name, number)
            assert figure.locator(".main-svg").first.is_visible()
            assert figure.locator("img").is_hidden()
        assert seen.figure("sweep", number).locator(".errorbars").count() >= arms
    assert seen.page.locator("figure:not([data-chart]) img").count() == 5
    assert seen.page.locator("figure:not([data-chart]) img").first.is_visible()
    assert seen.quiet()


def test_the_policy_stops_what_is_not_the_page_s_own(show, study):
    """A script, a style and a request that something slipped in would not run: the policy is not for show."""
    seen = show(study())
    assert seen.quiet()
    seen.page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.slipped = true";
      const style = document.createElement("style");
      style.textContent = "body { display: none }";
      document.body.append(script, style);
      return fetch("data:text/plain,x").catch(() => null);
    }""")
    assert seen.page.evaluate("window.slipped") is None
    assert seen.page.locator("h1").is_visible()
    assert {text.split(" ")[0] for text in seen.refused()} == {"script-src-elem", "style-src-elem", "connect-src"}


def test_a_toggle_hides_an_arm_and_shows_it_again(show, study):
    """By pointer: the button says whether it is pressed, and the traces come and go."""
    seen = show(study(arms=TWO))
    button = seen.figure("sweep").get_by_role("button", name="L1")
    before = seen.traces("sweep")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert seen.traces("sweep") == before - 5  # points, training scores, three rules
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert seen.traces("sweep") == before
    assert seen.quiet()


def test_toggles_are_reached_and_pressed_by_keyboard(show, study):
    """Tab goes from one to the next, space and enter press; the name of a row goes with its intervals."""
    seen = show(study(arms=TWO))
    gains = seen.figure("gains")
    first, second = gains.get_by_role("button").nth(0), gains.get_by_role("button").nth(1)
    before, notes = seen.traces("gains"), gains.locator(".annotation-text").count()
    first.focus()
    seen.page.keyboard.press("Space")
    assert first.get_attribute("aria-pressed") == "false"
    assert seen.traces("gains") == before - 2
    assert gains.locator(".annotation-text").count() == notes - 1
    seen.page.keyboard.press("Tab")
    assert second.evaluate("node => node === document.activeElement")
    seen.page.keyboard.press("Enter")
    assert second.get_attribute("aria-pressed") == "false"
    assert seen.traces("gains") == 0
    assert seen.quiet()


def test_pointing_shows_values(show, study):
    """The strength, the score with its error and the rule in the sweep; the interval in the gains."""
    result = study()
    seen = show(result)
    points = [seen.hover("sweep", point) for point in range(5)]
    assert any("strength 0.001\nvalidation accuracy 0.8" in text and "rule: best" in text for text in points)
    assert all(re.search(r"± 0\.\d+", text) for text in points)
    assert re.search(r"difference 0\.\d+\ninterval 0\.\d+ to 0\.\d+", seen.hover("gains", 1))
    assert seen.quiet()


@pytest.mark.parametrize("name", ["L1 activity", *HOSTILE[:3]])
def test_curves_show_the_epoch_under_the_pointer(show, study, name):
    """With the mean and its spread; a name is no template."""
    seen = show(study(arms={name: {"hidden/output l1": [1e-3]}}))
    figure = seen.figure("curves")
    figure.scroll_into_view_if_needed()
    box = figure.locator(".scatterlayer .trace path.js-line").last.bounding_box()
    text = seen.point(figure, box["x"] + box["width"], box["y"])
    assert re.search(r"epoch 4000\nvalidation 0\.\d+ ± 0\.\d+", text)
    assert text.startswith(one_line(f"{name} (hidden/output l1 = 0.001)", 60))
    assert seen.quiet()


def test_what_a_screen_reader_finds(show, study):
    """A language, one first heading, each picture or chart under the same words, toggles with names in a group."""
    result = study(arms=TWO)
    section = Section("Study 1", result)
    seen = show(result)
    assert seen.page.locator("html").get_attribute("lang") == "en"
    assert seen.page.get_by_role("heading", level=1).count() == 1
    for drawing in section.drawings:
        assert seen.page.get_by_role("img", name=drawing.alt, exact=True).count() == 1
    assert seen.page.locator("figure").get_by_role("img").count() == len(section.drawings)
    assert seen.page.get_by_role("group", name="Show or hide").count() == 4
    names = [button.text_content() for button in seen.figure("sweep").get_by_role("button").all()]
    assert [name[1:] for name in names] == ["L1", "L2", "none", "train", "best", "1se", "recommended"]
    tree = seen.figure("sweep").aria_snapshot()
    assert 'button "L1" [pressed]' in tree
    assert f'img "{section.drawings[0].alt}"' in tree


def test_dark_and_light_follow_the_reader(show, study):
    """Also when that changes while the page is open, and with arms that are hidden."""
    seen = show(study(arms=TWO), color_scheme="light")

    def rgb(code):
        return f"rgb({int(code[1:3], 16)}, {int(code[3:5], 16)}, {int(code[5:7], 16)})"

    seen.figure("sweep").get_by_role("button", name="L1").click()
    for scheme in ("light", "dark", "light"):
        seen.page.emulate_media(color_scheme=scheme)
        drawn = {".xtick text": THEMES[scheme].ink, ".scatterlayer .points path": THEMES[scheme].colour(2)}
        for part, wanted in drawn.items():
            sync_api.expect(seen.figure("sweep").locator(part).first).to_have_css("fill", rgb(wanted))
        sign = seen.figure("sweep").get_by_role("button", name="L2").locator("span")
        sync_api.expect(sign).to_have_css("color", rgb(THEMES[scheme].colour(2)))
    assert seen.quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_picture_follows_the_verdict(show, study, scheme):
    """On the first screen, also with nine arms and two hundred notes; the rest opens on a click."""
    arms = {f"arm {i}": {f"layer{i}/kernel l1": [1e-4, 1e-3, 1e-2, 1e-1]} for i in range(9)}
    seen = show(study(arms=arms), color_scheme=scheme, notes=tuple(f"`g{i}`: number." for i in range(200)))
    verdict, first = seen.page.locator(".verdict"), seen.page.locator("figure").first
    bottom = verdict.bounding_box()["y"] + verdict.bounding_box()["height"]
    assert bottom <= first.bounding_box()["y"] < 500
    folded = seen.page.locator("details")
    assert [text.strip() for text in folded.locator("summary").all_text_contents()] == [
        "Details of this answer",
        "The rows and columns",
        "All 37 candidates",
    ]
    for part in folded.all():
        assert part.evaluate("part => !part.open")
        part.locator("summary").click()
        assert part.locator("p, table").first.is_visible()
    assert seen.quiet()


def test_the_slider_redraws_the_networks(show, study):
    """By keyboard: strength, summary and every picture change; a gap names the strengths that were kept."""
    seen = show(study(arms=TWO, picture=True, insides=True))
    slider, drawn = seen.page.get_by_role("slider", name="Strength"), seen.page.locator(".explorer canvas")
    summary, gap = seen.page.locator(".summary"), seen.page.locator(".explorer .gap").first
    told = []
    for key, label in (("Home", "none"), ("ArrowRight", "1e-4"), ("End", "0.01")):
        slider.press(key)
        sync_api.expect(seen.page.locator(".explorer output")).to_have_text(label)
        assert slider.get_attribute("aria-valuetext") == label
        told.append((summary.text_content(), *drawn.evaluate_all("all => all.slice(1).map(one => one.toDataURL())")))
        names = drawn.evaluate_all("all => all.slice(1).map(one => one.getAttribute('aria-label'))")
        assert all(name.endswith(f"at strength {label}") for name in names)
        assert gap.is_visible() == (label == "1e-4")
    assert [len(set(part)) for part in zip(*told, strict=True)] == [3] * 6
    assert gap.text_content() == "The study kept networks at none, 0.01."
    seen.page.get_by_label("Arm").select_option("L2")
    assert gap.text_content() == "The study kept networks at none."
    assert seen.quiet()


def test_nothing_that_scrolls_or_slides_is_out_of_reach(show, study):
    """Controls take the focus in the order of the page; axe-core agrees, where `AXE_CORE` names its file."""
    seen = show(study(arms=TWO, picture=True, insides=True), viewport={"width": 390, "height": 800}, bypass_csp=True)
    reached = []
    here = "(f => [f.tagName, f.id || f.className, f.getBoundingClientRect().top + scrollY])(document.activeElement)"
    while not reached or reached[-1][0] != "BODY":
        seen.page.keyboard.press("Tab")
        reached.append(seen.page.evaluate(here))
    tops = [top for _, _, top in reached[:-1]]
    assert tops == sorted(tops)
    assert {"study-1-arm", "study-1-strength", "scroll"} <= {name for _, name, _ in reached}
    wide = "[...document.querySelectorAll('*')].filter(n => n.scrollWidth > n.clientWidth && n.tabIndex < 0 && "
    assert seen.page.evaluate(f"{wide}/auto|scroll/.test(getComputedStyle(n).overflowX)).length") == 0
    if axe := os.environ.get("AXE_CORE"):
        seen.page.evaluate(Path(axe).read_text(encoding="utf-8"))
        faults = seen.page.evaluate("axe.run().then(all => all.violations.map(one => [one.impact, one.id]))")
        assert [fault for fault in faults if fault[0] in ("serious", "critical")] == []


def test_folded_parts_are_open_on_paper(show, study):
    seen = show(study(), notes=("`a`: number.",))
    text = seen.page.get_by_text("Scores are quoted with each fold")
    assert not text.is_visible()
    seen.page.emulate_media(media="print")
    assert text.is_visible()
    assert seen.page.get_by_text("`a`: number.").is_visible()


def test_paper_gets_the_pictures(show, study):
    """Charts and buttons are left out of print, and it becomes a file of whole pages."""
    seen = show(study(), color_scheme="dark")
    seen.page.emulate_media(media="print")
    for name in ("sweep", "gains", "curves"):
        assert seen.figure(name).locator("img").is_visible()
        assert seen.figure(name).locator(".chart").is_hidden()
    assert seen.page.get_by_role("button").count() == seen.page.get_by_role("slider").count() == 0
    printed = seen.page.pdf(format="A4")
    assert printed.startswith(b"%PDF-")
    assert len(printed) > 20_000
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 2
    assert seen.quiet()


def test_without_scripts_the_pictures_stay(show, study):
    """Nothing is missing, and nothing waits for a script."""
    seen = show(study(arms=TWO), java_script_enabled=False)
    pictures = seen.page.locator("figure img")
    assert pictures.count() == 6
    assert all(picture.is_visible() for picture in pictures.all())
    assert seen.page.get_by_role("button").count() == seen.page.get_by_role("slider").count() == 0


def test_a_narrow_page_does_not_scroll_sideways(show, study):
    """On a telephone the charts are as wide as the page, also with long names."""
    arms = {"a name that is longer than a telephone is wide " * 3: {"hidden/kernel l1": [1e-3, 1e-2]}, **TWO}
    seen = show(study(arms=arms), viewport={"width": 360, "height": 740})
    assert seen.page.evaluate("document.scrollingElement.scrollWidth") <= 360
    for name in ("sweep", "gains", "curves"):
        assert seen.figure(name).locator(".main-svg").first.bounding_box()["width"] <= 360
    assert seen.quiet()


def test_hostile_names_do_no_harm(show, study):
    """They are shown as they stand, in buttons, rows and under the pointer, and nothing of them runs."""
    arms = {name: {f"{name}/output l1": [1e-3, 1e-2]} for name in HOSTILE}
    seen = show(study(arms=arms).with_provenance(**dict.fromkeys(HOSTILE, HOSTILE[0])))
    buttons = seen.figure("sweep").get_by_role("button")
    shown = [buttons.nth(number).locator("bdi").text_content() for number in range(len(HOSTILE))]
    assert shown[0] == HOSTILE[0]
    assert shown[3] == "gain \\u202e38.0 \\u2066reversed"
    assert shown[4] == HOSTILE[4]
    assert shown[5] == "n" * 26 + "…" + "n" * 13
    assert shown[6:] == list(HOSTILE[6:])
    assert buttons.nth(5).get_attribute("title") == HOSTILE[5]
    rows = seen.figure("gains").locator(".annotation-text").all_text_contents()
    assert any(row.startswith(HOSTILE[0]) for row in rows)
    assert any(row.startswith("gain \\u202e38.0 \\u2066reversed") for row in rows)
    for number in range(1, len(HOSTILE)):
        buttons.nth(number).click()
    for number, name in enumerate(HOSTILE):
        assert seen.hover("sweep").startswith(one_line(name, 60) + "\nstrength 0.001")
        buttons.nth(number).click()
        buttons.nth((number + 1) % len(HOSTILE)).click()
    assert seen.page.locator("figure a, figure script, figure image, img[onerror]").count() == 0
    assert seen.page.locator("script").count() == 7  # data, library, ours; the same of the slider; the library unpacked
    assert seen.quiet()
