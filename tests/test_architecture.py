"""The rooms: imports go one way, light rooms stay light, importing bridle changes nothing else."""

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest

from tests._markers import IN_TORTURE, LISTS, MARKED, leave_to_torture
from tests.faults.conftest import TORTURE

ROOT = Path(__file__).parents[1]


def python(code: str, **environment: str) -> str:
    """Run code in a fresh Python with a bare environment."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin", **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_contract() -> None:
    """The layers of the design and the light rooms, as import-linter reads them."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


LIGHT = ("results", "stats", "representations", "sources", "store", "plots", "report")
IMPORTS = f"""
import importlib, sys
for room in {LIGHT}:
    importlib.import_module("bridle." + room)
    print(room, [name for name in ("jax", "keras", "tensorflow") if name in sys.modules])
"""


def test_light_rooms_load_neither_jax_nor_keras() -> None:
    """Not even indirectly: a stored study opens on any laptop."""
    assert python(IMPORTS).splitlines() == [f"{room} []" for room in LIGHT]


def test_import_is_light() -> None:
    """Rooms load when they are first used."""
    heavy = "('jax', 'keras', 'numpy', 'pandas', 'matplotlib', 'sklearn')"
    assert python(f"import bridle, sys; print([m for m in {heavy} if m in sys.modules])") == "[]"


def test_jax_is_selected_only_where_nothing_else_is() -> None:
    """An environment variable or a Keras that is loaded already is left alone."""
    show = "import bridle, os; print(os.environ.get('KERAS_BACKEND'))"
    assert python(show) == "jax"
    assert python(show, KERAS_BACKEND="torch") == "torch"


def test_another_backend_gets_a_sentence() -> None:
    """A study says how to switch; penalties and penalize work where Keras runs."""
    code = """
import bridle, keras
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile("sgd", "mse")
assert [round(value, 6) for value in bridle.regularize(model, {"*/kernel": "l2(0.1)"}).strengths.values()] == [0.1]
try:
    bridle.Study(model, {}).run([[0.0, 1.0]] * 10, [0, 1] * 5)
except bridle.BridleError as error:
    print(error)
"""
    said = python(code, KERAS_BACKEND="numpy")
    assert "got 'numpy'" in said
    assert "KERAS_BACKEND=jax" in said


@pytest.mark.skipif(find_spec("openvino") is not None, reason="OpenVINO is installed here")
def test_a_backend_that_is_not_installed_gets_a_sentence() -> None:
    """Keras itself fails with a bare ModuleNotFoundError, in Python and on the command line."""
    code = "import bridle\ntry:\n    bridle.L1\nexcept bridle.BridleError as error:\n    print(error)"
    said = python(code, KERAS_BACKEND="openvino")
    assert "got KERAS_BACKEND='openvino'" in said
    command = [str(Path(sys.executable).with_name("bridle")), "run", "moons"]
    done = subprocess.run(command, capture_output=True, text=True, env={"KERAS_BACKEND": "openvino"}, check=False)
    assert done.returncode == 2
    assert done.stderr.strip() == f"bridle: {said}"


def test_public_names_are_there() -> None:
    """Every name of `dir(bridle)` exists, and a wrong name is an AttributeError."""
    import bridle

    assert all(getattr(bridle, name) is not None for name in dir(bridle))
    with pytest.raises(AttributeError, match="no attribute 'Studdy'"):
        _ = bridle.Studdy


def test_only_the_outer_rooms_print() -> None:
    """`print` stands in the command line only."""
    found = [
        str(path)
        for path in (ROOT / "src" / "bridle").rglob("*.py")
        if "cli" not in path.parts and any(line.strip().startswith("print(") for line in path.read_text().splitlines())
    ]
    assert found == []


INTERNALS = ROOT / "src" / "bridle" / "_keras" / "_internals"


def test_no_file_outgrows_the_house() -> None:
    """Think again at 400 lines."""
    lines = {path: len(path.read_text().splitlines()) for path in (ROOT / "src").rglob("*.py")}
    assert {str(path): count for path, count in lines.items() if count > 400} == {}


def private_names(tree: ast.AST) -> set[str]:
    """Return the private attributes that code reads or names in a text, but for those of `self` and `cls`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id in OWN):
            names.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)
    return {name for name in names if re.fullmatch(r"_[a-z]\w*", name)}


OWN = ("self", "cls")


def test_one_room_touches_the_inside_of_keras() -> None:
    """`_internals` alone imports from `keras.src` and uses private attributes of Keras's objects."""
    private = set().union(*(private_names(ast.parse(path.read_text())) for path in INTERNALS.glob("*.py")))
    assert len(private) > 40
    for path in (ROOT / "src").rglob("*.py"):
        if path.parent != INTERNALS:
            text = path.read_text()
            assert "keras.src" not in text, path
            assert private_names(ast.parse(text)) & private == set(), path


def test_a_missing_internal_is_named() -> None:
    """An update of Keras that moves a private part gives one sentence, on import and on use."""
    from bridle._errors import BackendError
    from bridle._keras import _internals

    with pytest.raises(BackendError, match=r"a Keras that has keras\.src\.models\.gone\.Functional, got Keras 3"):
        _internals.load_internal("models.gone", "Functional")
    needs = r"has object\._compile_loss, got Keras .* pip install 'keras>=3\.15,<3\.16'"
    with pytest.raises(BackendError, match=needs):
        _internals.compiled_loss(object())


