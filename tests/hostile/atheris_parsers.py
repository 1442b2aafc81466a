"""Coverage-guided fuzzing of the parsers, where `atheris` is installed: `python -m tests.hostile.atheris_parsers`.

The first byte chooses the parser: penalties, study files, tables, or arrays. Options are those of libFuzzer, such as
`-max_total_time=600`.
"""

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["bridle", "tomllib", "csv"]):
    from bridle import BridleError, parse_penalty
    from bridle.auditing import read_rows
    from bridle.estimators import read_study, read_table

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


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()
