"""Every picture can be drawn from every kind of result, in both themes, without a warning and without pyplot."""

import io
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from bridle._errors import InputError
from bridle.plots import (
    curves_data,
    draw_curves,
    draw_gains,
    draw_path,
    draw_surface,
    draw_sweep,
    drawings,
    gains_data,
    path_data,
    surface_data,
    sweep_data,
)

LONG = "a treatment whose name goes on and on, far longer than any axis has room for"
KINDS = {
    "plain": {},
    "one fold": {"folds": 1},
    "one fit each": {"folds": 1, "seeds": 1},
    "some diverged": {"diverged": [0, 40, 41]},
    "none diverged": {"diverged": range(36)},
    "all diverged": {"diverged": range(216)},
    "single strength": {"arms": {"L1": {"hidden/output l1": [1e-3]}}},
    "zero strength": {"arms": {"L1": {"hidden/output l1": [0, 1e-4, 1e-3]}}},
    "only zero": {"arms": {"L1": {"hidden/output l1": [0]}}},
    "no arm": {"arms": {}},
    "names": {"arms": {LONG: {"*/kernel l1": [1e-3, 1e-2]}, "_$x_$ \\frac{": {"hidden/output l1": [1e-3]}}},
    "two slots": {"arms": {"both": {"hidden/output l1": [1e-4, 1e-3], "hidden/kernel l2": [1e-4, 1e-3]}}},
    "many arms": {"arms": {f"arm {i}": {f"layer{i}/kernel l1": [1e-3, 1e-2]} for i in range(8)}},
    "loss": {"score": "loss"},
}


DARK = ("plain", "two slots", "many arms")
"""Studies that are drawn in the dark theme too, which differs in its colours only."""


@pytest.mark.parametrize(("kind", "theme"), [*((kind, "light") for kind in KINDS), *((kind, "dark") for kind in DARK)])
def test_all_drawings_render(study, kind, theme):
    """Each has a caption, an alternative text and pixels."""
    made = drawings(study(picture=True, insides=True, **KINDS[kind]), published={0: 0.7, 1e-3: 0.8}, theme=theme)
    assert "surface" in {drawing.name for drawing in made}
    for drawing in made:
        assert drawing.caption
        assert drawing.alt
        drawing.figure.savefig(io.BytesIO(), format="png", dpi=40)


def test_the_usual_study_has_all_pictures(study):
    """Sweep first; the loss only once."""
    names = [drawing.name for drawing in drawings(study(picture=True))]
    assert names == ["sweep", "gains", "frontier", "curves", "loss", "path", "surface"]
    names = [drawing.name for drawing in drawings(study(insides=True, **KINDS["two slots"]))]
    assert names == ["sweep", "heatmap", "gains", "frontier", "curves", "loss", "path", "units", "weights",
                     "activations"]  # fmt: skip
    assert "loss" not in [drawing.name for drawing in drawings(study(score="loss"))]


def test_sweep_draws_what_was_computed(study):
    """The line runs through the means, `none` is a level, the rings lie on best and 1se, zero is labelled."""
    data = sweep_data(study(arms={"L1": {"hidden/output l1": [0, 1e-4, 1e-3]}}, diverged=[36]), published={1e-4: 0.9})
    ax = draw_sweep(data)
    lines = {line.get_label(): line for line in ax.get_lines()}
    np.testing.assert_allclose(lines["L1"].get_ydata(), data.arms[0].mean)
    np.testing.assert_allclose(lines["L1"].get_xdata(), [1e-5, 1e-4, 1e-3])
    assert lines["none"].get_ydata()[0] == data.none_mean
    assert lines["best"].get_ydata()[0] == data.arms[0].mean[data.arms[0].marks["best"]]
    assert lines["published"].get_ydata().tolist() == [0.9]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1e-4", "0.001"]
    assert "29/30" in [text.get_text() for text in ax.texts]
    assert ax.get_xscale() == "log"


