"""Every layer of Keras at every place: penalized, study-ready, nothing at strength 0, audited; and the page of it."""

import pytest
from docs.layers import PAGE, row
from tests.placement._catalogue import ABSENT
from tests.placement._layer_checks import outcome
from tests.placement._recipes import RECIPES, TESTED, Recipe, keras_layers

RUN = [pytest.param(recipe, id=f"{recipe.code} {recipe.kind}") for recipe in TESTED]


def test_the_catalogue_has_every_layer_of_keras() -> None:
    """Once each; a layer that is new in Keras needs a line in the catalogue."""
    assert sorted([recipe.layer_class for recipe in RECIPES] + list(ABSENT)) == sorted(keras_layers())


@pytest.mark.parametrize("check", ["penalized", "study", "zero", "audited"])
@pytest.mark.parametrize("recipe", RUN)
def test_layers_at_every_place(recipe: Recipe, check: str) -> None:
    """What cannot be is listed with its reason, and a reason that no longer holds is taken off the list."""
    complaints = getattr(outcome(recipe), check)
    gap = recipe.gaps.get("study" if check == "zero" else check)
    assert (complaints == ()) is (gap is None), complaints or f"works now: {gap}"


@pytest.mark.parametrize("recipe", RUN)
def test_the_page_has_what_a_run_gives(recipe: Recipe) -> None:
    """If this fails after a change, run `python docs/layers.py`."""
    assert row(outcome(recipe)) in PAGE.read_text().splitlines()


def test_the_page_has_every_layer_without_a_complaint() -> None:
    """Also those that no test runs; and it states how many there are."""
    text, known = PAGE.read_text(), keras_layers()
    assert f"has {len(known)} public layer classes" in text
    assert f"{len(RECIPES)} of them work" in text
    assert [name for name in known if f"\n| {name} " not in text] == []
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert [line for line in lines if "is charged" in line or "broken" in line or "no row" in line] == []
