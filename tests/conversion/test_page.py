"""docs/strengths.md: its tables are the code's, its examples run."""

import doctest
import re
import shlex
import sys

import pytest
from tests.conversion._page import PAGE, SUBJECTS, with_tables

from bridle.cli import run as run_command

TEXT = PAGE.read_text(encoding="utf-8")
COMMANDS = re.findall(r"^bridle .*$", "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)), re.MULTILINE)


def test_tables_are_those_of_the_code() -> None:
    """They cannot drift: `python tests/conversion/_page.py` writes them anew."""
    assert re.findall(r"<!-- table: (\w+) -->", TEXT) == [*SUBJECTS, "presets"]
    assert with_tables(TEXT) == TEXT


def test_examples_say_what_python_says() -> None:
    """Every `>>>` of the page, in order, as one session."""
    session = "\n".join(re.findall(r"```pycon\n(.*?)```", TEXT, re.DOTALL))
    example = doctest.DocTestParser().get_doctest(session, {}, "strengths.md", str(PAGE), 0)
    assert len(example.examples) > 5
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_the_page_run(line: str, monkeypatch, capsys) -> None:
    """Each line that begins with `bridle`."""
    monkeypatch.setattr(sys, "argv", shlex.split(line, comments=True))
    assert run_command() == 0
    assert capsys.readouterr().out
