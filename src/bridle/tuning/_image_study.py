"""Studies of images: settings, preparation, run, and the selected model with the form of new images."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import TimeSeriesSplit
from sklearn.preprocessing import StandardScaler

from bridle._api import Result, Study, reload_note, run_prepared, search_arms
from bridle._errors import InputError, Interrupted
from bridle.images import ImageForm, damaged_sentence, list_images, read_images
from bridle.plots import Drawing, error_drawings, row_errors
from bridle.results import Baseline
from bridle.study import RunOptions, race_of
from bridle.study.design import Plan, Prepared, make_timed_plan
from bridle.tables import Problem, Structure
from bridle.tuning._image_network import (
    BATCH_SIZE,
    DEFAULT_AUGMENTATION,
    ImageNetworkFunction,
    again,
    augmentation_sentence,
    default_epochs,
    image_arms,
    image_network,
    own_image_network,
)
from bridle.tuning._image_rows import ImageSplit, ImageTable, class_warning, problem_sentence, split_images
from bridle.tuning._model_file import MODEL_CODE
