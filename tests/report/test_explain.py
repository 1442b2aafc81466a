"""Numbered diagnoses: those that apply, their pages, and the page of the documentation."""

import re

import pytest

from bridle._errors import InputError
from bridle.report import DIAGNOSES, explain, find_all, find_diagnosis, list_text, page_text


def test_codes_are_numbered_and_pages_complete() -> None:
    """BR001, BR002 and so on; each page says what was seen, why it matters and what to do."""
    assert [one.code for one in DIAGNOSES] == [f"BR{number:03}" for number in range(1, len(DIAGNOSES) + 1)]
    for one in DIAGNOSES:
        text = page_text(one)
        assert text.startswith(f"{one.code}: {one.title}\n\nWhat was seen: ")
        assert "\n\nWhy it matters: " in text
        assert "\n\nWhat to do: " in text
        assert all(part.endswith(".") for part in (one.pattern, one.reason, one.action))
    assert len({one.title for one in DIAGNOSES}) == len(DIAGNOSES)
    assert len(list_text().splitlines()) == len(DIAGNOSES)


def test_a_code_is_found_in_any_case() -> None:
    assert find_diagnosis(" br007 ").code == "BR007"
    with pytest.raises(InputError, match=r"BR001 to BR\d+, got 'BR999'\. `bridle explain` lists them"):
        find_diagnosis("BR999")


def test_diagnoses_of_a_study_have_its_numbers(study) -> None:
    """Code, title, the sentence of the details, what to do; a study without any says so."""
    result = study(arms={"L1": {"hidden/output l1": [1e-5, 1e-3]}}, lift=0.06)
    assert find_all(result)[0].code == "BR007"
    text = explain(result)
    assert text.startswith(f"BR007: {find_diagnosis('BR007').title}\n  The best lies on the edge of the grid: ")
    assert "hidden/output l1 = 0.001 is the strongest tried" in text
    assert f"  What to do: {find_diagnosis('BR007').action}" in text
    assert explain(study()) == "No diagnosis applies to this study."


def test_diverged_fits_are_a_diagnosis(study) -> None:
    findings = {one.code: one for one in find_all(study(diverged=[36, 37, 41]))}
    assert "178/180 fits finished, 2 diverged" in findings["BR014"].sentence
    assert re.search("3 of 216 fits diverged", findings["BR014"].step)


def test_the_best_of_many_scores_is_a_diagnosis(study) -> None:
    """Of one validation set always; of folds where the selecting score is the better one."""
    findings = {one.code: one for one in find_all(study(folds=1))}
    assert findings["BR018"].sentence == "5 strengths were compared on the 70 rows that give the score."
    noisy = [find_all(study(lift=0.0, folds=3, seeds=1, rng=rng)) for rng in range(10)]
    sentences = [one.sentence for findings in noisy for one in findings if one.code == "BR018"]
    assert sentences
    for sentence in sentences:
        best, quoted = re.search(r"is (\S+); on rows without a part in the selection it is (\S+)\.$", sentence).groups()
        assert float(best) > float(quoted)
