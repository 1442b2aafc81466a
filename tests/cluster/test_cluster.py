"""A study on a cluster of real processes: whatever happens to them, each fit counts once and has its own bits."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bridle import store as stores
from tests._same import same
from tests.faults.conftest import scaled
from tests.faults.killed_study import run
from tests.faults.test_kills import begun

pytest.importorskip("distributed", reason="the extra bridle[dask] is not installed")

from tests.cluster.hosts import Hosts, stopped

Counts = Mapping[str, int]
"""How often each fault was tried."""


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


def nothing_happens(hosts: Hosts, folder: Path) -> Counts:
    """Two workers, to the end."""
    done(hosts.start_client(folder))
    return {}


def a_worker_is_killed_on_a_slow_network(hosts: Hosts, folder: Path) -> Counts:
    """By the kernel for want of memory where this machine lets a test do that, else by a signal."""
    slow = int(hosts.slow("4mbit"))
    client = hosts.start_client(folder)
    wait_for(folder, 1)
    how = "workers out of memory" if hosts.starve(0) else "workers killed"
    hosts.workers[0].kill()
    done(client)
    return {"slow networks": slow, how: 1}


def a_worker_hangs(hosts: Hosts, folder: Path, first: int = 0) -> Counts:
    """The study ends without it: its tasks are sent to another, and nothing waits for what it holds."""
    client = hosts.start_client(folder)
    wait_for(folder, first)
    with stopped(hosts.workers[0]):
        done(client)
    return {"workers that hang": 1}


def a_worker_hangs_with_the_first_result(hosts: Hosts, folder: Path) -> Counts:
    """Once it holds fits."""
    return a_worker_hangs(hosts, folder, 1)


def a_worker_hangs_and_wakes(hosts: Hosts, folder: Path) -> Counts:
    """A late result does not count."""
    client = hosts.start_client(folder)
    wait_for(folder, 0)
    with stopped(hosts.workers[0]):
        wait_for(folder, 1)
    done(client)
    return {"workers that hang": 1}


def a_worker_is_cut_off(hosts: Hosts, folder: Path) -> Counts:
    """From the network, until the study has ended."""
    client = hosts.start_client(folder)
    wait_for(folder, 1)
    hosts.cut(0)
    done(client)
    hosts.mend(0)
    return {"workers cut off": 1}


def the_scheduler_dies(hosts: Hosts, folder: Path) -> Counts:
    """The client says so, and how to go on."""
    client = hosts.start_client(folder)
    wait_for(folder, 1)
    hosts.scheduler.kill()
    said = client.communicate(timeout=300)[0]
    assert "does not answer" in said
    assert "bridle resume" in said
    return {"schedulers killed": 1}


def workers_come_and_go(hosts: Hosts, folder: Path) -> Counts:
    """One is killed and replaced again and again."""
    client = hosts.start_client(folder)
    wait_for(folder, 1)
    for number in range(3):
        hosts.workers[number % 2].kill()
        hosts.start_worker(number % 2)
        time.sleep(3)
    done(client)
    return {}


Scenario = Callable[[Hosts, Path], Counts]
ALWAYS: list[Scenario] = [
    a_worker_is_killed_on_a_slow_network,
    the_scheduler_dies,
]
SOMETIMES: list[Scenario] = [
    a_worker_hangs_and_wakes,
    a_worker_is_cut_off,
    nothing_happens,
    a_worker_hangs,
    a_worker_hangs_with_the_first_result,
    workers_come_and_go,
]
in_torture = pytest.mark.skipif(scaled(1, 0), reason="in make torture")


def play(scenario: Scenario, folder: Path) -> tuple[Path, Counts]:
    """Return the folder of the study and what was tried."""
    with Hosts() as hosts:
        return folder, scenario(hosts, folder)


@pytest.fixture(scope="module")
def running(request, tmp_path_factory):
    """The selected scenarios by name, two at a time: one mostly waits for Dask's timeouts while the other computes."""
    items = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    left = {item.name for item in items if any(item.iter_markers("skipif")) and not scaled(0, 1)}
    chosen = [item.callspec.params["scenario"] for item in items if item.name not in left]
    with ThreadPoolExecutor(2) as pool:
        yield {one: pool.submit(play, one, tmp_path_factory.mktemp(one.__name__) / "s") for one in chosen}


@pytest.fixture(scope="module")
def whole(running):
    """The study in one process."""
    return run(None).data


@pytest.mark.parametrize(
    "scenario",
    [*ALWAYS, *(pytest.param(scenario, marks=in_torture) for scenario in SOMETIMES)],
    ids=lambda scenario: scenario.__name__,
)
def test_a_study_on_a_cluster_is_that_of_one_process(scenario, running, whole, counted) -> None:
    """Whatever happens to the processes, at the latest after it is resumed."""
    folder, counts = running[scenario].result(timeout=900)
    for what, tried in counts.items():
        counted(what, tried)
    if scenario is the_scheduler_dies:
        before = committed(folder)
        assert before < len(whole.members)
        assert run(folder).data.provenance["fits from the store"] >= before
    else:
        provenance = stores.load(folder).provenance
        assert provenance["cluster devices"]
        assert provenance["compilations"] == 0  # that is for the workers to do
    check(folder, whole)
