"""Cards in notebooks: what they hold, and that nothing in them runs or loads."""

import re
import sys
from html import unescape
from types import SimpleNamespace

import pytest
from tests.conftest import network

import bridle
from bridle._cards import table_box
from bridle._errors import Interrupted
from bridle._progress import find_notebook, progress_bar


@pytest.fixture(scope="module")
def study() -> bridle.Study:
    """Two arms, one with a name that is markup."""
    arms = {"L2": {"*/kernel": bridle.L2([1e-3, 1e-2])}, "<b>": {"*/kernel": bridle.L1([1e-3])}}
    return bridle.Study(network(), arms, seeds=1, folds=3, epochs=3)


@pytest.fixture(scope="module")
def result(study, moons) -> bridle.Result:
    """Few epochs."""
    return study.run(*moons, progress=False)


def check(page: str) -> None:
    """One element, its own style, no script, nothing from elsewhere."""
    assert page.startswith('<section class="bridle-card">')
    assert page.endswith("</section>")
    assert "<script" not in page
    assert re.findall(r"""(?:src|href|url)\s*[=(]\s*(?!["']?data:)""", page) == []


def test_a_result_shows_verdict_picture_table_and_code(result) -> None:
    """The names of users are escaped."""
    page = result._repr_html_()
    check(page)
    for sentence in result.verdict().splitlines():
        assert sentence.replace("'", "&#x27;") in page
    assert 'src="data:image/svg' in page
    assert "<summary>Keras code</summary>" in page
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def test_interactive_pictures_are_a_page_in_a_frame(result) -> None:
    """Quoted as a whole, and without access to the notebook."""
    shown = result.plot.interactive(500)
    (source,) = re.fullmatch(
        r'<iframe srcdoc="([^"]*)" sandbox="allow-scripts" .*height:500px.*</iframe>', shown._repr_html_()
    ).groups()
    page = unescape(source)
    assert page.startswith("<!doctype html>")
    assert 'data-explorer="study-1"' in page
    assert 'http-equiv="Content-Security-Policy"' in page
    assert len(repr(shown)) < 100


def test_plan_and_audit_are_tables(study, moons) -> None:
    """With the sentences of their text below."""
    plan = study.plan(*moons, timed=False)
    page = plan._repr_html_()
    check(page)
    assert "0.001 to 0.01" in page
    assert ">6<" in page  # fits of L2: two strengths, three folds
    model = bridle.regularize(network(), {"hidden/kernel": bridle.L2(1e-3)})
    page = bridle.audit(model)._repr_html_()
    check(page)
    assert "hidden/kernel" in page
    assert "No findings" in page


def test_cells_without_a_value_are_empty() -> None:
    """NaN and None; text is to the left, and chosen lines are bold."""
    page = table_box(("a", "b"), [("x", float("nan")), ("y", 0.123456)], chosen=[1])
    assert page.count("<td></td>") == 1
    assert '<tr class="chosen"><td class="word">y</td><td>0.1235</td>' in page


def test_a_notebook_shows_a_bar_and_leaves_one_line(monkeypatch, study, moons) -> None:
    """The bar is drawn into one output, which ends as one line; a terminal of IPython is no notebook."""
    shown = []

    class Handle:
        def update(self, page) -> None:
            shown.append(page.data)

    fake = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
    drawn = SimpleNamespace(HTML=lambda data: SimpleNamespace(data=data), display=lambda page, display_id: Handle())
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", drawn)
    monkeypatch.setattr("bridle._progress.NOTEBOOK_SECONDS", 0.0)
    study.run(*moons, refit="none")
    assert any('<progress max="1"' in page and "fits, about" in page for page in shown)
    assert re.fullmatch(r"Study ended after \d+ s\.", shown[-1])
    fake.get_ipython = SimpleNamespace
    assert find_notebook() is None
    with progress_bar(False, "accuracy") as draw:
        assert draw(None) is None


def test_an_interrupt_in_a_notebook_is_a_sentence(result) -> None:
    """IPython shows what `_render_traceback_` returns; it says where the finished fits are."""
    error = Interrupted("Stopped after 3 of 9 fits.", result)
    assert error._render_traceback_() == [
        "Stopped after 3 of 9 fits. The finished fits: import sys; sys.last_value.result"
    ]
