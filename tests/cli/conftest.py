"""What the tests of the command line share."""

import sys

import pytest

from bridle.cli._main import run as run_command


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Run a command in an empty folder: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bridle", *words])
        code = run_command()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return run
