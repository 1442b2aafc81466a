"""Data of the cases: files of the package, and text files of the user."""

import codecs
import gzip
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from bridle._errors import InputError, StoreError

FOLDER = Path(__file__).with_name("data")
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""The first bytes of a file that names its encoding."""
UNKNOWN = 0
"""The number of every word outside the vocabulary."""


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with its mark; also compressed as `.gz`.

    Errors: `InputError` for another encoding and for a file that is no text; `StoreError` if it cannot be read.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise StoreError(f"Expected a text file that can be read, got {str(path)!r}: {error}.") from error
    encoding = next((name for mark, name in MARKS.items() if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        here = raw[max(error.start - 12, 0) : error.start + 8].decode("latin-1")
        raise InputError(
            f"Expected text in UTF-8, got the byte 0x{raw[error.start]:02x} at position {error.start:,} of "
            f"{path.name!r}, near {here!r} if it is Latin-1. Convert it: "
            f"iconv -f LATIN1 -t UTF-8 {path.name} > utf8.txt"
        ) from error
    if "\0" in text:
        raise InputError(f"Expected a text file, got {path.name!r} with zero bytes. Save it as plain text in UTF-8.")
    return text


@dataclass(frozen=True)
class Words:
    """A text as numbers of words: 0 for words outside the vocabulary, then the most frequent first."""

    numbers: Int[np.ndarray, "word"]
    vocabulary: tuple[str, ...]

    def rows(self, steps: int) -> tuple[Int[np.ndarray, "row step"], Int[np.ndarray, "row step"]]:
        """Return rows of consecutive words, and for each word the next one."""
        count = (len(self.numbers) - 1) // steps
        x, y = self.numbers[: count * steps], self.numbers[1 : count * steps + 1]
        return x.reshape(count, steps), y.reshape(count, steps)


def read_words(path: Path | None, most: int, vocabulary: int) -> Words:
    """Return the first `most` words of a text, lower case; ends of lines and marks count as words.

    Args:
        path: a text file; None for the plays of the package.
        most: the number of words to read.
        vocabulary: the number of words with a number of their own, minus one for all others.

    Errors: those of `read_text`; `InputError` for a text of fewer words.

    """
    words = re.findall(
        r"[^\W\d_]+(?:'[^\W\d_]+)*|\d+|[.,;:!?]|\n", read_text(path or FOLDER / "shakespeare.txt.gz").lower()
    )
    if len(words) < most:
        raise InputError(
            f"Expected a text of at least {most:,} words and marks, got {len(words):,}. Take a longer one."
        )
    words = words[:most]
    frequent = tuple(word for word, _ in Counter(words).most_common(vocabulary - 1))
    index = {word: number for number, word in enumerate(frequent, 1)}
    return Words(np.array([index.get(word, UNKNOWN) for word in words], np.int32), frequent)


def read_vowels(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the utterances of `"train"` or `"test"`, shape (row, 29, 12), padded with 0, and their speakers."""
    with np.load(FOLDER / "japanese_vowels.npz") as arrays:
        return arrays[f"x_{part}"].astype(np.float32), arrays[f"y_{part}"].astype(np.int32)


@dataclass(frozen=True)
class Pronunciations:
    """Words as letters and as phonemes, shuffled, padded with 0; letters and phonemes are numbered from 1."""

    letters: Int[np.ndarray, "word letter"]
    phonemes: Int[np.ndarray, "word phoneme"]
    names: tuple[str, ...]
    """The phonemes; the number of a name is its position plus one."""


def read_pronunciations(longest: int = 12) -> Pronunciations:
    """Return the words of CMUdict of 2 to `longest` letters a to z and at most as many phonemes, without stress.

    Each word has its first pronunciation.
    """
    lines = gzip.decompress((FOLDER / "cmudict.txt.gz").read_bytes()).decode().splitlines()
    words: dict[str, list[str]] = {}
    for line in lines:
        word, *phonemes = line.partition("#")[0].split()
        if re.fullmatch("[a-z]+", word) and 1 < len(word) <= longest and len(phonemes) <= longest:
            words.setdefault(word, [phoneme.rstrip("012") for phoneme in phonemes])
    names = tuple(sorted({phoneme for phonemes in words.values() for phoneme in phonemes}))
    index = {name: number for number, name in enumerate(names, 1)}
    letters, spoken = (np.zeros((len(words), longest), np.int32) for _ in range(2))
    for row, (word, phonemes) in enumerate(words.items()):
        letters[row, : len(word)] = [ord(letter) - 96 for letter in word]
        spoken[row, : len(phonemes)] = [index[phoneme] for phoneme in phonemes]
    order = np.random.default_rng(0).permutation(len(words))
    return Pronunciations(letters[order], spoken[order], names)
