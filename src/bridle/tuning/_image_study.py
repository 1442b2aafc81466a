"""Studies of images: from class folders or a table of image files to a prepared study."""

from functools import partial

import keras
import numpy as np
from sklearn.preprocessing import StandardScaler

from bridle._api import Result, Study, reload_note
from bridle.plots import Drawing, error_drawings, row_errors
from bridle.results import Baseline
from bridle.study.design import Prepared
from bridle.tables import Problem
from bridle.tuning._image_network import (
    BATCH_SIZE,
    again,
    augmentation_sentence,
    default_epochs,
    image_arms,
    image_network,
    own_image_network,
)
from bridle.tuning._image_preparation import ImagePreparation
from bridle.tuning._image_rows import ImageSplit, ImageTable, class_warning, problem_sentence, split_images
from bridle.tuning._job import Job, TableStudy
from bridle.tuning._model_file import MODEL_CODE
from bridle.tuning._test_split import TableNotes

OWN_EPOCHS = 40
"""Epochs of a given model, if no others are given."""


def prepare_images(table: ImageTable, design: TableStudy) -> Job:
    """Read images in one form, find the problem, and prepare its study.

    Errors: those of `tune`.
    """
    split = split_images(table, design)
    study, network = _study(split, design)
    scaler = StandardScaler() if split.problem.classes is None else None
    prepared = study.prepare(
        split.learn.pixels,
        split.y,
        test=split.test,
        class_weight=design.structure.class_weights(split.problem),
        target_preprocessor=scaler,
        **split.rows,
    )
    return Job(
        split.problem,
        ImagePreparation(split.form, table.column),
        split.learn.pixels,
        prepared,
        _describe(split, table, design, prepared, network),
        fit_baselines=_no_baselines,
        draw_examples=partial(worst_images, split),
    )


def worst_images(split: ImageSplit, result: Result) -> tuple[Drawing, ...]:
    """Return pictures of the images with the largest errors of the selected candidate out of fold.

    None where its predictions are not stored, as for more than 32 classes.
    """
    evidence, predicted = result.evidence, result.data.validation_predictions
    candidate = None if evidence.winner is None else evidence.candidate(evidence.winner)
    predictions = predicted.get(-1 if candidate is None else candidate, predicted.get(0))
    if predictions is None:
        return ()
    count = len(predictions)  # later rows are validated in no fold
    errors = row_errors(predictions, np.asarray(split.y[:count]), split.problem.classes)
    return error_drawings(errors, split.learn.pixels[:count], split.problem.classes)


def _study(split: ImageSplit, design: TableStudy) -> tuple[Study, keras.Model]:
    """Return the study of pixels, and its network."""
    problem, form = split.problem, split.form
    classes = 1 if problem.classes is None else len(problem.classes)
    if design.model is None:
        network = built = image_network(form, problem, design.images.augment, design.score)
        epochs, batch_size = default_epochs(_training_rows(split, design)), BATCH_SIZE
    else:
        network = own_image_network(design.model, form, classes)
        built, epochs, batch_size = again(network, design.model, form, classes), OWN_EPOCHS, 32
    arms = design.arms or image_arms(network, problem) | _other_kinds(network, design)
    study = Study(
        built,
        arms,
        seeds=design.seeds,
        folds=design.structure.folds(design.fold_count),
        epochs=design.epochs or epochs,
        batch_size=batch_size,
        score=design.score,
    )
    return study, network


def _training_rows(split: ImageSplit, design: TableStudy) -> int:
    return len(split.y) * (design.fold_count - 1) // design.fold_count


def _other_kinds(network: keras.Model, design: TableStudy) -> dict[str, dict]:
    """Return one arm of each kind that the default arms of images do not have, if all kinds are wanted."""
    kinds = design.other_kinds(network)
    return {name: terms for name, terms in kinds.items() if name.split()[0] not in {"Dropout", "LabelSmoothing"}}


def _describe(
    split: ImageSplit, table: ImageTable, design: TableStudy, prepared: Prepared, network: keras.Model
) -> TableNotes:
    """Return the sentences on the images, the network and what was left out."""
    held_out = f" ({table.test_name})" if table.test is not None else ""
    code = reload_note(prepared.model)
    lines = [split.form_sentence]
    if design.model is None:
        lines += [augmentation_sentence(design.images.augment), _network_sentence(network, prepared, split.problem)]
    return TableNotes(
        problem_sentence(split, held_out),
        tuple(lines),
        "\n".join(lines),
        (*split.notes, *prepared.notes, *([f"{code} {MODEL_CODE}."] if code else [])),
        (*split.warnings, *class_warning(split, prepared.score.measure)),
    )


def _network_sentence(network: keras.Model, prepared: Prepared, problem: Problem) -> str:
    form = tuple(network.input_shape[1:])
    convolutions = sum(isinstance(layer, keras.layers.Conv2D) for layer in network.layers)
    return (
        f"Network: {convolutions} convolutions and {network.count_params():,} weights for pixels of shape {form}, "
        f"{prepared.question.epochs} epochs."
    )


def _no_baselines(prepared: Prepared) -> tuple[Baseline, ...]:
    """Return no baselines: models of tables do not suit pixels."""
    return ()
