"""A Dask cluster of real processes as if on separate hosts: network namespaces joined by veth, else loopback."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

CLIENT = Path(__file__).with_name("client_study.py")
PORT = 8786
_numbers = itertools.count()


def namespaces_allowed() -> bool:
    """Return True if a test can create and join network namespaces on this machine."""
    script = "ip link add bridle0 type veth peer name bridle1 && ip link add bridle2 type bridge && ip netns list"
    try:
        return os.geteuid() == 0 and _quiet("unshare", "-n", "sh", "-c", script) == 0 and _namespace_made()
    except (OSError, AttributeError):
        return False


def _namespace_made() -> bool:
    name = f"bridle-try-{os.getpid()}"
    made = _quiet("ip", "netns", "add", name) == 0 and _quiet("ip", "netns", "exec", name, "true") == 0
    _quiet("ip", "netns", "del", name)
    return made


def _quiet(*command: str) -> int:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode


class Hosts:
    """A scheduler, workers and a place for the client, each on a host of its own where that can be had."""

    def __init__(self, workers: int = 2) -> None:
        self.separate = namespaces_allowed()
        self._name = f"bridle-{os.getpid()}-{next(_numbers)}"
        self._net = f"10.{77 + os.getpid() % 100}.{next(_numbers) % 250}"
        self._hosts = ["scheduler", *(f"worker{number}" for number in range(workers)), "client"]
        self._processes: list[subprocess.Popen] = []
        self.workers: list[subprocess.Popen] = []
        self.scheduler: subprocess.Popen

    def __enter__(self) -> "Hosts":
        if self.separate:
            self._join()
        self.start_scheduler()
        for number in range(len(self._hosts) - 2):
            self.start_worker(number)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.communicate()
        if self.separate:
            for host in [*self._hosts, "switch"]:
                _quiet("ip", "netns", "del", f"{self._name}-{host}")

    @property
    def address(self) -> str:
        """The address of the scheduler."""
        return f"tcp://{self._ip('scheduler')}:{PORT if self.separate else self._port}"

    def start_scheduler(self) -> None:
        """Start it, for the first time or once more."""
        if not self.separate:
            self._port = _free_port()
        port = PORT if self.separate else self._port
        options = ["--host", self._ip("scheduler"), "--port", str(port), "--no-dashboard", "--no-show"]
        self.scheduler = self._start("scheduler", ["-m", "distributed.cli.dask_scheduler", *options])
        _until(lambda: self._listens(port))

    def start_worker(self, number: int) -> subprocess.Popen:
        """Start one, or another in the place of one that died."""
        host = f"worker{number}"
        options = ["--host", self._ip(host), "--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0"]
        process = self._start(host, ["-m", "distributed.cli.dask_worker", self.address, *options])
        self.workers[number : number + 1] = [process]
        return process

    def start_client(self, folder: Path, *options: str) -> subprocess.Popen:
        """Run the study of `client_study.py` into a folder."""
        return self._start(
            "client",
            [str(CLIENT), self.address, str(folder), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def starve(self, number: int) -> bool:
        """Leave a worker no memory, so that the kernel kills it; whether that could be done."""
        for place, limit in (("memory", "memory.limit_in_bytes"), (".", "memory.max")):  # control groups, 1 and 2
            group = Path("/sys/fs/cgroup", place, self._name)
            with contextlib.suppress(OSError):
                group.mkdir()
                try:
                    (group / limit).write_text("65536")
                    (group / "cgroup.procs").write_text(str(self.workers[number].pid))
                    self.workers[number].wait(timeout=60)
                    return self.workers[number].returncode == -signal.SIGKILL
                finally:
                    group.rmdir()
        return False

    def cut(self, number: int) -> None:
        """Take a worker off the network, or where that cannot be, stop it."""
        self._link(number, "down")

    def mend(self, number: int) -> None:
        """Put it back."""
        self._link(number, "up")

    def slow(self, rate: str) -> bool:
        """Let every worker's line carry so much only; whether that could be done."""
        shape = ["root", "tbf", "rate", rate, "burst", "16kbit", "latency", "800ms"]
        names = [f"worker{number}" for number in range(len(self.workers))]
        return self.separate and all(
            _quiet("ip", "netns", "exec", f"{self._name}-{n}", "tc", "qdisc", "add", "dev", "eth0", *shape) == 0
            for n in names
        )

    def _link(self, number: int, state: str) -> None:
        if self.separate:
            name = f"{self._name}-worker{number}"
            assert _quiet("ip", "netns", "exec", name, "ip", "link", "set", "eth0", state) == 0
        else:
            self.workers[number].send_signal(signal.SIGSTOP if state == "down" else signal.SIGCONT)

    def _start(self, host: str, command: Sequence[str], **options: object) -> subprocess.Popen:
        prefix = ["ip", "netns", "exec", f"{self._name}-{host}"] if self.separate else []
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
        process = subprocess.Popen([*prefix, sys.executable, *command], text=True, env=_environment(), **quiet)
        self._processes.append(process)
        return process

    def _ip(self, host: str) -> str:
        return f"{self._net}.{1 + self._hosts.index(host)}" if self.separate else "127.0.0.1"

    def _listens(self, port: int) -> bool:
        line = f"import socket; socket.create_connection(({self._ip('scheduler')!r}, {port}), 1)"
        prefix = ["ip", "netns", "exec", f"{self._name}-client"] if self.separate else []
        return _quiet(*prefix, sys.executable, "-c", line) == 0

    def _join(self) -> None:
        """A namespace for each host and one with a bridge, as a switch between them."""
        for host in ["switch", *self._hosts]:
            _must("ip", "netns", "add", f"{self._name}-{host}")
        inside = ["ip", "netns", "exec", f"{self._name}-switch"]
        _must(*inside, "ip", "link", "add", "br0", "type", "bridge")
        _must(*inside, "ip", "link", "set", "br0", "up")
        for number, host in enumerate(self._hosts):
            own, port = f"{self._name}-{host}", f"port{number}"
            _must(*inside, "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", own)
            _must(*inside, "ip", "link", "set", port, "master", "br0", "up")
            _must("ip", "netns", "exec", own, "ip", "addr", "add", f"{self._ip(host)}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                _must("ip", "netns", "exec", own, "ip", "link", "set", device, "up")


def _environment() -> dict[str, str]:
    """With the least patience that Dask can have, instead of half a minute."""
    waits = {f"DASK_DISTRIBUTED__COMM__TIMEOUTS__{name}": "12s" for name in ("TCP", "CONNECT")}
    return {**os.environ, **waits, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "KERAS_BACKEND": "jax"}


def _must(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _until(met: object, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "the cluster did not start"
        time.sleep(0.1)


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def stopped(process: subprocess.Popen) -> Iterator[None]:
    """Freeze a process inside the block."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)
