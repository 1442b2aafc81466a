"""Sequences from trained models: greedy decoding, and the errors of what was decoded.

* `greedy_decode` writes sequences with an encoder–decoder or a language model, token by token.
* `edit_errors` counts the insertions, deletions and substitutions between decoded and expected sequences.

`bridle.Result.measure` applies both to every refit of a study.
"""

import contextlib
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import keras
import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from bridle._errors import InputError, nearest_names

__all__ = ["EditErrors", "edit_errors", "greedy_decode"]


def greedy_decode(
    model: keras.Model,
    inputs: Any = (),
    *,
    start: ArrayLike,
    end: int | None = None,
    steps: int | None = None,
    padding: int = 0,
    batch_size: int = 256,
) -> Int[np.ndarray, "row step"]:
    """Return the sequences that a model writes: at each step the token with the largest output, up to the first end.

    The model was trained with teacher forcing: its decoder reads the tokens so far, and its output at a step is the
    next token. It is an encoder–decoder, or a language model that continues what `start` holds. All rows of a batch
    advance together, one call of the model for each step.

    Args:
        model: functional or Sequential `keras.Model` with one output of shape (row, step, token): probabilities or
            logits. Its prediction of a step depends on no later token.
        inputs: the inputs of the model but that of the decoder: an array of shape (row, …), or a list of arrays for
            all inputs but the last, or a dictionary by the names of the inputs, for a decoder that is not the last.
            Default: none, for a language model.
        start: int, the token that starts every sequence; or an array of shape (row, step), tokens to continue. Rows of
            different lengths end with `padding`.
        end: int, the token that ends a sequence. Default None: every sequence has `steps` tokens.
        steps: int, the largest number of tokens to write. Default: what the decoder's input has room for.
        padding: int, what fills a sequence after its end, and unused steps of the decoder's input. Default 0; -1 where
            0 is a token like others, and the decoder's input is then filled with 0.
        batch_size: int, the number of rows in a call. Default 256.

    Returns: array of shape (row, steps), the tokens before the end, without those of `start`.

    Errors: `InputError` for a model without such an input and output, for inputs of another number or length, for
        tokens outside of a vocabulary, for missing or too many steps, and for outputs that are NaN or look ahead.

    >>> import bridle, keras, numpy as np
    >>> tokens = keras.Input((None,), dtype="int32")
    >>> after = keras.layers.Embedding(5, 6, weights=[np.eye(5, 6, 1)])  # the next number
    >>> bridle.decoding.greedy_decode(keras.Model(tokens, after(tokens)), start=[[1, 2], [4, 0]], end=5, steps=3)
    array([[3, 4, 0],
           [0, 0, 0]], dtype=int32)

    """
    decoder = _Decoder.read(model, inputs, start, steps, padding)
    end = None if end is None else _whole(end, "end")
    _check_token("end", end, decoder.classes, "the output of the model")
    written = [
        decoder.write(first, min(first + batch_size, len(decoder.before)), end)
        for first in range(0, len(decoder.before), _whole(batch_size, "batch_size", 1))
    ]
    return np.concatenate(written)


@dataclass(frozen=True)
class EditErrors:
    """Errors of decoded sequences; `print` shows their two rates."""

    edits: Int[np.ndarray, "row"]
    """The smallest number of insertions, deletions and substitutions that turn a decoded sequence into the expected."""
    lengths: Int[np.ndarray, "row"]
    """The number of tokens of each expected sequence."""

    @property
    def wrong(self) -> Bool[np.ndarray, "row"]:
        """True for each sequence with any error."""
        return self.edits > 0

    @property
    def sequence_rate(self) -> float:
        """The share of sequences with any error: the word error rate where a sequence spells a word."""
        return float(self.wrong.mean())

    @property
    def token_rate(self) -> float:
        """Edits over expected tokens: the word, phoneme or character error rate, by what a token is. It may exceed 1.

        NaN if all expected sequences are empty.
        """
        return float(self.edits.sum() / self.lengths.sum()) if self.lengths.sum() else float("nan")

    def __str__(self) -> str:
        return f"{self.sequence_rate:.1%} of {len(self.edits):,} sequences are wrong, {self.token_rate:.1%} of tokens."


