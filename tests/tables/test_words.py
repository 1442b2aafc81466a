"""Free text as TF-IDF of words and pairs of words."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from bridle.tables._words import SCALE, is_free_text, learn_vocabulary

TEXTS = np.array(["A good film, good story", "a dull film", "good music and a dull story", "", "the good film"], object)


def test_features_equal_scikit_learn():
    """All terms of at least two rows, weighted as `TfidfVectorizer` does, times a constant; 0 without words."""
    vocabulary = learn_vocabulary(TEXTS, 99)
    expected = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit(TEXTS)
    assert vocabulary.terms == tuple(expected.get_feature_names_out())
    features = vocabulary.features(TEXTS, len(vocabulary.terms) + 2)
    np.testing.assert_allclose(features[:, :-2], SCALE * expected.transform(TEXTS).toarray(), rtol=1e-6)
    assert not features[:, -2:].any()
    assert not features[3].any()


def test_no_row_has_a_word():
    """There is nothing to learn, and every feature is 0."""
    empty = learn_vocabulary(np.array(["", "?"], object), 5)
    assert empty.terms == ()
    assert not empty.features(TEXTS, 5).any()


def test_directions_are_those_of_the_singular_value_decomposition():
    """Where terms are more than features: the weights on the directions, scaled, with 0.99 of the largest variance."""
    draw = np.random.default_rng(0)
    texts = np.array([" ".join(f"w{word}" for word in draw.integers(0, 40, 9)) for _ in range(80)], object)
    vocabulary = learn_vocabulary(texts[:60], 10)
    assert len(vocabulary.terms) > 40
    tfidf = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit(texts[:60])
    directions = np.asarray(vocabulary.directions, float)
    np.testing.assert_allclose(directions @ directions.T, np.eye(10), atol=2e-3)
    weights = tfidf.transform(texts[:60]).toarray()
    largest = (np.linalg.svd(weights, compute_uv=False)[:10] ** 2).sum()
    assert ((weights @ directions.T) ** 2).sum() == pytest.approx(largest, rel=0.01)
    features, products = vocabulary.features(texts, 12), tfidf.transform(texts) @ directions.T
    assert not features[:, 10:].any()
    np.testing.assert_allclose(features[:, :10], SCALE * normalize(products), atol=1e-5)
    assert not vocabulary.features(np.array(["unknown words"], object), 12).any()


def test_directions_tell_rare_words_apart():
    """Texts of two subjects share no frequent word, so that each of many rare ones tells a little."""
    draw = np.random.default_rng(0)
    subject = np.arange(300) % 2
    common = [f"common{number}" for number in range(60)]
    texts = [
        " ".join([*draw.choice(common, 15), *(f"rare{side}{number}" for number in draw.integers(0, 100, 4))])
        for side in subject
    ]
    vocabulary = learn_vocabulary(np.array(texts[:200], object), 50)
    features = vocabulary.features(np.array(texts, object), 50)
    score = LogisticRegression().fit(features[:200], subject[:200]).score(features[200:], subject[200:])
    assert score > 0.8


def test_which_columns_are_free_text():
    """Most cells have three words; codes, names and addresses of two words are none."""
    assert is_free_text(TEXTS[:3])
    assert not is_free_text(np.array(["A-1 2 3", "B-2 5 7"], object))
    assert not is_free_text(np.array(["New York", "San Francisco", "a b c d"], object))
