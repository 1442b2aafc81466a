"""Sources of rows: arrays, tables, files and streams, in memory or on disk."""

from bridle.sources._stored import StoredArray, join_stored, open_npy

__all__ = ["StoredArray", "join_stored", "open_npy"]
