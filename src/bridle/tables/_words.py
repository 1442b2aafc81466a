"""Columns of free text as features: TF-IDF of words and pairs of words."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float32, Shaped
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from bridle._errors import InputError
from bridle.tables._checks import DAMAGED, is_finite_list, is_names, saved

LEAST_WORDS, LEAST_SHARE = 3, 0.5
"""Words of a cell of free text, and the share of cells that have as many."""
LOOKED_AT = 2000
"""Distinct cells that decide whether a column is free text."""
FEWEST_TERMS, MOST_TERMS, ROWS_PER_TERM = 50, 500, 4
NGRAMS = (1, 2)
LEAST_DOCUMENTS = 2
"""Rows that a term occurs in at least."""
SCALE = 4.0
"""Length of the vector of a text: that of about 16 standardised numbers."""
RULES = {"terms": ("distinct texts", is_names), "idf": ("finite numbers", is_finite_list)}


@dataclass(frozen=True)
class Vocabulary:
    """Terms of one or two words with their inverse document frequencies, learned from training rows."""

    terms: tuple[str, ...]
    idf: tuple[float, ...]

    def features(self, texts: Shaped[np.ndarray, "row"], size: int) -> Float32[np.ndarray, "row term"]:
        """Return (1 + log count) · idf of each term, scaled to one length for each row; 0 beyond the vocabulary."""
        features = np.zeros((len(texts), size), np.float32)
        if not self.terms or not len(texts):
            return features
        counter = _counter(vocabulary={term: index for index, term in enumerate(self.terms)})
        counts = counter.fit_transform(texts)
        counts.data = 1 + np.log(counts.data)
        weighted = counts.multiply(np.array(self.idf)).tocsr()
        lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        factors = SCALE / np.where(lengths > 0, lengths, 1)
        rows = np.repeat(np.arange(len(texts)), np.diff(weighted.indptr))
        features[rows, weighted.indices] = weighted.data * factors[rows]
        return features

    def to_json(self) -> dict[str, object]:
        """Return the vocabulary as strict JSON."""
        return {"terms": list(self.terms), "idf": list(self.idf)}

    @staticmethod
    def from_json(content: object, size: int) -> "Vocabulary":
        """Restore a vocabulary of at most `size` terms; `InputError` names an invalid entry."""
        fields: Mapping = saved(content, "vocabulary", RULES)
        if len(fields["terms"]) != len(fields["idf"]) or len(fields["terms"]) > size:
            counts = f"{len(fields['terms'])} terms and {len(fields['idf'])}"
            raise InputError(f"Expected at most {size} terms, each with a frequency, got {counts}. {DAMAGED}")
        return Vocabulary(tuple(fields["terms"]), tuple(fields["idf"]))


def learn_vocabulary(texts: Shaped[np.ndarray, "row"], size: int) -> Vocabulary:
    """Learn the `size` terms that occur in most rows, of those in at least two, in alphabetical order.

    >>> learn_vocabulary(np.array(["a red cat", "the red dog", "a cat"], object), 9).terms
    ('cat', 'red')
    """
    counter = _counter(dtype=np.int32)
    try:
        counts = counter.fit_transform(texts)
    except ValueError:  # no row has a word
        return Vocabulary((), ())
    documents = np.bincount(counts.indices, minlength=counts.shape[1])
    names = counter.get_feature_names_out()
    frequent = np.flatnonzero(documents >= min(LEAST_DOCUMENTS, len(texts)))
    chosen = np.sort(frequent[np.argsort(-documents[frequent], kind="stable")[:size]])
    if not len(chosen):
        return Vocabulary((), ())
    idf = TfidfTransformer().fit(counts[:, chosen]).idf_
    return Vocabulary(tuple(map(str, names[chosen])), tuple(idf.tolist()))


def is_free_text(labels: Shaped[np.ndarray, "row"]) -> bool:
    """Check for cells most of which have at least three words.

    >>> is_free_text(np.array(["a good film", "not so good", "bad"], object))
    True
    """
    distinct = pd.unique(labels)[:LOOKED_AT]
    words = np.array([sum(any(map(str.isalpha, word)) for word in str(cell).split()) for cell in distinct])
    return bool(len(words)) and float((words >= LEAST_WORDS).mean()) >= LEAST_SHARE


def term_count(rows: int) -> int:
    """Return the number of terms for a table of so many rows: a quarter of them, from 50 to 500."""
    return int(np.clip(rows // ROWS_PER_TERM, FEWEST_TERMS, MOST_TERMS))


def _counter(**options: object) -> CountVectorizer:
    return CountVectorizer(ngram_range=NGRAMS, **options)
