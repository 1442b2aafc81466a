"""The command line: parse, print, exit codes."""

from bridle.cli._main import main

__all__ = ["main"]
