"""Images with the largest errors of their out-of-fold predictions, in a grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.axes import Axes

from bridle._errors import InputError
from bridle.plots._figures import Drawing
from bridle.plots._style import figure_of, get_theme, label_axes, prepare_axes, style_text
from bridle.wording import shorten

COLUMNS, MAX_ROWS = 8, 12
"""Images side by side, and rows of a grid."""
WORST = 32
"""Images in the grid of all classes."""
TINY = 1e-7
"""The smallest probability whose logarithm is taken, as in Keras."""
WIDTH = 7.2
"""Width of the picture in inches."""
GAP = 1.08
"""The distance of images from edge to edge, relative to their size."""
LINE_INCHES, TITLE_INCHES, ROW_NAME_INCHES = 0.12, 0.35, 0.85
"""Room for a line of text below an image, for the title, and for the names of rows."""
CAPTION_CHARS = 10
"""Characters of a class below an image."""


@dataclass(frozen=True)
class RowErrors:
    """Errors of predictions for rows: the loss of each, and true and predicted value as text.

    The loss is −log p of the true class, or the squared error of a number. `wrong` are rows of classes whose most
    probable class is another one; for numbers all rows that have a prediction.
    """

    loss: Float[np.ndarray, "row"]
    """NaN for a row without a prediction."""
    wrong: Int[np.ndarray, "wrong"]
    """Indices of rows with an error, the largest loss first."""
    truth: tuple[str, ...]
    predicted: tuple[str, ...]
    """The most probable class with its probability in percent, or the number."""


@dataclass(frozen=True)
class ImageGrid:
    """Images in rows, each with a text below it; -1 where a place of the grid is empty."""

    images: UInt8[np.ndarray, "image height width channel"]
    places: Int[np.ndarray, "down across"]
    """The index of the image at each place."""
    texts: tuple[str, ...]
    """The text of each image."""
    rows: tuple[str, ...]
    """The names of the rows; empty where rows have none."""
    title: str


def row_errors(
    predictions: Float[np.ndarray, "row output"],
    targets: np.ndarray,
    classes: Sequence[str] | None,
    *,
    from_logits: bool = False,
) -> RowErrors:
    """Return the errors of predictions: probabilities or logits of classes, or numbers.

    Args:
        predictions: one column for each class; a single one for the second of two classes, and for a number.
        targets: class indices or numbers, shape (row,).
        classes: names of the classes; None for numbers.
        from_logits: whether predictions are logits.

    >>> errors = row_errors(np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), np.array([0, 1, 1]), ("cat", "dog"))
    >>> errors.wrong.tolist(), errors.predicted[1]
    ([1], 'cat 80 %')

    """
    if classes is None:
        values = predictions[:, 0].astype(float)
        loss = (values - targets) ** 2
        order = np.argsort(-loss, kind="stable")
        texts = [tuple(f"{value:.3g}" for value in column.tolist()) for column in (np.asarray(targets, float), values)]
        return RowErrors(loss, order[np.isfinite(loss[order])], texts[0], texts[1])
    shares = class_shares(predictions, from_logits)
    labels, choice = targets.astype(int), np.nan_to_num(shares).argmax(axis=1)
    loss = -np.log(np.clip(shares[np.arange(len(labels)), labels], TINY, None))
    order = np.argsort(-loss, kind="stable")
    wrong = order[np.isfinite(loss[order]) & (choice[order] != labels[order])]
    percents = np.nan_to_num(shares.max(axis=1)) * 100
    names = [shorten(label, CAPTION_CHARS) for label in classes]
    predicted = [f"{names[index]} {share:.0f} %" for index, share in zip(choice, percents, strict=True)]
    return RowErrors(loss, wrong, tuple(classes[int(index)] for index in labels), tuple(predicted))


def class_shares(predictions: Float[np.ndarray, "row output"], from_logits: bool) -> Float[np.ndarray, "row class"]:
    """Return the probability of each class from the outputs of a network.

    >>> class_shares(np.array([[0.75]]), False).tolist(), class_shares(np.array([[0.0]]), True).tolist()
    ([[0.25, 0.75]], [[0.5, 0.5]])
    """
    values = np.asarray(predictions, float)
    if values.shape[1] == 1:
        values = 1 / (1 + np.exp(-values)) if from_logits else values
        return np.concatenate([1 - values, values], axis=1)
    if not from_logits:
        return values
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def worst_errors(errors: RowErrors, images: np.ndarray) -> ImageGrid:
    """Return the images with the largest losses, the worst first.

    Errors: `InputError` where no prediction is wrong.
    """
    rows = errors.wrong[:WORST]
    if not len(rows):
        raise InputError("Expected at least one wrong prediction, got none. There is nothing to show.")
    places = np.full(-(-len(rows) // COLUMNS) * COLUMNS, -1)
    places[: len(rows)] = np.arange(len(rows))
    texts = tuple(f"{shorten(errors.truth[row], CAPTION_CHARS)}\nas {errors.predicted[row]}" for row in rows)
    title = f"The largest errors of {len(errors.loss):,} images"
    return ImageGrid(images[rows], places.reshape(-1, COLUMNS), texts, (), title)


def class_errors(errors: RowErrors, images: np.ndarray, classes: Sequence[str]) -> ImageGrid:
    """Return the images with the largest losses of each class, a row for each; the classes with most errors first.

    Errors: `InputError` where no prediction is wrong.
    """
    by_class = {label: [row for row in errors.wrong if errors.truth[row] == label] for label in classes}
    order = sorted((label for label in classes if by_class[label]), key=lambda label: -len(by_class[label]))[:MAX_ROWS]
    if not order:
        raise InputError("Expected at least one wrong prediction, got none. There is nothing to show.")
    places, rows = np.full((len(order), COLUMNS), -1), []
    for down, label in enumerate(order):
        worst = by_class[label][:COLUMNS]
        places[down, : len(worst)] = np.arange(len(rows), len(rows) + len(worst))
        rows += worst
    counts = {label: sum(truth == label for truth in errors.truth) for label in order}
    names = tuple(f"{shorten(label, CAPTION_CHARS)}\n{len(by_class[label])}/{counts[label]}" for label in order)
    texts = tuple(f"as {errors.predicted[row]}" for row in rows)
    return ImageGrid(images[np.array(rows)], places, texts, names, "The largest errors of each class")


def draw_images(data: ImageGrid, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw images in a grid with their texts below them."""
    look, (down, across), (high, wide) = get_theme(theme), data.places.shape, data.images.shape[1:3]
    inches = (WIDTH - (ROW_NAME_INCHES if data.rows else 0.1)) / (across * wide * GAP)  # of one pixel
    lines = max(text.count("\n") + 1 for text in data.texts)
    step_x, step_y = wide * GAP, high * GAP + LINE_INCHES * lines / inches
    height = down * step_y * inches + TITLE_INCHES
    ax = prepare_axes(ax, look, WIDTH, height)
    for (row, column), index in np.ndenumerate(data.places):
        if index < 0:
            continue
        left, top = column * step_x, row * step_y
        pixels = data.images[index]
        ax.imshow(
            pixels[..., 0] if pixels.shape[-1] == 1 else pixels,
            extent=(left, left + wide, top + high, top),
            cmap="gray",
            vmin=0,
            vmax=255,
            interpolation="nearest",
        )
        text = ax.text(left + wide / 2, top + high * 1.03, data.texts[index], ha="center", va="top")
        style_text(text, look, 6)
    ax.set(xlim=(0, across * step_x), ylim=(down * step_y, 0), aspect="equal", xticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set_yticks([row * step_y + high / 2 for row in range(len(data.rows))], data.rows)
    ax.tick_params(length=0)
    for label in ax.get_yticklabels():
        style_text(label, look, 8)
    label_axes(ax, look, title=data.title)
    return ax


def error_drawings(errors: RowErrors, images: np.ndarray, classes: Sequence[str] | None) -> tuple[Drawing, ...]:
    """Return the pictures of the worst errors: of all images, and of each of several classes; none without errors."""
    if not len(errors.wrong):
        return ()
    share = f"{len(errors.wrong):,} of {int(np.isfinite(errors.loss).sum()):,}"
    of_classes = "the most probable class and its probability" if classes is not None else "the prediction"
    caption = (
        f"The images with the largest errors out of fold, the worst first: the true value, below it {of_classes}, mean "
        "over seeds of networks that did not train on the image. "
    )
    caption += f"{share} images are predicted as another class." if classes is not None else ""
    grids = [("errors", caption.strip(), worst_errors(errors, images))]
    if classes is not None and len(classes) > 1:
        words = "The largest errors of each class, those with most errors first, with the number of errors / of images."
        grids.append(("class-errors", words, class_errors(errors, images, classes)))
    return tuple(Drawing(name, caption, _alt(grid), figure_of(draw_images(grid))) for name, caption, grid in grids)


def _alt(grid: ImageGrid) -> str:
    """Return the texts of a grid as one line."""
    texts = [text.replace("\n", " ") for text in grid.texts[:COLUMNS]]
    return f"{grid.title}: {'; '.join(texts)}{' …' if len(grid.texts) > COLUMNS else ''}"
