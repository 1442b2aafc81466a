"""Codes of the trained networks of a study: read from a layer, measured, and drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import keras
import numpy as np
from matplotlib.axes import Axes

from bridle import plots
from bridle._api._hand_over import ModelMaker
from bridle._api._preparation import Preparation
from bridle._errors import InputError, nearest_names
from bridle.placement import unwrapped
from bridle.representations import (
    StudiedCodes,
    densities,
    exact_zeros,
    fvu,
    l0,
    live_units,
    noise_like,
    norm_ratio,
    probe,
)
from bridle.results import ALL_ROWS, StudyResult
from bridle.sources._read import rows_alone
from bridle.study.data import plain_rows, read_inputs, transform_rows
from bridle.wording import brief_name

SHOWN_ROWS = 12
"""Rows of which the reconstructions are kept."""


@dataclass(frozen=True)
class Representation(StudiedCodes):
    """Measures and pictures of the code of every refit of a study. `Result.representation` returns it.

    The fields and the methods `table`, `frontier`, `at_equal_l0` and `stability` are those of
    `bridle.representations.StudiedCodes`. `plot` draws: `codes.plot.frontier()`.

    >>> import bridle, keras
    >>> from sklearn.datasets import load_digits
    >>> x = load_digits().data[:200] / 16
    >>> code, out = keras.layers.Dense(32, "relu", name="code"), keras.layers.Dense(64, name="out")
    >>> model = keras.Sequential([keras.Input((64,)), code, out])
    >>> model.compile("adam", "mse")
    >>> study = bridle.Study(model, {"L1": {"code/output": bridle.L1([0.01, 0.1])}}, seeds=2, folds=2, epochs=2)
    >>> codes = study.run(x, refit="all").representation("code", x)
    >>> codes.names
    ('none', 'L1: 0.01', 'L1: 0.1')
    >>> list(codes.frontier())[:3], codes.dictionary_name
    (['candidate', 'arm', 'l0'], 'out/kernel')

    """

    @property
    def plot(self) -> "CodePlots":
        """The pictures of the codes, for example `codes.plot.features("L1: 0.01")`."""
        return CodePlots(self)


class CodePlots:
    """Pictures of codes.

    Every method draws on `ax`, or on a new figure if `ax` is None, and returns the axes. A candidate is its name or its
    position; `image` is the height and width of a row, by default those of the rows, or a square.

    Errors: `InputError` for an unknown candidate, and if there is no data for the picture.
    """

    def __init__(self, codes: Representation) -> None:
        self._codes = codes

    def frontier(self, ax: Axes | None = None, *, error: str = "fvu") -> Axes:
        """Draw L0 against an error of every candidate, a line for each arm, with intervals over seeds."""
        return plots.draw_code_frontier(plots.code_frontier_data(self._codes, error), ax)

    def densities(self, ax: Axes | None = None, *, candidates: Sequence[int | str] | None = None) -> Axes:
        """Draw histograms of how often units are used; by default of the middle of each arm's path."""
        positions = None if candidates is None else [self._codes.position(one) for one in candidates]
        return plots.draw_densities(plots.densities_data(self._codes, positions), ax)

    def features(
        self,
        candidate: int | str,
        seed: int | None = None,
        ax: Axes | None = None,
        *,
        image: tuple[int, int] | None = None,
    ) -> Axes:
        """Draw the features of live units as images; those of the first seed by default."""
        place = 0 if seed is None else self._seed(seed)
        return plots.draw_tiles(plots.features_data(self._codes, self._codes.position(candidate), place, image), ax)

    def matched(
        self,
        candidate: int | str,
        seeds: tuple[int, int] | None = None,
        ax: Axes | None = None,
        *,
        image: tuple[int, int] | None = None,
    ) -> Axes:
        """Draw features of one seed above their partners in another; those of the first two seeds by default."""
        pair = (0, 1) if seeds is None else (self._seed(seeds[0]), self._seed(seeds[1]))
        return plots.draw_tiles(plots.matched_data(self._codes, self._codes.position(candidate), pair, image), ax)

    def reconstructions(
        self,
        ax: Axes | None = None,
        *,
        candidates: Sequence[int | str] | None = None,
        image: tuple[int, int] | None = None,
    ) -> Axes:
        """Draw the first rows above their reconstructions by several candidates."""
        positions = None if candidates is None else [self._codes.position(one) for one in candidates]
        return plots.draw_tiles(plots.reconstructions_data(self._codes, positions, image), ax)

    def _seed(self, seed: int) -> int:
        if seed not in self._codes.seeds:
            raise InputError(f"Expected a seed of this study, got {seed!r}. Seeds: {list(self._codes.seeds)}.")
        return self._codes.seeds.index(seed)


