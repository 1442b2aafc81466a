"""The only room that writes a study to disk and reads it back."""

from bridle.store._files import load, save, write_text, write_whole

__all__ = ["load", "save", "write_text", "write_whole"]
