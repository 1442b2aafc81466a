"""Public names: one list drives the stub, the lazy loader, `help(bridle)` and what editors complete."""

import ast
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import jedi
import pytest

import bridle

STUB = Path(bridle.__file__).with_suffix(".pyi")
LINES = [line for line in ast.parse(STUB.read_text()).body if isinstance(line, ast.ImportFrom)]


def test_stub_lists_what_the_package_exports() -> None:
    """One name a line, under its own name, as type checkers want it."""
    aliases = [alias for line in LINES for alias in line.names]
    assert all(alias.name == alias.asname for alias in aliases)
    names = [alias.name for alias in aliases]
    assert sorted(names) == bridle.__all__ == dir(bridle)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.names[0].name)
def test_each_name_is_that_of_its_room(line: ast.ImportFrom) -> None:
    """The loader gives the object that the stub promises."""
    name, room = line.names[0].name, import_module(line.module)
    assert getattr(bridle, name) is getattr(room, name)


def test_an_unknown_name_is_refused() -> None:
    """As every module does."""
    with pytest.raises(AttributeError, match="'bridle' has no attribute 'penalise'"):
        _ = bridle.penalise  # type: ignore[attr-defined]


def test_help_begins_with_a_table_of_contents() -> None:
    """Every public name is in it."""
    words = set(re.findall(r"\w+", bridle.__doc__))
    assert [name for name in bridle.__all__ if name not in words and name != "__version__"] == []


def test_editors_complete_every_public_name_and_no_helper() -> None:
    """Jedi also lists the modules on disk, whatever a stub says, as it does for every package; nothing else."""
    names = {completion.name for completion in jedi.Script("import bridle; bridle.").complete(1, 22)}
    rest = names - set(bridle.__all__) - {module.name for module in pkgutil.iter_modules(bridle.__path__)}
    assert set(bridle.__all__) <= names
    assert [name for name in rest if not re.fullmatch(r"__\w+__", name)] == []


def test_editors_know_the_signature_of_a_study() -> None:
    """Through the stub to the class."""
    (signature,) = jedi.Script("import bridle; bridle.Study(").get_signatures(1, 28)
    assert [parameter.name for parameter in signature.params][:2] == ["model", "arms"]
