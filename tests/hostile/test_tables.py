"""Tables: any bytes are a table or refused with a sentence, from the file to the matrix, and back to a file."""

import csv
import io

import numpy as np
import pandas as pd
from hypothesis import example, given
from hypothesis import strategies as st
from tests.hostile._hostile import folder, survives, tries
from tests.hostile._strategies import numbers, spoiled_bytes, texts

from bridle.report import safe_cells
from bridle.tables import Preparation, Problem, encode_target, find_layout, find_problem, known_rows, read_table

GOOD = b'kind,kg,town\ncat,4.5,Bern\ndog,,"a ""b"", c"\neel,1e3,\n' * 3
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def cells() -> st.SearchStrategy[str]:
    """Cells: text, numbers, missing ones, dates, formulas."""
    plain = st.sampled_from(
        ["", "NA", "1", "2", "3.5", "x", "y", "True", "1,5", "2020-01-01", "1e400", "0x10", "1e101"]
    )
    return st.one_of(
        plain, plain, plain, texts(), numbers().map(lambda value: f"{value:g}" if abs(value) < 1e300 else "9" * 400)
    )


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A file with a header and rows, nearly right."""
    width, rows = draw(st.integers(1, 4)), draw(st.integers(0, 12))
    header = draw(st.lists(texts() | st.sampled_from(["a", "b", "id", "y"]), min_size=width, max_size=width))
    columns = [draw(st.lists(cells(), min_size=rows, max_size=rows)) for _ in range(width)]
    made = io.StringIO()
    writer = csv.writer(made, delimiter=draw(st.sampled_from(",;\t|")), escapechar="\\")
    writer.writerows([header, *zip(*columns, strict=True)])
    return made.getvalue().encode("utf-8", "surrogatepass")


def contents() -> st.SearchStrategy[bytes]:
    """Any bytes, spoiled files, files that are nearly right."""
    return st.one_of(st.binary(max_size=100), spoiled_bytes(GOOD), files(), files(), files())


@tries(150)
@given(
    contents(), st.sampled_from(["utf-8", "latin-1", "utf-16", "idna", "zlib", "punycode", "rot13", "\0", "x" * 999])
)
@example(b"a,b\n" + b"1," * 200_000, "utf-8")
@example(b"a,b\n1," + b"x" * 200_000 + b"\n2,y\n", "utf-8")
@example(b'a,b\n"' + b"x\n" * 50_000, "utf-8")
@example(b"a" + b",a" * 20_000 + b"\n" + b"1" + b",1" * 20_000 + b"\n", "utf-8")
@example(b"a,b\n" + b"9" * 4400 + b",1\n8,2\n", "utf-8")
@example((b"9" * 4400 + b"\r\n") * 2, "utf-8")
def test_any_bytes_are_a_table_or_refused(content: bytes, encoding: str) -> None:
    """A table has rows and distinct names, and numbers or text."""
    with folder() as place, survives():
        path = place / "table.csv"
        path.write_bytes(content)
        table = read_table(path, encoding=encoding, fewest=1)
        assert len(table)
        assert table.columns.is_unique
        assert all(isinstance(name, str) and name.strip() for name in table.columns)


@tries(60)
@given(files())
@example(b"a,b,0\n" + b",,\n" * 3 + b",,1\n,," + b"9" * 4400 + b"\n,,0\n")
@example(b"a,y\n" + b"".join(b"%d,%s\n" % (n, b"xy"[n % 2 : n % 2 + 1]) for n in range(30)))
def test_any_table_is_a_problem_or_refused(content: bytes) -> None:
    """Each column as the target: labels and features are finite numbers, and come back from JSON as they were."""
    with folder() as place:
        path = place / "table.csv"
        path.write_bytes(content)
        with survives():
            table = read_table(path)
            for target in table.columns:
                _prepare(table, target)


def _prepare(table: pd.DataFrame, target: str) -> None:
    with survives():
        problem = find_problem(table, target, min_rows=2)
        known = known_rows(problem, table)
        assert np.isfinite(encode_target(problem, known[target])).all()
        assert Problem.from_json(problem.to_json()) == problem
        preparation = Preparation(find_layout(known, target)).fit(known)
        x = preparation.transform(known)
        assert x.dtype == np.float32
        assert np.isfinite(x).all()
        assert np.array_equal(Preparation.from_json(preparation.to_json()).transform(known), x)


def labels() -> st.SearchStrategy[str]:
    """Text, often such that a spreadsheet runs it."""
    return texts() | st.tuples(st.sampled_from(FORMULAS), texts()).map("".join)


@tries(150)
@given(st.lists(st.tuples(labels(), numbers()), min_size=1, max_size=5), texts().filter(lambda name: name != "share"))
def test_no_cell_of_an_export_is_a_formula(rows: list[tuple[str, float]], name: str) -> None:
    """Text that begins as one has an apostrophe; numbers are as they were."""
    with survives():
        shares = [float(share) if abs(share) < 1e300 else 1.0 for _, share in rows]
        frame = pd.DataFrame({name: [text for text, _ in rows], "share": shares})
        before = frame.copy()
        made = safe_cells(frame)
        assert not [cell for cell in [*made.iloc[:, 0], *made.columns] if str(cell).startswith(FORMULAS)]
        assert made["share"].equals(frame["share"])
        assert [cell.removeprefix("'") for cell in made.iloc[:, 0]] == [text.removeprefix("'") for text, _ in rows]
        assert frame.equals(before)
