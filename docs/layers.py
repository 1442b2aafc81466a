"""Write docs/layers.md: run every layer of Keras at every place. `python docs/layers.py` takes a few minutes."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
from tests.placement._catalogue import ABSENT, NOTES
from tests.placement._layer_checks import FitResult, everything
from tests.placement._recipes import COMPANY, RECIPES, Recipe, keras_layers

PAGE = Path(__file__).parent / "layers.md"
TEXT = """# Every layer of Keras

<!-- Written by docs/layers.py from a run; tests/placement/test_layers.py compares. -->

Keras {version} has {classes} public layer classes in `keras.layers`, under {names} names. {standing} of them can stand
in a model on JAX, {weighted} of those have weights, and there are {places} places in all to put a penalty.

For each layer, in a tiny model, a run checks at every place:

* **penalized** – with `bridle.regularize(model, {{place: bridle.L2(0.1)}})` the loss that `fit` minimizes rises by 0.1
  times the sum of squares of the tensor (for activations divided by the number of samples, without padded steps), to
  five digits of a reading made without bridle; and each place is charged the same after save and load.
* **study-ready** – the compiled program of a study charges the same.
* **strength 0** – in that program the loss and all gradients are bit for bit those without a penalty. A layer that
  shows its states or its scores computes in another order and rounds differently in the seventh digit (*to 1e-6*);
  the arms of one study share one program, and `regularize` leaves strengths of 0 out, so both are exact there too.
* **audited** – `bridle.audit` has a row for every argument by which Keras itself takes a regularizer.

Every layer has an `output`. There is a `preactivation` where an activation function stands inside the layer, a
`hidden_state` and a `cell_state` where a loop over time has one cell that holds them, `attention_scores` where there
is attention. Gates and heads are places too: `lstm/kernel[forget]`, `attention/query/kernel[0]`.

A layer inside a layer also goes by the attribute that holds it: `both/forward/kernel` and `both/backward/kernel` in a
`Bidirectional`, `td/layer/kernel` in a `TimeDistributed`, `mixer/dense/kernel`, `mixer/blocks/0/kernel` in a layer of
your own, `rnn/cells/0/kernel` in a stack of cells. These names stand wherever Keras made up the name of the inner
layer, which it numbers anew for every model of a process.

**Globs over outputs.** `*/output` is the output of every layer that has weights or is or has an activation function:
`Dense`, `Conv2D`, `BatchNormalization`, `Activation("relu")`, `ReLU`, `LeakyReLU`, `ELU`, `PReLU`, `Softmax`. A glob
passes over dropout, pooling, reshaping and sums, over layers inside a layer, and over models; each of these is reached
by its name. What comes after the rectifier alone is `re_lu*/output`, or the names that you gave.

{table}

## In other company

Nested, frozen, shared, masked, with states, in lower precision.

{company}

## Not in a model on JAX

{absent}
"""
HEAD = ("layer", "weights", "activations", "penalized", "study-ready", "strength 0", "audited")


def row(found: FitResult) -> str:
    """The line of one layer."""
    recipe = found.recipe
    name = f"`{_called(recipe)}`" if recipe in COMPANY else _with_other_names(recipe.layer_class)
    return _line(_row(name, found))


def page(found: Mapping[Recipe, FitResult]) -> str:
    """The page, from what a run found."""
    known = keras_layers()
    return TEXT.format(
        version=keras.__version__,
        classes=len(known),
        names=sum(1 + len(names) for names in known.values()),
        standing=len(RECIPES),
        weighted=sum(found[recipe].weights > 0 for recipe in RECIPES),
        places=sum(len(found[recipe].places) for recipe in RECIPES),
        table=_table(HEAD, [row(found[recipe]) for recipe in RECIPES]),
        company=_table(HEAD, [row(found[recipe]) for recipe in COMPANY]),
        absent=_table(("layer", "why"), [_line((_with_other_names(name), why)) for name, why in ABSENT.items()]),
    )


def _called(recipe: Recipe) -> str:
    after = "" if recipe.kind in ("vector", "sequence") else f" on {recipe.kind}"
    return recipe.code.replace("L.", "") + after


def _row(name: str, found: FitResult) -> tuple[str, ...]:
    recipe = found.recipe
    activations = ("output", "preactivation", "hidden_state", "cell_state", "attention_scores")
    weights = [place for place in found.places if place.rpartition("/")[2] not in activations]
    zero = "to 1e-6" if recipe.shows_inside else "✓"
    study = f"✓ ({NOTES[recipe.code]})" if recipe.code in NOTES else "✓"
    return (
        name,
        _listed(weights) or "has none",
        _listed([place for place in found.places if place not in weights]),
        _cell(recipe, "penalized", found.penalized, "✓"),
        _cell(recipe, "study", found.study, study),
        _cell(recipe, "study", found.zero, zero),
        _cell(recipe, "audited", found.audited, "✓" if recipe.arguments else "Keras takes no regularizer"),
    )


def _cell(recipe: Recipe, check: str, complaints: Sequence[str], good: str) -> str:
    if not complaints:
        return good
    return recipe.gaps.get(check) or "; ".join(complaints).replace("|", "/")


def _listed(places: Sequence[str]) -> str:
    """`kernel, kernel[input], kernel[forget]` as `kernel (2 gates)`."""
    parts: dict[str, list[str]] = {}
    for place in places:
        whole, _, part = place.removesuffix("]").partition("[")
        parts.setdefault(whole, []).extend([part] if part else [])
    words = {whole: "heads" if all(map(str.isdigit, inside)) else "gates" for whole, inside in parts.items()}
    return ", ".join(
        f"{whole} ({len(inside)} {words[whole].removesuffix('s' * (len(inside) == 1))})" if inside else whole
        for whole, inside in parts.items()
    )


def _with_other_names(name: str) -> str:
    others = keras_layers()[name]
    return f"{name} ({', '.join(others)})" if others else name


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _table(head: Sequence[str], lines: Sequence[str]) -> str:
    return "\n".join([_line(head), _line(["---"] * len(head)), *lines])


if __name__ == "__main__":
    PAGE.write_text(page(everything(slow=True)))
