"""Study files: any bytes, and any value in any place, are a study or refused with a sentence that names the entry."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.hostile._hostile import folder, survives, tries
from tests.hostile._strategies import spoiled_bytes, spoiled_trees, texts, trees

from bridle._errors import InputError
from bridle.tuning import prepare_study, read_study
from bridle.tuning._study_file import inside

TABLE: dict[str, Any] = {
    "title": "Which penalty?",
    "data": {"table": "wine.csv", "target": "kind", "task": "classification", "encoding": "utf-8", "test_share": 0.25},
    "model": {"hidden": [4], "activation": "tanh", "optimizer": "sgd", "learning_rate": 0.01},
    "study": {"seeds": [0, 3], "folds": 2, "epochs": 5, "batch_size": 8, "shuffle": False, "score": "loss",
              "warm_start": "decreasing", "early_stopping": {"patience": 2, "validation_fraction": 0.3}, "race": False},
    "arms": {
        "L2": {"*/kernel": "l2(auto)"},
        "both": {"hidden1/output": "l1([0, 0.1])", "training": ["earlystopping()"], "learning_rate": 0.1},
    },
}  # fmt: skip
ARRAYS: dict[str, Any] = {
    "data": {"arrays": "wine.npz", "scale": True},
    "model": {"hidden": [4, 3]},
    "study": {"seeds": 2, "folds": 3},
    "arms": {"L1": {"*/kernel": "l1(0.1)"}},
}


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        inner = ", ".join(f"{_quoted(key)} = {toml(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return hex(value) if value > 10**400 else "0" if value < -(10**400) else str(value)
    return repr(value) if isinstance(value, float) else value.isoformat()


def _quoted(text: str) -> str:
    clean = text.encode("utf-8", "replace").decode()
    return re.sub("[\x7f]", r"\\u007f", json.dumps(clean, ensure_ascii=False))


def document(tree: Any) -> bytes:
    """A tree as a file, or something that is none where its root is no table."""
    if not isinstance(tree, dict):
        return toml(tree).encode()
    return "\n".join(f"{_quoted(key)} = {toml(value)}" for key, value in tree.items()).encode()


GOOD = document(TABLE)


def tables() -> st.SearchStrategy[bytes]:
    """Files: of any bytes, spoiled ones, good ones with other values."""
    return st.one_of(
        st.binary(max_size=200),
        texts().map(lambda text: text.encode("utf-8", "surrogatepass")),
        spoiled_bytes(GOOD),
        spoiled_bytes(GOOD),
        spoiled_trees(TABLE, trees(dates=True)).map(document),
        spoiled_trees(ARRAYS, trees(dates=True)).map(document),
    )


@tries(500)
@given(tables())
@example(b"a = " + b"[" * 100_000)
@example(b"a" + b".a" * 50_000 + b" = 1")
@example(b"x = 1\n" * 100_000)
@example(b"[study]\nseeds = 0x" + b"f" * 20_000)
@example(b"[data]\ntable='a'\ntarget='b'\n[model]\nhidden=[" + b"1," * 100_000 + b"]")
def test_any_bytes_are_a_study_or_refused(content: bytes) -> None:
    """Reading alone."""
    with folder() as place, survives():
        (place / "study.toml").write_bytes(content)
        found = read_study(place / "study.toml").asked(quick=True)
        assert found.study["epochs"] >= 1
        assert found.title


def put_rows(place: Path) -> None:
    """A table and arrays of 24 rows."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(24, 3)), np.arange(24) % 2
    lines = [f"{a},{b},{c},{'xy'[kind]}" for (a, b, c), kind in zip(x, y, strict=True)]
    (place / "wine.csv").write_text("\n".join(["a,b,c,kind", *lines]))
    np.savez(place / "wine.npz", x=x, y=y, test_x=x[:4], test_y=y[:4])


@tries(30)
@given(st.one_of(spoiled_trees(TABLE, trees(dates=True)), spoiled_trees(ARRAYS, trees(dates=True))).map(document))
@example(document(TABLE))
@example(document(ARRAYS))
def test_what_can_be_read_can_be_prepared_or_is_refused(content: bytes) -> None:
    """Up to where training would begin."""
    with folder() as place, survives():
        put_rows(place)
        (place / "study.toml").write_bytes(content)
        assert prepare_study(read_study(place / "study.toml")).prepared.arms


@tries(200)
@given(texts())
@example("link.csv")
@example("sub/link/wine.csv")
@example("sub/../wine.csv")
@example("pipe")
def test_a_path_stays_in_the_folder(name: str) -> None:
    """Whatever is named: a regular file below the folder, not through a link, or a sentence."""
    with folder() as place, survives():
        _put_ways_out(place)
        inner = (place / "inner").resolve()
        found = inside(inner, name, "[data] table")
        assert found.is_file()
        assert found.resolve() == found
        assert inner in found.parents


def _put_ways_out(place: Path) -> None:
    import os

    inner = place / "inner"
    (inner / "sub").mkdir(parents=True)
    (place / "secret.csv").write_text("a,b\n1,2\n")
    (inner / "wine.csv").write_text("a,b\n1,2\n")
    (inner / "link.csv").symlink_to(place / "secret.csv")
    (inner / "sub" / "link").symlink_to(inner)
    os.mkfifo(inner / "pipe")


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../secret.csv", "sub/../wine.csv", "link.csv", "sub/link/wine.csv", "C:\\x.csv", "..\\x.csv",
     "a\0b", "pipe", ".", "", "x" * 5000],
)  # fmt: skip
def test_ways_out_are_refused(name: str, tmp_path: Path) -> None:
    """With what to do; the file beside the study is found."""
    _put_ways_out(tmp_path)
    assert inside(tmp_path / "inner", "wine.csv", "[data] table").read_text()
    with pytest.raises(InputError, match=r"Expected .* for \[data\] table"):
        inside(tmp_path / "inner", name, "[data] table")
