"""Columns of free text as features: TF-IDF of words and pairs, and its main directions where they are many."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Float16, Float32, Shaped
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from bridle._errors import InputError
from bridle.tables._checks import DAMAGED, is_finite_list, is_names, saved

LEAST_WORDS, LEAST_SHARE = 3, 0.5
"""Words of a cell of free text, and the share of cells that have as many."""
LOOKED_AT = 2000
"""Distinct cells that decide whether a column is free text."""
FEWEST_FEATURES, MOST_FEATURES, ROWS_PER_FEATURE = 50, 200, 3
MOST_TERMS = 4000
"""Terms of a vocabulary. With 200 directions they need 1.6 MB; sets of 600 to 1,000 texts gain no point from more."""
ROWS_FOR_DIRECTIONS = 10_000
"""Most rows that directions are learned from: a few seconds."""
NGRAMS = (1, 2)
LEAST_DOCUMENTS = 2
"""Rows that a term occurs in at least."""
SCALE = 4.0
"""Length of the vector of a text: that of about 16 standardised numbers."""
RULES = {
    "terms": ("distinct texts", is_names),
    "idf": ("finite numbers", is_finite_list),
    "directions": ("text", lambda value: isinstance(value, str)),
}


@dataclass(frozen=True)
class Vocabulary:
    """Terms of one or two words with their inverse document frequencies, learned from training rows."""

    terms: tuple[str, ...]
    idf: tuple[float, ...]
    directions: Float16[np.ndarray, "feature term"] | None = None
    """The right singular vectors of the training rows' weights; None where each term is a feature."""

    def features(self, texts: Shaped[np.ndarray, "row"], size: int) -> Float32[np.ndarray, "row feature"]:
        """Return (1 + log count) · idf of each term, or its products with `directions`; 0 in the features beyond.

        Each row is scaled to one length; one without a known word is 0.
        """
        features = np.zeros((len(texts), size), np.float32)
        if not self.terms or not len(texts):
            return features
        counter = _counter(vocabulary={term: index for index, term in enumerate(self.terms)})
        weights = _weights(counter.fit_transform(texts), np.array(self.idf))
        if self.directions is None:
            features[:, : len(self.terms)] = SCALE * weights.toarray()
        else:
            products = weights @ self.directions.T.astype(np.float64)
            features[:, : len(self.directions)] = SCALE * normalize(products)
        return features

    def to_json(self) -> dict[str, object]:
        """Return the vocabulary as strict JSON; directions as base64 of 16-bit floats, row by row."""
        content: dict[str, object] = {"terms": list(self.terms), "idf": list(self.idf)}
        if self.directions is not None:
            content["directions"] = base64.b64encode(self.directions.astype("<f2").tobytes()).decode()
        return content

    @staticmethod
    def from_json(content: object, size: int) -> "Vocabulary":
        """Restore a vocabulary of at most `size` features; `InputError` names an invalid entry."""
        content = {"directions": "", **content} if isinstance(content, Mapping) else content
        fields: Mapping = saved(content, "vocabulary", RULES)
        terms, idf = tuple(fields["terms"]), tuple(fields["idf"])
        if len(terms) != len(idf):
            raise InputError(f"Expected a frequency for each of {len(terms)} terms, got {len(idf)}. {DAMAGED}")
        directions = _read_directions(fields["directions"], len(terms)) if fields["directions"] else None
        width = len(terms if directions is None else directions)
        if width > size:
            raise InputError(f"Expected at most {size} features of a text, got {width}. {DAMAGED}")
        return Vocabulary(terms, idf, directions)


def learn_vocabulary(texts: Shaped[np.ndarray, "row"], size: int) -> Vocabulary:
    """Learn the terms that occur in most rows, of those in at least two, in alphabetical order.

    Where they are more than `size`, the first `size` directions of a singular value decomposition are features instead
    (latent semantic analysis; Deerwester et al., 1990).

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
    chosen = np.sort(frequent[np.argsort(-documents[frequent], kind="stable")[:MOST_TERMS]])
    if not len(chosen):
        return Vocabulary((), ())
    counts = counts[:, chosen]
    idf = TfidfTransformer().fit(counts).idf_
    directions = _directions(_weights(counts, idf), size) if len(chosen) > size else None
    return Vocabulary(tuple(map(str, names[chosen])), tuple(idf.tolist()), directions)


def _weights(counts: csr_matrix, idf: Float[np.ndarray, "term"]) -> csr_matrix:
    """Return (1 + log count) · idf, scaled to length 1 for each row."""
    weighted = counts.astype(np.float64)
    weighted.data = 1 + np.log(weighted.data)
    return normalize(weighted.multiply(idf).tocsr(), copy=False)


def _directions(weights: csr_matrix, size: int) -> Float16[np.ndarray, "feature term"]:
    """Return the first right singular vectors, from every k-th row where rows are many.

    One thread, so that the numbers do not depend on the number of cores.
    """
    rows = weights[:: -(-weights.shape[0] // ROWS_FOR_DIRECTIONS)]
    with threadpool_limits(1, "blas"):
        found = TruncatedSVD(min(size, *rows.shape), random_state=0).fit(rows)
    return found.components_.astype(np.float16)


def _read_directions(text: str, terms: int) -> Float16[np.ndarray, "feature term"]:
    try:
        directions = np.frombuffer(base64.b64decode(text, validate=True), "<f2").reshape(-1, max(terms, 1))
    except (binascii.Error, ValueError):
        raise InputError(f"Expected directions of {terms} numbers each, got other text. {DAMAGED}") from None
    if not np.isfinite(directions).all():
        raise InputError(f"Expected finite numbers as directions, got others. {DAMAGED}")
    return directions


def is_free_text(labels: Shaped[np.ndarray, "row"]) -> bool:
    """Check for cells most of which have at least three words.

    >>> is_free_text(np.array(["a good film", "not so good", "bad"], object))
    True
    """
    distinct = pd.unique(labels)[:LOOKED_AT]
    words = np.array([sum(any(map(str.isalpha, word)) for word in str(cell).split()) for cell in distinct])
    return bool(len(words)) and float((words >= LEAST_WORDS).mean()) >= LEAST_SHARE


def feature_count(rows: int) -> int:
    """Return the number of features of a text in a table of so many rows: a third of them, from 50 to 200."""
    return int(np.clip(rows // ROWS_PER_FEATURE, FEWEST_FEATURES, MOST_FEATURES))


def _counter(**options: object) -> CountVectorizer:
    return CountVectorizer(ngram_range=NGRAMS, **options)