def edit_errors(decoded: Any, expected: Any, *, end: Any = None, padding: Any = 0) -> EditErrors:
    """Return the errors of decoded sequences against the expected ones: their edit distances (Levenshtein).

    Args:
        decoded, expected: arrays of tokens of shape (row, step), or lists of sequences of numbers or texts, one a row.
        end: the token that ends a sequence; it and what follows are left out. Default None.
        padding: the token that fills a sequence at its end, which is left out. Default 0.

    Returns: `EditErrors`: `edits` and `lengths` of each row, `token_rate` and `sequence_rate` of all.

    Errors: `InputError` for other numbers of rows, or for arrays of other axes.

    >>> import bridle
    >>> errors = bridle.decoding.edit_errors([[3, 4, 0], [5, 6, 7]], [[3, 4, 0], [5, 7, 0]])
    >>> errors.edits.tolist(), errors.token_rate, errors.sequence_rate
    ([0, 1], 0.25, 0.5)
    >>> bridle.decoding.edit_errors(["see the cat".split()], ["see a cat".split()]).edits.tolist()
    [1]

    Source: Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", Soviet Physics
    Doklady 10, 1966.

    """
    sides = [[_before_end(row, end, padding) for row in _rows(side)] for side in (decoded, expected)]
    if len(sides[0]) != len(sides[1]) or not sides[0]:
        raise InputError(
            f"Expected one decoded sequence for each expected one, got {len(sides[0])} and {len(sides[1])}. "
            "Give the same rows in the same order."
        )
    numbers: dict[Any, int] = {}
    arrays, counts = zip(*(_numbered(side, numbers) for side in sides), strict=True)
    return EditErrors(_distances(arrays, counts), counts[1])


class _Chooser(keras.Model):
    """A model whose output is that of another model at one position of each row, so that only this is copied."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name="chooser", autocast=False)
        self.model, self.built = model, True

    def call(self, inputs: list[Any], training: bool | None = None) -> Any:
        """Return scores of shape (row, token) for the inputs of the model and the positions."""
        *values, at = inputs
        scores = self.model(values if len(values) > 1 else values[0], training=training)
        return keras.ops.take_along_axis(scores, at[:, None, None], axis=1)[:, 0]


@dataclass(frozen=True)
class _Decoder:
    """A model with the arrays of its other inputs, and with the begin of every sequence."""

    chooser: _Chooser
    sources: Mapping[str, np.ndarray]
    """By the names of inputs."""
    name: str
    """The input of the decoder."""
    before: Int[np.ndarray, "row position"]
    """The input of the decoder: the tokens of `start`, then filled."""
    lengths: Int[np.ndarray, "row"]
    """The number of tokens of `start`."""
    steps: int
    padding: int
    classes: int
    """The number of tokens in the output."""
    sizes: Mapping[str, int]
    """The number of tokens of each input that an embedding reads."""

    @staticmethod
    def read(model: keras.Model, inputs: Any, start: ArrayLike, steps: int | None, padding: int) -> "_Decoder":
        """Check the arguments of `greedy_decode` and return them in one form."""
        ends = [getattr(model, "inputs", None) or [], getattr(model, "outputs", None) or []]
        if not ends[0] or len(ends[1]) != 1 or len(ends[1][0].shape) != 3:
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in ends[1])
            raise InputError(
                "Expected a functional or Sequential model with one output of shape (row, step, token), got "
                f"{type(model).__name__}{f' with {shapes}' if shapes else ''}. Build it from keras.Input, with "
                "return_sequences=True in the decoder."
            )
        tensors = {tensor.name: tensor for tensor in ends[0]}
        (sources, name), padding = _sources(inputs, list(tensors)), _whole(padding, "padding")
        for key, array in sources.items():
            _check_shape(key, array.shape, tuple(tensors[key].shape))
        if len(tensors[name].shape) != 2:
            raise InputError(
                f"Expected a decoder that reads tokens of shape (row, step), got {tensors[name].shape} for {name!r}. "
                "Give the array of every input but the decoder's; name them where it is not the last."
            )
        begin, lengths = _begin(start, padding, {key: len(array) for key, array in sources.items()})
        room, longest = tensors[name].shape[1], int(lengths.max())
        steps = _steps(steps, room, longest, name)
        before = np.full((len(begin), room or longest + steps - 1), max(padding, 0), np.int32)
        before[:, :longest] = np.where(np.arange(longest) < lengths[:, None], begin[:, :longest], max(padding, 0))
        sizes = _vocabularies(model, tensors)
        for key, array in {**sources, name: before}.items():
            if key in sizes and array.size:
                for extreme in (array.min(), array.max()):
                    _check_token("start" if key == name else key, int(extreme), sizes[key], f"the input {key!r}")
        return _Decoder(_Chooser(model), sources, name, before, lengths, steps, padding, ends[1][0].shape[2], sizes)

    def write(self, first: int, last: int, end: int | None) -> Int[np.ndarray, "row step"]:
        """Return the tokens that follow the begin of some rows."""
        before, at = self.before[first:last].copy(), self.lengths[first:last] - 1
        sources = {key: array[first:last] for key, array in self.sources.items()}
        rows, going = np.arange(len(before)), np.ones(len(before), bool)
        written = np.full((len(before), self.steps), self.padding, np.int32)
        for step in range(self.steps):
            scores = self._scores(sources, before, at + step)
            if step == 0 and first == 0:
                self._check_causal(sources, before, at, scores)
            tokens = scores.argmax(axis=1)
            going &= tokens != end
            if not going.any():
                break
            written[going, step] = tokens[going]
            if step + 1 < self.steps:
                if self.name in self.sizes:
                    _check_token("a decoded token", int(tokens[going].max()), self.sizes[self.name], f"{self.name!r}")
                before[rows[going], (at + step + 1)[going]] = tokens[going]
        return written

    def _scores(self, sources: Mapping[str, np.ndarray], before: Any, at: Any) -> Float[np.ndarray, "row token"]:
        """Return the output of the model for one position of each row.

        Errors: `InputError` for NaN.
        """
        arrays = {**sources, self.name: before}
        values = [arrays[tensor.name] for tensor in cast("list[Any]", self.chooser.model.inputs)]
        scores = np.asarray(self.chooser.predict_on_batch([*values, at.astype(np.int32)]))
        if np.isnan(scores).any():
            raise InputError("Expected outputs that are numbers, got NaN. Check that the training did not diverge.")
        return scores

    def _check_causal(self, sources: Mapping[str, np.ndarray], before: Any, at: Any, scores: np.ndarray) -> None:
        """Check that other tokens at later positions leave the output of a position as it is."""
        later = np.arange(before.shape[1]) > at[:, None]
        changed = self._scores(sources, np.where(later, np.where(before == 0, 1, 0), before), at)
        if not np.allclose(changed, scores, rtol=1e-3, atol=1e-4):
            raise InputError(
                "Expected a decoder whose output at a step depends on no later token, got one that looks ahead. Use a "
                "recurrent layer, causal attention or padding='causal' in place of layers that read all steps."
            )


def _sources(inputs: Any, names: list[str]) -> tuple[dict[str, np.ndarray], str]:
    """Return the arrays of all inputs but one, and the name of that one: the decoder's."""
    if isinstance(inputs, Mapping):
        unknown = [str(key) for key in inputs if key not in names]
        if unknown:
            raise InputError(f"Expected inputs of the model, got {unknown[0]!r}. {nearest_names(unknown[0], names)}")
        missing = [name for name in names if name not in inputs]
        arrays = {str(name): _array(value, str(name)) for name, value in inputs.items()}
    else:
        values = list(inputs) if isinstance(inputs, Sequence) else [inputs]
        missing = names[len(values) :]
        arrays = {name: _array(value, name) for name, value in zip(names, values, strict=False)}
    if len(missing) != 1:
        raise InputError(
            "Expected an array in inputs for each input of the model but the decoder's, in all "
            f"{len(names) - 1}, got {len(inputs) if isinstance(inputs, (Sequence, Mapping)) else 1}. "
            f"The inputs are {', '.join(names)}; leave out the one that reads the tokens so far, which is filled "
            "step by step."
        )
    return arrays, missing[0]


