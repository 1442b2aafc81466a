"""Look after a study's folder: check every byte, forget what is damaged, join small shards."""

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bridle._errors import StoreError
from bridle.store._files import WORDS, load
from bridle.store._index import NAME, add_shard, connect, writing
from bridle.store._said import said
from bridle.store._shards import FOLDER, path_of, read_shard, write_shard

JOINED = 2**26
"""Bytes of shards that `compact` joins into one."""


@dataclass
class Checked:
    """What a folder holds, and what is wrong with it."""

    shards: int = 0
    members: int = 0
    bytes: int = 0
    wrong: list[str] = field(default_factory=list)
    """Sentences; none where all is well."""
    strays: list[Path] = field(default_factory=list)
    """Files of no shard, left where a run was killed between writing and committing; they do no harm."""
    damaged: list[str] = field(default_factory=list)
    """The names of damaged shards."""


def verify(folder: str | Path) -> Checked:
    """Read everything in a folder: hashes, counts, the integrity of the index, the result.

    Errors: `StoreError` where there is no study, or where its index cannot be opened.
    """
    folder, found = Path(folder), Checked()
    index = connect(folder, write=False)
    try:
        with said(folder):
            problems = [row[0] for row in index.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
            found.wrong += [f"The index is damaged: {problem}" for problem in problems]
            names = {name: (number, count) for number, name, count in _shards(index)}
            for name, (number, count) in names.items():
                _check_shard(index, folder, found, name, number, count)
            lost = index.execute("SELECT count(*) FROM members WHERE shard NOT IN (SELECT number FROM shards)")
            if missing := lost.fetchone()[0]:
                found.wrong.append(f"{missing} members are of no shard.")
    finally:
        index.close()
    found.strays = [path for path in _files(folder) if path.name.removesuffix(".npz") not in names]
    if (folder / WORDS).is_file():
        try:
            load(folder)
        except StoreError as error:
            found.wrong.append(str(error))
    return found


def repair(folder: str | Path) -> Checked:
    """Forget damaged shards, so that the study makes their members again; what is whole is kept.

    An index that cannot be opened, or is damaged itself, is made anew from the shards, which hold their own keys; the
    old one is kept beside it.

    Errors: `StoreError` where nothing is there to repair, or the folder cannot be written.
    """
    folder = Path(folder)
    try:
        found = verify(folder)
        broken = any(sentence.startswith("The index") for sentence in found.wrong)
    except StoreError:
        if not (folder / NAME).is_file() and not (folder / FOLDER).is_dir():
            raise
        broken = True
    if broken:
        _rebuild(folder)
        return verify(folder)
    index = connect(folder)
    try:
        with said(folder), writing(index):
            for name in found.damaged:
                index.execute(
                    "DELETE FROM members WHERE shard IN (SELECT number FROM shards WHERE sha256 = ?)", (name,)
                )
                index.execute("DELETE FROM shards WHERE sha256 = ?", (name,))
            index.execute("DELETE FROM members WHERE shard NOT IN (SELECT number FROM shards)")
    finally:
        index.close()
    for name in found.damaged:
        path_of(folder, name).unlink(missing_ok=True)
    return verify(folder)


def compact(folder: str | Path) -> tuple[Checked, Checked]:
    """Join small shards into few compressed ones and remove stray files: (before, after).

    Errors: `StoreError` where something is damaged, or where a run is at work in the folder.
    """
    folder = Path(folder)
    before = verify(folder)
    if before.wrong:
        raise StoreError(f"Expected a whole study to compact, got: {before.wrong[0]} See: bridle verify {folder}")
    index = connect(folder)
    try:
        with said(folder):
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


def _shards(index: sqlite3.Connection) -> list[tuple[int, str, int]]:
    return list(index.execute("SELECT number, sha256, members FROM shards ORDER BY number"))


def _check_shard(index: sqlite3.Connection, folder: Path, found: Checked, name: str, number: int, count: int) -> None:
    own = {row[0] for row in index.execute("SELECT key FROM members WHERE shard = ?", (number,))}
    found.shards += 1
    try:
        members, size = read_shard(folder, name)
    except StoreError as error:
        found.wrong.append(str(error))
        found.damaged.append(name)
        return
    found.members, found.bytes = found.members + len(own), found.bytes + size
    if len(own) != count or own - set(members):
        found.wrong.append(f"Shard {name[:12]} should hold {count} members of the index, and holds {len(own)}.")
        found.damaged.append(name)


def _files(folder: Path) -> Iterator[Path]:
    """Everything below the folder of shards; links are not followed."""
    for place in sorted((folder / FOLDER).glob("??")):
        if place.is_dir() and not place.is_symlink():
            yield from (path for path in sorted(place.iterdir()) if path.is_file() or path.is_symlink())


def _groups(rows: list[tuple[int, str, int]]) -> Iterator[list[tuple[int, str, int]]]:
    group: list[tuple[int, str, int]] = []
    for row in rows:
        if group and sum(each[2] for each in group) + row[2] > JOINED:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _join(index: sqlite3.Connection, folder: Path, group: list[tuple[int, str, int]]) -> None:
    """One new shard for several, entered in one transaction; the files of the old ones are strays after it."""
    if len(group) < 2:
        return
    records = {}
    for number, name, _ in group:
        own = {row[0] for row in index.execute("SELECT key FROM members WHERE shard = ?", (number,))}
        records |= {key: record for key, record in read_shard(folder, name)[0].items() if key in own}
    name, size = write_shard(folder, records, compress=True)
    with writing(index):
        shard = add_shard(index, name, size, len(records), "compact")
        for number, _, _ in group:
            index.execute("UPDATE members SET shard = ? WHERE shard = ?", (shard, number))
            index.execute("DELETE FROM shards WHERE number = ?", (number,))


def _rebuild(folder: Path) -> None:
    """A new index from the shards that are whole."""
    with said(folder):
        for name in (NAME, f"{NAME}-wal", f"{NAME}-shm"):
            path = folder / name
            if path.exists():
                path.rename(folder / f"{name}.damaged-{int(time.time())}")
    index = connect(folder, create=True)
    try:
        for path in _files(folder):
            name = path.name.removesuffix(".npz")
            try:
                members, size = read_shard(folder, name)
            except StoreError:
                continue
            with said(folder), writing(index):
                shard = add_shard(index, name, size, 0, "repair")
                rows = [(key, shard) for key in members]
                index.executemany("INSERT OR IGNORE INTO members VALUES (?, ?)", rows)
                index.execute(
                    "UPDATE shards SET members = (SELECT count(*) FROM members WHERE shard = ?) WHERE number = ?",
                    (shard, shard),
                )
    finally:
        index.close()
