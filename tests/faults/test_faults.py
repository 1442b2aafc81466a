"""Full disks, read-only folders, Ctrl-C, and what a person's own code can do: sentences, and nothing lost."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import pytest

import bridle
from bridle import BridleError
from bridle import store as stores
from tests._same import same
from tests.conftest import network
from tests.faults.conftest import scaled
from tests.faults.killed_study import run
from tests.faults.test_kills import begun

SCRIPT = Path(__file__).with_name("killed_study.py")


@pytest.fixture(scope="module")
def whole():
    return run(None).data


def in_namespace(script: str, *arguments: object) -> subprocess.CompletedProcess:
    """Run a shell script where it may mount what only it sees."""
    command = ["unshare", "-m", "sh", "-c", script, "sh", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def may_mount() -> bool:
    return shutil.which("unshare") is not None and in_namespace("mount -t tmpfs tmpfs /mnt").returncode == 0


@pytest.mark.parametrize("kilobytes", [96, 40, 160, 240][: scaled(1, 4)])
def test_a_small_disk_fills(tmp_path, whole, counted, kilobytes) -> None:
    """One sentence; what was committed stays whole, and with room the study goes on to the same numbers."""
    if not may_mount():
        pytest.skip("this machine does not let a test mount a small disk")
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    script = 'mount -t tmpfs -o size=$4k tmpfs "$1" && "$2" "$3" "$1/s"; cp -r "$1/s" "$5" 2>/dev/null; true'
    said = in_namespace(script, disk, sys.executable, SCRIPT, kilobytes, copy)
    assert "done" not in said.stdout
    assert "room on the disk" in said.stderr, said.stderr[-2000:]
    if begun(copy):
        assert stores.verify(copy).wrong == []
    result = run(copy).data
    counted("full disks", 1, int(not same(result, whole)))
    assert same(result, whole)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path, counted) -> None:
    """Said before anything is trained; a study in it can still be looked at."""
    run(tmp_path / "s")
    if os.geteuid() == 0:
        if not may_mount():
            pytest.skip("root may write everywhere, and this machine does not let a test mount")
        script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && "$2" "$3" "$1/$4"'
        for name in ("new", "s")[: scaled(1, 2)]:
            said = in_namespace(script, tmp_path, sys.executable, SCRIPT, name)
            assert "StoreError" in said.stderr, said.stderr[-2000:]
            assert "Expected a folder that can be written" in said.stderr
        look = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && "$2" -c "$3" show "$1/s"'
        shown = in_namespace(look, tmp_path, sys.executable, "from bridle.cli import main; main()")
        assert "finished" in shown.stdout, shown.stderr[-2000:]
    else:
        tmp_path.chmod(0o500)
        with pytest.raises(BridleError, match="Expected a folder that can be written"):
            run(tmp_path / "new")
        tmp_path.chmod(0o700)
    counted("read-only folders", scaled(1, 2))


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_once_and_twice(tmp_path, whole, counted, times) -> None:
    """It ends, and the same again goes on."""
    command = [sys.executable, str(SCRIPT), str(tmp_path / "s")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "s" / "shards").glob("??/*.npz")) and time.monotonic() < deadline:
        time.sleep(0.01)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    said = process.communicate(timeout=60)[1]
    assert process.returncode != 0
    assert times == 2 or "fits had finished" in said, said
    with stores.Store(tmp_path / "s", create=False) as store:
        before = len(store)
    resumed = run(tmp_path / "s").data
    counted("interrupts", times, int(not same(resumed, whole)))
    assert resumed.provenance["fits from the store"] >= before > 0
    assert same(resumed, whole)


def test_own_code_that_goes_wrong_costs_the_study_nothing_else(moons, tmp_path, counted) -> None:
    """A penalty whose gradient is NaN marks its own fits, also from the store; a metric that raises is refused."""
    x, y = moons
    nan = bridle.Custom(lambda tensor: keras.ops.sqrt(keras.ops.sum(tensor * 0.0)), 0.1)
    arms = {"L2": {"*/kernel": bridle.L2([0.01])}, "odd": {"hidden/kernel": nan}}
    for _ in range(2):
        result = bridle.Study(network(), arms, seeds=2, folds=2, epochs=3).run(
            x, y, store=tmp_path / "nan", progress=False
        )
        good, total = result.data.counts()
        assert good.tolist() == [4, 4, 0]
        assert total.tolist() == [4, 4, 4]
    assert stores.verify(tmp_path / "nan").wrong == []

    def raises(true, predicted):
        raise ZeroDivisionError("my metric")

    model = network()
    model.compile("adam", "binary_crossentropy", metrics=[raises])
    with pytest.raises((BridleError, ZeroDivisionError), match="my metric"):
        bridle.Study(model, {"L2": {"*/kernel": bridle.L2([0.01])}}, seeds=1, folds=2, epochs=2).run(
            x, y, store=tmp_path / "raises", progress=False
        )
    counted("errors in own code", 2)
