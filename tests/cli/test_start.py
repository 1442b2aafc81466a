"""What answers before Keras is loaded: help, version, completion."""

import os
import subprocess
import sys

import pytest

from bridle.cli._app import SUMMARIES
from bridle.cli._commands import COMMANDS

LOADED = "import sys; from bridle.cli import run; run(); print(*{name.split('.')[0] for name in sys.modules})"
"""Run a command and print the packages that it loaded."""


def answer(*words: str, **environment: str) -> str:
    """Standard output of a command in its own process, with the packages that it loaded in the last line."""
    whole = [sys.executable, "-c", LOADED, *words]
    return subprocess.run(whole, env=os.environ | environment, capture_output=True, text=True, check=True).stdout


def test_the_list_of_commands_says_what_each_says() -> None:
    """The list is written down, since loading the commands takes seconds."""
    assert {name: str(command.__doc__).splitlines()[0] for name, command in COMMANDS.items()} == SUMMARIES
    assert list(SUMMARIES) == list(COMMANDS)


@pytest.mark.parametrize("words", [(), ("--help",), ("--version",)])
def test_help_and_version_load_no_network_library(words: tuple[str, ...]) -> None:
    """They answer within a tenth of a second or two."""
    *_, packages = answer(*words).splitlines()
    assert "typer" in packages.split()
    assert not {"keras", "jax", "numpy", "scipy", "pandas", "rich"} & set(packages.split())


def test_shells_complete_commands_and_their_options() -> None:
    """Names without loading anything; options of a command from its signature."""

    def complete(line: str) -> list[str]:
        position = str(line.count(" "))
        given = {"_BRIDLE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": position}
        code = "import sys; sys.argv = ['bridle']; from bridle.cli import run; run()"
        run = subprocess.run([sys.executable, "-c", code], env=os.environ | given, capture_output=True, text=True)
        return run.stdout.split()

    assert complete("bridle r") == ["run", "report", "resume"]
    assert complete("bridle tune --see") == ["--seeds"]
