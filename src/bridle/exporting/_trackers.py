"""Studies in trackers of experiments: MLflow, Trackio, and the event files of TensorBoard."""

import contextlib
import io
import os
import shlex
import socket
import struct
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bridle._errors import StoreError, first_line
from bridle.exporting._runs import UNTRACKED, Run, candidate_runs, fit_runs, safe_names, study_run, text_pages
from bridle.exporting._source import Exported, FinishedStudy, optional_package

EXPERIMENT = "bridle"
"""The experiment of MLflow that gets the runs."""
MAX_BATCH, MAX_PARAMETERS, MAX_VALUE_CHARS = 1000, 100, 500
"""The most metrics and parameters that MLflow takes at once, and the longest value that every version takes."""
FILE_STORE = "MLFLOW_ALLOW_FILE_STORE"
"""The variable that lets newer versions of MLflow write files without a database."""


def write_mlflow(source: FinishedStudy, out: str, *, fits: bool) -> Exported:
    """Write a study as one run of MLflow, with its fits as children on request.

    Args:
        source: the study.
        out: folder, or the address of a tracking server or a database, such as `http://localhost:5000`.
        fits: whether each fit becomes a run below that of the study.

    Errors: `InputError` if MLflow is not installed; `StoreError` if it cannot write there.

    """
    with optional_package("mlflow"):
        from mlflow import MlflowClient  # pyright: ignore[reportMissingImports] - an optional package
    uri, artifacts = _mlflow_address(out)
    with _file_store(uri), tempfile.TemporaryDirectory() as folder:
        pages = Path(folder)
        for name, text in text_pages(source.result).items():
            (pages / f"{name}.txt").write_text(text, encoding="utf-8")
        _, missing = source.save(pages, source.name)
        try:
            client = MlflowClient(tracking_uri=uri)
            experiment = client.get_experiment_by_name(EXPERIMENT)
            number = (
                client.create_experiment(EXPERIMENT, artifact_location=artifacts)
                if experiment is None
                else experiment.experiment_id
            )
            note = {"mlflow.note.content": source.result.verdict()}
            parent = _log_run(client, number, study_run(source.result, source.name), note)
            client.log_artifacts(parent, folder)
            count = 0
            for run in fit_runs(source.result) if fits else ():
                _log_run(client, number, run, {"mlflow.parentRunId": parent})
                count += 1
        except Exception as error:  # a server or a database fails in many ways
            raise StoreError(
                f"Expected a folder or an address where MLflow can write, got {out!r}. {first_line(error)}"
            ) from error
    below = f" with {count} runs of its fits" if fits else ""
    text = f"One run of MLflow{below}, in the experiment {EXPERIMENT!r} of {uri}."
    text += f" Without a model. {missing}" if missing else ""
    allowed = f"{FILE_STORE}=true " if uri.startswith("file:") else ""
    text += f" To see it: {allowed}mlflow ui --backend-store-uri {shlex.quote(uri)}" if "http" not in uri[:5] else ""
    return Exported("mlflow", uri if "://" in out else Path(out), text)


def _mlflow_address(out: str) -> tuple[str, str | None]:
    """Return the address of MLflow's store and the folder of its artifacts; None for the default of an address."""
    if "://" in out:
        return out, None
    folder = Path(out).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"Expected a folder that can be written, got {out!r}: {error.strerror}.") from error
    has_database = find_spec("sqlalchemy") is not None and find_spec("alembic") is not None
    if has_database and not (folder / "0").is_dir():  # an older store of files goes on as it began
        return f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri()
    return folder.as_uri(), None


@contextlib.contextmanager
def _file_store(uri: str) -> Iterator[None]:
    """Allow MLflow's store of files inside the block."""
    before = os.environ.get(FILE_STORE)
    if uri.startswith("file:"):
        os.environ[FILE_STORE] = "true"
    try:
        yield
    finally:
        if uri.startswith("file:"):
            os.environ.pop(FILE_STORE) if before is None else os.environ.update({FILE_STORE: before})


def _log_run(client: Any, experiment: str, run: Run, tags: Mapping[str, str]) -> str:
    """Write one run to MLflow, and return its identifier."""
    from mlflow.entities import Metric, Param  # pyright: ignore[reportMissingImports] - an optional package

    run_id = client.create_run(experiment, run_name=run.name, tags=dict(tags)).info.run_id
    now = round(time.time() * 1000)
    metrics = [Metric(_key(name), value, now, 0) for name, value in run.metrics.items() if name not in run.curves]
    for name, curve in run.curves.items():
        points = zip(curve.epochs.tolist(), curve.values.tolist(), strict=True)
        metrics += [Metric(_key(name), value, now, epoch) for epoch, value in points]
    parameters = [Param(_key(name), str(value)[:MAX_VALUE_CHARS]) for name, value in run.parameters.items()]
    for start in range(0, len(metrics), MAX_BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + MAX_BATCH])
    for start in range(0, len(parameters), MAX_PARAMETERS):
        client.log_batch(run_id, params=parameters[start : start + MAX_PARAMETERS])
    client.set_terminated(run_id, "FINISHED" if run.succeeded else "FAILED")
    return run_id


def _key(name: str) -> str:
    """Return the name of a metric or a parameter that MLflow accepts."""
    return UNTRACKED.sub("_", name)


