"""Checks of wheel and source archive: what they hold, and how a type checker reads the package, for `make wheels`.

`python -m tests._wheel check dist .venv-wheel/bin/python`: the folder of the wheel, and the Python where it is
installed. `python -m tests._wheel oldest pyproject.toml` prints the oldest dependencies that the project allows.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

SCRIPT = """import bridle
import keras

study = bridle.Study(keras.Sequential([keras.layers.Dense(1)]), {"L2": {"*/kernel": bridle.L2("auto")}}, seeds=2)
print(study.run([[0.0]], [0.0]).table())
"""
"""A user's script, which is only read."""
MISTAKES = {"seeds=2": "seeds=2, sedes=2", "bridle.L2(": "bridle.L3(", ".table()": ".tables()"}
"""Changes of the script that a type checker has to find."""
REQUIRED = {"bridle/__init__.py", "bridle/__init__.pyi", "bridle/py.typed", "bridle/report/_static/report.js"}
"""Files without which the package does not work or shows no types."""
ADDED = {"PKG-INFO", "LICENSE", "README.md", "pyproject.toml", ".gitignore"}
"""Files that the build adds to a source archive."""


def stray_files(names: list[str]) -> list[str]:
    """Return the files of a wheel that are no part of the package: tests, benchmarks, pages, settings."""
    rooms = {PurePosixPath(name).parts[0] for name in names}
    stray = [name for name in names if {"tests", "benchmarks", "claims", "docs"} & set(PurePosixPath(name).parts)]
    return stray + sorted(room for room in rooms if room != "bridle" and not room.endswith(".dist-info"))


def stray_sources(names: list[str]) -> list[str]:
    """Return the folders of a source archive that are no part of the project, such as environments and results."""
    settings = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    known = {*settings["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"], *ADDED}
    return sorted({PurePosixPath(name).parts[1] for name in names} - known)


def type_errors(python: str, script: str) -> int:
    """Return how many errors pyright finds in a script, with the packages of a Python."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "script.py")
        path.write_text(script)
        pyright = [str(Path(sys.executable).with_name("pyright")), "--pythonpath", str(Path(python).absolute())]
        done = subprocess.run([*pyright, str(path)], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.count(" - error: ") if "errors," in done.stdout or "error," in done.stdout else -1


def oldest(settings: str) -> str:
    """Return the oldest version of each dependency that a pyproject.toml allows, as constraints of pip."""
    needs = tomllib.loads(Path(settings).read_text())["project"]["dependencies"]
    return "".join(re.sub(r">=([\d.]+).*", r"==\1", need) + "\n" for need in needs)


def check(dist: str, python: str) -> str:
    """Return "" if the wheel is right, else what is wrong with it."""
    (wheel,) = Path(dist).glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    wrong = [f"{name} is missing" for name in sorted(REQUIRED - set(names))]
    wrong += [f"{name} is no part of the package" for name in stray_files(names)]
    (archive,) = Path(dist).glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        wrong += [f"{name} is no part of the project" for name in stray_sources(opened.getnames())]
    count = type_errors(python, SCRIPT)
    wrong += [f"a right script has {count} errors"] if count else []
    for right, mistake in MISTAKES.items():
        count = type_errors(python, SCRIPT.replace(right, mistake))
        wrong += [] if count == 1 else [f"{mistake!r} has {count} errors"]
    return "\n".join(wrong)


if __name__ == "__main__":
    verb, *given = sys.argv[1:]
    if verb == "oldest":
        sys.stdout.write(oldest(*given))
    else:
        sys.exit(check(*given) or None)
