"""Free text as TF-IDF of words and pairs of words."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

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


def test_the_most_frequent_terms_are_chosen():
    """By rows that have them, not by occurrences; none where no row has a word."""
    assert learn_vocabulary(TEXTS, 2).terms == ("film", "good")
    assert learn_vocabulary(np.array(["", "?"], object), 5).terms == ()


def test_which_columns_are_free_text():
    """Most cells have three words; codes, names and addresses of two words are none."""
    assert is_free_text(TEXTS[:3])
    assert not is_free_text(np.array(["A-1 2 3", "B-2 5 7"], object))
    assert not is_free_text(np.array(["New York", "San Francisco", "a b c d"], object))