def write_trackio(source: FinishedStudy, project: str, *, fits: bool) -> Exported:
    """Write a study as one run of a project of Trackio, with its fits as a group of runs on request.

    It stays on this machine, in the folder that Trackio uses.

    Errors: `InputError` if Trackio is not installed; `StoreError` if it cannot write.
    """
    with optional_package("trackio"):
        import trackio  # pyright: ignore[reportMissingImports] - an optional package
    whole, count = study_run(source.result, source.name), 0
    options = {"embed": False, "auto_log_cpu": False, "auto_log_gpu": False}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for run in (whole, *(fit_runs(source.result) if fits else ())):
                texts, group = (text_pages(source.result), None) if run is whole else ({}, f"fits of {source.name}")
                config = {**run.parameters, **texts}
                log = trackio.init(project=project, name=run.name, group=group, config=config, **options)
                for step, numbers in _by_epoch(run).items():
                    log.log(numbers, step=step)
                trackio.finish()
                count += 1
    except Exception as error:  # a server, a database or a full disk, each in its own way
        raise StoreError(
            f"Expected a project where Trackio can write, got {project!r}. {first_line(error)} Give another name."
        ) from error
    below = f" with {count - 1} runs of its fits" if fits else ""
    show = shlex.join(["trackio", "show", "--project", project])
    return Exported("trackio", project, f"One run{below} in the project {project!r} of Trackio. To see it: {show}")


def _by_epoch(run: Run) -> dict[int, dict[str, float]]:
    """Return the curves of a run by epoch; its other numbers are at the last one."""
    steps: dict[int, dict[str, float]] = {}
    for name, curve in run.curves.items():
        for epoch, value in zip(curve.epochs.tolist(), curve.values.tolist(), strict=True):
            steps.setdefault(epoch, {})[name] = value
    rest = {name: value for name, value in run.metrics.items() if name not in run.curves}
    steps.setdefault(max(steps, default=0), {}).update(rest)
    return dict(sorted(steps.items()))


def write_tensorboard(source: FinishedStudy, out: Path, *, fits: bool) -> Exported:
    """Write a study as event files of TensorBoard: one folder for each candidate, and for each fit on request.

    A candidate has the mean curves of its fits, and its strengths as hyperparameters. The folder `study` has the
    verdict, the notes and the pictures. TensorFlow is not needed.

    Errors: `InputError` if TensorBoard is not installed; `StoreError` if the folder cannot be written.
    """
    with optional_package("tensorboard"):
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.plugins.text.summary_v2 import text_pb
    result, files = source.result, []
    candidates = list(candidate_runs(result))
    runs = list(zip(safe_names([run.name for run in candidates]), candidates, strict=True))
    if fits:
        trained = list(fit_runs(result))
        names = safe_names([run.name for run in trained])
        runs += [(f"fits/{name}", run) for name, run in zip(names, trained, strict=True)]
    whole = study_run(result, source.name)
    pages = [text_pb(name, text.replace("\n", "  \n")) for name, text in text_pages(result).items()]
    pages.append(text_pb("parameters", "\n".join(f"* {name}: {value}" for name, value in whole.parameters.items())))
    pictures = [Summary(value=[_picture(Summary, name, content)]) for name, content in source.pictures().items()]
    study = [Event(step=0, summary=page) for page in (*pages, *pictures)]
    study += [Event(step=0, summary=_scalar(Summary, name, value)) for name, value in whole.metrics.items()]
    try:
        files.append(_write_events(out / "study", study))
        for name, run in runs:
            events = [Event(step=0, summary=hparams_pb(dict(run.parameters)))]
            for quantity, curve in run.curves.items():
                points = zip(curve.epochs.tolist(), curve.values.tolist(), strict=True)
                events += [Event(step=epoch, summary=_scalar(Summary, quantity, value)) for epoch, value in points]
            last = int(result.data.epochs[-1])
            rest = {name: value for name, value in run.metrics.items() if name not in run.curves}
            events += [Event(step=last, summary=_scalar(Summary, name, value)) for name, value in rest.items()]
            files.append(_write_events(out / name, events))
    except OSError as error:
        raise StoreError(
            f"Expected a folder that can be written, got {str(out)!r}: {error.strerror}. Give another one."
        ) from error
    below = f" and {len(runs) - len(candidates)} fits" if fits else ""
    show = shlex.join(["tensorboard", "--logdir", str(out)])
    text = f"{len(candidates)} candidates{below} in {out}. To see them: {show}"
    return Exported("tensorboard", out, text, tuple(files))


def _scalar(summary: Any, name: str, value: float) -> Any:
    return summary(value=[summary.Value(tag=name, simple_value=value)])


def _picture(summary: Any, name: str, content: bytes) -> Any:
    """Return a picture of TensorBoard from a PNG file, whose first chunk holds its size."""
    width, height = struct.unpack(">II", content[16:24])
    image = summary.Image(height=height, width=width, colorspace=4, encoded_image_string=content)
    return summary.Value(tag=f"pictures/{name}", image=image)


def _write_events(folder: Path, events: list[Any]) -> Path:
    """Write one event file, and remove those of an earlier export of the same run."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(parents=True, exist_ok=True)
    now = time.time()
    path = folder / f"events.out.tfevents.{int(now)}.{socket.gethostname()}.bridle"
    for old in folder.glob("events.out.tfevents.*.bridle"):
        old.unlink()
    with path.open("wb") as file:
        writer = RecordWriter(file)
        for event in [Event(file_version="brain.Event:2"), *events]:
            event.wall_time = now
            writer.write(event.SerializeToString())
    return path
