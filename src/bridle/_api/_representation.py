"""Codes of the trained networks of a study: read from a layer, measured, and drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import keras
import numpy as np
from matplotlib.axes import Axes

from bridle import plots
from bridle._api._ensemble import OVER
from bridle._api._hand_over import ModelMaker, check_folds
from bridle._api._preparation import Preparation, count_study_rows, study_order
from bridle._api._reading import SEQUENCE_AXES, SHOWN_ROWS, MeasuredRows, read_network
from bridle._errors import InputError, nearest_names
from bridle._keras import step_mask
from bridle.placement import unwrapped
from bridle.representations import StudiedCodes, densities
from bridle.results import ALL_ROWS
from bridle.sources._read import rows_alone
from bridle.sources._trees import take_rows
from bridle.study.data import plain_rows, read_inputs, transform_rows
from bridle.wording import brief_name


@dataclass(frozen=True)
class Representation(StudiedCodes):
    """Measures and pictures of the code of every network of a study. `Result.representation` returns it.

    The fields and the methods `table`, `frontier`, `at_equal_l0` and `stability` are those of
    `bridle.representations.StudiedCodes`. `plot` draws: `codes.plot.frontier()`, or `codes.plot.along_time("none")` for
    a layer with steps.

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
    position; `image` is the height and width of a row, by default those of the rows, or a square. A seed is a number;
    of networks of folds it is a pair (fold, seed).

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
        seed: int | tuple[int, int] | None = None,
        ax: Axes | None = None,
        *,
        image: tuple[int, int] | None = None,
    ) -> Axes:
        """Draw the features of live units as images; those of the first network by default."""
        place = 0 if seed is None else self._network(seed)
        return plots.draw_tiles(plots.features_data(self._codes, self._codes.position(candidate), place, image), ax)

    def matched(
        self,
        candidate: int | str,
        seeds: tuple[int, int] | tuple[tuple[int, int], tuple[int, int]] | None = None,
        ax: Axes | None = None,
        *,
        image: tuple[int, int] | None = None,
    ) -> Axes:
        """Draw features of one network above their partners in another; those of the first two by default."""
        pair = (0, 1) if seeds is None else (self._network(seeds[0]), self._network(seeds[1]))
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

    def along_time(self, candidate: int | str, ax: Axes | None = None, *, rows: Sequence[int] | None = None) -> Axes:
        """Draw the units of a layer along the steps of some rows, by the first network; padded steps are blank.

        Units that are active early come first. `rows` are positions among the first twelve; by default the first three.
        """
        return plots.draw_along_time(plots.along_time_data(self._codes, self._codes.position(candidate), rows), ax)

    def _network(self, seed: int | tuple[int, int]) -> int:
        codes = self._codes
        networks: list[object] = [*zip(codes.folds, codes.seeds, strict=True)] if codes.folds else [*codes.seeds]
        if seed not in networks:
            what = "a pair (fold, seed)" if codes.folds else "a seed"
            raise InputError(f"Expected {what} of this study, got {seed!r}. There are: {networks}.")
        return networks.index(seed)


