"""A study on a cluster of real processes: whatever happens to them, each fit counts once and has its own bits."""

import time
from pathlib import Path

import pytest

from bridle import store as stores
from tests._same import same
from tests.faults.conftest import scaled
from tests.faults.killed_study import run
from tests.faults.test_kills import begun

pytest.importorskip("distributed", reason="the extra bridle[dask] is not installed")

from tests.cluster.hosts import Hosts, stopped


@pytest.fixture(scope="module")
def whole():
    """The study in one process."""
    return run(None).data


@pytest.fixture
def hosts():
    with Hosts() as found:
        yield found


def committed(folder: Path) -> int:
    """Return the number of fits; -1 before the study exists."""
    if not begun(folder):
        return -1
    with stores.Store(folder, create=False, write=False) as store:
        return len(store)


def wait_for(folder: Path, count: int) -> None:
    """Until so many are committed; 0 is when the study is there, before any worker is sent it."""
    deadline = time.monotonic() + 300
    while committed(folder) < count:
        assert time.monotonic() < deadline, f"only {committed(folder)} fits were committed"
        time.sleep(0.05)


def done(client) -> None:
    """The client came to its end; what Dask logs on the way is no matter."""
    said = client.communicate(timeout=300)[0]
    assert said.rstrip().endswith("done"), said


def check(folder: Path, whole) -> None:
    """Every fit is there once, and the arrays are those of the run in one process."""
    assert same(stores.load(folder), whole)
    assert committed(folder) == len(whole.members)
    assert stores.verify(folder).wrong == []


@pytest.mark.skipif(scaled(1, 0), reason="in make torture")
def test_a_study_on_two_workers_is_that_of_one_process(hosts, whole, tmp_path) -> None:
    """And nothing happens to them."""
    client = hosts.start_client(tmp_path / "s")
    done(client)
    check(tmp_path / "s", whole)
    provenance = stores.load(tmp_path / "s").provenance
    assert provenance["cluster devices"]
    assert provenance["compilations"] == 0  # that is for the workers to do


def test_a_worker_killed_in_the_middle_of_a_shard_on_a_slow_network(hosts, whole, tmp_path, counted) -> None:
    """By the kernel for want of memory where this machine lets a test do that, else by a signal."""
    counted("slow networks", int(hosts.slow("4mbit")))
    client = hosts.start_client(tmp_path / "s")
    wait_for(tmp_path / "s", 1)
    counted("workers out of memory" if hosts.starve(0) else "workers killed", 1)
    hosts.workers[0].kill()
    done(client)
    check(tmp_path / "s", whole)
    provenance = stores.load(tmp_path / "s").provenance
    assert provenance["cluster devices"]
    assert provenance["compilations"] == 0  # that is for the workers to do


@pytest.mark.skipif(scaled(1, 0), reason="in make torture")
@pytest.mark.parametrize("first", [0, 1], ids=["while it is sent the study", "with the first result"])
def test_a_worker_that_hangs(hosts, whole, tmp_path, counted, first) -> None:
    """The study ends without it: its shards are sent to another, and nothing waits for what it holds."""
    client = hosts.start_client(tmp_path / "s")
    wait_for(tmp_path / "s", first)
    with stopped(hosts.workers[0]):
        done(client)
    counted("workers that hang", 1)
    check(tmp_path / "s", whole)


def test_a_worker_that_hangs_and_wakes(hosts, whole, tmp_path, counted) -> None:
    """A late result does not count."""
    client = hosts.start_client(tmp_path / "s")
    wait_for(tmp_path / "s", 0)
    with stopped(hosts.workers[0]):
        wait_for(tmp_path / "s", 1)
    done(client)
    counted("workers that hang", 1)
    check(tmp_path / "s", whole)


def test_a_worker_cut_off_from_the_network(hosts, whole, tmp_path, counted) -> None:
    client = hosts.start_client(tmp_path / "s")
    wait_for(tmp_path / "s", 1)
    hosts.cut(0)
    done(client)
    hosts.mend(0)
    counted("workers cut off", 1)
    check(tmp_path / "s", whole)


def test_a_scheduler_that_dies_leaves_a_store_to_go_on_from(hosts, whole, tmp_path, counted) -> None:
    client = hosts.start_client(tmp_path / "s")
    wait_for(tmp_path / "s", 1)
    hosts.scheduler.kill()
    said = client.communicate(timeout=300)[0]
    assert "does not answer" in said
    assert "bridle resume" in said
    counted("schedulers killed", 1)
    before = committed(tmp_path / "s")
    assert before < len(whole.members)
    resumed = run(tmp_path / "s").data
    assert resumed.provenance["fits from the store"] >= before
    assert same(resumed, whole)
    check(tmp_path / "s", whole)


@pytest.mark.skipif(scaled(1, 0), reason="in make torture")
def test_workers_that_come_and_go(hosts, whole, tmp_path) -> None:
    """One is killed and replaced again and again."""
    client = hosts.start_client(tmp_path / "s")
    wait_for(tmp_path / "s", 1)
    for number in range(3):
        hosts.workers[number % 2].kill()
        hosts.start_worker(number % 2)
        time.sleep(3)
    done(client)
    check(tmp_path / "s", whole)
