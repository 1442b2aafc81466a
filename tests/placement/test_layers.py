"""Every layer of Keras at every place: penalized, study-ready, nothing at strength 0, audited; and the page of it."""

import pytest

from docs.layers import PAGE, page
from tests.placement._catalogue import ABSENT
from tests.placement._layer_checks import everything
from tests.placement._recipes import COMPANY, RECIPES, Recipe, keras_layers

ALL = [pytest.param(recipe, id=f"{recipe.code} {recipe.kind}") for recipe in (*RECIPES, *COMPANY)]


def test_the_catalogue_has_every_layer_of_keras() -> None:
    """Once each; a layer that is new in Keras needs a line in the catalogue."""
    assert sorted([recipe.layer_class for recipe in RECIPES] + list(ABSENT)) == sorted(keras_layers())


@pytest.mark.parametrize("check", ["penalized", "study", "zero", "audited"])
@pytest.mark.parametrize("recipe", ALL)
def test_layers_at_every_place(recipe: Recipe, check: str) -> None:
    """What cannot be is listed with its reason, and a reason that no longer holds is taken off the list."""
    complaints = getattr(everything()[recipe], check)
    gap = recipe.gaps.get("study" if check == "zero" else check)
    assert (complaints == ()) is (gap is None), complaints or f"works now: {gap}"


def test_the_page_is_what_a_run_gives() -> None:
    """Where this fails after a change: `python docs/layers.py`."""
    assert PAGE.read_text() == page(everything())
