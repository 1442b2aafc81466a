"""Sources of rows: arrays, tables, files, datasets and streams, in memory or on disk."""

from bridle.sources._read import read
from bridle.sources._source import Source
from bridle.sources._stored import StoredArray
from bridle.sources._streams import from_generator

__all__ = ["Source", "StoredArray", "from_generator", "read"]
