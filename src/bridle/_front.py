"""The front door: `Study` and `Result`, the two things a person holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import keras
import pandas as pd
from matplotlib.axes import Axes
from rich.console import Console

from bridle import plots
from bridle import report as reports
from bridle import store as stores
from bridle._errors import InputError, Interrupted, near
from bridle._progress import progress_bar
from bridle.penalties import Penalty, parse_penalty
from bridle.placement import code_lines, penalize
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import Evidence, weigh
from bridle.study import Plan, Prepared, Question, Rows, make_plan, prepare, run_study, timed_plan

RULES = ("best", "1se")


class Study:
    """The question: which of these arms generalizes best, and is that real?

    Args:
        model: a compiled and built Keras model, or a function without arguments that returns one. Its weights
            are not used: each fit starts from the weights that `keras.utils.set_random_seed(seed)` gives.
        arms: `{name: {where: what(how much)}}`. An arm `none` without penalties is always added.
        seeds: how many seeds, or the seeds themselves.
        folds: how many, or a scikit-learn splitter.
        epochs, batch_size, shuffle: as in `model.fit`.
        score: `"loss"` (without penalties) or the name of a compiled metric; the first metric by default.
        points: at how many epochs curves are kept.

    >>> import bridle, keras
    >>> from sklearn.datasets import make_moons
    >>> x, y = make_moons(60, noise=0.2, random_state=1)
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
    >>> model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    >>> study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([0, 1e-2])}}, seeds=2, folds=2, epochs=5)
    >>> result = study.run(x, y)
    >>> result.table()["finished"].tolist()
    ['4/4', '4/4', '4/4']

    """

    def __init__(
        self,
        model: Any,
        arms: Mapping[str, Mapping[str, Any]],
        *,
        seeds: Any = 10,
        folds: Any = 5,
        epochs: int = 100,
        batch_size: int = 32,
        shuffle: bool = True,
        score: str | None = None,
        points: int = 200,
    ) -> None:
        self.question = Question(model, arms, seeds, folds, epochs, batch_size, shuffle, score, points)

    def plan(self, x: Any, y: Any, *, timed: bool = True, **rows: Any) -> Plan:
        """What will run, before it runs: every member, and with `timed` about how long (that compiles the programs).

        `rows` are the other arguments of `run` that say something about rows.
        """
        prepared = prepare(self.question, _rows(x, y, **rows))
        return timed_plan(prepared) if timed else make_plan(prepared)

    def run(
        self,
        x: Any,
        y: Any,
        *,
        test: Any = None,
        store: str | Path | None = None,
        threads: int | None = None,
        progress: bool = True,
        **rows: Any,
    ) -> "Result":
        """Cross-validate every setting, refit what was selected on all of x, y, and look at `test` once.

        Args:
            x, y: the rows to learn from.
            test: `(x, y)` or `{name: (x, y)}`: rows that only the refits are judged on.
            store: a folder to write the result to.
            threads: how many members to train at once; one per core by default.
            progress: draw a progress bar where standard error is a terminal.
            rows: `validation=(x, y)` for one split instead of folds; `groups`; `weight` (one per row);
                `prepare`, `prepare_target` (scikit-learn transformers, fitted inside each fold).

        Errors: `InputError` and `KindError` with a sentence each; `BackendError` where Keras does not run on JAX;
        `Interrupted` after Ctrl-C, with the result of what had finished.

        """
        return conduct(self.prepare(x, y, test=test, **rows), store=store, threads=threads, progress=progress)

    def prepare(self, x: Any, y: Any, **rows: Any) -> Prepared:
        """Check everything that can be checked before the first fit."""
        return prepare(self.question, _rows(x, y, **rows))


def conduct(
    prepared: Prepared, *, store: str | Path | None = None, threads: int | None = None, progress: bool = True
) -> "Result":
    """Run what `Study.prepare` returned."""
    with progress_bar(progress, prepared.score.name) as watch:
        data, whole = run_study(prepared, watch=watch, threads=threads)
    result = Result(data, prepared.model)
    if store is not None:
        stores.save(data, store)
    if not whole:
        done = int((data.members.finished | (data.members.diverged_at >= 0)).sum())
        kept = f" What finished is in {str(store)!r}; see it with: bridle report {store}" if store is not None else ""
        raise Interrupted(f"Stopped: {done} of {len(data.members)} fits had finished.{kept}", result)
    return result


def load(folder: str | Path) -> "Result":
    """A result from the folder that `run(…, store=folder)` or a command's `--out` wrote.

    Errors: `StoreError` where there is none or where it was damaged.
    """
    data = stores.load(folder)
    template = keras.models.model_from_json(data.model_json) if data.model_json else None
    return Result(data, template)


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
    """What a study found: evidence first, then the model. `data` holds every number as arrays."""

    def __init__(self, data: StudyResult, template: keras.Model | None) -> None:
        self.data = data
        self._template = template

    @cached_property
    def evidence(self) -> Evidence:
        """Selection and comparison, computed once."""
        return weigh(self.data)

    def __str__(self) -> str:
        console = Console(width=100, file=StringIO(), highlight=False)
        console.print(reports.rich_table(self.data, self.evidence))
        return f"{self.verdict()}\n\n{console.file.getvalue()}"

    __repr__ = __str__

    def verdict(self) -> str:
        """The answer in words, with its interval."""
        return reports.verdict(self.data)

    def table(self) -> pd.DataFrame:
        """One row per setting: means, standard errors, finished fits, exact zeros, which rule selects it."""
        return reports.table(self.data)

    def best(self, arm: str | None = None, rule: str = "best") -> Best:
        """The selected setting of an arm, or of the arm that came out best."""
        number, setting = self._selected(arm, rule)
        summary = self.evidence.validation
        return Best(
            self.data.arms[number].name,
            rule,
            self.data.strengths(setting),
            float(summary.mean[setting]),
            float(summary.error[setting]),
        )

    def terms(self, arm: str | None = None, rule: str = "best") -> dict[str, Penalty]:
        """The selected setting as a dictionary `{where: what(how much)}`, ready for `bridle.penalize`."""
        number, setting = self._selected(arm, rule)
        strengths = {slot: f"{value:.12g}" for slot, value in self.data.strengths(setting).items()}
        terms: dict[str, Penalty] = {}
        for target, text in self.data.arms[number].terms:
            for slot, value in strengths.items():
                text = text.replace(f"{{{slot}}}", value)
            terms[target] = parse_penalty(text)
        return terms

    def model(self, arm: str | None = None, rule: str = "best", seed: int | None = None) -> keras.Model:
        """A plain Keras model, penalized as selected, with the weights of the refit on all of x, y.

        Args:
            arm: another arm than the best one.
            rule: `"best"` or `"1se"`.
            seed: which refit; the first seed by default (never the one that looks best on test rows).

        """
        number, setting = self._selected(arm, rule)
        template = self._template_or_error()
        members = self.data.members
        wanted = members.seed[0] if seed is None else seed
        found = (members.setting == setting) & (members.fold == ALL_ROWS) & (members.seed == wanted) & members.finished
        if not found.any():
            raise InputError(
                f"Expected a finished refit of {self.data.arms[number].name!r} with seed {wanted}, found none. "
                f"Seeds: {self.data.seeds.tolist()}."
            )
        variables = self.data.weights[int(found.argmax())]
        fresh = penalize(template, self.terms(arm, rule))
        for variable, value in zip(
            [*fresh.trainable_variables, *fresh.non_trainable_variables], variables, strict=True
        ):
            variable.assign(value)
        return fresh

    def code(self, arm: str | None = None, rule: str = "best") -> str:
        """The Keras lines to paste for the selected setting."""
        size = self.data.provenance.get("batch_size")
        return code_lines(
            self._template_or_error(), self.terms(arm, rule), batch_size=None if size is None else int(size)
        )

    def report(self, path: str | Path, *, title: str = "Regularization study") -> Path:
        """Write one HTML file with verdict, table, pictures and provenance; it works without a network."""
        text = reports.page(title, [self.section(title)])
        return stores.write_text(path, text)

    def section(self, title: str, **options: Any) -> reports.Section:
        """The result as a part of a page."""
        code = self.code() if self._template is not None and self.evidence.winner is not None else ""
        return reports.Section(title, self.data, code=code, **options)

    def save(self, folder: str | Path) -> Path:
        """Write everything measured into a folder, for `bridle.load`."""
        return stores.save(self.data, folder)

    @property
    def plot(self) -> "Plots":
        """The pictures: `result.plot.sweep()` and so on."""
        return Plots(self.data)

    def _selected(self, arm: str | None, rule: str) -> tuple[int, int]:
        if rule not in RULES:
            raise InputError(f"Expected the rule 'best' or '1se', got {rule!r}.")
        names = [each.name for each in self.data.arms]
        if arm is not None and arm not in names:
            raise InputError(f"Expected an arm of this study, got {arm!r}. {near(arm, names)}")
        number = self.evidence.winner if arm is None else names.index(arm)
        if number is None or number not in self.evidence.choices:
            raise InputError(
                "Expected at least one finished fit to select from, found none: every fit diverged or did not run."
            )
        choice = self.evidence.choices[number]
        return number, choice.best if rule == "best" else choice.one_se

    def _template_or_error(self) -> keras.Model:
        if self._template is None:
            raise InputError(
                "Expected a Sequential or functional model in the study, to build it again; "
                "this one cannot be rebuilt from its store."
            )
        return self._template


class Plots:
    """The pictures of a result. Each takes `ax=None` and returns the axes that it drew on."""

    def __init__(self, data: StudyResult) -> None:
        self._data = data

    def curves(self, ax: Axes | None = None) -> Axes:
        """Learning curves, train and validation, with bands over seeds and folds."""
        return plots.draw_curves(plots.curves_data(self._data), ax)

    def sweep(self, ax: Axes | None = None) -> Axes:
        """Score against strength with error bars and the rules marked."""
        return plots.draw_sweep(plots.sweep_data(self._data), ax)

    def path(self, arm: str | None = None, kind: str = "zeros", ax: Axes | None = None) -> Axes:
        """Exact zeros (`kind="zeros"`), weight norms (`"norm"`) or magnitudes (`"size"`) along an arm's strengths."""
        names = [each.name for each in self._data.arms]
        if arm is not None and arm not in names:
            raise InputError(f"Expected an arm of this study, got {arm!r}. {near(arm, names)}")
        number = (weigh(self._data).winner or min(1, len(names) - 1)) if arm is None else names.index(arm)
        return plots.draw_path(plots.path_data(self._data, number, kind), ax)

    def surface(self, panel: int = -1, ax: Axes | None = None) -> Axes:
        """Rows and decision surface, for two inputs; panel 0 is `none`, then the best setting of each arm."""
        data = plots.surface_data(self._data)
        if data is None:
            raise InputError(
                "Expected a study with two inputs and two classes for a decision surface; this one has others."
            )
        return plots.draw_surface(data, ax, panel=panel)

    def gains(self, ax: Axes | None = None) -> Axes:
        """The difference of each arm to `none`, with its interval."""
        return plots.draw_gains(plots.gains_data(self._data), ax)


def _rows(x: Any, y: Any, *, test: Any = None, **rows: Any) -> Rows:
    known = ("weight", "groups", "validation", "prepare", "prepare_target")
    for name in rows:
        if name not in known:
            raise InputError(f"Expected one of {', '.join(known)}, got the argument {name!r}. {near(name, known)}")
    held_out = {} if test is None else dict(test) if isinstance(test, Mapping) else {"test": test}
    return Rows(x, y, held_out=held_out, **rows)
