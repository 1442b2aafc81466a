"""Public names: one list drives the stub, the lazy loader, `help(bridle)` and what editors complete."""

import ast
import gc
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import jedi
import pytest

import bridle

STUB = Path(bridle.__file__).with_suffix(".pyi")
LINES = [
    line
    for line in ast.parse(STUB.read_text()).body
    if isinstance(line, ast.ImportFrom) and line.module != "bridle._hidden"
]


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


def test_a_name_that_is_loaded_makes_no_object_old() -> None:
    """The loader pauses the search for garbage while it imports, and objects are old after a pause."""
    assert bridle.L2
    young: list = []
    assert bridle.L2
    assert not any(one is young for one in gc.get_objects(generation=2))


def test_an_unknown_name_is_refused() -> None:
    """As every module does."""
    with pytest.raises(AttributeError, match="'bridle' has no attribute 'penalise'"):
        _ = bridle.penalise  # type: ignore[attr-defined]


def test_help_begins_with_a_table_of_contents() -> None:
    """Every public name is in it."""
    words = set(re.findall(r"\w+", bridle.__doc__))
    assert [name for name in bridle.__all__ if name not in words and name != "__version__"] == []


def test_editors_complete_every_public_name_and_no_other() -> None:
    """Jedi leaves out the modules on disk that `bridle._hidden` lists; the names of every module (`__doc__`) stay."""
    completions = {completion.name for completion in jedi.Script("import bridle; bridle.").complete(1, 22)}
    names = {name for name in completions if not re.fullmatch(r"__\w+__", name)} | {"__version__"}
    assert sorted(names - set(bridle.__all__)) == [], "add these rooms to bridle/_hidden.py"
    assert sorted(set(bridle.__all__) - names) == []
    assert "__version__" in completions


def test_hidden_rooms_exist() -> None:
    """A room that moved leaves the list."""
    tree = ast.parse(Path(bridle.__file__).with_name("_hidden.py").read_text())
    hidden = [name.id for line in tree.body if isinstance(line, ast.Delete) for name in line.targets]
    assert sorted(set(hidden) - {module.name for module in pkgutil.iter_modules(bridle.__path__)}) == []


def test_editors_reach_the_code_behind_a_name() -> None:
    """From the stub to the file of the class; and into a room that is left out after `bridle.`."""
    (definition,) = jedi.Script("import bridle; bridle.Study").goto(1, 25, follow_imports=True)
    assert definition.module_path == Path(bridle.__file__).with_name("_api") / "_study.py"
    names = [completion.name for completion in jedi.Script("from bridle.cases import ").complete()]
    assert "CASES" in names


def test_editors_know_the_signature_of_a_study() -> None:
    """Through the stub to the class."""
    (signature,) = jedi.Script("import bridle; bridle.Study(").get_signatures(1, 28)
    assert [parameter.name for parameter in signature.params][:2] == ["model", "arms"]
