"""Class folders: their images, what is left out, and what is refused."""

import pytest
from tests.images._photos import pixels, save, write_classes

from bridle._errors import InputError
from bridle.images import list_images, read_class_folders


def test_classes_are_the_first_folders(tmp_path) -> None:
    """Folders inside a class belong to it; equal names in two classes are two images; hidden names are passed over."""
    write_classes(tmp_path, 2)
    save(tmp_path / "dots" / "more" / "0.PNG", pixels("dots", 9))
    save(tmp_path / "dots" / ".thumbnail.png", pixels("dots", 9))
    save(tmp_path / ".cache" / "a.png", pixels("dots", 9))
    (tmp_path / "dots" / "notes.txt").write_text("x")
    (tmp_path / "list.csv").write_text("x")
    folders = read_class_folders(tmp_path)
    names = ["bars/0.png", "bars/1.png", "dots/0.png", "dots/1.png", "dots/more/0.PNG"]
    assert folders.rows.file.tolist() == names
    assert folders.rows["class"].tolist() == ["bars", "bars", "dots", "dots", "dots"]
    assert folders.test is None
    assert "'dots/notes.txt'" in folders.notes[1]
    assert "'list.csv'" in folders.notes[0]


def test_a_folder_test_beside_train_is_held_out(tmp_path) -> None:
    """Paths count from the folder of both."""
    write_classes(tmp_path / "train", 2)
    write_classes(tmp_path / "test", 1, 7)
    folders = read_class_folders(tmp_path)
    assert len(folders.rows) == 4
    assert folders.test.file.tolist() == ["test/bars/7.png", "test/dots/7.png"]


def refused(root, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_class_folders(root)


def test_folders_that_cannot_be_used_are_refused(tmp_path) -> None:
    """Each with what was expected and what came."""
    refused(tmp_path, "got no files")
    (tmp_path / "a.txt").write_text("x")
    refused(tmp_path, r"got no image, but files with \.txt \(1\)")
    save(tmp_path / "a.png", pixels("dots", 0))
    refused(tmp_path, "1 images that are in no class folder, such as 'a.png'")
    write_classes(tmp_path, 1, classes=("dots",))
    refused(tmp_path, "at least two class folders .* got one: 'dots'")
    (tmp_path / "bars").mkdir()
    refused(tmp_path, "in every class folder .* got none in 'bars'")
    save(tmp_path / "bars" / "a.png", pixels("bars", 0))
    assert len(read_class_folders(tmp_path).rows) == 2
    save(tmp_path / "Bars" / "a.png", pixels("bars", 0))
    refused(tmp_path, "upper and lower case .* got 'Bars', 'bars'")


def test_parts_of_a_data_set_are_no_classes(tmp_path) -> None:
    """`train` and `val` would else be two classes."""
    write_classes(tmp_path / "train", 1)
    write_classes(tmp_path / "val", 1)
    refused(tmp_path, "got 'train', 'val'. Name them train and test")
    write_classes(tmp_path / "test", 1)
    assert read_class_folders(tmp_path).notes == ("Left out beside train and test: 'val'.",)
    save(tmp_path / "test" / "rings" / "a.png", pixels("dots", 0))
    refused(tmp_path, "got 'rings', which train does not have")


def test_results_and_odd_names(tmp_path) -> None:
    """The folder of an earlier answer is no class; a name that cannot be printed is none either."""
    write_classes(tmp_path, 1)
    write_classes(tmp_path / "bridle-photos", 1)
    (tmp_path / "bridle-photos" / "command.json").write_text("{}")
    assert len(read_class_folders(tmp_path).rows) == 2
    save(tmp_path / "a\nb" / "a.png", pixels("dots", 0))
    refused(tmp_path, r"can be printed .* got 'a\\nb'")
    refused(tmp_path / "nowhere", "No such file")


def test_new_images_are_listed(tmp_path) -> None:
    """Of a folder and below, or a single file."""
    write_classes(tmp_path, 1)
    assert list_images(tmp_path) == ["bars/0.png", "dots/0.png"]
    assert list_images(tmp_path / "bars" / "0.png") == ["0.png"]
    with pytest.raises(InputError, match="does not exist"):
        list_images(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="got no files"):
        list_images(tmp_path / "empty")
