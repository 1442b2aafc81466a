"""Images from a folder or a table to a model that is applied to new ones."""

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from tests.images._photos import CLASSES, pixels, save, write_classes

import bridle
from bridle._errors import InputError
from bridle.images import ImageForm
from bridle.tables import Problem, Structure
from bridle.tuning import (
    Applied,
    ImageOptions,
    ImagePreparation,
    ImageTable,
    TableStudy,
    load_applied,
    prepare_table,
    read_source,
    series_of,
)
from bridle.tuning._applied import save_applied
from bridle.tuning._image_network import AUGMENTATIONS, image_arms, image_network
from bridle.tuning._image_rows import split_images
from bridle.tuning._scale import Scale

ONE_ARM = {"L2": {"*/kernel": bridle.L2([1e-3])}}


def design(target: str = "class", **options: object) -> TableStudy:
    """A small study."""
    return TableStudy(target, **{"seeds": 1, "folds": 2, "epochs": 1, "arms": ONE_ARM, **options})


def test_folders_to_predictions(command) -> None:
    """The whole way of a person with class folders: a verdict, pictures of errors, a model for new images."""
    write_classes(Path("photos/train"), 10)
    write_classes(Path("photos/test"), 3, 50)
    Path("photos/train/dots/3.png").write_bytes(b"\x89PNG\r\n")
    few = "--seeds", "2", "--folds", "2", "--epochs", "2", "--penalty", "*/kernel=l2(1e-3)"
    code, out, err = command("tune", "photos", "--out", "answer", *few)
    assert code == 0, err
    out = " ".join(out.split())
    assert out.startswith("Images photos Classification of 'class', 2 classes: bars, dots. 19 images to learn from, 6")
    assert "1 of 26 images cannot be read and are left out: 'train/dots/3.png' (" in out
    assert "Images of 8 × 8 pixels, RGB: kept." in out
    assert "left and right exchanged" in out
    assert "Apply it to new images: bridle predict answer new" in out
    names = {path.name for path in Path("answer").iterdir()}
    assert {"report.html", "result.json", "model.keras", "apply.json", "study"} <= names
    assert json.loads(Path("answer/apply.json").read_text())["preparation"]["format"] == "bridle images 1"

    write_classes(Path("new"), 2, 70)
    Path("new/broken.jpg").write_bytes(b"x")
    code, out, err = command("predict", "answer", "new")
    assert code == 0
    assert "1 of 5 images cannot be read and are left out: 'broken.jpg' (it is no image of a known format)" in err
    lines = [line.split(",") for line in out.splitlines()]
    assert lines[0] == ["file", "class", "p(bars)", "p(dots)"]
    assert [line[0] for line in lines[1:]] == ["bars/70.png", "bars/71.png", "dots/70.png", "dots/71.png"]
    code, _, err = command("predict", "answer", "new", "--strict")
    assert (code, "Expected images that can be read, got 'broken.jpg'" in err) == (2, True)
    pd.DataFrame({"file": ["bars/71.png", "dots/70.png"]}).to_csv("new/list.csv", index=False)
    code, out, _ = command("predict", "answer", "new/list.csv")
    assert [line.split(",") for line in out.splitlines()[1:]] == [lines[2], lines[3]]
    applied = load_applied("answer")
    by_folder = applied.predict("new")
    assert by_folder["p(dots)"].tolist() == pytest.approx([float(line[3]) for line in lines[1:]], rel=1e-5)
    assert command("resume", "answer")[0] == 0
    numbers = json.loads(Path("answer/result.json").read_text())["sections"][0]
    assert {member["status"] for member in numbers["members"]} == {"finished"}


def test_a_table_with_a_column_of_files(tmp_path) -> None:
    """A regression by groups: other columns are left out, groups stay together, rows without a file go."""
    rows = []
    for index in range(24):
        name = f"{index}.png"
        save(tmp_path / "shots" / name, pixels(CLASSES[index % 2], index))
        rows.append({"shot": f"shots/{name}", "subject": f"s{index // 3}", "age": index, "size": index * 1.5})
    rows += [{"shot": None, "subject": "s0", "age": 1, "size": 2.0}, {"shot": "shots/gone.png", "subject": "s1"}]
    pd.DataFrame(rows).to_csv(tmp_path / "shots.csv", index=False)
    source = read_source(tmp_path / "shots.csv", "size")
    job = prepare_table(source, design("size", structure=Structure(group="subject")))
    assert job.problem.task == "regression"
    notes = "\n".join(job.notes)
    assert "Left out, since the network reads images alone: 'age'." in notes
    assert "1 rows without the name of an image are left out." in notes
    assert "Left out for want of a target: 1 rows." in notes
    assert job.prepared.rows.x.dtype == np.uint8
    for fold in job.prepared.folds:
        assert fold.train % 3 == 0  # whole groups of three images


