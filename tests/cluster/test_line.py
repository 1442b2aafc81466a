"""The line to a scheduler that goes away, in every state that Dask's client passes through."""

import pytest

from bridle import L2, Study
from bridle._errors import BackendError
from bridle.study.execution._connection import DaskConnection
from bridle.study.execution._requests import Task
from bridle.study.execution._worker import run_task
from tests._same import same
from tests.conftest import network

distributed = pytest.importorskip("distributed", reason="the extra bridle[dask] is not installed")


@pytest.fixture
def client():
    """Of a scheduler and a worker in this process."""
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as found,
    ):
        yield found
        found.status = "running"  # so that it closes as ever


def test_workers_send_networks_of_folds(client, moons) -> None:
    """They are those of a run without a cluster."""
    asked = Study(network(4), {"L2": {"*/kernel": L2([0.1])}}, seeds=1, folds=2, epochs=2)
    results = [asked.run(*moons, keep="folds", client=one, progress=False).data for one in (client, None)]
    assert len(results[1].fold_networks.weights) == 4
    assert same(*results)


def test_what_is_asked_of_a_client_that_closes_is_lost(client) -> None:
    """It closes its connections first, and then says RuntimeError to whatever is asked; no traceback of it."""
    future = client.submit(abs, -1)
    distributed.wait([future])
    line = DaskConnection(client, None, run_task)
    client.sync(client.rpc.close)
    client.status = "closing"
    answers = [line.result(future), line.submit(Task(None, None, (), 1))]
    while line._arriving:
        answers.append(line.result(future))
    assert answers[0] is None
    assert set(map(str, answers)) == {"None", "[]"}
    line.cancel([client.submit(abs, -2)])
    client.status = "closed"
    with pytest.raises(BackendError, match="does not answer"):
        line.answers()


def test_what_went_wrong_while_the_scheduler_answers_is_raised(client) -> None:
    def fails() -> None:
        raise RuntimeError("my own")

    with pytest.raises(RuntimeError, match="my own"):
        DaskConnection(client, None, run_task)._ask(fails)
