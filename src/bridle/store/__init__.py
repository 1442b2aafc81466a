"""The only room that writes a study to disk and reads it back."""

from bridle.store._files import load, save, write_text
from bridle.store._shards import Record
from bridle.store._store import Store
from bridle.store._verify import Checked, compact, repair, verify
from bridle.store._whole import write_atomic

__all__ = ["Checked", "Record", "Store", "compact", "load", "repair", "save", "verify", "write_atomic", "write_text"]
