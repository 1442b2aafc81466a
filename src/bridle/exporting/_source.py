"""The study to export, with its model and the preparation of new rows, from a result, a `Tuned` or a folder."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import keras

from bridle import report
from bridle._api import Result, load
from bridle._errors import BridleError, InputError, KindError, StoreError, short_repr
from bridle.store import RESULT_FILE
from bridle.tuning import APPLY, Applied, NetworkFunction, Tuned, load_applied, save_applied, save_model


@dataclass(frozen=True)
class Exported:
    """Result of `bridle.export`: where it was written, and a sentence about it that `print` shows.

    `kind` is the format, `path` the file, the folder or the address of the tracker, `files` the written files.
    """

    kind: str
    path: Path | str
    text: str
    files: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class FinishedStudy:
    """Study to export: its result, and for a table its model with the preparation of new rows."""

    result: Result
    name: str = "study"
    tuned: Tuned | None = None
    folder: Path | None = None
    """The folder of `bridle tune`, if it was given."""
    network: NetworkFunction | None = None
    """The function that builds the network of that folder, for custom code."""

    @cached_property
    def applied(self) -> Applied | None:
        """The model of a table with its preparation; None for other studies.

        Errors: `StoreError` if the model needs custom code.
        """
        if self.tuned is not None:
            return self.tuned.applied()
        return None if self.folder is None else load_applied(self.folder, model=self.network)

    @cached_property
    def model(self) -> keras.Model:
        """The selected model.

        Errors: `StoreError` if it needs custom code or the study has none; `InputError` if no fit finished.
        """
        return self.result.model() if self.applied is None else self.applied.model

    @cached_property
    def section(self) -> report.Section:
        """The study as a section of a report."""
        return self.result.section("Study")

    def save(self, folder: Path, title: str) -> tuple[tuple[Path, ...], str]:
        """Write the report with its figures, and the model with `apply.json`, into a folder.

        Returns: the paths, and the reason why there is no model; empty if there is one.
        """
        paths, missing = list(report.write(folder, title, [self.section]).paths), ""
        before = set(folder.iterdir())
        try:
            if self.applied is None:
                save_model(self.model, folder)
            else:
                save_applied(folder, self.applied)
        except BridleError as error:
            missing = str(error)
        return (*paths, *sorted(set(folder.iterdir()) - before)), missing

    def pictures(self) -> dict[str, bytes]:
        """Return the pictures of the report as PNG files, by name."""
        files = {}
        for drawing in self.section.drawings:
            with io.BytesIO() as file, warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Glyph .* missing from font")
                drawing.figure.savefig(file, format="png", dpi=report.PNG_DPI, facecolor="white")
                files[drawing.name] = file.getvalue()
        return files


def read_source(study: object) -> FinishedStudy:
    """Return the study to export.

    Args:
        study: `bridle.Result`, `bridle.Tuned`, or the path of the folder of a finished study or of a command.

    Errors: `StoreError` for a folder without one finished study; `KindError` for another object.

    """
    if isinstance(study, Result):
        return _begun(FinishedStudy(study))
    if isinstance(study, Tuned):
        return _begun(FinishedStudy(study.result, study.problem.target, tuned=study))
    if not isinstance(study, str | Path):
        raise KindError(
            f"Expected a Result, a Tuned or the path of a folder to export, got {short_repr(study)}. "
            "Give what Study.run, tune or load returned."
        )
    folder = Path(study)
    inner = sorted(folder.iterdir()) if folder.is_dir() else []
    paths = [path for path in (folder, *inner) if (path / RESULT_FILE).is_file()]
    if len(paths) != 1:
        names = ", ".join(map(str, paths)) or "none"
        raise StoreError(
            f"Expected the folder of one finished study, got {str(folder)!r}, which holds {names}. "
            "Give the folder of one, such as the --out of bridle tune."
        )
    return source_of_folder(load(paths[0]), folder)


def source_of_folder(result: Result, folder: Path, network: NetworkFunction | None = None) -> FinishedStudy:
    """Return the study of a folder whose result was loaded; `network` builds the network of a tuned table."""
    name = folder.absolute().name or "study"
    return _begun(FinishedStudy(result, name, folder=folder if (folder / APPLY).is_file() else None, network=network))


def _begun(source: FinishedStudy) -> FinishedStudy:
    """Return a study that has fits, or raise `InputError`."""
    if not len(source.result.data.members):
        raise InputError("Expected a study with fits, got one that was stopped before its first. Run it again.")
    return source


@contextlib.contextmanager
def optional_package(kind: str) -> Iterator[None]:
    """Turn a missing package of a kind of export into `InputError` with the extra of the same name."""
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).startswith("bridle"):
            raise
        raise InputError(
            f"Expected the package {error.name!r} to export to {kind}, found none. "
            f"Install it: pip install 'bridle[{kind}]'"
        ) from error
