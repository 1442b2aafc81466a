"""One image file of any mode becomes pixels of one form."""

import io

import numpy as np
import pytest
from PIL import Image
from tests.images._photos import pixels, save

from bridle.images import DamagedImage, ImageForm, read_header, read_image

FORM, GREY = ImageForm(12, 12, 3), ImageForm(12, 12, 1)


def test_plain_pixels_do_not_change(tmp_path) -> None:
    """An image of the form's size and mode is read bit for bit."""
    array = pixels("bars", 0, 12)
    assert np.array_equal(read_image(save(tmp_path / "a.png", array), FORM), array)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "RGBA", "LA", "I;16", "YCbCr", "HSV"])
def test_every_mode_becomes_rgb(mode: str, tmp_path) -> None:
    """Half black, half white stays that in every mode that files have."""
    array = np.zeros((12, 12), np.uint8)
    array[:, 6:] = 255
    if mode == "I;16":
        image = Image.fromarray(array.astype(np.uint16) * 257)
    elif mode in ("YCbCr", "HSV"):
        image = Image.fromarray(array).convert("RGB").convert("YCbCr") if mode == "YCbCr" else None
        image = Image.fromarray(array).convert("RGB") if image is None else image
    else:
        image = Image.fromarray(array).convert("RGB").convert(mode)
    suffix = "tif" if mode in ("CMYK", "YCbCr") else "png"
    image.save(tmp_path / f"a.{suffix}")
    result = read_image(tmp_path / f"a.{suffix}", FORM).astype(int)
    assert result.shape == (12, 12, 3)
    assert (result[:, :6] < 8).all()
    assert (result[:, 6:] > 247).all()


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path) -> None:
    """Pillow's own conversion would make everything above 255 white."""
    array = np.tile(np.linspace(0, 65535, 12).round().astype(np.uint16), (12, 1))
    path = save(tmp_path / "a.png", array)
    assert read_header(path).kind == "16-bit grey"
    values = read_image(path, GREY)[0, :, 0].astype(int)
    assert np.abs(values - np.linspace(0, 255, 12)).max() <= 1


def test_transparent_pixels_are_white(tmp_path) -> None:
    """With an alpha channel, and with a transparent colour of a palette."""
    array = np.zeros((12, 12, 4), np.uint8)
    array[:6, :, 3] = 255
    path = save(tmp_path / "a.png", array)
    assert read_header(path).transparent
    result = read_image(path, FORM)
    assert (result[:6] == 0).all()
    assert (result[6:] == 255).all()
    image = Image.fromarray(np.zeros((12, 12), np.uint8)).convert("P")
    image.save(tmp_path / "b.gif", transparency=0)
    assert (read_image(tmp_path / "b.gif", FORM) == 255).all()


def test_a_turned_photograph_is_upright(tmp_path) -> None:
    """EXIF orientation 6: the first row of the file is the right side of the photograph."""
    array = np.zeros((8, 16), np.uint8)
    array[0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "a.jpg", array, exif=exif, quality=95)
    assert (read_header(path).height, read_header(path).width) == (16, 8)
    upright = read_image(path, ImageForm(16, 8, 1))[..., 0].astype(int)
    assert (upright[:, -1] > 200).all()
    assert (upright[:, 0] < 50).all()


def test_other_shapes_are_cut_evenly(tmp_path) -> None:
    """The middle of a wide image stays, without a change of its proportions."""
    array = np.zeros((12, 36, 3), np.uint8)
    array[:, 12:24] = 200
    result = read_image(save(tmp_path / "a.png", array), FORM)
    assert (result == 200).all()


def test_a_large_photograph_is_decoded_small(tmp_path) -> None:
    """JPEG at a fraction of its size gives nearly the same pixels as at full size."""
    array = np.tile(np.linspace(0, 255, 640).astype(np.uint8), (480, 1))
    path = save(tmp_path / "a.jpg", array, quality=90)
    values = read_image(path, ImageForm(24, 32, 1))[..., 0].astype(int)
    assert np.abs(values - np.linspace(4, 251, 32)).max() < 4


def jpeg(cut: int | None = None) -> bytes:
    """A JPEG file, cut off after some bytes."""
    file = io.BytesIO()
    Image.fromarray(pixels("bars", 1, 64)).save(file, "JPEG")
    return file.getvalue()[:cut]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no image"),
        (b"hello", "no image"),
        (jpeg(60), "Truncated"),
        (jpeg(900), "truncated"),
        (None, "no such file"),
        ("folder", "folder"),
    ],
    ids=["empty", "text", "header", "cut off", "missing", "folder"],
)
def test_damaged_files_have_a_reason(content: object, reason: str, tmp_path) -> None:
    """Whatever is wrong becomes one exception with a sentence."""
    path = tmp_path / "a.jpg"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(DamagedImage, match=reason):
        read_image(path, FORM)


def test_too_many_pixels_are_refused(tmp_path, monkeypatch) -> None:
    """A small file that unfolds into many pixels is not decoded."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for side in (12, 40):
        with pytest.raises(DamagedImage, match="more pixels"):
            read_image(save(tmp_path / "a.png", np.zeros((side, side), np.uint8)), GREY)


def test_floating_point_pixels_are_refused(tmp_path) -> None:
    """Their range is not known."""
    path = save(tmp_path / "a.tif", np.random.default_rng(0).normal(size=(12, 12)).astype(np.float32))
    with pytest.raises(DamagedImage, match="floating-point"):
        read_image(path, GREY)


def test_a_name_does_not_decide(tmp_path) -> None:
    """A PNG that is named .jpg is read by its content."""
    array = pixels("dots", 2, 12)
    save(tmp_path / "a.png", array).rename(tmp_path / "a.jpg")
    assert np.array_equal(read_image(tmp_path / "a.jpg", FORM), array)