def test_the_versions_of_keras_are_those_that_are_tested() -> None:
    """The message about a missing internal names what pyproject.toml asks for."""
    from bridle._keras import _internals

    assert f'"keras{_internals.TESTED_VERSIONS}",' in (ROOT / "pyproject.toml").read_text()


def test_no_script_hides_a_module_of_python() -> None:
    """A script that is run by its path imports the files beside it first: `statistics.py` would be theirs for all."""
    names = {path.stem for folder in ("benchmarks", "docs", "examples") for path in (ROOT / folder).glob("*.py")}
    assert names & sys.stdlib_module_names == set()


def test_marked_files_exist() -> None:
    """A test file that moves takes its markers along."""
    names = [*(name for names in MARKED.values() for name in names), *LISTS, *IN_TORTURE]
    assert [name for name in names if not any(ROOT.glob(f"{name.split('::')[0]}*"))] == []
    functions = {
        f"{path.relative_to(ROOT)}::{line.removeprefix('def ')}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for line in path.read_text().splitlines()
        if line.startswith("def test_")
    }
    beginnings = [name.partition("[")[0] for name in names if "::" in name]
    assert [one for one in beginnings if not any(function.startswith(one) for function in functions)] == []


@pytest.mark.parametrize(("named", "torture", "left"), [(False, None, [1, 2]), (True, None, []), (False, "50", [])])
def test_long_lists_are_whole_in_torture_and_where_a_test_is_named(named, torture, left, monkeypatch) -> None:
    """`make test` runs each twelfth layer, the first one among them, and counts the cases of each function alone."""
    if torture:
        monkeypatch.setenv(TORTURE, torture)
    else:
        monkeypatch.delenv(TORTURE, raising=False)

    class Item:
        def __init__(self, nodeid: str) -> None:
            self.nodeid, self.marks = nodeid, []
            self.add_marker = self.marks.append

    function = "tests/placement/test_layers.py::test_layers_at_every_place"
    cases = [Item(f"{function}[{number}]") for number in range(3)]
    leave_to_torture([cases[0], Item("tests/test_front.py::test_x"), *cases[1:]], named)
    assert [number for number, case in enumerate(cases) if case.marks] == left


def import_graph() -> dict[str, set[str]]:
    """Return the files of bridle, each with the files that define what it imports, also inside functions."""
    source = ROOT / "src"
    files = {}
    for path in (source / "bridle").rglob("*.py"):
        parts = path.relative_to(source).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    imports = {
        module: [
            (node.module, alias.name)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module in files
            for alias in node.names
        ]
        for module, path in files.items()
    }

    def home(room: str, name: str, passed: tuple[str, ...] = ()) -> str:
        if f"{room}.{name}" in files:
            return f"{room}.{name}"
        if files[room].name == "__init__.py" and room not in passed:
            for inner, exported in imports[room]:
                if exported == name:
                    return home(inner, name, (*passed, room))
        return room

    rooms = {module for module, path in files.items() if path.name == "__init__.py"}
    return {
        module: {home(room, name) for room, name in names} - {module} - rooms
        for module, names in imports.items()
        if module not in rooms
    }


def test_no_import_cycle() -> None:
    """No file imports itself through others, also not inside a function."""
    graph = import_graph()
    while leaves := {module for module, imports in graph.items() if not imports & graph.keys()}:
        graph = {module: imports for module, imports in graph.items() if module not in leaves}
    assert sorted(graph) == []


MAX_STUDY_LEVELS = 6
"""Levels of the room `study`, with the rooms inside it: a file is one level above the files that it imports."""


def test_a_study_is_flat() -> None:
    """A reader goes down at most six files from the stages of a study to its arrays."""
    graph = {module: imports for module, imports in import_graph().items() if module.startswith("bridle.study.")}

    def level(module: str) -> int:
        return 1 + max((level(name) for name in graph[module] if name in graph), default=0)

    assert max(map(level, graph)) <= MAX_STUDY_LEVELS


MAX_CALLS, MAX_FILES = 12, 6


def test_the_road_to_the_gradient_step_is_short() -> None:
    """The engine page lists each call on it; each function exists and names the next one."""
    page = (ROOT / "docs" / "engine.md").read_text()
    steps = re.findall(r"^\d+\. \[`([\w.]+)`\]\(\.\./(src/[\w/]+\.py)\)", page, flags=re.MULTILINE)
    assert len(steps) - 1 <= MAX_CALLS
    assert len({path for _, path in steps}) <= MAX_FILES
    for (name, path), (following, _) in pairwise(steps):
        called = "programs.train" if following == "training_block" else following.rpartition(".")[2]
        assert f"{called}" in function_source(ROOT / path, name), f"{name} does not call {following}"


def function_source(path: Path, name: str) -> str:
    """Return the source of a function or method."""
    node: ast.AST = ast.parse(path.read_text())
    for part in name.split("."):
        node = next(
            child
            for child in ast.walk(node)
            if isinstance(child, ast.FunctionDef | ast.ClassDef) and child.name == part
        )
    return ast.unparse(node)
