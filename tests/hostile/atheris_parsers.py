"""Coverage-guided fuzzing of the parsers, where `atheris` is installed: `python -m tests.hostile.atheris_parsers`.

The first byte chooses the parser: penalties, study files, tables, or arrays. It begins with inputs that each of them
accepts. Options are those of libFuzzer, such as `-max_total_time=600`.
"""

import contextlib
import io
import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["bridle", "tomllib", "csv"]):
    from bridle import BridleError, parse_penalty
    from bridle.tables import read_table
    from bridle.tuning import read_study
    from bridle.untrusted import read_rows

from tests.hostile.test_study_files import ARRAYS, TABLE, document  # it imports bridle, so after it is instrumented

PLACE = Path(tempfile.mkdtemp())


def _put(name: str, content: bytes) -> Path:
    (PLACE / name).write_bytes(content)
    return PLACE / name


PARSERS = (
    lambda content: parse_penalty(content.decode("utf-8", "surrogateescape")),
    lambda content: read_study(_put("study.toml", content)),
    lambda content: read_table(_put("table.csv", content), fewest=1),
    lambda content: read_rows(_put("x.npz", content)),
)


def try_one(content: bytes) -> None:
    """One input: parsed, or refused with a sentence."""
    if not content:
        return
    with contextlib.suppress(BridleError):
        PARSERS[content[0] % len(PARSERS)](content[1:])


def seeds() -> Path:
    """A folder of inputs that are accepted."""
    arrays = io.BytesIO()
    np.savez(arrays, x=np.arange(6.0, dtype="float32").reshape(3, 2), y=np.arange(3))
    accepted = {
        0: [b"l2(auto)", b"l1([0, 0.1])", b"l1l2(0.1, grid(1e-4, 1e-1, 5))", b"l1(auto, per=unit)"],
        1: [document(TABLE), document(ARRAYS)],
        2: [b"a,b,kind\n1,2,x\n3,,y\n", b"a;b\n1,5;2\n", "größe\tart\n1e3\tja\n".encode("utf-16")],
        3: [arrays.getvalue()],
    }
    folder = PLACE / "seeds"
    folder.mkdir()
    for number, contents in accepted.items():
        for place, content in enumerate(contents):
            (folder / f"{number}-{place}").write_bytes(bytes([number]) + content)
    return folder


if __name__ == "__main__":
    atheris.Setup([*sys.argv, str(seeds())], try_one)
    atheris.Fuzz()
