"""`Result`: the numbers of a study, and the selected model."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import keras
import pandas as pd

from bridle import report as reports
from bridle import store as stores
from bridle._api._ensemble import Ensemble, study_ensemble
from bridle._api._hand_over import ModelMaker
from bridle._api._measured import measure_refits
from bridle._api._plots import Plots
from bridle._api._preparation import Preparation, fold_preparations
from bridle._api._representation import CodeReader, Representation, read_codes
from bridle._api._selection import Best, best, placeable_terms, select, selected_terms
from bridle._cards import card, paragraph
from bridle._errors import InputError, StoreError
from bridle.placement import Term
from bridle.results import StudyResult
from bridle.stats import Evidence, weigh_evidence


class Result:
    """Result of a study. `Study.run` and `bridle.load` return it.

    `print(result)` shows the verdict and the table. `verdict`, `details`, `explain`, `table`, `members` and `plot`
    read the study. `best`, `regularizers`, `model`, `predict` and `code` return the selected candidate. `report` and
    `save` write files. `measure` and `representation` measure every refit. `data`, a `StudyResult`, holds all numbers.

    Methods with `arm` and `rule` select a candidate:

    * `rule`: `"recommended"` (default) for the candidate of all arms with the largest gain over no penalty that its
      scores and experience with other data let expect; `none` if no gain is expected. Experience covers accuracies,
      squared errors and r²; by other scores the data alone select, and `details` says so. `"best"` for the best mean
      validation score; `"1se"` for the strongest candidate within one standard error of it.
    * `arm`: name of an arm. Default: that of the recommended candidate; with `"best"` and `"1se"` the arm with the
      largest gain over no penalty, measured with the strength of each fold selected by the other folds, or `none` if no
      gain is above zero. For an arm without the recommended candidate, `"recommended"` is `best`.

    Errors of these methods: `InputError` for an unknown arm or rule, or if no fit finished; `StoreError` if a stored
    model cannot be built.
    """

    def __init__(
        self,
        data: StudyResult,
        template: keras.Model | None,
        terms: Mapping[str, tuple[Term, ...]] | None = None,
        *,
        build: Callable[[], keras.Model] | None = None,
        unbuilt: str = "",
        preparation: Preparation | None = None,
    ) -> None:
        self.data = data
        self._template = template
        self._terms = terms
        self._build = build
        self._unbuilt = unbuilt
        self._preparation = preparation or Preparation(data.preparation, folds=fold_preparations(data))

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled. Keras loads a compiled model only if its optimizer was built."""
        template = self._template
        if template is not None and template.compiled and template.optimizer is not None:
            template.optimizer.build(template.trainable_variables)
        return dict(vars(self))

    @cached_property
    def evidence(self) -> Evidence:
        """The selected candidates and the comparison of arms."""
        return weigh_evidence(self.data)

    def __str__(self) -> str:
        return reports.result_text(self.data, self.evidence)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the verdict, a picture, the table and the Keras code as a card for notebooks."""
        if not len(self.data.members):
            return card(paragraph("This study was stopped before its first fit."))
        return reports.result_card(self.data, self.evidence, self._code_or_none())

    def verdict(self) -> str:
        """Return the answer: what to use, what it gains with its interval, what to do next.

        It has at most three sentences and sixty words, one sentence on each line. `details` has everything else.
        """
        return reports.verdict(self.data, self.evidence)

    def details(self) -> str:
        """Return what stands behind the verdict, one note on each line.

        The lines name all arms and strengths, the intervals and their correction, the scores on rows held out, exact
        zeros, unfinished fits, and what selected the strength.
        """
        return reports.details(self.data, self.evidence)

    def explain(self, code: str | None = None) -> str:
        """Return the numbered diagnoses that apply to this study: what was seen, and what to do.

        Args:
            code: the code of a diagnosis, such as `"BR007"`, for its whole page. Default: all that apply.

        Errors: `InputError` for an unknown code.

        """
        if code is None:
            return reports.explain(self.data, self.evidence)
        return reports.page_text(reports.find_diagnosis(code))

    def table(self) -> pd.DataFrame:
        """Return one row per candidate: means, standard errors, finished fits, exact zeros, rules that select it."""
        return reports.table(self.data)

    def baselines(self) -> pd.DataFrame:
        """Return the selected network, a constant, a linear model and gradient boosting on the same folds, one a row.

        `tune` trains them on the rows, features and weights of the network's fits. Columns: `model`; `validation`, the
        mean score over folds, with its standard error `se`; one column for each held-out part; `difference`, network
        minus baseline, positive where the network is better, with its interval `low` to `high`; `text`, the model in
        words.

        Errors: `InputError` for a study without baselines.
        """
        return reports.baseline_frame(self.data, self.evidence)

    def members(self) -> pd.DataFrame:
        """Return one row per fit: arm, strengths, seed, fold, status, last value of every curve, diagnostics."""
        return reports.members(self.data)

    def best(self, arm: str | None = None, rule: str = "recommended") -> Best:
        """Return the selected candidate with its mean validation score."""
        return best(self.data, self.evidence, arm, rule)

    def regularizers(self, arm: str | None = None, rule: str = "recommended") -> dict[str, Any]:
        """Return the selected candidate as `{target: regularizer or list}`, ready for `bridle.regularize`."""
        return selected_terms(self.data, self._terms, select(self.data, self.evidence, arm, rule)[1])

    def model(
        self,
        arm: str | None = None,
        rule: str = "recommended",
        seed: int | None = None,
        *,
        single: bool = False,
        temperature: bool = False,
        penalized: bool = False,
    ) -> keras.Model:
        """Return the selected model: a plain `keras.Model`, the mean of the refits of all seeds on all of x, y.

        It holds one copy of the network for each of the first ten seeds, and averages their outputs: probabilities,
        logits or numbers. Its file loads with Keras alone. Its size and the time of a prediction grow with the number
        of seeds. A single refit is returned instead where the mean scores clearly worse over the folds, where the model
        is subclassed or has custom code, and for the folder of an older version; `details` says so.

        The model is compiled like that of the study. Its inputs are rows that `preprocessor` has transformed, and its
        outputs are in the units of `target_preprocessor`. `predict` applies both.

        Args:
            arm: name of an arm. Default: that of the recommended candidate, which may be `none`.
            rule: `"recommended"`, `"best"` or `"1se"`.
            seed: int, the seed of a single refit. Default: the mean. Where a single refit is returned, that of the
                first seed, whatever its score on the test rows.
            single: bool, whether to return a single refit, a copy of the model of the study. Default False.
            temperature: bool, whether to divide the logits of a classifier by the temperature that suits its
                predictions out of fold, if that lowers their log loss. Default False.
            penalized: bool, whether to return a single refit with the selected penalties, as `bridle.regularize` adds
                them, for further training. Default False.

        Errors: `InputError` for an unknown arm, rule or seed, and for a temperature that was not measured or does not
        fit the last layer; `StoreError` if a stored model cannot be built.

        """
        index, setting = select(self.data, self.evidence, arm, rule)
        maker = self._maker()
        refits = [] if single or penalized or seed is not None else maker.averaged(setting)
        divisor = maker.temperature(setting, averaged=bool(refits)) if temperature else 1.0
        if refits:
            model = maker.mean(refits, divisor)
        else:
            terms = placeable_terms(self.data, self._terms, setting) if penalized else None
            model = maker.one(maker.refit(setting, seed), divisor, terms)
        rate = self.data.arms[index].learning_rate
        if rate is not None and model.compiled:
            model.optimizer.learning_rate = rate
        return model

    def ensemble(
        self,
        arms: str | Sequence[str] | None = None,
        rule: str = "recommended",
        over: Literal["seeds", "folds"] = "seeds",
    ) -> Ensemble:
        """Return the mean of the refits of all seeds of one or several arms, with the interval of what it gains.

        Unlike `model`, it averages all refits that finished, whatever they scored, and those of several arms.
        `Ensemble.validation` is its gain over the mean member on the validation rows of the folds, for one arm;
        `Ensemble.gain(x, y)` that on rows of your own.

        With `over="folds"` the members are the networks of all folds and seeds, each with the preprocessors of its
        fold. Most of them trained on any row of the study, so `validation` is None, and `gain` judges new rows only.

        Args:
            arms: name of an arm, or a list of names. Default: the arm that the rule selects.
            rule: `"recommended"` (default), `"best"` or `"1se"`, which selects the candidate of each arm.
            over: `"seeds"` (default) for the refits, or `"folds"` after `run(…, keep="folds")`.

        Errors: those of `model`; `InputError` if fewer than two networks finished, or those of folds were not kept.

        >>> import bridle, keras
        >>> from sklearn.datasets import make_moons
        >>> x, y = make_moons(60, noise=0.2, random_state=1)
        >>> layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")]
        >>> model = keras.Sequential([keras.Input((2,)), *layers])
        >>> model.compile("adam", "binary_crossentropy")
        >>> study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([1e-2])}}, seeds=3, folds=3, epochs=5)
        >>> ensemble = study.run(x, y).ensemble(["none", "L2"])
        >>> len(ensemble), ensemble.gain(*make_moons(50, noise=0.2, random_state=2)).difference > 0
        (6, True)

        """
        names = [arms] if arms is None or isinstance(arms, str) else list(arms)
        candidates = list(dict.fromkeys(select(self.data, self.evidence, name, rule)[1] for name in names))
        return study_ensemble(self.data, self._maker(), candidates, self._preparation, over)

    def predict(self, rows: Any, arm: str | None = None, rule: str = "recommended", seed: int | None = None) -> Any:
        """Predict with the selected model, in the units of the original target.

        `preprocessor` transforms the rows, and `target_preprocessor` transforms the predictions back.

        Args:
            rows: array, data frame, or list or dictionary of arrays, unprepared, as given to `run`.
            arm, rule, seed: as in `model`.

        Returns: array of shape (rows, …), or a structure of arrays for several outputs.

        Errors: `InputError` for rows of another shape, or if a transformer is missing that the folder could not store.

        """
        return self._preparation.predict(self.model(arm, rule, seed), rows)

    def measure(
        self,
        function: Callable[[keras.Model], Any],
        arms: str | Sequence[str] | None = None,
        rule: str | None = "recommended",
        *,
        over: str = "seeds",
    ) -> pd.DataFrame:
        """Apply a measure of trained models to the refits of every arm, and compare each arm with `none`.

        It is for what no metric gives, such as errors of decoded sequences. Intervals are 95 %, of each arm alone.

        Args:
            function: function of a trained `keras.Model` that returns a number, or one number for each of its rows. It
                gets one model after the other as the same object, whose inputs are rows after `preprocessor`.
            arms: name of an arm, or a list of names, besides `none`. Default: all.
            rule: `"recommended"` (default), `"best"` or `"1se"`, which selects the candidate of each arm. None: all
                candidates with refits, the whole path after `run(refit="all")`.
            over: `"seeds"` (default) for intervals over seeds, paired by seed; `"rows"` for those of the mean over
                seeds, which hold for these networks and other rows.

        Returns: table with one row per candidate: `arm`, `candidate`, `seeds`, `mean` with its interval `low` to
            `high`, and `difference`, that of arm and `none`, with `difference_low` to `difference_high`.

        Errors: `InputError` for an unknown arm or rule, for a study without refits, and for a function that returns
            anything else; `StoreError` if a stored model cannot be built.

        >>> import bridle, keras, numpy as np
        >>> x = np.random.default_rng(0).normal(size=(40, 3)); y = x[:, :1] ** 2
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([0.1])}}, seeds=3, folds=2, epochs=3)
        >>> table = study.run(x, y).measure(lambda model: np.abs(model.predict(x, verbose=0) - y)[:, 0])
        >>> table["arm"].tolist(), table["seeds"].tolist()
        (['none', 'L2'], [3, 3])

        """
        return measure_refits(self._maker(), self.evidence, function, arms, rule, over)

    def representation(
        self,
        layer: str,
        rows: Any,
        labels: Any = None,
        *,
        per_class: int | None = None,
        dictionary: str | None = None,
        over: Literal["seeds", "folds"] = "seeds",
        mask: Any = None,
    ) -> Representation:
        """Measure the output of a layer as a code of rows, for every refit of a study, or every network of its folds.

        Measures, as functions in `bridle.representations`: `l0`, `zeros`, `live`; for a model that reconstructs its
        input also `fvu`, `norm_ratio` and `noise_fvu`, the FVU of white noise, near `fvu` for an identity; with labels
        `probe`, the accuracy of a linear probe inside folds. Rows that the study did not train on judge best.

        With `over="folds"` the networks are those of all folds and seeds. Give all rows of the study in any order: each
        network is measured on the validation rows of its fold, after its preprocessors. New rows, of which few equal
        the study's but by chance, are measured by every network. `stability` and intervals are then over folds.

        Args:
            layer: the name of the layer whose output is the code. Of an output of shape (row, step, unit) the steps
                are observations, without padding, and the probe reads all steps of a row; other axes count as units.
            rows: array of shape (rows, …), or several inputs, unprepared, as given to `run`.
            labels: array of shape (rows,), one class for each row, for the probe. Default None.
            per_class: int, the number of labelled rows of each class that the probe is trained on in each fold.
                Default: all of the fold's training rows.
            dictionary: the weight whose rows are features, such as `"decoder/kernel"`. Default: the last one from the
                code to another layer.
            over: `"seeds"` (default) for the refits, or `"folds"` after `run(…, keep="folds")`.
            mask: array of shape (rows, steps), True for steps that are no padding. Default: the mask of the model.

        Returns: `bridle.Representation`, of the whole path after `run(refit="all")`.

        Errors: `InputError` for an unknown layer or weight, a mask that does not fit, a study without these networks,
            and with `over="folds"` for some of the study's rows; `StoreError` if a stored model cannot be built.

        """
        reader, probed = CodeReader(self._maker(), layer, over), None if labels is None else (labels, per_class)
        return read_codes(reader, self._preparation, rows, probed, dictionary=dictionary, mask=mask)

    @property
    def preprocessor(self) -> Any:
        """The fitted transformer of the rows; None if the study had none. Set it if a stored study lacks it."""
        return self._preparation.get("x")

    @preprocessor.setter
    def preprocessor(self, transformer: Any) -> None:
        self._preparation.set("x", transformer)

    @property
    def target_preprocessor(self) -> Any:
        """The fitted transformer of the target, as used by the refits; None if the study had none."""
        return self._preparation.get("y")

    @target_preprocessor.setter
    def target_preprocessor(self, transformer: Any) -> None:
        self._preparation.set("y", transformer)

    def code(self, arm: str | None = None, rule: str = "recommended") -> str:
        """Return Keras code for the selected candidate, after the lines that prepare the rows."""
        setting = select(self.data, self.evidence, arm, rule)[1]
        return self._preparation.lines() + self._maker().code(setting, self.regularizers(arm, rule))

    def report(self, path: str | Path, *, title: str = "Regularization study") -> Path:
        """Write one HTML file with verdict, table, pictures and provenance. It opens offline.

        Args:
            path: path of the file.
            title: heading of the page.

        Returns: the path.

        Errors: `StoreError` if the file cannot be written; `InputError` for a study without fits.

        """
        return stores.write_text(path, reports.page(title, [self.section(title)]))

    def section(self, title: str, **options: Any) -> reports.Section:
        """Return the result as a section of a report page."""
        self._check_begun()
        return reports.Section(title, self.data, code=self._code_or_none(), **options)

    def _code_or_none(self) -> str:
        """Return the Keras code, or "" if nothing was selected or the store lacks the code of a penalty."""
        if self._template is None or self.evidence.winner is None:
            return ""
        try:
            return self.code()
        except StoreError:
            return ""

    def save(self, folder: str | Path) -> Path:
        """Write all numbers and weights into a folder, which `bridle.load` reads. Return its path.

        Errors: `StoreError` if the folder cannot be written.
        """
        return stores.save(self.data, folder)

    @property
    def plot(self) -> "Plots":
        """The pictures, for example `result.plot.sweep()`."""
        self._check_begun()
        return Plots(self.data)

    def _check_begun(self) -> None:
        """Raise `InputError` for a study that was stopped before its first fit."""
        if not len(self.data.members):
            raise InputError("Expected a study with fits, got one that was stopped before its first. Run it again.")

    def _maker(self) -> ModelMaker:
        if self._template is None:
            raise StoreError(self._unbuilt)
        return ModelMaker(self.data, self._template, self._build)
