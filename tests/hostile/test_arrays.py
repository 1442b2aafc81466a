"""Arrays from files: never unpickled, as large as they say, numbers, or refused with a sentence."""

import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.hostile._hostile import folder, survives, tries
from tests.hostile._strategies import spoiled_bytes, texts

from bridle._errors import InputError
from bridle.tuning import read_arrays
from bridle.tuning._arrays import labelled
from bridle.untrusted import read_rows

DESCRIPTIONS = ("<f4", "<f8", "|b1", "<i8", "|O", "<U3", "|V0", "<U0", "<c16", "<M8[s]", "|S4", "<f2", "|V8", ">f4",
                "<U1000000000", "x", "<m8[Y]", [("a", "<f4"), ("b", "|O")], [("a", "<f4", (3,))], "|S0",
                "<u8")  # fmt: skip


def npy(description: object, shape: object, body: bytes, version: tuple[int, int] = (1, 0)) -> bytes:
    """An array as a file says it, true or not."""
    header = repr({"descr": description, "fortran_order": False, "shape": shape}).encode("latin-1", "replace")
    size = struct.pack("<H" if version == (1, 0) else "<I", min(len(header), 2**16 - 1))
    return b"\x93NUMPY" + bytes(version) + size + header + body


@st.composite
def arrays(draw: st.DrawFn) -> bytes:
    """Arrays: true ones, spoiled ones, and those with a header that lies."""
    rows = draw(st.sampled_from([1, 4, 12]))
    good = draw(
        st.sampled_from([np.ones((rows, 2)), np.arange(rows), np.array(["a", "b"] * rows)[:rows], np.float32(1)])
    )
    buffer = io.BytesIO()
    np.save(buffer, good)
    match draw(st.integers(0, 2)):
        case 0:
            return buffer.getvalue()
        case 1:
            return draw(spoiled_bytes(buffer.getvalue()))
    sizes = st.one_of(st.integers(-3, 12), st.sampled_from([2**31, 2**63, 10**30]))
    shape = draw(st.lists(sizes, max_size=4).map(tuple) | st.just("x") | st.just((True,)) | st.just((1.5,)))
    version = draw(st.sampled_from([(1, 0), (2, 0), (3, 0), (9, 9)]))
    return npy(draw(st.sampled_from(DESCRIPTIONS)), shape, draw(st.binary(max_size=64)), version)


def archive(members: dict[str, bytes]) -> bytes:
    """The members as one file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def archives() -> st.SearchStrategy[bytes]:
    """Archives of arrays, whole and spoiled."""
    names = st.sampled_from(["x.npy", "y.npy", "test_x.npy", "test_y.npy", "sample_weight.npy", "x", "../x.npy"])
    names = names | texts().map(lambda text: text.encode("utf-8", "replace").decode().replace("\0", "")[:999] or "x")
    several = st.dictionaries(names, arrays(), max_size=5)
    likely = st.fixed_dictionaries({"x.npy": arrays(), "y.npy": arrays()}, optional={"test_x.npy": arrays()})
    made = st.one_of(several, likely, likely).map(archive)
    return st.one_of(made, made, made.flatmap(spoiled_bytes))


@tries(250)
@given(arrays() | st.binary(max_size=80))
@example(npy("<f8", (10**11,), b""))
@example(npy("|O", (2,), b"cos\nsystem\n(S'true'\ntR."))
@example(npy("|V0", (3,), b""))
@example(npy("<U0", (), b""))
@example(npy("<U1", (1,), bytes([97, 0, 0, 1])))
@example(b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535)
def test_any_array_is_read_or_refused(content: bytes) -> None:
    """One array by itself, as `bridle audit --data` takes it."""
    with folder() as place, survives():
        (place / "x.npy").write_bytes(content)
        rows, weight = read_rows(place / "x.npy")
        assert not rows.dtype.hasobject
        assert weight is None


@tries(250)
@given(archives())
@example(archive({"x.npy": npy("<f8", (10**10,), b""), "y.npy": npy("<i8", (2,), bytes(16))}))
@example(archive({"x.npy": npy("|O", (2,), b"cos\nsystem\n(S'true'\ntR."), "y.npy": npy("<i8", (2,), bytes(16))}))
@example(archive({"x.npy": npy("|V0", (2,), b""), "y.npy": npy("<U0", (2,), b"")}))
@example(archive({"x.npy": npy("<f8", (12, 2), bytes(192)), "y.npy": npy("<i8", (12,), bytes(range(96)))}))
@example(archive({"x.npy": npy("<f8", (12, 2), bytes(192)), "y.npy": npy("<U1", (12,), bytes([97, 0, 0, 1] * 12))}))
def test_any_archive_is_read_or_refused(content: bytes) -> None:
    """The arrays of a study file, up to the labels that a network takes."""
    with folder() as place:
        path = place / "x.npz"
        path.write_bytes(content)
        with survives():
            found = read_arrays(path)
            made, problem = labelled(found, None, 2)
            assert len(made.y)
            assert problem.classes is None or made.y.max() < len(problem.classes)


def test_a_bomb_is_refused_before_it_unfolds(tmp_path) -> None:
    """An archive of a few kilobytes that says it holds more than the limit."""
    (tmp_path / "x.npz").write_bytes(archive({"x.npy": npy("|b1", (2**24,), bytes(2**24))}))
    with pytest.raises(InputError, match="at most 1 MiB"):
        read_rows(tmp_path / "x.npz", limit=1)