def test_refused_with_a_sentence(command) -> None:
    """Options and folders that do not go together."""
    write_classes(Path("photos"), 3)
    for words, sentence in (
        (("photos", "--target", "label"), "Expected no target for a folder of images, got 'label'"),
        (("photos", "--size", "huge"), "Expected a size of images such as 64 or 48x64"),
        (("photos", "--augment", "flop"), "got 'flop'. Nearest: 'flip'"),
        (("photos", "--folds", "5"), "Expected at least 6 rows of each class of 'class'"),
    ):
        code, _, err = command("tune", *words, "--out", "answer")
        assert (code, sentence in err) == (2, True), err
    Path("photos/dots/1.png").write_bytes(b"")
    code, _, err = command("tune", "photos", "--strict", "--out", "answer")
    assert (code, "got 'dots/1.png' (it is no image of a known format)" in err) == (2, True), err
    Path("table.csv").write_text("a,b\n1,2\n3,4\n")
    code, _, err = command("tune", "table.csv")
    assert (code, "Expected the column to predict, got none. Give --target" in err) == (2, True), err


def wide(shape: tuple[int, int, int], classes: int, *, outputs: int = 0, logits: bool = False) -> keras.Model:
    """A linear model of pixels."""
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    ending = keras.layers.Dense(outputs or classes, None if logits else "softmax", name="out")
    model = keras.Sequential([keras.Input(shape), *layers, ending])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
    model.compile("sgd", loss, metrics=["accuracy"])
    return model


def test_a_given_model(tmp_path) -> None:
    """It gets the shape and the number of classes, and pixels from 0 to 255."""
    write_classes(tmp_path, 4)
    source = read_source(tmp_path, None)
    job = prepare_table(source, design(model=wide, images=ImageOptions((6, 8))))
    assert job.prepared.model.input_shape == (None, 6, 8, 3)
    assert list(image_arms(job.prepared.model, job.problem)) == ["L2 weights", "Smoothed labels"]
    assert np.asarray(job.prepared.folds[0].rows.x).max() > 100
    for wrong, sentence in (
        (lambda shape, classes: wide(shape, 3), r"images of shape \(8, 8, 3\) with 2 outputs, got .* → \(3,\)"),
        (lambda shape, classes: wide(shape, classes, logits=True), "from_logits=True. End it with a softmax"),
        (lambda shape, classes: "net", "to return a keras.Model, got str"),
    ):
        with pytest.raises(bridle.BridleError, match=sentence):
            prepare_table(source, design(model=wrong))


def test_the_default_network_and_its_arms() -> None:
    """Augmentation in training alone, dropout before the last layer, no labels to smooth for a number."""
    classes = Problem("classification", "class", ("a", "b", "c"), "text", 9, 0)
    model = image_network(ImageForm(20, 30, 1), classes, tuple(AUGMENTATIONS))
    names = [layer.name for layer in model.layers]
    assert names[: len(AUGMENTATIONS) + 1] == ["flip", "upside_down", *list(AUGMENTATIONS)[2:], "scale"]
    assert names[len(AUGMENTATIONS) + 1 :] == ["conv1", "conv2", "conv3", "flat", "hidden", "out"]
    pixels = np.random.default_rng(0).integers(0, 255, (64, 20, 30, 1)).astype("float32")
    assert np.array_equal(model.layers[0](pixels, training=False), pixels)
    assert not np.array_equal(model.layers[0](pixels, training=True), pixels)
    assert "hidden/output" in image_arms(model, classes)["Dropout"]
    number = Problem("regression", "size", None, "number", 9, 0)
    model = image_network(ImageForm(8, 8, 3), number, ())
    assert model.output_shape == (None, 1)
    assert list(image_arms(model, number)) == ["L2 weights", "Dropout"]


def test_copies_in_the_held_out_folder_are_said_first(tmp_path) -> None:
    """A score on them would say too much."""
    write_classes(tmp_path / "train", 4)
    write_classes(tmp_path / "test", 1)
    job = prepare_table(read_source(tmp_path, None), design())
    assert job.notes[0].startswith("2 held-out images are copies of images to learn from")