def _array(value: Any, name: str) -> np.ndarray:
    """Return numbers of any library as an array of NumPy."""
    try:
        return np.asarray(_host(value))
    except ValueError as error:
        raise InputError(f"Expected an array for {name!r}, got rows of different lengths. Pad them.") from error


def _check_shape(name: str, shape: tuple[int, ...], expected: tuple[int | None, ...]) -> None:
    """Check that an array fits an input; as Keras has it, a last axis of one entry may be left out or added."""
    uneven = abs(len(shape) - len(expected)) == 1
    given, sizes = (axes[:-1] if uneven and axes[-1:] == (1,) else axes for axes in (shape, expected))
    if len(given) != len(sizes) or any(size not in (None, count) for count, size in zip(given, sizes, strict=True)):
        raise InputError(f"Expected an array of shape {expected} for the input {name!r}, got {shape}.")


def _begin(start: ArrayLike, padding: int, counts: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the tokens that each sequence begins with, of shape (row, step), and how many they are."""
    tokens = _array(start, "start")
    if tokens.ndim not in (0, 2) or not tokens.size or not np.issubdtype(tokens.dtype, np.integer):
        raise InputError(
            "Expected start as a whole number, or as whole numbers of shape (row, step), got shape "
            f"{tokens.shape} and type {tokens.dtype}."
        )
    tokens = np.full((next(iter(counts.values()), 1), 1), tokens) if not tokens.ndim else tokens
    counted = {**counts, "start": len(tokens)}
    if len(set(counted.values())) > 1 or not len(tokens):
        facts = ", ".join(f"{count} in {name}" for name, count in counted.items())
        raise InputError(f"Expected the same number of rows, at least one, in all inputs, got {facts}.")
    filled = np.cumsum((tokens != padding)[:, ::-1], axis=1)[:, ::-1] > 0
    return tokens, np.maximum(filled.sum(axis=1), 1)


def _steps(steps: int | None, room: int | None, longest: int, name: str) -> int:
    """Return the number of tokens to write."""
    most = None if room is None else room - longest + 1
    if most is not None and most < 1:
        raise InputError(f"Expected at most {room} tokens in start, the length of {name!r}, got {longest}.")
    if steps is None and most is None:
        raise InputError(f"Expected steps for the input {name!r}, which has no fixed length. Give steps=20.")
    if steps is not None and most is not None and steps > most:
        raise InputError(
            f"Expected at most {most} steps: {name!r} has {room} positions and start {longest} tokens, got {steps}. "
            "Build the model with keras.Input((None,)) for more."
        )
    return _whole(most if steps is None else steps, "steps", 1)


def _whole(value: Any, name: str, least: int | None = None) -> int:
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or (least is not None and number < least):
        raise InputError(f"Expected {name} as a whole number{f' of at least {least}' if least else ''}, got {value!r}.")
    return number


def _vocabularies(model: keras.Model, tensors: Mapping[str, Any]) -> dict[str, int]:
    """Return the number of tokens of each input that an embedding of the model reads."""
    names, sizes = {id(tensor): name for name, tensor in tensors.items()}, dict[str, int]()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Embedding):
            with contextlib.suppress(AttributeError, ValueError):  # a layer that is called twice has no input
                name = names.get(id(layer.input))
                sizes |= {} if name is None else {name: min(layer.input_dim, sizes.get(name, layer.input_dim))}
    return sizes


def _check_token(what: str, token: int | None, size: int, place: str) -> None:
    if token is not None and not 0 <= token < size:
        raise InputError(f"Expected tokens from 0 to {size - 1}, the vocabulary of {place}, got {token} in {what}.")


def _rows(sequences: Any) -> list[Any]:
    """Return sequences as a list of rows."""
    sequences = _host(sequences)
    if not hasattr(sequences, "__iter__") or getattr(sequences, "ndim", 2) != 2:
        raise InputError(f"Expected tokens of shape (row, step), got {np.shape(sequences)}. Give argmax of scores.")
    rows = [_host(row) for row in sequences]
    if wide := [row.shape for row in rows if isinstance(row, np.ndarray) and row.ndim > 1]:
        raise InputError(f"Expected a sequence of tokens in each row, got shape {wide[0]}. Give argmax of scores.")
    if any(isinstance(row, str) or not hasattr(row, "__len__") for row in rows):
        raise InputError("Expected a list of sequences, got a list of single tokens. Split each text into its tokens.")
    return rows


def _host(value: Any) -> Any:
    """Return an array, tensor or table of any library as an array of NumPy or one value, and anything else as it is."""
    value = value.detach().cpu() if hasattr(value, "detach") else value
    value = np.asarray(value) if hasattr(value, "__array__") else value
    return value.item() if isinstance(value, np.ndarray) and not value.ndim else value


def _before_end(row: Sequence[Any], end: Any, padding: Any) -> list[Any]:
    """Return the tokens of a row before its end, without padding."""
    tokens = row.tolist() if isinstance(row, np.ndarray) else [_host(value) for value in row]
    if end is not None and end in tokens:
        tokens = tokens[: tokens.index(end)]
    while tokens and tokens[-1] == padding:
        tokens.pop()
    return tokens


def _numbered(rows: list[list[Any]], numbers: dict[Any, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens as numbers of shape (row, step), and the length of each row; new tokens get new numbers."""
    counts = np.array([len(row) for row in rows])
    array = np.full((len(rows), int(counts.max())), -1)
    for index, row in enumerate(rows):
        array[index, : len(row)] = [numbers.setdefault(token, len(numbers)) for token in row]
    return array, counts


def _distances(arrays: Sequence[np.ndarray], counts: Sequence[np.ndarray]) -> Int[np.ndarray, "row"]:
    """Return the edit distance of each two rows, all rows at once."""
    first, second = arrays
    rows, along = np.arange(len(first)), np.arange(second.shape[1] + 1)
    costs = np.tile(along, (len(first), 1))
    found = costs[rows, counts[1]]
    for position in range(first.shape[1]):
        kept = costs[:, :-1] + (second != first[:, position, None])
        best = np.pad(np.minimum(kept, costs[:, 1:] + 1), ((0, 0), (1, 0)), constant_values=position + 1)
        costs = np.minimum.accumulate(best - along, axis=1) + along  # insertions: a running minimum
        found = np.where(counts[0] == position + 1, costs[rows, counts[1]], found)
    return found
