"""Care of a study's folder: check every byte, drop what is damaged, join small segments."""

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bridle._errors import StoreError
from bridle.store._files import RESULT_FILE, load
from bridle.store._index import INDEX_FILE, add_segment, connect, storage_errors, writing
from bridle.store._segments import FOLDER, read_segment, segment_path, write_segment

MAX_JOINED_BYTES = 2**26
"""Most bytes of segments that `compact` joins into one."""


@dataclass
class FolderReport:
    """Contents of a folder, and its faults."""

    shards: int = 0
    members: int = 0
    bytes: int = 0
    wrong: list[str] = field(default_factory=list)
    """Sentences; none where all is well."""
    strays: list[Path] = field(default_factory=list)
    """Files of no shard, left where a run was killed between writing and committing; they do no harm."""
    damaged: list[str] = field(default_factory=list)
    """The names of damaged shards."""


def verify(folder: str | Path) -> FolderReport:
    """Read everything in a folder: hashes, counts, the integrity of the index, the result.

    Errors: `StoreError` where there is no study, or where its index cannot be opened.
    """
    folder, report = Path(folder), FolderReport()
    index = connect(folder, write=False)
    try:
        with storage_errors(folder):
            problems = [row[0] for row in index.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
            report.wrong += [f"The index is damaged: {problem}" for problem in problems]
            names = {name: (segment, count) for segment, name, count in _segments(index)}
            for name, (segment, count) in names.items():
                _check_segment(index, folder, report, name, segment, count)
            lost = index.execute("SELECT count(*) FROM members WHERE shard NOT IN (SELECT number FROM shards)")
            if missing := lost.fetchone()[0]:
                report.wrong.append(f"{missing} fits belong to no segment.")
    finally:
        index.close()
    report.strays = [path for path in _files(folder) if path.name.removesuffix(".npz") not in names]
    if (folder / RESULT_FILE).is_file():
        try:
            load(folder)
        except StoreError as error:
            report.wrong.append(str(error))
    return report


def repair(folder: str | Path) -> FolderReport:
    """Drop damaged segments, so that the study trains their fits again; the others stay.

    An index that is damaged or cannot be opened is rebuilt from the segments, which hold their own keys. The old one
    stays under another name.

    Errors: `StoreError` where nothing is there to repair, or the folder cannot be written.
    """
    folder = Path(folder)
    try:
        report = verify(folder)
        broken = any(sentence.startswith("The index") for sentence in report.wrong)
    except StoreError:
        if not (folder / INDEX_FILE).is_file() and not (folder / FOLDER).is_dir():
            raise
        broken = True
    if broken:
        _rebuild(folder)
        return verify(folder)
    index = connect(folder)
    try:
        with storage_errors(folder), writing(index):
            for name in report.damaged:
                index.execute(
                    "DELETE FROM members WHERE shard IN (SELECT number FROM shards WHERE sha256 = ?)", (name,)
                )
                index.execute("DELETE FROM shards WHERE sha256 = ?", (name,))
            index.execute("DELETE FROM members WHERE shard NOT IN (SELECT number FROM shards)")
    finally:
        index.close()
    for name in report.damaged:
        segment_path(folder, name).unlink(missing_ok=True)
    return verify(folder)


def compact(folder: str | Path) -> tuple[FolderReport, FolderReport]:
    """Join small segments into few compressed ones, remove stray files, and return the reports (before, after).

    Errors: `StoreError` where something is damaged, or where a run is at work in the folder.
    """
    folder = Path(folder)
    before = verify(folder)
    if before.wrong:
        raise StoreError(f"Expected a whole study to compact, got: {before.wrong[0]} See: bridle verify {folder}")
    index = connect(folder)
    try:
        with storage_errors(folder):
            if index.execute("SELECT count(*) FROM claims WHERE expires > ?", (time.time(),)).fetchone()[0]:
                raise StoreError(f"Expected no run at work in {str(folder)!r}, found one. Wait for it, or stop it.")
            for group in _groups(list(index.execute("SELECT number, sha256, bytes FROM shards ORDER BY number"))):
                _join(index, folder, group)
            index.execute("VACUUM")
    finally:
        index.close()
    for stray in verify(folder).strays:
        stray.unlink(missing_ok=True)
    return before, verify(folder)


def _segments(index: sqlite3.Connection) -> list[tuple[int, str, int]]:
    return list(index.execute("SELECT number, sha256, members FROM shards ORDER BY number"))


def _check_segment(
    index: sqlite3.Connection, folder: Path, report: FolderReport, name: str, segment: int, count: int
) -> None:
    keys = {row[0] for row in index.execute("SELECT key FROM members WHERE shard = ?", (segment,))}
    report.shards += 1
    try:
        members, size = read_segment(folder, name)
    except StoreError as error:
        report.wrong.append(str(error))
        report.damaged.append(name)
        return
    report.members, report.bytes = report.members + len(keys), report.bytes + size
    if len(keys) != count or keys - set(members):
        report.wrong.append(f"Segment {name[:12]} should hold {count} fits of the index, and holds {len(keys)}.")
        report.damaged.append(name)


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files below the folder of segments; links are not followed."""
    for subfolder in sorted((folder / FOLDER).glob("??")):
        if subfolder.is_dir() and not subfolder.is_symlink():
            yield from (path for path in sorted(subfolder.iterdir()) if path.is_file() or path.is_symlink())


def _groups(rows: list[tuple[int, str, int]]) -> Iterator[list[tuple[int, str, int]]]:
    group: list[tuple[int, str, int]] = []
    for row in rows:
        if group and sum(entry[2] for entry in group) + row[2] > MAX_JOINED_BYTES:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _join(index: sqlite3.Connection, folder: Path, group: list[tuple[int, str, int]]) -> None:
    """Replace several segments by one in one transaction; the files of the old ones are strays after it."""
    if len(group) < 2:
        return
    records = {}
    for segment, name, _ in group:
        keys = {row[0] for row in index.execute("SELECT key FROM members WHERE shard = ?", (segment,))}
        records |= {key: record for key, record in read_segment(folder, name)[0].items() if key in keys}
    name, size = write_segment(folder, records, compress=True)
    with writing(index):
        joined = add_segment(index, name, size, len(records), "compact")
        for segment, _, _ in group:
            index.execute("UPDATE members SET shard = ? WHERE shard = ?", (joined, segment))
            index.execute("DELETE FROM shards WHERE number = ?", (segment,))


def _rebuild(folder: Path) -> None:
    """Write a new index from the segments that are whole."""
    with storage_errors(folder):
        for name in (INDEX_FILE, f"{INDEX_FILE}-wal", f"{INDEX_FILE}-shm"):
            path = folder / name
            if path.exists():
                path.rename(folder / f"{name}.damaged-{int(time.time())}")
    index = connect(folder, create=True)
    try:
        for path in _files(folder):
            name = path.name.removesuffix(".npz")
            try:
                members, size = read_segment(folder, name)
            except StoreError:
                continue
            with storage_errors(folder), writing(index):
                shard = add_segment(index, name, size, 0, "repair")
                rows = [(key, shard) for key in members]
                index.executemany("INSERT OR IGNORE INTO members VALUES (?, ?)", rows)
                index.execute(
                    "UPDATE shards SET members = (SELECT count(*) FROM members WHERE shard = ?) WHERE number = ?",
                    (shard, shard),
                )
    finally:
        index.close()