def test_no_class_is_left_without_images(tmp_path) -> None:
    """Damaged images can empty a class."""
    write_classes(tmp_path, 4)
    for path in (tmp_path / "dots").iterdir():
        path.write_bytes(b"")
    with pytest.raises(InputError, match="at least two values, got 'bars' in all 4"):
        prepare_table(read_source(tmp_path, None), design())


def test_text_files_beside_images_are_left_out(tmp_path) -> None:
    """A README makes no folder of texts, and a hidden folder neither; text files alone do."""
    write_classes(tmp_path / "photos", 3)
    for name in ("README.md", "labels.txt", "dots/notes.txt", ".git/description.txt"):
        (tmp_path / "photos" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "photos" / name).write_text("x")
    source = read_source(tmp_path / "photos", None)
    assert isinstance(source, ImageTable)
    assert "'README.md', 'labels.txt'" in source.notes[0]
    assert "'dots/notes.txt'" in source.notes[1]
    for label in CLASSES:
        (tmp_path / "texts" / label).mkdir(parents=True)
        (tmp_path / "texts" / label / "a.txt").write_text(label)
        (tmp_path / "texts" / label / "._a.txt").write_bytes(b"\xff")
    assert read_source(tmp_path / "texts", None).rows.text.tolist() == list(CLASSES)
    (tmp_path / "hidden" / ".notes").mkdir(parents=True)
    (tmp_path / "hidden" / ".notes" / "a.txt").write_text("x")
    with pytest.raises(InputError, match="one folder of images for each class"):
        read_source(tmp_path / "hidden", None)


class Halved(keras.layers.Layer):
    """A layer that Keras does not know."""

    def call(self, values):
        return values / 2


def halved(shape: tuple[int, int, int], classes: int) -> keras.Model:
    """A model with custom code that has one output for each class."""
    layers = [Halved(), keras.layers.Flatten(), keras.layers.Dense(classes, "softmax")]
    model = keras.Sequential([keras.Input(shape), *layers])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_given_model_with_custom_code_is_applied(tmp_path) -> None:
    """Its function gets the number of classes, as in training, for two classes too."""
    form, problem = ImageForm(8, 8, 3), Problem("classification", "class", CLASSES, "text", 9, 0)
    save_applied(tmp_path, Applied(halved(form.shape, 2), ImagePreparation(form), problem, Scale()))
    photo = save(tmp_path / "a.png", pixels("dots", 0))
    assert load_applied(tmp_path, model=halved).predict(photo)["class"].iloc[0] in CLASSES


def test_options_of_another_kind_are_refused(tmp_path) -> None:
    """No option is ignored without a word."""
    write_classes(tmp_path, 4)
    with pytest.raises(InputError, match="Expected no sequences or windows for images"):
        prepare_table(read_source(tmp_path, None), design(series=series_of(None, "t", 3, None, None)))
    table = pd.DataFrame({"a": range(20), "b": range(20)})
    for option in ({"size": 8}, {"augment": "flip"}, {"strict": True}):
        with pytest.raises(InputError, match=f"Expected images with --{next(iter(option))}, got rows without"):
            bridle.tune(table, "b", **option)


def test_new_rows_without_a_name_are_counted(tmp_path) -> None:
    """Or refused with strict."""
    save(tmp_path / "a.png", pixels("dots", 0))
    table, preparation = pd.DataFrame({"file": ["a.png", None]}), ImagePreparation(ImageForm(8, 8, 3))
    new = preparation.at(tmp_path, strict=False).new_rows(table)
    assert new.notes == ("1 rows without the name of an image are left out.",)
    with pytest.raises(InputError, match="the cell of its name is empty"):
        preparation.at(tmp_path, strict=True).new_rows(table)


def test_copies_that_a_split_holds_out_are_said_as_such(tmp_path) -> None:
    """All images of a class are equal, so that each held-out one is a copy of one to learn from."""
    for label in CLASSES:
        for index in range(5):
            save(tmp_path / label / f"{index}.png", pixels(label, 0))
    warnings = split_images(read_source(tmp_path, None), design()).warnings
    assert [warning.split(":")[0].split(",")[0] for warning in warnings] == [
        "6 images are copies of others",
        "2 held-out images are copies of images to learn from",
    ]
