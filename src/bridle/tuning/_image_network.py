"""Default network for images, its augmentation, and its arms."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from bridle._errors import InputError, KindError, nearest_names, short_repr
from bridle._keras import is_rebuildable
from bridle.images import ImageForm
from bridle.placement import find_sites
from bridle.regularizers import L2
from bridle.regularizers._labels import LabelSmoothing
from bridle.regularizers._noise import Dropout
from bridle.tables import Problem
from bridle.tuning._network import called, ending

ImageNetworkFunction = Callable[[tuple[int, int, int], int], keras.Model]
"""A function of the shape (height, width, channels) and the number of classes, 1 for a number."""
FILTERS = (16, 32, 64, 64, 64)
"""Filters of the convolutions, each of which halves height and width."""
HIDDEN = 64
"""Units of the dense layer before the output."""
SMALLEST_MAP = 4
"""Height or width below which no further convolution halves a map."""
LEARNING_RATE = 2e-3
BATCH_SIZE = 64
ROW_EPOCHS, MIN_EPOCHS, MAX_EPOCHS = 10_000, 8, 40
"""Images that a fit of the default network sees in all its epochs, and the range of the epochs."""
PIXEL_RANGE = (0, 255)
AUGMENTATIONS: Mapping[str, tuple[str, Callable[[], keras.Layer]]] = {
    "flip": ("left and right exchanged", lambda: keras.layers.RandomFlip("horizontal", name="flip")),
    "upside-down": ("top and bottom exchanged", lambda: keras.layers.RandomFlip("vertical", name="upside_down")),
    "shift": (
        "shifts of up to 10 %",
        lambda: keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest", name="shift"),
    ),
    "rotate": (
        "rotations of up to 18 degrees",
        lambda: keras.layers.RandomRotation(0.05, fill_mode="nearest", name="rotate"),
    ),
    "zoom": ("zooms of up to 10 %", lambda: keras.layers.RandomZoom(0.1, fill_mode="nearest", name="zoom")),
    "brightness": (
        "brightness changed by up to 20 %",
        lambda: keras.layers.RandomBrightness(0.2, value_range=PIXEL_RANGE, name="brightness"),
    ),
    "contrast": (
        "contrast changed by up to 20 %",
        lambda: keras.layers.RandomContrast(0.2, value_range=PIXEL_RANGE, name="contrast"),
    ),
}
"""Random changes of training images by name: in words, and as a layer of Keras."""
DEFAULT_AUGMENTATION = ("flip",)
NO_AUGMENTATION = "none"


def read_augmentation(text: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return the names of random changes from text with commas, or from names; `"none"` is none of them.

    Errors: `InputError` for an unknown name.

    >>> read_augmentation("flip, shift"), read_augmentation("none"), read_augmentation(None)
    (('flip', 'shift'), (), ('flip',))
    """
    if text is None:
        return DEFAULT_AUGMENTATION
    names = [name.strip() for name in (text.split(",") if isinstance(text, str) else text)]
    names = [] if names == [NO_AUGMENTATION] else names
    for name in names:
        if name not in AUGMENTATIONS:
            choices = (*AUGMENTATIONS, NO_AUGMENTATION)
            raise InputError(
                f"Expected changes of training images among {', '.join(choices)}, got {short_repr(name)}. "
                f"{nearest_names(name, choices)}"
            )
    return tuple(dict.fromkeys(names))


def augmentation_sentence(names: Sequence[str]) -> str:
    """Return a sentence on the random changes of training images."""
    if not names:
        return "Training images are not changed."
    words = ", ".join(AUGMENTATIONS[name][0] for name in names)
    return f"Training images are changed at random, validation images are not: {words}. --augment none leaves it out."


