"""`Result`: what a study found, and the model that follows from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import keras
import pandas as pd
from rich.console import Console

from bridle import report as reports
from bridle import store as stores
from bridle._api._plots import Plots
from bridle._api._preparation import Preparation
from bridle._api._stored import stored_model
from bridle._errors import InputError, KindError, StoreError, nearest_names
from bridle._keras import check_predictions, rebuild_by
from bridle.placement import Term, code_lines, plain_copy, regularize, unwrapped
from bridle.regularizers import Penalty, parse_penalty
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import Evidence, weigh_evidence

RULES = ("best", "1se")
LONG = 30
"""Settings beyond which a printed result shows only those that a rule takes."""


def _read(text: str, strengths: Mapping[str, float]) -> Penalty:
    """A penalty from its text, in which the names of strengths stand for them."""
    for slot, value in strengths.items():
        text = text.replace(f"{{{slot}}}", f"{value:.12g}")
    try:
        return parse_penalty(text)
    except InputError as error:
        raise StoreError(
            f"Expected a penalty of bridle in the stored study, got {text.partition('(')[0]!r}, whose code is not in "
            "it. Write the term again, with the strengths of Result.best."
        ) from error


def load(
    folder: str | Path,
    *,
    custom_objects: Mapping[str, Any] | None = None,
    model: keras.Model | Callable[[], keras.Model] | None = None,
) -> "Result":
    """Return the result from the folder that `run(…, store=folder)` or a command's `--out` wrote.

    Its numbers can be read everywhere. Its model is built from a configuration, which holds no code: functions and
    classes of your own must be registered with `keras.saving.register_keras_serializable` in a module that was
    imported, or be given here. Where they are not, `Result.model` names them. Without its own loss or metrics a model
    comes back uncompiled.

    Args:
        folder: where the study is.
        custom_objects: functions and classes by the names in the configuration, as for `keras.models.load_model`.
        model: the model that the study was run with, or the function that builds it, in place of the configuration.

    Errors: `StoreError` where there is no study, or where it was damaged; `KindError` for a model with other weights
    than the stored ones.

    """
    data, objects = stores.load(folder), dict(custom_objects or {})
    try:
        build = None if isinstance(model, keras.Model) else model
        return Result(data, stored_model(data, folder, objects, model), build=build)
    except (StoreError, KindError) as error:
        if model is not None:
            raise
        return Result(data, None, unbuilt=str(error))


@dataclass(frozen=True)
class Best:
    """One selected setting."""

    arm: str
    rule: str
    strengths: dict[str, float]
    mean: float
    """Mean validation score over seeds and folds."""
    error: float
    """Its standard error across folds; NaN for a single validation set."""


class Result:
    """Result of a study: evidence first, then the model. `data` holds every number as arrays."""

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
        self._preparation = preparation or Preparation(data.preparation)

    @cached_property
    def evidence(self) -> Evidence:
        """Selection and comparison, computed once."""
        return weigh_evidence(self.data)

    def __str__(self) -> str:
        text, settings = StringIO(), len(self.data.setting_arm)
        console = Console(width=100, file=text, highlight=False)
        console.print(reports.rich_table(self.data, self.evidence, selected=settings > LONG))
        more = f"Shown: what the rules take, of {settings} settings; table() has them all.\n" if settings > LONG else ""
        return f"{self.verdict()}\n\n{text.getvalue()}{more}"

    __repr__ = __str__

    def verdict(self) -> str:
        """The answer in words, with its interval."""
        return reports.verdict(self.data)

    def table(self) -> pd.DataFrame:
        """One row per setting: means, standard errors, finished fits, exact zeros, which rule selects it."""
        return reports.table(self.data)

    def members(self) -> pd.DataFrame:
        """One row per fit: arm, strengths, seed, fold, status, the last value of every curve, diagnostics."""
        return reports.members(self.data)

    def best(self, arm: str | None = None, rule: str = "best") -> Best:
        """The selected setting of an arm; by default of the one that `model` hands over."""
        index, setting = self._selected(arm, rule)
        summary = self.evidence.validation
        return Best(
            self.data.arms[index].name,
            rule,
            self.data.strengths(setting),
            float(summary.mean[setting]),
            float(summary.error[setting]),
        )

    def regularizers(self, arm: str | None = None, rule: str = "best") -> dict[str, Penalty]:
        """Return the selected candidate as `{target: penalty}`, ready for `bridle.regularize`."""
        index, setting = self._selected(arm, rule)
        strengths, selected_arm = self.data.strengths(setting), self.data.arms[index]
        if self._terms is not None:
            terms = self._terms[selected_arm.name]
            return {term.target: term.penalty.at(*(strengths[slot] for slot in term.slots)) for term in terms}
        return {target: _read(text, strengths) for target, text in selected_arm.terms}

    def model(
        self, arm: str | None = None, rule: str = "best", seed: int | None = None, *, penalized: bool = False
    ) -> keras.Model:
        """Return the plain Keras model, compiled as it was given, with the weights of the refit on all of x, y.

        It takes rows as `preprocessor` transforms them, and gives the target as `target_preprocessor` does; `predict`
        takes and gives both as they are.

        Args:
            arm: an arm by name. By default the one with the largest gain, measured with each fold's strength chosen
                by the other folds; `none` where no gain is above zero.
            rule: `"best"` or `"1se"`.
            seed: which refit; the first seed by default (never the one that looks best on test rows).
            penalized: whether the model also has the penalties of the setting, as `bridle.regularize` places them,
                to be trained further with them.

        """
        index, setting = self._selected(arm, rule)
        template = self._template_or_error()
        members = self.data.members
        refit_seed = members.seed[0] if seed is None else seed
        refits = (
            (members.setting == setting) & (members.fold == ALL_ROWS) & (members.seed == refit_seed) & members.finished
        )
        if not refits.any():
            raise InputError(
                f"Expected a finished refit of {self.data.arms[index].name!r} with seed {refit_seed}, found none. "
                f"Seeds: {self.data.seeds.tolist()}."
            )
        copy = regularize(template, self._placeable(arm, rule)) if penalized else self._again(template)
        inner = unwrapped(copy)
        variables, member = [*inner.trainable_variables, *inner.non_trainable_variables], int(refits.argmax())
        for variable, value in zip(variables, self.data.weights[member], strict=True):
            variable.assign(value)
        probe = self.data.probe
        if probe is not None and member in probe.predictions:
            check_predictions(inner, self.data.weights[member], probe.rows, probe.predictions[member])
        rate = self.data.arms[index].learning_rate
        if rate is not None and copy.compiled:
            copy.optimizer.learning_rate = rate
        return copy

    def _placeable(self, arm: str | None, rule: str) -> dict[str, Penalty]:
        """The penalties of a setting, where the weights that they need are there."""
        terms = self.regularizers(arm, rule)
        if self._terms is None and any(penalty.needs_anchor for penalty in terms.values()):
            raise InputError(
                "Expected the pretrained weights that l2sp pulls toward, which a stored study does not hold. "
                "Take the model from the result of study.run, or give the anchor as an array."
            )
        return terms

    def _again(self, template: keras.Model) -> keras.Model:
        """A copy of the template; by the user's function where no configuration makes one."""
        try:
            return plain_copy(template)
        except KindError:
            if self._build is None:
                raise
            return rebuild_by(self._build, template)

    def predict(self, rows: Any, arm: str | None = None, rule: str = "best", seed: int | None = None) -> Any:
        """Predict rows as they were given to `run`, in the target's own units.

        Rows go through `preprocessor`, the model's predictions back through `target_preprocessor`, where the study had
        them (arguments of `run`).

        Args:
            rows: array, table, or list or dictionary of arrays, prepared by nobody.
            arm, rule, seed: as for `model`.

        Returns: an array with a row for each row; a structure of arrays where the model gives several.

        Errors: `InputError` for rows that do not fit, and where a preparation is missing that a folder cannot hold.

        """
        return self._preparation.predict(self.model(arm, rule, seed), rows)

    @property
    def preprocessor(self) -> Any:
        """The transformer of rows, fitted as for the refits; None where there was none.

        Set it where a stored study lacks it.
        """
        return self._preparation.get("x")

    @preprocessor.setter
    def preprocessor(self, transformer: Any) -> None:
        self._preparation.set("x", transformer)

    @property
    def target_preprocessor(self) -> Any:
        """The transformer of the target, likewise."""
        return self._preparation.get("y")

    @target_preprocessor.setter
    def target_preprocessor(self, transformer: Any) -> None:
        self._preparation.set("y", transformer)

    def code(self, arm: str | None = None, rule: str = "best") -> str:
        """The Keras lines to paste for the selected setting, after those that prepare the rows."""
        size, rate = self.data.provenance.get("batch_size"), self.data.arms[self._selected(arm, rule)[0]].learning_rate
        lines = code_lines(
            self._template_or_error(), self.regularizers(arm, rule), batch_size=None if size is None else int(str(size))
        )
        lines = self._preparation.lines() + lines
        return lines if rate is None else f"{lines}model.optimizer.learning_rate = {rate:g}  # after compile\n"

    def report(self, path: str | Path, *, title: str = "Regularization study") -> Path:
        """Write one HTML file with verdict, table, pictures and provenance; it works without a network."""
        text = reports.page(title, [self.section(title)])
        return stores.write_text(path, text)

    def section(self, title: str, **options: Any) -> reports.Section:
        """The result as a part of a page."""
        self._check_begun()
        return reports.Section(title, self.data, code=self._code_or_none(), **options)

    def _code_or_none(self) -> str:
        """The lines to paste; none where nothing was selected, or where they need code that a store does not hold."""
        if self._template is None or self.evidence.winner is None:
            return ""
        try:
            return self.code()
        except StoreError:
            return ""

    def save(self, folder: str | Path) -> Path:
        """Write everything measured into a folder, for `bridle.load`."""
        return stores.save(self.data, folder)

    @property
    def plot(self) -> "Plots":
        """The pictures: `result.plot.sweep()` and so on."""
        self._check_begun()
        return Plots(self.data)

    def _check_begun(self) -> None:
        """Refuse to show a study that was stopped before its first fit."""
        if not len(self.data.members):
            raise InputError("Expected a study with fits, got one that was stopped before its first. Run it again.")

    def _selected(self, arm: str | None, rule: str) -> tuple[int, int]:
        if rule not in RULES:
            raise InputError(f"Expected the rule 'best' or '1se', got {rule!r}.")
        names = [known_arm.name for known_arm in self.data.arms]
        if arm is not None and arm not in names:
            raise InputError(f"Expected an arm of this study, got {arm!r}. {nearest_names(arm, names)}")
        index = self.evidence.winner if arm is None else names.index(arm)
        if index is None or index not in self.evidence.choices:
            raise InputError(
                "Expected at least one finished fit to select from, found none: every fit diverged or did not run."
            )
        choice = self.evidence.choices[index]
        return index, choice.best if rule == "best" else choice.one_se

    def _template_or_error(self) -> keras.Model:
        if self._template is None:
            raise StoreError(self._unbuilt)
        return self._template
