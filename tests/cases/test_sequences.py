"""Parts of the cases of sequences: texts, signals, decoding, curves; their whole runs are benchmarks."""

import gzip
import hashlib
import os

import keras
import numpy as np
import pytest

from bridle._errors import InputError
from bridle.cases import CaseOptions, find_case
from bridle.cases._data import read_pronunciations, read_text, read_vowels, read_words
from bridle.cases._double_descent import NOISY, network, peak
from bridle.cases._mnist1d import draw_signals
from bridle.cases._rectifier import Curve, read_images

TEXT = "A café – twice\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_texts_in_unicode_are_read(tmp_path, encoding: str) -> None:
    """With and without a mark, and compressed."""
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode(encoding))
    assert read_text(path) == TEXT
    packed = tmp_path / "text.txt.gz"
    packed.write_bytes(gzip.compress(TEXT.encode(encoding)))
    assert read_text(packed) == TEXT


def test_texts_in_another_encoding_are_refused(tmp_path) -> None:
    """With the byte, its position, and the command that converts the file; so are files that are no text."""
    path = tmp_path / "old.txt"
    path.write_bytes("A café twice".encode("latin-1"))
    with pytest.raises(InputError, match=r"got the byte 0xe9 at position 5 of 'old.txt', near 'A café twice'"):
        read_text(path)
    path.write_bytes(b"PK\x03\x04\x00\x00")
    with pytest.raises(InputError, match="with zero bytes"):
        read_text(path)
    path.write_text("too few words")
    with pytest.raises(InputError, match="at least 100 words and marks, got 3"):
        read_words(path, 100, 10)


def test_the_next_word_is_the_label(tmp_path) -> None:
    """Rows follow one another, the most frequent words have the first numbers, and rare ones the number 0."""
    path = tmp_path / "text.txt"
    path.write_text("a b a c a b, a d\n")
    words = read_words(path, 10, 4)
    assert words.vocabulary == ("a", "b", "c")
    assert words.numbers.tolist() == [1, 2, 1, 3, 1, 2, 0, 1, 0, 0]
    x, y = words.rows(3)
    assert x.tolist() == [[1, 2, 1], [3, 1, 2], [0, 1, 0]]
    assert y.tolist() == [[2, 1, 3], [1, 2, 0], [1, 0, 0]]


def test_signals_are_those_of_the_package() -> None:
    """The rows and noisy labels that `mnist1d` 0.0.2 draws with its own seed, by their sum and hash."""
    signals = draw_signals(4000, 12_000)
    np.testing.assert_allclose(signals.x[0, :3], [0.19054256, -0.06464256, -0.01249711], rtol=1e-5)
    np.testing.assert_allclose(signals.x_test[-1, 3:5], [0.31711248, 0.05442185], rtol=1e-5)
    assert np.abs(signals.x_test).sum(dtype=float) == pytest.approx(355122.97, rel=1e-5)
    assert hashlib.sha256(signals.y_noisy.astype("uint8").tobytes()).hexdigest()[:16] == "8023817a23b4c3fb"


def test_shipped_rows() -> None:
    """Shapes, padding and classes of the utterances and the pronunciations."""
    x, y = read_vowels("train")
    assert x.shape == (270, 29, 12)
    assert set(y.tolist()) == set(range(9))
    assert np.mean(~x.any(axis=2)) == pytest.approx(0.454, abs=1e-3)
    words = read_pronunciations()
    assert len(words.names) == 39
    assert words.letters.shape == words.phonemes.shape
    assert len(words.letters) > 112_000


def test_the_height_of_a_peak() -> None:
    """Over the lowest points on both sides; none for a curve that only falls. The published one has one."""
    assert peak(np.array([5.0, 2.0, 4.0, 3.0])) == 1.0
    assert peak(np.array([5.0, 4.0, 1.0])) == 0.0
    assert peak(np.array(list(NOISY.values()))) == pytest.approx(6.81)


def test_initial_weights_are_those_of_pytorch() -> None:
    """Even between ± 1 / √inputs, kernels and biases."""
    keras.utils.set_random_seed(0)
    layer = network(300).get_layer("hidden2")
    for weight in layer.get_weights():
        assert np.abs(weight).max() == pytest.approx(300**-0.5, rel=0.02)
        assert weight.std() == pytest.approx(300**-0.5 / 3**0.5, rel=0.1)


def test_the_knee_of_a_curve() -> None:
    """The most zeros whose error is within one standard error of the best."""
    zeros = np.tile([[0.5], [0.7], [0.9]], (1, 2))
    errors = np.array([[2.0, 4.0], [3.0, 4.0], [5.0, 6.0]])
    knee, folds = Curve(zeros, errors).knee()
    assert knee == 0.7
    assert folds.tolist() == [0.7, 0.7]


def test_files_of_images_that_do_not_fit_are_refused(tmp_path) -> None:
    """In a sentence: no such array, other classes."""
    path = tmp_path / "images.npz"
    np.savez(path, x=np.zeros((2, 4)))
    with pytest.raises(InputError, match=r"with the arrays x_train and y_train, got 'images.npz'"):
        read_images(path)
    np.savez(path, x_train=np.full((3, 2, 2), 255), y_train=np.array([0, 1, 11]))
    with pytest.raises(InputError, match="Expected classes from 0 to 9"):
        read_images(path)
    np.savez(path, x_train=np.full((3, 2, 2), 255), y_train=np.array([0, 1, 9]))
    assert read_images(path)[0].max() == 1.0


@pytest.mark.skipif("BRIDLE_TORTURE" not in os.environ, reason="make torture runs it")
def test_the_language_model_whole(tmp_path) -> None:
    """Its small version: every line has a value, the study is stored, and a second run trains nothing."""
    case, options = find_case("language"), CaseOptions(tmp_path, quick=True, seeds=1, progress=False)
    answer = case.run(options)
    assert all(line.value is not None for line in answer.lines)
    gain = answer.lines[0]
    values = {line.quantity: line.value for line in answer.lines}
    assert gain.value == pytest.approx(np.log(values["perplexity, none"] / values["perplexity, AR"]), rel=1e-4)
    again = case.run(options)
    assert again.sections[0].result.provenance["fits from the store"] == 9
