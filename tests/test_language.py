"""Language of the code, counted: names, docstrings, sizes, parameters."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "bridle"
FILES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py"))}
GENERIC = frozenset(
    [
        "found",
        "own",
        "each",
        "said",
        "known",
        "given",
        "kept",
        "wanted",
        "made",
        "shown",
        "chosen",
        "taken",
        "asked",
        "seen",
        "whole",
        "written",
        "other",
        "held",
        "number",
        "good",
        "fresh",
    ]
)
"""Names that do not say what a value is."""
OPENERS = re.compile(r"(What|Whether|How|Where|Which)\b")
MAX_PARAMETERS, MAX_LONG_FUNCTIONS = 7, 5
MIN_LINES, MAX_SHORT_FILES = 60, 0.10
OWN_FILES = ("cli", "_study.py")
"""The command line and `Study` itself have as many parameters as options."""


def bound_names() -> Iterator[tuple[str, str]]:
    """Yield every variable, parameter and attribute that is bound, with its place."""
    for path, tree in FILES.items():
        for node in ast.walk(tree):
            place = f"{path.relative_to(SOURCE)}:{getattr(node, 'lineno', 1)}"
            if isinstance(node, ast.arg):
                yield place, node.arg
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield place, node.id
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                yield place, node.attr


def test_names_say_what_a_value_is() -> None:
    """Under 1 % of bound names are generic."""
    names = list(bound_names())
    generic = [f"{place} {name}" for place, name in names if name.strip("_") in GENERIC]
    assert len(generic) < 0.01 * len(names), generic


def test_docstrings_open_with_a_verb_or_a_noun() -> None:
    """Under 1 % open with a question word."""
    documented = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    texts = [
        (f"{path.relative_to(SOURCE)}:{getattr(node, 'lineno', 1)}", ast.get_docstring(node))
        for path, tree in FILES.items()
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node)
    ]
    questions = [f"{place} {text[:50]}" for place, text in texts if text and OPENERS.match(text)]
    assert len(questions) < 0.01 * len(texts), questions


def test_functions_have_few_parameters() -> None:
    """At most five have more than seven, besides the options of `Study` and of the command line."""
    long = []
    for path, tree in FILES.items():
        if "cli" in path.parts or (path.parent.name == "_api" and path.name == "_study.py"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                if len([one for one in arguments if one.arg not in ("self", "cls")]) > MAX_PARAMETERS:
                    long.append(f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}")
    assert len(long) <= MAX_LONG_FUNCTIONS, long


def test_few_files_are_slivers() -> None:
    """At most a tenth of all files are under 60 lines."""
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    short = [f"{path.relative_to(SOURCE)} {count}" for path, count in lines.items() if count < MIN_LINES]
    assert len(short) <= MAX_SHORT_FILES * len(lines), short
