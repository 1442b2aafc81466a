"""The verdicts of twenty recorded studies: short, without contradiction, each number with its unit."""

import pytest

from bridle.report._facts import lead
from bridle.results import StudyResult
from bridle.stats import Evidence, exact_interval

from ._recorded import TEXTS, read, text_of
from ._verdict_checks import CHECKS, GAIN, signed

MIN_STUDIES = 20

Studies = dict[str, tuple[StudyResult, Evidence]]


@pytest.fixture(scope="module")
def studies() -> Studies:
    return read()


def verdicts() -> dict[str, str]:
    """Return the recorded texts by the name of their study."""
    parts = TEXTS.read_text(encoding="utf-8").strip().split("\n\n")
    return {name.strip("[]"): text for name, _, text in (part.partition("\n") for part in parts)}


def test_the_verdicts_are_as_recorded(studies: Studies) -> None:
    """After a wanted change of words, read all of them, then run `python tests/report/_recorded.py`."""
    assert text_of(studies) == TEXTS.read_text(encoding="utf-8")
    assert len(studies) >= MIN_STUDIES
    assert set(studies) == set(verdicts())


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
def test_no_verdict_contradicts_itself(check) -> None:
    wrong = {name: check(text) for name, text in verdicts().items() if check(text)}
    assert not wrong


PIMA = (
    "Use L1 weights at strength 0.0067.\n"
    "On unseen rows, accuracy is 5.2 percentage points higher (95 % interval 0.9 to 9.4): 76.4 % instead of 71.2 %.\n"
    "Next: use the network trained with it, model.keras or result.model()."
)
GLASS = (
    "None of the 6 penalties clearly helps; the best guess is L1 weights at strength 2.1e-4.\n"
    "On unseen rows, accuracy is about 0.5 percentage points higher (95 % interval 0.9 lower to 2.3 higher): "
    "68.9 % instead of 68.5 %.\n"
    "Next: settle it with about 1,500 rows in all (BR012)."
)


@pytest.mark.parametrize(
    ("name", "text", "words", "broken"),
    [
        ("short", PIMA, "Next:", "Next. Then:"),
        ("short", PIMA, "Next:", f"Next: {'and then ' * 20}"),
        ("difference_is_that_of_the_scores", PIMA, "71.2", "71.3"),
        ("difference_is_that_of_the_scores", GLASS, "about 0.5", "0.5"),
        ("difference_is_that_of_the_scores", GLASS, "68.5", "68.4"),
        ("difference_is_that_of_the_scores", GLASS, "68.5", "68.2"),
        ("direction_is_that_of_the_scores", PIMA, "points higher", "points lower"),
        ("interval_holds_the_difference", PIMA, "0.9 to", "5.3 to"),
        ("interval_holds_the_difference", GLASS, "2.3 higher", "0.4 higher"),
        ("interval_holds_the_difference", GLASS, "0.9 lower", "0.7 higher"),
        ("claim_is_that_of_the_interval", PIMA, "0.9 to", "0.9 lower to"),
        ("claim_is_that_of_the_interval", GLASS, "None of the 6 penalties clearly helps", "Use L1"),
        ("claim_is_that_of_the_interval", PIMA, "(95 % interval 0.9 to 9.4)", "(no interval: 2 folds are too few)"),
        ("shares_are_possible", PIMA, "76.4 %", "106.4 %"),
        ("shares_are_possible", PIMA, "to 9.4", "to 104.9"),
        ("numbers_have_units", PIMA, "76.4 %", "0.764"),
        ("numbers_have_units", PIMA, "5.2 percentage points", "5.2"),
        ("numbers_have_units", PIMA, "accuracy", "log loss"),
        ("numbers_have_units", PIMA, "at strength 0.0067", "at 0.0067"),
        ("numbers_have_units", GLASS, "1,500 rows", "1,500"),
    ],
)  # fmt: skip
def test_each_check_finds_its_fault(name: str, text: str, words: str, broken: str) -> None:
    """A good verdict passes all; with a planted fault, the check that is for it says so."""
    assert [check(text) for check in CHECKS] == [""] * len(CHECKS)
    assert words in text
    by_name = {check.__name__: check for check in CHECKS}
    assert by_name[name](text.replace(words, broken, 1))


def test_verdicts_have_the_numbers_of_the_evidence(studies: Studies) -> None:
    """Difference, interval and scores, rounded to the digits that are shown."""
    seen = 0
    for name, text in verdicts().items():
        result, evidence = studies[name]
        gain, chosen = lead(result, evidence)
        match = GAIN.search(text)
        if match is None:
            assert "the same with and without" in text
            continue
        factor = 100.0 if "percentage points" in text else 1.0
        ends = signed(match)
        half = 0.5000001 * 10.0 ** -len(match["size"].partition(".")[2])
        if ends and match["about"] != "less than ":
            numbers = [result.score.better(factor * value) for value in (gain.difference, gain.low, gain.high)]
            shown = [float(ends[0]), *sorted(map(float, ends[1:]), reverse=not result.score.maximize)]
            assert shown == pytest.approx(numbers, abs=half), name
            seen += 1
        none = float(evidence.validation.mean[evidence.choices[0].best])
        for part, value in (("arm", chosen), ("none", none)):
            assert match[part] is None or float(match[part]) == pytest.approx(factor * value, abs=half), name
    assert seen >= 15


def test_no_interval_leaves_what_shares_allow(studies: Studies) -> None:
    """Not above the upper end of the exact interval of the errors without a penalty."""
    seen = 0
    for name, (result, evidence) in studies.items():
        gain = evidence.primary
        if result.score.measure != "accuracy" or gain is None or not gain.high > 0:
            continue
        none = float(evidence.validation.mean[evidence.choices[0].best])
        assert gain.high <= 1 - exact_interval(none, gain.count)[0] + 1e-6, name
        seen += 1
    assert seen >= 8
