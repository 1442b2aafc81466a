"""The pictures of the codes of a study, each with a caption and an alternative text."""

import numpy as np
from matplotlib.figure import Figure

from bridle.plots._along_time import along_time_data, draw_along_time
from bridle.plots._codes import (
    code_frontier_data,
    densities_data,
    draw_code_frontier,
    draw_densities,
    mean_of,
    typical_candidates,
)
from bridle.plots._features import Tiles, draw_tiles, features_data, matched_data, reconstructions_data
from bridle.plots._figures import Drawing
from bridle.plots._style import figure_of, new_figure
from bridle.representations import StudiedCodes
from bridle.wording import join_names


def code_drawings(
    codes: StudiedCodes,
    candidate: int | None = None,
    *,
    image: tuple[int, int] | None = None,
    theme: str = "light",
) -> tuple[Drawing, ...]:
    """Return every picture that a study of codes has data for.

    Args:
        codes: measures of a study.
        candidate: position of the candidate whose features are drawn. Default: the middle of the first arm's path.
        image: height and width of a row as an image. Default: those of the rows, or a square.
        theme: `"light"` or `"dark"`.

    """
    position = typical_candidates(codes)[-1] if candidate is None else candidate
    parts: list[Drawing] = []
    if "fvu" in codes.measures:
        parts.append(_frontier(codes, theme))
    parts.append(_densities(codes, theme))
    if codes.reconstructions:
        caption = "The first rows, and their reconstructions along the paths."
        parts.append(_tiles("reconstructions", reconstructions_data(codes, image=image), caption, theme))
    if (position, 0) in codes.dictionaries:
        caption = f"The rows of {codes.dictionary_name} as images: what each unit of {codes.layer} adds to the output."
        parts.append(_tiles("features", features_data(codes, position, image=image), caption, theme))
    if {(position, 0), (position, 1)} <= codes.dictionaries.keys():
        caption = "Features of one seed, and those that match them one to one in another seed, from best to worst."
        parts.append(_tiles("matched", matched_data(codes, position, image=image), caption, theme))
    if position in codes.activations:
        parts.append(_along_time(codes, position, theme))
    return tuple(parts)


def _frontier(codes: StudiedCodes, theme: str) -> Drawing:
    figure = new_figure(7.2, 4.4)
    draw_code_frontier(code_frontier_data(codes), figure.add_subplot(), theme=theme)
    points = [
        f"{name}: L0 {mean_of(codes, 'l0', index):.3g}, FVU {mean_of(codes, 'fvu', index):.3g}"
        for index, name in enumerate(codes.names)
    ]
    caption = "Sparsity against error: further left is sparser, further down is more exact."
    return Drawing("code-frontier", caption, "; ".join(points) + ".", figure)


def _densities(codes: StudiedCodes, theme: str) -> Drawing:
    figure = new_figure(7.2, 3.8)
    data = densities_data(codes)
    draw_densities(data, figure.add_subplot(), theme=theme)
    dead = [f"{100 * share:.0f} % dead units with {name}" for name, share in zip(data.names, data.dead, strict=True)]
    caption = "How often the units of the code are used, over the units of all seeds."
    return Drawing("densities", caption, f"Histogram of densities: {join_names(dead)}.", figure)


def _along_time(codes: StudiedCodes, position: int, theme: str) -> Drawing:
    figure, data = new_figure(7.2, 3.8), along_time_data(codes, position)
    draw_along_time(data, figure.add_subplot(), theme=theme)
    values = data.values[np.isfinite(data.values)]
    zeros = f"{100 * float((values == 0).mean()):.0f} % exactly zero" if len(values) else "padding alone"
    caption = f"The units of {codes.layer} along the steps of single rows, early ones first; padded steps are blank."
    alt = f"{data.title}: {data.values.shape[1]} units along {data.values.shape[2]} steps, {zeros}."
    return Drawing("along-time", caption, alt, figure)


def _tiles(name: str, data: Tiles, caption: str, theme: str) -> Drawing:
    figure: Figure = figure_of(draw_tiles(data, theme=theme))
    texts = [*data.rows, *data.columns]
    return Drawing(name, caption, f"{data.title}. {', '.join(texts)}".strip(), figure)
