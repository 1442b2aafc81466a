"""Storage of studies: the only room that writes a study to disk and reads it back."""

from bridle.store._arrays import write_atomic
from bridle.store._files import load, save, write_text
from bridle.store._segments import Record
from bridle.store._store import Store
from bridle.store._verify import FolderReport, compact, repair, verify

__all__ = [
    "FolderReport",
    "Record",
    "Store",
    "compact",
    "load",
    "repair",
    "save",
    "verify",
    "write_atomic",
    "write_text",
]
