"""`export`: a finished study as a table, a model, a card, or the runs of a tracker."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from bridle._api import Result
from bridle._errors import InputError, StoreError, nearest_names
from bridle.exporting._card import write_card
from bridle.exporting._onnx import write_onnx
from bridle.exporting._source import Exported, FinishedStudy, read_source
from bridle.exporting._trackers import write_mlflow, write_tensorboard, write_trackio
from bridle.report import safe_cells
from bridle.store import write_text
from bridle.tuning import Tuned

KINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "csv": (".csv", "every fit as a row"),
        "parquet": (".parquet", "every fit as a row"),
        "json": (".json", "every fit as a record"),
        "onnx": (".onnx", "the selected model"),
        "card": ("", "a model card with the model, for the Hugging Face Hub"),
        "mlflow": ("", "a run of MLflow"),
        "tensorboard": ("", "event files of TensorBoard"),
        "trackio": ("", "a run of Trackio"),
    }
)
"""The kinds of exports: the ending of a file, empty for a folder, and what they hold."""
OF_FITS = ("mlflow", "tensorboard", "trackio")


def export(
    study: Result | Tuned | str | Path,
    out: str | Path,
    *,
    to: str | None = None,
    fits: bool = False,
    rows: Any = None,
    license: str | None = None,
) -> Exported:
    """Write a finished study for another program: a table of fits, an ONNX model, a model card, or a tracker.

    It reads what a study has stored, so it costs nothing while a study runs. `"onnx"`, `"mlflow"`, `"tensorboard"` and
    `"trackio"` need the extras of the same names: `pip install 'bridle[onnx]'`.

    Args:
        study: `Result`, `Tuned`, or the path of the folder of a finished study or of `bridle tune --out`.
        out: path of the file or of the folder. For MLflow also an address such as `"http://localhost:5000"` or
            `"sqlite:///mlflow.db"`.
        to: one of

            * `"csv"`, `"parquet"`, `"json"`: a table with every fit as a row,
            * `"onnx"`: the selected model, compared with Keras by onnxruntime; its metadata describe the columns,
            * `"card"`: a folder for the Hugging Face Hub, with a model card, the report and the model,
            * `"mlflow"`: a run with parameters, scores, curves, the report and the model,
            * `"tensorboard"`: event files with the mean curves of each candidate,
            * `"trackio"`: a run with parameters, scores and curves, in the project that `out` names.

            Default: by the ending of `out`.
        fits: bool, for trackers, whether each fit is a run of its own as well. Default False.
        rows: for `"onnx"`, unprepared rows to compare the predictions on, such as a data frame. Default: drawn rows.
        license: for `"card"`, the name of a licence, such as `"mit"`. Default: none.

    Returns: an object with `kind`, `path` and `files`; `print` shows what was written and how to open it.

    Errors: `InputError` for an unknown kind, a package that is not installed, an option of another kind, and a model
    that ONNX cannot hold; `StoreError` if a folder has no finished study or nothing can be written.

    >>> import bridle, keras, tempfile
    >>> from sklearn.datasets import make_moons
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
    >>> model.compile("adam", "binary_crossentropy")
    >>> study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([1e-2])}}, seeds=1, folds=3, epochs=2)
    >>> result = study.run(*make_moons(30, random_state=1))
    >>> print(bridle.export(result, tempfile.mkdtemp() + "/fits.csv").text.partition(" in ")[0])
    8 fits

    """
    kind = check_kind(to, str(out), fits=fits, rows=rows, license=license)
    return write_export(read_source(study), out, kind, fits=fits, rows=rows, license=license)


def check_kind(to: str | None, out: str, *, fits: bool = False, rows: Any = None, license: str | None = None) -> str:
    """Return the kind of an export.

    Errors: `InputError` for an unknown kind or ending, and for an option of another kind.
    """
    endings = {ending: kind for kind, (ending, _) in KINDS.items() if ending}
    kind = endings.get(Path(out).suffix.lower()) if to is None else to
    if kind is None:
        raise InputError(
            f"Expected a file ending in {', '.join(endings)}, or --to as one of {', '.join(KINDS)}, got {out!r}. "
            "In Python, --to is to=."
        )
    if kind not in KINDS:
        raise InputError(f"Expected an export to one of {', '.join(KINDS)}, got {kind!r}. {nearest_names(kind, KINDS)}")
    for name, is_set, kinds in (
        ("fits", fits, OF_FITS),
        ("rows", rows is not None, ("onnx",)),
        ("license", license, ("card",)),
    ):
        if is_set and kind not in kinds:
            raise InputError(
                f"Expected {name} with an export to {' or '.join(kinds)} only, got {kind!r}. Leave it out."
            )
    return kind


def write_export(
    source: FinishedStudy,
    out: str | Path,
    kind: str,
    *,
    fits: bool = False,
    rows: Any = None,
    license: str | None = None,
) -> Exported:
    """Write a study to the kind that `check_kind` returned."""
    path = Path(out)
    writers: Mapping[str, Callable[[], Exported]] = {
        "onnx": lambda: write_onnx(source, path, rows),
        "card": lambda: write_card(source, path, license=license),
        "mlflow": lambda: write_mlflow(source, str(out), fits=fits),
        "tensorboard": lambda: write_tensorboard(source, path, fits=fits),
        "trackio": lambda: write_trackio(source, str(out), fits=fits),
    }
    return writers[kind]() if kind in writers else _write_table(source.result.members(), kind, path)


def _write_table(table: pd.DataFrame, kind: str, path: Path) -> Exported:
    if kind == "parquet":
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            table.to_parquet(path)
        except ImportError as error:
            raise InputError(
                "Expected the package pyarrow to write Parquet, found none. Install it: pip install 'bridle[parquet]'"
            ) from error
        except OSError as error:
            raise StoreError(f"Expected a file that can be written, got {str(path)!r}: {error.strerror}.") from error
    else:
        write_text(path, table_text(table, kind))
    return Exported(kind, path, f"{len(table)} fits in {path}", (path,))


def table_text(table: pd.DataFrame, kind: str) -> str:
    """Return a table as `csv`, safe to open in a spreadsheet, or as `json`, a list of records."""
    if kind == "csv":
        return safe_cells(table).to_csv(index=False)
    records = json.loads(table.to_json(orient="records"))  # to_json writes null for missing numbers
    return json.dumps(records, indent=1, ensure_ascii=False) + "\n"
