"""SIGKILL at any instant: what was committed stays, the rest is made again, the numbers are those of one run."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bridle import BridleError
from bridle import store as stores
from bridle.sources import read
from tests._same import same
from tests.faults.conftest import scaled
from tests.faults.killed_study import asked, on_disk, run

SCRIPT = Path(__file__).with_name("killed_study.py")


def started(folder: Path, *kind: str) -> subprocess.Popen:
    """The study in a process of its own, which compiles for itself, so that it can be killed while it does."""
    own = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    words = [sys.executable, str(SCRIPT), str(folder), *kind]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=own)
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process: subprocess.Popen) -> str:
    """Return the rest of its output after its end."""
    return process.communicate()[0]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """One run without interruption in a process of its own, and how long it took after Python had begun."""
    folder = tmp_path_factory.mktemp("whole")
    process, began = started(folder), time.perf_counter()
    assert ended(process) == "done\n"
    return stores.load(folder), time.perf_counter() - began


def begun(folder: Path) -> bool:
    """Return True if the index exists and is not empty, as it is during its creation."""
    try:
        stores.Store(folder, create=False, write=False).close()
    except BridleError as error:
        if "found no index.sqlite" in str(error) or "no study was started" in str(error):
            return False
        raise
    return True


def kept(folder: Path) -> set[bytes]:
    """The keys that a folder has committed."""
    if not begun(folder):
        return set()
    with stores.Store(folder, create=False, write=False) as store:
        return {row[0] for row in store._index.execute("SELECT key FROM members")}


def wait_for(folder: Path, fits: int, patience: float) -> None:
    """Until a folder has committed so many."""
    deadline = time.monotonic() + patience
    while len(kept(folder)) < fits:
        assert time.monotonic() < deadline, f"only {len(kept(folder))} fits were committed"
        time.sleep(0.01)


@pytest.mark.parametrize("part", range(scaled(1, 8)))
def test_killed_at_any_instant_nothing_committed_is_lost(reference, tmp_path, counted, part) -> None:
    """Instants over the whole run: imports, compilation, fits, refits; a third of them counts from the first commit."""
    whole, seconds = reference
    tries = scaled(3, 25)
    instants = (np.arange(tries) + np.random.default_rng(part + 2).uniform(size=tries)) / tries * seconds
    lost, committed = 0, []
    for number, instant in enumerate(instants):
        folder = tmp_path / str(number)
        process = started(folder)
        if number % 3 == 2:
            wait_for(folder, 1, 10 * seconds)
            instant %= seconds / 3
        time.sleep(instant)
        process.send_signal(signal.SIGKILL)
        ended(process)
        before = kept(folder)
        committed.append(len(before))
        result = run(folder).data
        lost += len(before - kept(folder)) + (not same(result, whole)) + len(stores.verify(folder).wrong)
    counted("kills", tries, lost)
    assert lost == 0
    assert max(committed) > 0


@pytest.fixture(scope="module")
def from_disk(tmp_path_factory):
    """One run without interruption that trains from a memory map."""
    return run(tmp_path_factory.mktemp("disk") / "s", "map").data


@pytest.mark.parametrize("kind", ["map", "generator"])
def test_killed_while_it_trains_from_disk(from_disk, tmp_path, counted, kind) -> None:
    """From a memory map and from the rows of a generator: resumed, the bits are those of one run."""
    whole, folder = from_disk, tmp_path / "s"
    process = started(folder, kind)
    wait_for(folder, 1, 240)
    process.send_signal(signal.SIGKILL)
    ended(process)
    before = kept(folder)
    result = run(folder, kind).data
    lost = len(before - kept(folder)) + (not same(result, whole)) + len(stores.verify(folder).wrong)
    counted("kills", 1, lost)
    assert 0 < len(before) < len(kept(folder))
    assert lost == 0


def test_killed_while_it_writes_the_rows_of_a_generator(tmp_path) -> None:
    """Half a file is no file: the next run reads the generator again, and finds every row in its place."""
    folder = tmp_path / "s"
    process = started(folder, "slow")
    assert process.stdout.readline() == "reading\n"
    process.send_signal(signal.SIGKILL)
    ended(process)
    assert [path.name.startswith(".x.npy.") for path in (folder / "rows").iterdir()] == [True]
    _, (x, y), _ = asked()
    source, *_ = on_disk((x, y), folder, "generator")
    rows = read(source, rows_in="disk", folder=folder / "rows")
    np.testing.assert_array_equal(rows.x.load(), x)
    np.testing.assert_array_equal(rows.y, y)


@pytest.mark.skipif(scaled(1, 0), reason="in make torture")
def test_killed_again_and_again_it_still_arrives(reference, tmp_path, counted) -> None:
    """One folder, killed soon after each start until it is done."""
    whole, seconds = reference
    tries = 12
    for number in range(tries):
        process = started(tmp_path / "s")
        time.sleep(seconds * (0.5 + 0.4 * number / tries))
        process.kill()
        ended(process)
    result = run(tmp_path / "s").data
    counted("kills", tries, int(not same(result, whole)))
    assert same(result, whole)


def test_processes_at_once_share_the_work(reference, tmp_path, counted) -> None:
    """Several runs of one study in one folder: every member is committed once, and all end with the same numbers."""
    whole, _ = reference
    count = scaled(2, 8)
    crew = [started(tmp_path / "s") for _ in range(count)]
    assert [ended(process) for process in crew] == ["done\n"] * count
    with stores.Store(tmp_path / "s", create=False) as store:
        owners = dict(store._index.execute("SELECT owner, sum(members) FROM shards GROUP BY owner").fetchall())
        members = store._index.execute("SELECT count(*) FROM members").fetchone()[0]
    counted("processes at once", count, int(not same(stores.load(tmp_path / "s"), whole)))
    assert sum(owners.values()) == members == len(whole.members)
    assert same(stores.load(tmp_path / "s"), whole)
    assert stores.verify(tmp_path / "s").wrong == []


def freeze_between_writes(process: subprocess.Popen, folder: Path) -> None:
    """Stop a process at an instant at which it does not hold the lock of the index."""
    for _ in range(100):
        process.send_signal(signal.SIGSTOP)
        index = sqlite3.connect(folder / "index.sqlite", timeout=0, isolation_level=None)
        try:
            index.execute("BEGIN IMMEDIATE")
            index.execute("ROLLBACK")
            return
        except sqlite3.OperationalError:
            process.send_signal(signal.SIGCONT)
            time.sleep(0.01)
        finally:
            index.close()
    raise AssertionError("Expected an instant without a lock, found none in 100.")


def test_a_frozen_process_that_wakes_adds_nothing(reference, tmp_path, counted) -> None:
    """Frozen while it holds claims; another process finishes the study after the lease; the first wakes and ends."""
    whole, seconds = reference
    frozen = started(tmp_path / "s")
    wait_for(tmp_path / "s", 2, 10 * seconds)
    freeze_between_writes(frozen, tmp_path / "s")
    with stores.Store(tmp_path / "s", create=False) as store:  # the lease runs out, without the wait
        store._index.execute("UPDATE claims SET expires = 0")
    result = run(tmp_path / "s").data
    before = kept(tmp_path / "s")
    frozen.send_signal(signal.SIGCONT)
    ended(frozen)
    counted("frozen processes", 1, int(not same(result, whole)))
    assert same(result, whole)
    assert kept(tmp_path / "s") == before
    assert stores.verify(tmp_path / "s").wrong == []