def image_network(
    form: ImageForm, problem: Problem, augment: Sequence[str] = DEFAULT_AUGMENTATION, score: str | None = None
) -> keras.Model:
    """Return a compiled convolutional network for pixels from 0 to 255.

    Random changes come first, then `scale` to −1 to 1, the convolutions `conv1`, `conv2` and so on, with ReLU, the
    dense layer `hidden` of 64 units, and `out`. A convolution halves height and width; at most five, until a side
    is at most 4. Output, loss and metrics are those of `default_network`. The optimizer is Adam at 0.002.
    """
    last, loss, metrics = ending(problem, score)
    classes = 1 if problem.classes is None else len(problem.classes)
    layers = [AUGMENTATIONS[name][1]() for name in augment]
    layers.append(keras.layers.Rescaling(1 / 127.5, offset=-1, name="scale"))
    for index, filters in enumerate(FILTERS[: convolution_count(form)], 1):
        layers.append(
            keras.layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu", name=f"conv{index}")
        )
    layers += [keras.layers.Flatten(name="flat"), keras.layers.Dense(HIDDEN, activation="relu", name="hidden")]
    layers.append(keras.layers.Dense(1 if classes == 2 else classes, activation=last, name="out"))
    model = keras.Sequential([keras.Input(form.shape, name="pixels"), *layers])
    model.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), loss=loss, metrics=metrics)
    return model


def convolution_count(form: ImageForm) -> int:
    """Return the number of convolutions for a size, each of which halves it.

    >>> [convolution_count(ImageForm(side, side, 3)) for side in (4, 8, 28, 32, 64, 512)]
    [1, 1, 3, 3, 4, 5]
    """
    halvings = np.log2(min(form.height, form.width) / SMALLEST_MAP)
    return int(np.clip(np.ceil(halvings - 1e-9), 1, len(FILTERS)))


def default_epochs(rows: int) -> int:
    """Return the epochs for a number of training images: fewer for more images.

    >>> default_epochs(200), default_epochs(1500), default_epochs(10_000)
    (40, 8, 8)
    """
    return int(np.clip(ROW_EPOCHS // max(1, rows), MIN_EPOCHS, MAX_EPOCHS))


def image_arms(model: keras.Model, problem: Problem) -> dict[str, dict[str, Any]]:
    """Return the default arms: L2 on all kernels, dropout before the last layer, smoothed labels of classes.

    Their strengths are fixed, so that a study of images ends in a few minutes.
    """
    sites = find_sites(model)
    hidden = [site.path for site in sites if site.quantity == "preactivation" and site.path != model.layers[-1].name]
    arms: dict[str, dict[str, Any]] = {}
    if any(site.quantity == "kernel" for site in sites):
        arms["L2 weights"] = {"*/kernel": L2([1e-3, 1e-2])}
    if hidden:
        arms["Dropout"] = {f"{hidden[-1]}/output": Dropout([0.25, 0.5])}
    if problem.classes is not None:
        arms["Smoothed labels"] = {"labels": LabelSmoothing([0.1])}
    return arms


def own_image_network(function: ImageNetworkFunction, form: ImageForm, classes: int) -> keras.Model:
    """Return the network of a user's `function(shape, classes)`.

    Errors: `KindError` if it returns no model; `InputError` if input or output do not fit, or if the model predicts
    logits.
    """
    model = called(function, form.shape, classes)
    if not isinstance(model, keras.Model):
        raise KindError(f"Expected the model function to return a keras.Model, got {type(model).__name__}.")
    takes = tuple(model.inputs[0].shape[1:]) if getattr(model, "inputs", None) else ()
    gives = tuple(model.output_shape[1:]) if getattr(model, "inputs", None) else ()
    fits = len(takes) == 3 and all(want in (None, side) for want, side in zip(takes, form.shape, strict=True))
    if not fits or gives not in ((classes,), *(((1,),) if classes == 2 else ())):
        raise InputError(
            f"Expected a model for images of shape {form.shape} with {classes} outputs, got {takes or '?'} → "
            f"{gives or '?'}. The function gets the shape and the number of classes, 1 for a number."
        )
    if getattr(model.loss, "from_logits", False):
        raise InputError(
            "Expected a model that predicts probabilities, got one whose loss has from_logits=True. End it with a "
            "softmax or sigmoid activation."
        )
    return model


def again(
    network: keras.Model, function: ImageNetworkFunction, form: ImageForm, classes: int
) -> keras.Model | Callable[[], keras.Model]:
    """Return a user's network, or a function that builds it if Keras cannot rebuild it from its configuration."""
    return network if is_rebuildable(network) else partial(own_image_network, function, form, classes)
