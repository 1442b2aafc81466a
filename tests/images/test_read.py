"""Many images: one form, damaged ones, copies, and the column of a table."""

import numpy as np
import pandas as pd
import pytest
from tests.images._photos import pixels, save, write_classes

from bridle._errors import InputError
from bridle.images import (
    ImageForm,
    choose_form,
    copies_sentences,
    damaged_sentence,
    find_image_column,
    form_sentence,
    missing_files_sentence,
    read_headers,
    read_images,
    read_size,
)


def test_mixed_sizes_and_modes_get_one_form_and_a_sentence(tmp_path) -> None:
    """Grey and colour become RGB; shapes that differ become squares."""
    save(tmp_path / "a.png", pixels("dots", 0, 20))
    save(tmp_path / "b.png", pixels("dots", 1, 24)[:, :12])
    save(tmp_path / "c.png", pixels("dots", 2, 16)[..., 0])
    headers, damaged = read_headers(tmp_path, ["a.png", "b.png", "c.png"])
    form = choose_form(headers)
    assert (form, damaged) == (ImageForm(16, 16, 3), {})
    sentence = form_sentence(headers, form)
    assert sentence == (
        "Images of 3 sizes, from 16 × 16 to 20 × 20 pixels, 2 RGB, 1 grey: brought to 16 × 16 RGB "
        "(scaled, what sticks out cut off evenly)."
    )
    assert read_images(tmp_path, list(headers), form).pixels.shape == (3, 16, 16, 3)
    grey = {"c.png": headers["c.png"]}
    assert choose_form(grey, (8, 10)) == ImageForm(8, 10, 1)
    assert form_sentence(grey, ImageForm(16, 16, 1)) == "Images of 16 × 16 pixels, grey: kept."


def test_damaged_images_are_named_and_left_out_or_refused(tmp_path) -> None:
    """The others keep their order."""
    write_classes(tmp_path, 2)
    names = ["bars/0.png", "bars/1.png", "dots/0.png", "gone.png"]
    (tmp_path / "bars" / "1.png").write_bytes(b"\x89PNG")
    images = read_images(tmp_path, names, ImageForm(8, 8, 3))
    assert images.names == ("bars/0.png", "dots/0.png")
    assert images.readable.tolist() == [True, False, True, False]
    assert np.array_equal(images.pixels[1], pixels("dots", 0))
    sentence = damaged_sentence(images.damaged, len(names))
    assert sentence.startswith("2 of 4 images cannot be read and are left out: 'bars/1.png' (")
    assert "'gone.png' (there is no such file)" in sentence
    with pytest.raises(InputError, match=r"got 'bars/1\.png' \(.*leave out --strict"):
        read_images(tmp_path, names, ImageForm(8, 8, 3), strict=True)
    with pytest.raises(InputError, match=r"images that can be read, got none\. 1 of 1"):
        read_images(tmp_path, names[3:], ImageForm(8, 8, 3))


def test_one_file_in_several_rows(tmp_path) -> None:
    """It is read once and given to each."""
    write_classes(tmp_path, 1)
    names = ["dots/0.png", "bars/0.png", "dots/0.png"]
    images = read_images(tmp_path, names, ImageForm(8, 8, 3))
    assert images.names == tuple(names)
    assert np.array_equal(images.pixels[0], images.pixels[2])
    assert np.array_equal(images.pixels[1], pixels("bars", 0))


def test_too_many_pixels_are_refused_before_reading(tmp_path) -> None:
    """With the size that they would take."""
    with pytest.raises(InputError, match=r"3,000 images of 1024 × 1024 RGB, which take 9 GiB. Give a smaller --size"):
        read_images(tmp_path, ["a.png"] * 3000, ImageForm(1024, 1024, 3))


def test_copies_are_named(tmp_path) -> None:
    """Inside the rows to learn from, and between them and held-out ones."""
    write_classes(tmp_path, 2)
    save(tmp_path / "dots" / "again.png", pixels("bars", 0))
    form = ImageForm(8, 8, 3)
    learn = read_images(tmp_path, ["bars/0.png", "dots/1.png", "dots/again.png"], form)
    test = read_images(tmp_path, ["dots/0.png", "dots/1.png"], form)
    inside, across = copies_sentences(learn, test)
    assert "1 images are copies of others" in inside
    assert "'dots/again.png' = 'bars/0.png'" in inside
    assert "'dots/1.png' = 'dots/1.png'" in across
    assert copies_sentences(test) == []


def test_the_column_of_image_files(tmp_path) -> None:
    """All cells name images, some of which exist; not the target; one column only."""
    write_classes(tmp_path, 2)
    table = pd.DataFrame({"photo": ["bars/0.png", None, "dots/9.png"], "note": ["a.png", "b", "c"], "label": [0, 1, 0]})
    assert find_image_column(table, tmp_path) == "photo"
    assert find_image_column(table, tmp_path, "photo") is None
    assert find_image_column(table, tmp_path / "bars") is None
    assert "`photo` names image files, such as 'bars/0.png'" in missing_files_sentence(table, tmp_path / "bars")
    with pytest.raises(InputError, match="one column of image files, got 'photo', 'second'"):
        find_image_column(table.assign(second=table.photo), tmp_path)


def test_sizes_that_cannot_be_used() -> None:
    """Text, and sides out of range."""
    for size in ("", "big", "2", "64x", "32x9999", "1x64", (3, 3), (8, 8, 8)):
        with pytest.raises(InputError, match="a size of images such as 64 or 48x64"):
            read_size(size)
