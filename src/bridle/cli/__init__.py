"""The command line: commands, printing, exit codes."""

from bridle.cli._main import main

__all__ = ["main"]