def test_one_arm_alone_has_its_exact_zeros_above_the_axes(study):
    """In per cent, over each strength, as glmnet writes the number of coefficients; several arms have none."""
    data = sweep_data(study())
    assert data.arms[0].tensor == "hidden/output"
    above = [text.get_text() for text in draw_sweep(data).texts]
    assert above == [*(f"{100 * share:.0f}" for share in data.arms[0].zeros), "exact zeros in hidden/output, %"]
    two = sweep_data(study(arms={"A": {"a/output l1": [1e-3]}, "B": {"b/output l1": [1e-3]}}))
    assert not draw_sweep(two).texts


def test_texts_above_the_axes_do_not_touch(study):
    """In a narrow panel some are left out."""
    data = sweep_data(study(arms={"L1": {"hidden/output l1": list(np.logspace(-6, 0, 25))}}, seeds=1, folds=2))
    ax = draw_sweep(data, Figure(figsize=(3, 3)).add_subplot())
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts[:-1]]
    assert 5 < len(boxes) < 25
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


def test_nothing_finished_is_said(study):
    """An axis with a sentence, not an empty one."""
    result = study(diverged=range(216), picture=False)
    axes = (draw_sweep(sweep_data(result)), draw_curves(curves_data(result)), draw_gains(gains_data(result)),
            draw_path(path_data(result, 1)))  # fmt: skip
    for ax in axes:
        assert any(text.get_text().endswith(".") for text in ax.texts)


def test_gains_interval_lines_and_zero(study):
    """The first line is zero; each interval runs from low to high."""
    data = gains_data(study())
    lines = draw_gains(data).get_lines()
    assert list(lines[0].get_xdata()) == [0.0, 0.0]
    assert list(lines[1].get_xdata()) == [data.sources[0].low[0], data.sources[0].high[0]]


def test_surfaces_go_from_weak_to_strong(study):
    """`none` first, then the panels of an arm in the order of their strengths, whatever order they are stored in."""
    result = study(picture=True)
    picture = replace(result.picture, settings=(4, 0, 2), surfaces=np.stack([np.full((30, 40), n) for n in (4, 0, 2)]))
    panels = surface_data(replace(result, picture=picture)).panels
    assert [panel.probability[0, 0] for panel in panels] == [0, 2, 4]


def test_surface_has_its_half_contour(study):
    """Colour bands and one contour at 0.5; rows of each class as one collection."""
    ax = draw_surface(surface_data(study(picture=True)), panel=1)
    assert any(len(getattr(found, "levels", [])) == 1 and found.levels[0] == 0.5 for found in ax.collections)
    assert len(ax.collections) == 4


def settings():
    """The global settings, without asking for the backend, which would choose one."""
    return {key: matplotlib.rcParams[key] for key in matplotlib.rcParams if key != "backend"}


def test_given_axes_are_used_and_nothing_global_changes(study):
    """The person's axes come back; rcParams stay as they are."""
    before = settings()
    ax = Figure().add_subplot()
    assert draw_sweep(sweep_data(study()), ax) is ax
    assert settings() == before


def test_unknown_theme_is_refused(study):
    """The known themes are listed."""
    with pytest.raises(InputError, match="'light', 'dark'"):
        draw_sweep(sweep_data(study()), theme="sepia")


SCRIPT = """
import io, runpy, sys
from bridle.plots import drawings
from bridle.report import rich_table
result = runpy.run_path(sys.argv[1])["study"](picture=True, insides=True)
[made.figure.savefig(io.BytesIO(), format="svg") for made in drawings(result)]
print([name for name in ("matplotlib.pyplot", "jax", "keras") if name in sys.modules])
"""


def test_drawing_loads_neither_pyplot_nor_keras():
    """A stored study opens on any laptop, and no window is ever opened."""
    source = Path(__file__).with_name("_synthetic.py")
    done = subprocess.run([sys.executable, "-c", SCRIPT, source], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