@dataclass(frozen=True)
class CodeReader:
    """Reader of the code and the output of the trained networks of a study.

    Args:
        data: the result.
        maker: maker of its models.
        layer: the layer whose output is the code.

    """

    data: StudyResult
    maker: ModelMaker
    layer: str

    def refits(self) -> dict[tuple[int, int], int]:
        """Return the finished refits by the positions of candidate and seed."""
        members, seeds = self.data.members, self.data.seeds.tolist()
        usable = np.flatnonzero((members.fold == ALL_ROWS) & members.finished)
        return {
            (int(members.setting[fit]), seeds.index(int(members.seed[fit]))): int(fit)
            for fit in usable
            if int(fit) in self.data.weights
        }

    def watched(self, refit: int) -> tuple[keras.Model, list[Any]]:
        """Return a model from inputs to code and output, and the variables that a refit's weights are assigned to.

        Errors: `InputError` for an unknown layer, or a model whose layers have no fixed inputs and outputs.
        """
        model = unwrapped(self.maker.one(refit))
        if not getattr(model, "outputs", None) or len(cast("list[Any]", model.outputs)) != 1:
            raise InputError(
                "Expected a functional or Sequential model with one output to read a code from, got "
                f"{type(model).__name__}. Build the model from keras.Input."
            )
        names = [layer.name for layer in model.layers]
        if self.layer not in names:
            raise InputError(f"Expected a layer of the model, got {self.layer!r}. {nearest_names(self.layer, names)}")
        both = keras.Model(model.inputs, [model.get_layer(self.layer).output, model.outputs[0]])
        return both, [*model.trainable_variables, *model.non_trainable_variables]

    def dictionary(self, refit: int, units: int, name: str | None) -> tuple[str, np.ndarray | None]:
        """Return the weight from the code to the output, one feature a row, with its name.

        By default the last weight of shape (units, inputs); without one, the first of shape (inputs, units),
        transposed.
        """
        values = dict(zip(self.data.weight_names, self.data.weights[refit], strict=False))
        matrices = {key: np.asarray(value, float) for key, value in values.items() if np.ndim(value) == 2}
        if name is not None:
            if name not in matrices:
                raise InputError(f"Expected a weight of two axes, got {name!r}. {nearest_names(name, list(matrices))}")
            value = matrices[name]
            return name, value if value.shape[0] == units else value.T
        for key, value in reversed(matrices.items()):
            if value.shape[0] == units and not key.startswith(f"{self.layer}/"):
                return key, value
        for key, value in matrices.items():
            if value.shape[1] == units:
                return key, value.T
        return "", None


def read_codes(
    reader: CodeReader,
    preparation: Preparation,
    rows: Any,
    probed: tuple[Any, int | None] | None = None,
    *,
    dictionary: str | None = None,
    batch_size: int = 1024,
) -> Representation:
    """Return the measures of the code of every refit of a study. The arguments are those of `Result.representation`.

    `probed` are the labels, and the number of labelled rows of each class, for the linear probe.
    """
    data, transformer, rows = reader.data, preparation.get("x"), rows_alone(rows)
    x = read_inputs(rows if transformer is None else transform_rows(transformer, plain_rows(rows, "rows"), "rows"))
    if not isinstance(x, np.ndarray):
        raise InputError("Expected one array of rows for a representation, got several inputs. Give a model with one.")
    x = cast("np.ndarray[Any, Any]", x)
    refits = reader.refits()
    if not refits:
        raise InputError("Expected a study with trained refits, got one without. Run it again to its end.")
    both, variables = reader.watched(next(iter(refits.values())))
    reconstructs = tuple(both.outputs[1].shape)[1:] == x.shape[1:]
    noise = noise_like(x)
    order = [candidate for arm in range(len(data.arms)) for candidate in data.path(arm).tolist()]
    order = [candidate for candidate in order if any(candidate == key[0] for key in refits)]
    shape = len(order), len(data.seeds)
    measures: dict[str, np.ndarray] = {}
    dictionaries: dict[tuple[int, int], np.ndarray] = {}
    shown: dict[int, np.ndarray] = {}
    unit_densities, name = np.zeros((*shape, 0)), ""
    for (candidate, seed), refit in refits.items():
        for variable, value in zip(variables, data.weights[refit], strict=True):
            variable.assign(value)
        place = order.index(candidate), seed
        code, restored = _predict(both, x, batch_size)
        of_noise = _predict(both, noise, batch_size)[1] if reconstructs else None
        for key, value in _measures(x, code, restored if reconstructs else None, noise, of_noise, probed).items():
            measures.setdefault(key, np.full(shape, np.nan))[place] = value
        if not unit_densities.shape[2]:
            unit_densities = np.full((*shape, code.shape[1]), np.nan)
        unit_densities[place] = densities(code)
        name, features = reader.dictionary(refit, code.shape[1], dictionary)
        if features is not None:
            dictionaries[place] = features
        if seed == 0 and reconstructs:
            shown[place[0]] = restored[:SHOWN_ROWS]
    return Representation(
        layer=reader.layer,
        arms=tuple(data.arms[int(data.setting_arm[candidate])].name for candidate in order),
        names=tuple(brief_name(data, candidate) for candidate in order),
        seeds=tuple(data.seeds.tolist()),
        units=unit_densities.shape[2],
        measures=measures,
        densities=unit_densities,
        dictionaries=dictionaries,
        dictionary_name=name,
        rows=x[:SHOWN_ROWS],
        reconstructions=shown,
    )


def _predict(model: keras.Model, x: np.ndarray, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the code, flattened to (row, unit), and the output of a model."""
    code, output = cast("Sequence[np.ndarray]", model.predict(x, batch_size=batch_size, verbose=0))
    return np.asarray(code).reshape(len(x), -1), np.asarray(output)


def _measures(
    x: np.ndarray,
    code: np.ndarray,
    restored: np.ndarray | None,
    noise: np.ndarray,
    of_noise: np.ndarray | None,
    probed: tuple[Any, int | None] | None,
) -> Mapping[str, float]:
    """Return the measures of one network."""
    values = {"l0": l0(code), "zeros": exact_zeros(code), "live": live_units(code)}
    if restored is not None and of_noise is not None:
        values = {"fvu": fvu(x, restored), **values, "norm_ratio": norm_ratio(x, restored)}
        values["noise_fvu"] = fvu(noise, of_noise)
    if probed is not None:
        values["probe"] = probe(code, probed[0], per_class=probed[1]).mean
    return values
