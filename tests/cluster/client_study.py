"""The study of the fault tests on a cluster: python client_study.py tcp://… FOLDER [quick]."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))


def main(address: str, folder: str) -> None:
    """Run it, with a short patience, and say how it ended."""
    from distributed import Client

    from bridle import BridleError
    from bridle.study.execution import _cluster
    from bridle.study.execution import _connection as _dask
    from tests.faults.killed_study import run

    _cluster.PATIENCE_SECONDS = _dask.PATIENCE_SECONDS = _dask.GRACE_SECONDS = 4.0
    with Client(address, timeout=10) as client:
        client.wait_for_workers(1, timeout=60)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        try:
            run(folder, client=client)
            sys.stdout.write("done\n")
        except BridleError as error:
            sys.stdout.write(f"{error}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:3])
