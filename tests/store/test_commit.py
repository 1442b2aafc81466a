"""The store while it is written: claims, leases, commits, and what damage and clocks can do."""

import os
import sqlite3
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from bridle import BridleError
from bridle._errors import StoreError
from bridle.store import Store, compact, repair, verify
from bridle.store import _index as index_module
from bridle.store import _store as store_module


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def record(number: int, size: int = 5) -> dict[str, np.ndarray]:
    return {"curves": np.full((size, 2), number, np.float32), "numbers": np.array([number, 1, 2])}


def filled(folder: Path, count: int = 6, shards: int = 2) -> list[bytes]:
    """A folder with members in several shards."""
    keys = [key(number) for number in range(count)]
    with Store(folder) as store:
        for part in range(shards):
            own = keys[part::shards]
            store.claim(own)
            assert store.commit({each: record(int.from_bytes(each, "big")) for each in own}) == len(own)
    return keys


def is_whole(folder: Path) -> bool:
    """Return True if verification reports nothing wrong."""
    try:
        return not verify(folder).wrong
    except BridleError:
        return False


def shard_files(folder: Path) -> list[Path]:
    return sorted((folder / "shards").glob("??/*.npz"))


def test_what_is_committed_comes_back(tmp_path) -> None:
    """Bit for bit, by key, members of other shapes beside each other; what is not there is not."""
    with Store(tmp_path) as store:
        store.claim([key(1), key(2), key(3)])
        odd = {"curves": np.zeros((0, 3)), "variables/0/bfloat16": np.array([1, 2], np.uint16)}
        store.commit({key(1): record(1), key(2): odd, key(3): record(3)})
    with Store(tmp_path) as store:
        found = store.find([key(3), key(2), key(1), key(9)])
        assert set(found) == {key(1), key(2), key(3)}
        assert len(store) == 3
        for name, value in odd.items():
            assert found[key(2)][name].dtype == value.dtype
            assert np.array_equal(found[key(2)][name], value)
        assert found[key(3)]["curves"][4, 1] == 3


def test_a_claim_keeps_others_away_until_it_is_given_back(tmp_path) -> None:
    """Two processes never hold the same member."""
    with Store(tmp_path) as one, Store(tmp_path) as two:
        assert one.claim([key(1), key(2)]) == ({key(1), key(2)}, set())
        assert two.claim([key(2), key(3)]) == ({key(3)}, set())
        one.release([key(2)])
        assert two.claim([key(1), key(2)]) == ({key(2)}, set())
        one.commit({key(1): record(1)})
        assert two.claim([key(1)]) == (set(), {key(1)})
    with Store(tmp_path) as three:
        assert three.claim([key(2)]) == ({key(2)}, set())


def test_a_zombie_adds_nothing(tmp_path, monkeypatch) -> None:
    """Its lease ran out, another process took the member over; the late commit does not count."""
    now = [1000.0]
    monkeypatch.setattr(store_module.time, "time", lambda: now[0])
    with Store(tmp_path) as zombie, Store(tmp_path) as other:
        zombie.claim([key(1), key(2)])
        now[0] += store_module.LEASE_SECONDS + 1
        assert other.claim([key(1)]) == ({key(1)}, set())
        assert zombie.commit({key(1): record(13), key(2): record(2)}) == 1
        assert other.commit({key(1): record(1)}) == 1
        assert zombie.commit({key(1): record(13)}) == 0
        assert other.find([key(1)])[key(1)]["numbers"][0] == 1
        assert len(other) == 2


def test_a_clock_that_jumps_frees_and_loses_nothing(tmp_path, monkeypatch) -> None:
    """Set back by a year, a lease does not last a year; set forward, a commit still counts while nobody else claims."""
    now = [5e8]
    monkeypatch.setattr(store_module.time, "time", lambda: now[0])
    with Store(tmp_path) as one, Store(tmp_path) as two:
        one.claim([key(1), key(2)])
        now[0] -= 3e7
        assert two.claim([key(1)])[0] == {key(1)}
        now[0] += 9e7
        assert one.commit({key(2): record(2)}) == 1
        assert two.commit({key(1): record(1)}) == 1


