"""Images with the largest errors: their numbers first, then their picture."""

import numpy as np
import pytest

from bridle._errors import InputError
from bridle.plots import class_errors, class_shares, draw_images, error_drawings, row_errors, worst_errors

CLASSES = ("cat", "dog $x$", "a very long name")
SHARES = np.array([[0.7, 0.2, 0.1], [0.05, 0.05, 0.9], [0.6, 0.3, 0.1], [np.nan] * 3, [0.4, 0.35, 0.25]])
LABELS = np.array([0, 1, 1, 2, 2])
IMAGES = np.arange(5 * 4 * 6 * 3).reshape(5, 4, 6, 3).astype(np.uint8)


def test_errors_are_sorted_by_the_loss_of_the_true_class() -> None:
    """Right predictions and rows without one are no errors."""
    errors = row_errors(SHARES, LABELS, CLASSES)
    assert errors.wrong.tolist() == [1, 4, 2]
    assert np.allclose(errors.loss[[0, 1, 2, 4]], -np.log([0.7, 0.05, 0.3, 0.25]))
    assert np.isnan(errors.loss[3])
    assert errors.truth[1] == "dog $x$"
    assert errors.predicted[1] == "a very…ame 90 %"


def test_logits_and_single_outputs_are_shares() -> None:
    """One output is the second of two classes."""
    assert class_shares(np.array([[np.log(3.0)]]), True).round(6).tolist() == [[0.25, 0.75]]
    assert np.allclose(class_shares(np.log(SHARES[:1]) + 5, True), SHARES[:1])


def test_numbers_are_sorted_by_squared_error() -> None:
    """Predictions of a regression."""
    errors = row_errors(np.array([[1.0], [5.0], [np.nan]]), np.array([1.5, 2.0, 0.0]), None)
    assert errors.wrong.tolist() == [1, 0]
    assert (errors.truth[1], errors.predicted[1]) == ("2", "5")


def test_grids_hold_the_worst_first() -> None:
    """Of all images, and of each class with the number of its errors."""
    errors = row_errors(SHARES, LABELS, CLASSES)
    grid = worst_errors(errors, IMAGES)
    assert np.array_equal(grid.images, IMAGES[[1, 4, 2]])
    assert grid.places.tolist() == [[0, 1, 2, -1, -1, -1, -1, -1]]
    assert grid.texts[2] == "dog $x$\nas cat 60 %"
    by_class = class_errors(errors, IMAGES, CLASSES)
    assert by_class.rows == ("dog $x$\n2/2", "a very…ame\n1/2")
    assert by_class.places.tolist() == [[0, 1, -1, -1, -1, -1, -1, -1], [2, -1, -1, -1, -1, -1, -1, -1]]
    with pytest.raises(InputError, match="at least one wrong prediction"):
        worst_errors(row_errors(SHARES[:1], LABELS[:1], CLASSES), IMAGES)


def test_the_picture_shows_each_image_at_its_place() -> None:
    """With its text below it, without mathematics in names; grey images too."""
    errors = row_errors(SHARES, LABELS, CLASSES)
    ax = draw_images(worst_errors(errors, IMAGES))
    assert np.array_equal(ax.images[0].get_array(), IMAGES[1])
    assert [text.get_text() for text in ax.texts][2] == "dog $x$\nas cat 60 %"
    assert not any(text.get_parse_math() for text in ax.texts)
    grey = draw_images(worst_errors(errors, IMAGES[..., :1]))
    assert grey.images[0].get_array().shape == (4, 6)
    names = [drawing.name for drawing in error_drawings(errors, IMAGES, CLASSES)]
    assert names == ["errors", "class-errors"]
    assert "3 of 4 images are predicted as another class" in error_drawings(errors, IMAGES, CLASSES)[0].caption
    assert error_drawings(row_errors(SHARES[:1], LABELS[:1], CLASSES), IMAGES, CLASSES) == ()