@dataclass(frozen=True)
class CodeReader:
    """Reader of the code and the output of the trained networks of a study.

    Args:
        maker: maker of its models.
        layer: the layer whose output is the code.
        over: `"seeds"` for the refits, or `"folds"` for the networks of all folds and seeds.

    Errors: `InputError` for another `over`.

    """

    maker: ModelMaker
    layer: str
    over: str = "seeds"

    def __post_init__(self) -> None:
        if self.over not in OVER:
            raise InputError(f"Expected over='seeds' or 'folds', got {self.over!r}.")

    @property
    def folds(self) -> bool:
        """True for the networks of folds."""
        return self.over == "folds"

    def watched(self, fit: int) -> tuple[keras.Model, keras.Model]:
        """Return a copy of the model with a fit's weights, and a model of the same weights that shows its inside.

        Its outputs are a dictionary of `code`, `output`, and `mask` if the code has steps with a mask.

        Errors: `InputError` for an unknown layer, or a model whose layers have no fixed inputs and outputs.
        """
        model = self.maker.one(fit)
        inner = unwrapped(model)
        if not getattr(inner, "outputs", None) or len(cast("list[Any]", inner.outputs)) != 1:
            raise InputError(
                "Expected a functional or Sequential model with one output to read a code from, got "
                f"{type(inner).__name__}. Build the model from keras.Input."
            )
        names = [layer.name for layer in inner.layers]
        if self.layer not in names:
            raise InputError(f"Expected a layer of the model, got {self.layer!r}. {nearest_names(self.layer, names)}")
        layer = inner.get_layer(self.layer)
        shown = {"code": keras.tree.flatten(layer.output)[0], "output": inner.outputs[0]}
        mask = step_mask(inner, layer) if len(shown["code"].shape) == SEQUENCE_AXES else None
        return model, keras.Model(inner.inputs, shown if mask is None else {**shown, "mask": mask})

    def dictionary(self, fit: int, units: int, name: str | None) -> tuple[str, np.ndarray | None]:
        """Return the weight from the code to the output, one feature a row, with its name.

        By default the last weight of shape (units, inputs); without one, the first of shape (inputs, units),
        transposed.
        """
        values = dict(zip(self.maker.data.weight_names, self.maker.data.networks[fit], strict=False))
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
    mask: Any = None,
) -> Representation:
    """Return the measures of the code of every network. The arguments are those of `Result.representation`.

    `probed` are the labels, and the number of labelled rows of each class, for the linear probe.
    """
    maker, data = reader.maker, reader.maker.data
    fits, networks = maker.fits(folds=reader.folds), maker.networks(folds=reader.folds)
    labels, per_class = probed or (None, None)
    parts, out_of_fold = _measured_rows(reader, preparation, rows_alone(rows), labels, mask)
    model, both = reader.watched(next(iter(fits.values())))
    order = [candidate for arm in range(len(data.arms)) for candidate in data.path(arm).tolist()]
    order = [candidate for candidate in order if any(candidate == key[0] for key in fits)]
    shape = len(order), len(networks)
    measures: dict[str, np.ndarray] = {}
    dictionaries: dict[tuple[int, int], np.ndarray] = {}
    shown, activations = dict[int, np.ndarray](), dict[int, np.ndarray]()
    unit_densities, name = np.zeros((*shape, 0)), ""
    for (candidate, network), fit in fits.items():
        maker.load(model, fit)
        place = order.index(candidate), network
        part = parts[networks[network][0]]
        reading = read_network(both, part)
        code = reading.observed
        for key, value in part.measure(both, reading, per_class).items():
            measures.setdefault(key, np.full(shape, np.nan))[place] = value
        if not unit_densities.shape[2]:
            unit_densities = np.full((*shape, code.shape[1]), np.nan)
        unit_densities[place] = densities(code)
        name, features = reader.dictionary(fit, code.shape[1], dictionary)
        if features is not None:
            dictionaries[place] = features
        if network == 0 and part.reconstructed_by(both):
            shown[place[0]] = reading.output[:SHOWN_ROWS]
        if network == 0 and reading.code.ndim == SEQUENCE_AXES:
            activations[place[0]] = reading.over_time
    first = parts[networks[0][0]].single
    return Representation(
        layer=reader.layer,
        arms=tuple(data.arms[int(data.setting_arm[candidate])].name for candidate in order),
        names=tuple(brief_name(data, candidate) for candidate in order),
        seeds=tuple(seed for _, seed in networks),
        units=unit_densities.shape[2],
        measures=measures,
        densities=unit_densities,
        dictionaries=dictionaries,
        dictionary_name=name,
        rows=np.zeros((0, 0)) if first is None else first[:SHOWN_ROWS],
        reconstructions=shown,
        folds=tuple(fold for fold, _ in networks) if reader.folds else (),
        out_of_fold=out_of_fold,
        test_share=float(np.mean(data.fold_rows[:, 1] / data.fold_rows[:, 0])) if reader.folds else 0.0,
        activations=activations,
    )


def _measured_rows(
    reader: CodeReader, preparation: Preparation, rows: Any, labels: Any, mask: Any
) -> tuple[dict[int, MeasuredRows], bool]:
    """Return the rows, labels and mask for the networks of each fold, and whether the rows are out of fold.

    The rows of the study, in any order, are measured by each fold on its validation rows, other rows by all networks.

    Errors: `InputError` for some rows of the study, of which most folds trained on each.
    """

    def prepared(own: Preparation, part: Any, labels: Any, mask: Any) -> MeasuredRows:
        transformer = own.get("x")
        x = part if transformer is None else transform_rows(transformer, plain_rows(part, "rows"), "rows")
        return MeasuredRows(read_inputs(x), labels, mask)

    if not reader.folds:
        return {ALL_ROWS: prepared(preparation, rows, labels, mask)}, False
    folds, rows, preparations = check_folds(reader.maker.data), plain_rows(rows, "rows"), preparation.folds
    order = study_order(rows, folds.row_hashes) if folds.validation else None
    if order is not None:
        labels, mask = (None if one is None else np.asarray(one) for one in (labels, mask))
        for name, values in (("label", labels), ("row of mask", mask)):
            if values is not None and len(values) != len(order):
                raise InputError(f"Expected a {name} for each of {len(order)} rows, got {len(values)}.")
        return {
            fold: prepared(preparations[fold], *(take_rows(one, order[part]) for one in (rows, labels, mask)))
            for fold, part in enumerate(folds.validation)
        }, True
    if shared := count_study_rows(rows, folds.row_hashes):
        if not folds.validation:
            raise InputError(
                f"Expected rows that no network was trained on, got {shared} rows of the study, which has validation "
                "rows of its own. Give those of validation=, or new rows."
            )
        raise InputError(
            "Expected all rows of the study in any order, each then measured by the networks that did not train on "
            f"it, or new rows, got some rows of the study, {shared} of {len(folds.row_hashes)}. Give one or the other."
        )
    return {fold: prepared(own, rows, labels, mask) for fold, own in enumerate(preparations)}, False
