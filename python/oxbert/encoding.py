"""Define the result of a tokenizer, and pad rows that are already tokenised.

`BatchEncoding` is a dictionary that goes straight into a model, `model(**encoding)`, and maps tokens back to the text.
"""

from __future__ import annotations

import operator
from collections import UserDict
from collections.abc import Mapping
from typing import Any, NamedTuple, SupportsIndex

import numpy as np

from oxbert import errors
from oxbert._checks import check_type, is_one_of, truth


class TokenSpan(NamedTuple):
    """Hold a range of tokens: `start`, and `end`, one past the last."""

    start: int
    end: int


class CharSpan(NamedTuple):
    """Hold a range of characters: `start`, and `end`, one past the last."""

    start: int
    end: int


class BatchEncoding(UserDict[str, Any]):
    """Hold the rows of a call of a tokenizer by column: `input_ids`, `attention_mask`, and any others asked for.

    Read a column by key or as an attribute. An integer key gives a row as an `Encoding`, a slice gives these rows of
    all columns. The methods below take the row as their first argument; without it they read the first row.

    Example:
        >>> import oxbert
        >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
        >>> row = tokenizer("Return the value.")
        >>> row.tokens()
        ['[CLS]', 'return', 'the', 'value', '.', '[SEP]']
        >>> row.char_to_token(8), row.token_to_chars(2), row.word_ids()
        (2, CharSpan(start=7, end=10), [None, 0, 1, 2, 3, None])
    """

    def __init__(self, data: Mapping[str, Any] | None = None, encodings: Any = None) -> None:
        """Keep the columns, and the rows that they were made from."""
        if data is not None:
            check_type("data", data, Mapping, "names and columns")
        # A copy, as `UserDict.__init__` makes one name at a time.
        self.data = {} if data is None else dict(data)
        self._encodings = encodings

    @property
    def encodings(self) -> Any:
        """Return the rows, each an `Encoding`; None if the columns do not come from a tokenizer."""
        return self._encodings

    @property
    def is_fast(self) -> bool:
        """Return whether the rows can be mapped back to their texts."""
        return self._encodings is not None

    @property
    def n_sequences(self) -> int | None:
        """Return the number of texts in a row."""
        return self._row(0).n_sequences if self.is_fast and len(self._encodings) else None

    def __getitem__(self, key: Any) -> Any:
        """Return a column for a name, a row for an integer, or rows of all columns for a slice."""
        if isinstance(key, str):
            return self.data[key]
        if isinstance(key, slice):
            return {name: column[key] for name, column in self.data.items()}
        return self._row(key)

    def __getattr__(self, name: str) -> Any:
        """Return a column."""
        try:
            return self.__dict__["data"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}") from None

    def tokens(self, batch_index: int = 0) -> list[str]:
        """Return the tokens of a row."""
        tokens: list[str] = self._row(batch_index).tokens
        return tokens

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """Return the word of each token of a row; None for added tokens."""
        words: list[int | None] = self._row(batch_index).word_ids
        return words

    def words(self, batch_index: int = 0) -> list[int | None]:
        """Return the word of each token of a row, as `word_ids`."""
        return self.word_ids(batch_index)

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """Return the text of each token of a row, 0 or 1; None for added tokens."""
        texts: list[int | None] = self._row(batch_index).sequence_ids
        return texts

    def token_to_sequence(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """Return the text of a token: 0 or 1."""
        row, token = self._place(batch_or_token_index, token_index)
        text: int | None = row.token_to_sequence(_forward(token, row))
        return text

    def token_to_word(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """Return the word of a token."""
        row, token = self._place(batch_or_token_index, token_index)
        word: int | None = row.token_to_word(_forward(token, row))
        return word

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> TokenSpan | None:
        """Return the tokens of a word."""
        row, word = self._place(batch_or_word_index, word_index)
        span = row.word_to_tokens(word, sequence_index)
        return None if span is None else TokenSpan(*span)

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> CharSpan | None:
        """Return the characters of a token."""
        row, token = self._place(batch_or_token_index, token_index)
        span = row.token_to_chars(_forward(token, row))
        return None if span is None else CharSpan(*span)

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """Return the token that contains a character; None for white space."""
        row, character = self._place(batch_or_char_index, char_index)
        token: int | None = row.char_to_token(character, sequence_index)
        return token

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> CharSpan | None:
        """Return the characters of a word."""
        row, word = self._place(batch_or_word_index, word_index)
        span = row.word_to_chars(word, sequence_index)
        return None if span is None else CharSpan(*span)

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """Return the word that contains a character."""
        row, character = self._place(batch_or_char_index, char_index)
        word: int | None = row.char_to_word(character, sequence_index)
        return word

    def convert_to_tensors(self, tensor_type: str | None = None, prepend_batch_axis: bool = False) -> BatchEncoding:
        """Convert the columns to arrays: `np`, `pt` or `tf`. Returns the encoding."""
        if tensor_type is not None:
            is_row = truth("prepend_batch_axis", prepend_batch_axis)
            for name, column in self.data.items():
                self.data[name] = _array([column] if is_row else column, tensor_type)
        return self

    def to(self, device: Any, *, non_blocking: bool = False) -> BatchEncoding:
        """Move the columns that are torch tensors to a device. Returns the encoding."""
        for name, column in self.data.items():
            if hasattr(column, "to"):
                self.data[name] = column.to(device=device, non_blocking=non_blocking)
        return self

    def _row(self, index: int) -> Any:
        if self._encodings is None:
            reason = "expected columns that a tokenizer made: these cannot be mapped back to a text"
            raise errors.InputError(f"encodings: {reason}", what="encodings", reason=reason)
        return self._encodings[index]

    def _place(self, first: int, second: int | None) -> tuple[Any, int]:
        """Return a row, and an index in the row."""
        return (self._row(0), first) if second is None else (self._row(first), second)


def _forward(place: int, row: Any) -> int:
    """Count a negative index from the end. An index before the row becomes one behind it."""
    if not isinstance(place, SupportsIndex) or operator.index(place) >= 0:
        return place
    return operator.index(place) + len(row) if operator.index(place) >= -len(row) else len(row)


def _array(column: Any, tensor_type: str) -> Any:
    if not is_one_of(tensor_type, "np", "pt", "tf"):
        reason = f'expected "np", "pt", "tf" or None, got {tensor_type!r}'
        raise errors.InputError(f"return_tensors: {reason}", what="return_tensors", reason=reason)
    try:
        array = np.asarray(column)
    except ValueError:
        reason = "the rows have different lengths: give padding=True, or no return_tensors"
        raise errors.InputError(f"return_tensors: {reason}", what="return_tensors", reason=reason) from None
    if tensor_type == "pt":
        import torch

        return torch.from_numpy(array)
    if tensor_type == "tf":
        import tensorflow

        return tensorflow.constant(array)
    return array


# The values at padded positions of columns other than ids. All other columns, such as labels, stay as they are.
_PADDING = {"token_type_ids": 0, "attention_mask": 0, "special_tokens_mask": 1}


def pad(
    tokenizer: Any,
    encoded_inputs: Any,
    padding: bool | str = True,
    max_length: int | None = None,
    pad_to_multiple_of: int | None = None,
    padding_side: str | None = None,
    return_attention_mask: bool | None = None,
    return_tensors: str | None = None,
    verbose: bool = True,
) -> BatchEncoding:
    """Pad rows that are already tokenised, for `Tokenizer.pad`.

    Args:
        tokenizer: The tokenizer with the id of `[PAD]` and the default side and length.
        encoded_inputs: A dictionary of columns, for one row or several, or a list of dictionaries, one per row.
        padding: True or `longest` pads to the longest row, `max_length` to that many tokens, False not at all.
        max_length: The length for `max_length`, in tokens; None means the tokenizer's `model_max_length`.
        pad_to_multiple_of: Round the length of rows up to a multiple of this.
        padding_side: `left` or `right`; None means the tokenizer's own.
        return_attention_mask: Whether to return a mask, made if it was not given; None means True.
        return_tensors: `np`, `pt` or `tf`: arrays instead of lists.
        verbose: Has no effect.

    Raises:
        InputError: if there is no `input_ids`, or an option is unknown or impossible, as for a call of the tokenizer.
        DtypeError: if the rows are not dictionaries of lists or arrays, or `padding` is neither a bool nor a str.
    """
    columns, single = _columns(encoded_inputs)
    lengths = [len(row) for row in columns["input_ids"]]
    if return_attention_mask is not False and "attention_mask" not in columns:
        columns["attention_mask"] = [[1] * length for length in lengths]
    width = tokenizer._width(lengths, padding, max_length, pad_to_multiple_of) or 0
    side = tokenizer.padding_side if padding_side is None else padding_side
    if not is_one_of(side, "left", "right"):
        reason = f'expected "left" or "right", got "{side}"'
        raise errors.InputError(f"padding_side: {reason}", what="padding_side", reason=reason)
    fillings = _PADDING | {"input_ids": tokenizer.pad_token_id}
    for name, rows in columns.items():
        if name in fillings:
            filling = [fillings[name]]
            for place, row in enumerate(rows):
                missing = filling * max(width - len(row), 0)
                rows[place] = missing + row if side == "left" else row + missing
    if single and return_tensors is None:
        columns = {name: column[0] for name, column in columns.items()}
    return BatchEncoding(columns).convert_to_tensors(return_tensors)


def _columns(encoded_inputs: Any) -> tuple[dict[str, Any], bool]:
    """Return the columns of rows as lists of lists, and whether there was one row alone."""
    expected = "a dictionary of columns, or a list of dictionaries"
    if isinstance(encoded_inputs, (list, tuple)) and all(isinstance(row, Mapping) for row in encoded_inputs):
        if not encoded_inputs:
            raise refused("expected at least one row, got none")
        names = list(encoded_inputs[0])
        missing = [name for row in encoded_inputs for name in names if name not in row]
        if missing:
            raise refused(f"expected the column {missing[0]} of the first row in every row")
        encoded_inputs = {name: [row[name] for row in encoded_inputs] for name in names}
    if not isinstance(encoded_inputs, Mapping):
        raise _wrong_type("encoded_inputs", expected, encoded_inputs)
    columns = {name: _lists(name, column) for name, column in encoded_inputs.items()}
    if "input_ids" not in columns:
        raise refused(f"expected input_ids among the columns, got {', '.join(map(str, columns)) or 'none'}")
    ids = columns["input_ids"]
    single = isinstance(ids, list) and bool(ids) and not isinstance(ids[0], list)
    if single:
        columns = {name: [column] for name, column in columns.items()}
    for name in ("input_ids", *_PADDING):
        rows = columns.get(name, [])
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise _wrong_type(name, "rows of integers", encoded_inputs[name])
        if len(rows) != len(columns["input_ids"]) and name in columns:
            raise refused(f"expected {len(columns['input_ids'])} rows of {name}, as of input_ids, got {len(rows)}")
    return columns, single


def refused(reason: str) -> errors.InputError:
    return errors.InputError(f"encoded_inputs: {reason}", what="encoded_inputs", reason=reason)


def _wrong_type(what: str, expected: str, value: object) -> errors.DtypeError:
    got = type(value).__name__
    return errors.DtypeError(f"{what}: expected {expected}, got {got}", what=what, expected=expected, got=got)


def _lists(name: str, column: Any) -> Any:
    """Return a column as lists that may be changed."""
    try:
        column = column.tolist() if hasattr(column, "tolist") else column
    except Exception as error:  # A tensor without data, or one that a compiler traces.
        raise _wrong_type(name, "an array with data", column) from error
    if isinstance(column, (list, tuple)):
        return [_lists(name, item) for item in column]
    return column


__all__ = ["BatchEncoding", "CharSpan", "TokenSpan", "pad"]
