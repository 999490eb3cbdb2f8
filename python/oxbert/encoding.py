"""What a tokenizer returns, and padding afterwards.

`BatchEncoding` is a dictionary that goes into a model as it is, `model(**encoding)`, and knows the way back to the
text.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from oxbert import errors


class TokenSpan(NamedTuple):
    """Tokens `start` to `end`, one past the last."""

    start: int
    end: int


class CharSpan(NamedTuple):
    """Characters `start` to `end`, one past the last."""

    start: int
    end: int


class BatchEncoding(UserDict[str, Any]):
    """The rows of a call of a tokenizer, by column: `input_ids`, `attention_mask`, and what else was asked for.

    A column is read by key or as an attribute; an integer gives a row as an `Encoding`, a slice the rows of all
    columns. The methods below look at the first row where they are given no row, and take the row first where they are.

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
        """Keep the columns, and the rows that they came from."""
        super().__init__(data or {})
        self._encodings = encodings

    @property
    def encodings(self) -> Any:
        """The rows, each an `Encoding`; None where the columns were put together by hand."""
        return self._encodings

    @property
    def is_fast(self) -> bool:
        """Whether the rows know the way back to their texts."""
        return self._encodings is not None

    @property
    def n_sequences(self) -> int | None:
        """How many texts a row is made of."""
        return self._row(0).n_sequences if self.is_fast and len(self._encodings) else None

    def __getitem__(self, key: Any) -> Any:
        """By name a column, by number a row, by slice the rows of all columns."""
        if isinstance(key, str):
            return self.data[key]
        if isinstance(key, slice):
            return {name: column[key] for name, column in self.data.items()}
        return self._row(key)

    def __getattr__(self, name: str) -> Any:
        """A column."""
        try:
            return self.__dict__["data"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}") from None

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The tokens of a row."""
        tokens: list[str] = self._row(batch_index).tokens
        return tokens

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """The word of each token of a row; None for what was added."""
        words: list[int | None] = self._row(batch_index).word_ids
        return words

    def words(self, batch_index: int = 0) -> list[int | None]:
        """As `word_ids`."""
        return self.word_ids(batch_index)

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """The text of each token of a row, 0 or 1; None for what was added."""
        texts: list[int | None] = self._row(batch_index).sequence_ids
        return texts

    def token_to_sequence(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The text of a token."""
        row, token = self._place(batch_or_token_index, token_index)
        text: int | None = row.token_to_sequence(_forward(token, row))
        return text

    def token_to_word(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The word of a token."""
        row, token = self._place(batch_or_token_index, token_index)
        word: int | None = row.token_to_word(_forward(token, row))
        return word

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> TokenSpan | None:
        """The tokens of a word."""
        row, word = self._place(batch_or_word_index, word_index)
        span = row.word_to_tokens(word, sequence_index)
        return None if span is None else TokenSpan(*span)

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> CharSpan | None:
        """The characters of a token."""
        row, token = self._place(batch_or_token_index, token_index)
        span = row.token_to_chars(_forward(token, row))
        return None if span is None else CharSpan(*span)

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The token that a character is part of; None for white space."""
        row, character = self._place(batch_or_char_index, char_index)
        token: int | None = row.char_to_token(character, sequence_index)
        return token

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> CharSpan | None:
        """The characters of a word."""
        row, word = self._place(batch_or_word_index, word_index)
        span = row.word_to_chars(word, sequence_index)
        return None if span is None else CharSpan(*span)

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The word that a character is part of."""
        row, character = self._place(batch_or_char_index, char_index)
        word: int | None = row.char_to_word(character, sequence_index)
        return word

    def convert_to_tensors(self, tensor_type: str | None = None, prepend_batch_axis: bool = False) -> BatchEncoding:
        """Make arrays of the columns: `np`, `pt` or `tf`. Returns the encoding."""
        if tensor_type is not None:
            for name, column in self.data.items():
                self.data[name] = _array([column] if prepend_batch_axis else column, tensor_type)
        return self

    def to(self, device: Any, *, non_blocking: bool = False) -> BatchEncoding:
        """Move the columns that are torch tensors to a device. Returns the encoding."""
        for name, column in self.data.items():
            if hasattr(column, "to"):
                self.data[name] = column.to(device=device, non_blocking=non_blocking)
        return self

    def _row(self, index: int) -> Any:
        if self._encodings is None:
            reason = "the columns were put together by hand, so there is no way back to a text"
            raise errors.InputError(f"encodings: {reason}", what="encodings", reason=reason)
        return self._encodings[index]

    def _place(self, first: int, second: int | None) -> tuple[Any, int]:
        """A row, and a place in it."""
        return (self._row(0), first) if second is None else (self._row(first), second)


def _forward(place: int, row: Any) -> int:
    return place + len(row) if place < 0 else place


def _array(column: Any, tensor_type: str) -> Any:
    if tensor_type not in ("np", "pt", "tf"):
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


# What stands at padded positions of columns that are no ids. Other columns, such as labels, stay as they are.
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
    """Pad rows that were tokenised before; behind `Tokenizer.pad`.

    Args:
        tokenizer: Whose padding it is.
        encoded_inputs: A dictionary of columns, for one row or several, or a list of dictionaries, one a row.
        padding: True or `longest`, `max_length`, or False.
        max_length: With `max_length`, the length of rows in tokens.
        pad_to_multiple_of: Lengths are multiples of it.
        padding_side: `left` or `right`; None: the tokenizer's.
        return_attention_mask: Whether there is a mask in the end, made where none was given. None: there is.
        return_tensors: `np`, `pt` or `tf`.
        verbose: Makes no difference.

    Raises:
        InputError: There is no `input_ids`, or an option is unknown.
    """
    if isinstance(encoded_inputs, Sequence) and encoded_inputs and isinstance(encoded_inputs[0], Mapping):
        encoded_inputs = {name: [row[name] for row in encoded_inputs] for name in encoded_inputs[0]}
    columns = {name: _lists(column) for name, column in encoded_inputs.items()}
    if "input_ids" not in columns:
        reason = f"expected input_ids among the columns, got {', '.join(columns) or 'none'}"
        raise errors.InputError(f"encoded_inputs: {reason}", what="encoded_inputs", reason=reason)
    single = bool(columns["input_ids"]) and not isinstance(columns["input_ids"][0], list)
    if single:
        columns = {name: [column] for name, column in columns.items()}
    lengths = [len(row) for row in columns["input_ids"]]
    if return_attention_mask is not False and "attention_mask" not in columns:
        columns["attention_mask"] = [[1] * length for length in lengths]
    width = _width(tokenizer, lengths, padding, max_length, pad_to_multiple_of)
    left = (padding_side or tokenizer.padding_side) == "left"
    fillings = _PADDING | {"input_ids": tokenizer.pad_token_id}
    for name, rows in columns.items():
        if name in fillings:
            filling = [fillings[name]]
            for place, row in enumerate(rows):
                missing = filling * max(width - len(row), 0)
                rows[place] = missing + row if left else row + missing
    if single and return_tensors is None:
        columns = {name: column[0] for name, column in columns.items()}
    return BatchEncoding(columns).convert_to_tensors(return_tensors)


def _lists(column: Any) -> Any:
    """A column as lists that may be changed."""
    column = column.tolist() if hasattr(column, "tolist") else column
    if isinstance(column, (list, tuple)):
        return [_lists(item) for item in column]
    return column


def _width(
    tokenizer: Any, lengths: list[int], padding: bool | str, max_length: int | None, multiple: int | None
) -> int:
    if padding in (True, "longest"):
        width = max(lengths, default=0)
    elif padding == "max_length":
        width = max_length or tokenizer.model_max_length
        if width is None:
            reason = 'expected max_length beside padding="max_length"'
            raise errors.InputError(f"padding: {reason}", what="padding", reason=reason)
    elif padding in (False, "do_not_pad"):
        return 0
    else:
        reason = f"expected a bool, longest, max_length or do_not_pad, got {padding!r}"
        raise errors.InputError(f"padding: {reason}", what="padding", reason=reason)
    return -(-width // multiple) * multiple if multiple else width


__all__ = ["BatchEncoding", "CharSpan", "TokenSpan", "pad"]