def test_claims_end_with_their_process(tmp_path) -> None:
    """At once, without the wait for the lease; those of a process that lives stand, and nothing stays behind."""
    dead, alive = Store(tmp_path), Store(tmp_path)
    dead.claim([key(1)])
    alive.claim([key(2)])
    os.close(dead._sign._descriptor)  # as the operating system does at its end
    with Store(tmp_path) as other:
        assert other.claim([key(1), key(2)])[0] == {key(1)}
    dead._sign._descriptor = None
    dead.close(), alive.close()
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_claims_that_could_not_be_given_back_are_those_of_the_dead(tmp_path, monkeypatch) -> None:
    """On a full disk nothing can be written at the end; the next process need not wait for the lease."""
    full = Store(tmp_path)
    full.claim([key(1)])
    with monkeypatch.context() as patch:
        patch.setattr(Store, "_writing", lambda self: (_ for _ in ()).throw(StoreError("full")))
        full.close()
    with Store(tmp_path) as other:
        assert other.claim([key(1)])[0] == {key(1)}


def test_a_living_process_renews_its_lease(tmp_path, monkeypatch) -> None:
    """A fit may take longer than a lease."""
    monkeypatch.setattr(store_module, "LEASE_SECONDS", 2.0)
    with Store(tmp_path) as one, Store(tmp_path) as two:
        one.claim([key(1)])
        time.sleep(3.0)
        assert two.claim([key(1)]) == (set(), set())


class Busy(sqlite3.Connection):
    """A connection that finds the database locked twice while it switches to the write-ahead log."""

    refusals = 2

    def execute(self, statement, *arguments):
        if "journal_mode" in statement and self.refusals:
            self.refusals -= 1
            raise sqlite3.OperationalError("database is locked")
        return super().execute(statement, *arguments)


def test_two_that_create_a_folder_at_once_wait_for_each_other(tmp_path, monkeypatch) -> None:
    """SQLite refuses at once while another process switches the journal, and does not wait."""
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: connect(*args, factory=Busy, **options))
    with Store(tmp_path) as store:
        assert store.claim([key(1)]) == ({key(1)}, set())


def test_eight_writers_share_the_work(tmp_path) -> None:
    """Every member is committed once, by whoever claimed it."""
    keys, counts = [key(number) for number in range(200)], []

    def work(number: int) -> None:
        with Store(tmp_path) as store:
            done = 0
            for first in range(0, len(keys), 10):
                taken, _ = store.claim(keys[first : first + 10])
                done += store.commit({each: record(int.from_bytes(each, "big")) for each in sorted(taken)})
            counts.append(done)

    crew = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert sum(counts) == 200
    found = verify(tmp_path)
    assert (found.members, found.wrong) == (200, [])


