"""Storage of studies: the only room that writes a study to disk and reads it back."""

from bridle.sources._fingerprint import fingerprint
from bridle.store._arrays import write_atomic
from bridle.store._files import RESULT_FILE, load, save, write_text
from bridle.store._index import INDEX_FILE
from bridle.store._segments import Record
from bridle.store._store import Store
from bridle.store._verify import FolderReport, compact, repair, verify

__all__ = [
    "INDEX_FILE",
    "RESULT_FILE",
    "FolderReport",
    "Record",
    "Store",
    "compact",
    "fingerprint",
    "load",
    "repair",
    "save",
    "verify",
    "write_atomic",
    "write_text",
]