@pytest.mark.parametrize("harm", ["flipped", "zeros", "torn", "empty", "gone", "link"])
def test_a_damaged_shard_is_named_and_forgotten(tmp_path, harm) -> None:
    """The others stay; what was in it can be claimed again."""
    keys = filled(tmp_path / "s")
    path = shard_files(tmp_path / "s")[0]
    blob = path.read_bytes()
    path.unlink()
    harmed = {
        "flipped": blob[:90] + bytes([blob[90] ^ 4]) + blob[91:],
        "zeros": b"\0" * len(blob),
        "torn": blob[: len(blob) // 2],
        "empty": b"",
    }
    if harm in harmed:
        path.write_bytes(harmed[harm])
    elif harm == "link":
        (tmp_path / "elsewhere").write_bytes(blob)
        path.symlink_to(tmp_path / "elsewhere")
    with Store(tmp_path / "s") as store, pytest.raises(BridleError, match=r"verify .* --repair"):
        store.find(keys)
    found = verify(tmp_path / "s")
    assert len(found.wrong) == 1
    assert path.name in found.wrong[0]
    after = repair(tmp_path / "s")
    assert (after.members, after.wrong) == (3, [])
    with Store(tmp_path / "s") as store:
        assert len(store.find(keys)) == 3
        assert len(store.claim(keys)[0]) == 3


@pytest.mark.parametrize("harm", ["flipped", "zeros", "torn", "empty", "text", "gone"])
def test_a_damaged_index_is_made_again_from_the_shards(tmp_path, harm) -> None:
    """Nothing committed is lost, for shards hold their own keys."""
    keys = filled(tmp_path)
    path = tmp_path / index_module.INDEX_FILE
    blob = bytearray(path.read_bytes())
    if harm == "flipped":
        for place in range(4096, len(blob), 97):
            blob[place] ^= 255
    harmed = {"zeros": b"\0" * len(blob), "torn": blob[:5000], "empty": b"", "text": b"hello", "flipped": blob}
    path.unlink() if harm == "gone" else path.write_bytes(bytes(harmed[harm]))
    assert not is_whole(tmp_path)
    after = repair(tmp_path)
    assert (after.members, after.wrong) == (6, [])
    with Store(tmp_path) as store:
        assert store.find(keys)[key(5)]["numbers"][0] == 5


def test_another_version_and_another_database_are_refused(tmp_path) -> None:
    filled(tmp_path)
    with sqlite3.connect(tmp_path / index_module.INDEX_FILE) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(BridleError, match="got 99, of a newer bridle"):
        Store(tmp_path)
    with sqlite3.connect(tmp_path / index_module.INDEX_FILE) as database:
        database.execute("PRAGMA application_id = 7")
    database.close()
    with pytest.raises(BridleError, match="another database"):
        Store(tmp_path)


def test_a_file_system_without_locks_is_refused(tmp_path, monkeypatch) -> None:
    """File systems without locks, and with locks that everybody gets."""
    real = index_module.fcntl.flock
    monkeypatch.setattr(index_module.fcntl, "flock", lambda descriptor, how: None)
    with pytest.raises(BridleError, match="a file system with locks"):
        Store(tmp_path / "everybody")

    def fails(descriptor: int, how: int) -> None:
        raise OSError(index_module.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(index_module.fcntl, "flock", fails)
    with pytest.raises(BridleError, match="a file system with locks"):
        Store(tmp_path / "none")
    monkeypatch.setattr(index_module.fcntl, "flock", real)
    Store(tmp_path / "works").close()


def test_a_full_disk_loses_nothing_committed(tmp_path, monkeypatch) -> None:
    """The commit fails in a sentence, the members before it stay, and so does the folder."""
    keys = filled(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(index_module.errno.ENOSPC, "No space left on device")

    with Store(tmp_path) as store:
        store.claim([key(50)])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(BridleError, match=r"room on the disk .* safe"):
                store.commit({key(50): record(50)})
        assert store.commit({key(50): record(50)}) == 1
        assert len(store.find([*keys, key(50)])) == 7
    assert verify(tmp_path).wrong == []


def test_a_run_killed_before_its_row_leaves_a_stray(tmp_path, monkeypatch) -> None:
    """The file without a row does no harm; `compact` removes it."""
    filled(tmp_path)
    with Store(tmp_path) as store:
        store.claim([key(70)])

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(store_module.Store, "_writing", killed)
            with pytest.raises(KeyboardInterrupt):
                store.commit({key(70): record(70)})
    found = verify(tmp_path)
    assert (found.members, found.wrong, len(found.strays)) == (6, [], 1)
    before, after = compact(tmp_path)
    assert (before.shards, after.shards, after.members, after.strays) == (2, 1, 6, [])
    assert len(shard_files(tmp_path)) == 1


def test_compacting_keeps_out_of_the_way(tmp_path) -> None:
    """Not while a run is at work, and not over damage."""
    filled(tmp_path)
    with Store(tmp_path) as store:
        store.claim([key(99)])
        with pytest.raises(BridleError, match="no run at work"):
            compact(tmp_path)
    shard_files(tmp_path)[0].write_bytes(b"")
    with pytest.raises(BridleError, match="bridle verify"):
        compact(tmp_path)


def test_names_in_a_foreign_index_lead_nowhere(tmp_path) -> None:
    """A shard's name is 64 hexadecimal digits or nothing is opened."""
    keys = filled(tmp_path)
    with sqlite3.connect(tmp_path / index_module.INDEX_FILE) as database:
        database.execute("UPDATE shards SET sha256 = '../../etc/passwd'")
    database.close()
    with Store(tmp_path) as store, pytest.raises(BridleError, match="64 hexadecimal digits"):
        store.find(keys)


def test_a_large_index_opens_at_once(tmp_path) -> None:
    """Opening reads no members: the time for 50,000 is that for none."""
    with Store(tmp_path) as store:
        rows = ((os.urandom(32), 1) for _ in range(50_000))
        with store._writing() as index:
            index.executemany("INSERT INTO members VALUES (?, ?)", rows)
    statements: list[str] = []
    with Store(tmp_path) as store:
        store._index.set_trace_callback(statements.append)
        store.committed([key(1)])
        plan = store._index.execute("EXPLAIN QUERY PLAN SELECT key FROM members WHERE key IN (?)", (key(1),)).fetchall()
    assert "SEARCH members USING PRIMARY KEY" in plan[0][3]
    assert sum("members" in statement for statement in statements) == 1
