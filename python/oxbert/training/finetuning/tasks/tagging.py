"""Define the tasks that tag each word of a sentence: chunks, names, parts of speech, and the user's own tags."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from torch import Tensor

from oxbert import Tokenizer
from oxbert._checks import refused
from oxbert._rows import OnBad, Row, find_format, kind_of
from oxbert.errors import DataError
from oxbert.training.finetuning.data.conll import read_conll
from oxbert.training.finetuning.data.tables import is_file_of, read_table
from oxbert.training.finetuning.metrics import scores
from oxbert.training.finetuning.tasks.classification import in_order, named_splits
from oxbert.training.finetuning.tasks.spans import encode_spans, find_spans
from oxbert.training.finetuning.tasks.task import (
    IGNORED,
    TRAIN,
    Feature,
    Outcome,
    Prediction,
    Source,
    TaggedExample,
    Task,
    label_error,
    pad,
)

if TYPE_CHECKING:
    from oxbert.training.finetuning.config import FineTuningConfig

Figures = Literal["entities", "words", "either"]
_AT_ONCE = 1024
"""How many sentences are tokenised in one call."""
_CONLL = (".txt", ".conll", ".conllu", ".iob", ".iob2", ".bio")
_OUTSIDE = "O"


@dataclass(frozen=True, kw_only=True)
class SentenceFeature(Feature):
    """Hold words of a sentence. `labels` has a class at the first token of each word and `IGNORED` elsewhere.

    Attributes:
        places: The column of the first token of each word.
    """

    places: Sequence[int] = ()


@dataclass(frozen=True)
class Tagging(Task):
    """Tag each word of a sentence.

    The tag of a word is that of its first token. A sentence with more than `max_length` tokens continues in a row of
    its own, so that every word has a tag; the original cuts it off.

    Attributes:
        figures: `entities` counts the entities that tags such as `B-PER` mark, `words` the right tags; `either` counts
            entities if all tags are `O` or begin with a letter and `-`.
        is_encoded: Whether tags are first written as BIOES.
        tag_column: The column of the tag in a file in the form of CoNLL, from 0; a negative one counts from the end.

    Source:
        google-research/electra, finetune/tagging/tagging_tasks.py.
    """

    name: str = "tagging"
    columns: Mapping[str, str] = field(default_factory=lambda: {"words": "words", "tags": "tags"})
    model: ClassVar[str] = "AutoModelForTokenClassification"
    packages: ClassVar[tuple[str, ...]] = ("sklearn", "seqeval")
    metric: str = "accuracy"
    defaults: Mapping[str, Any] = field(default_factory=dict)
    figures: Figures = "either"
    is_encoded: bool = False
    tag_column: int = -1

    def splits(self) -> Mapping[str, Sequence[str]]:
        """Return the names of files: `train.txt` and so on in the form of CoNLL, or tables."""
        names = {"train": ("train",), "dev": ("dev", "validation", "valid"), "test": ("test",)}
        return {
            split: [f"{name}{ending}" for name in names[split] for ending in _CONLL] + tables
            for split, tables in named_splits().items()
        }

    def read(self, source: Source, split: str, on_bad: OnBad) -> Iterator[TaggedExample]:
        """Iterate over the sentences of a split: a file in the form of CoNLL, or a table with lists of words and tags.

        For CoNLL, `columns` may have the numbers of the columns of the word and the tag; by default the first one and
        `tag_column` are read.
        """
        if is_file_of(source) and find_format(source) == "txt":
            word, tag = (self._number(what, usual) for what, usual in (("words", 0), ("tags", self.tag_column)))
            for words, tags, row in read_conll(source, on_bad, word=word, tag=tag):
                try:
                    yield TaggedExample(row.place, words, self._encoded(row, tags))
                except DataError as error:
                    on_bad(error)
            return
        names = [self.columns["words"], self.columns["tags"]]
        for row in read_table(source, names, [] if split == TRAIN else names[1:], on_bad, split):
            try:
                words = _list_in(row, names[0], row.values[0])
                if row.values[1] is None and split != TRAIN:
                    yield TaggedExample(row.place, words)
                    continue
                tags = _list_in(row, names[1], row.values[1])
                if len(tags) != len(words):
                    raise row.bad(f"expected as many tags as words, got {len(tags)} tags for {len(words)} words")
                yield TaggedExample(row.place, words, self._encoded(row, tags))
            except DataError as error:
                on_bad(error)

    def _number(self, what: str, usual: int) -> int:
        name = self.columns[what]
        if name == what:
            return usual
        try:
            return int(name)
        except ValueError as error:
            raise refused("columns", f"expected the number of the column of the {what}, got {name!r}") from error

    def _encoded(self, row: Row, tags: tuple[str, ...]) -> tuple[str, ...]:
        if not self.is_encoded:
            return tags
        try:
            return encode_spans(find_spans(tags), len(tags))
        except ValueError as error:
            raise row.bad(str(error)) from error

    def has_labels(self, examples: Sequence[TaggedExample]) -> bool:
        """Return whether sentences can be scored."""
        return bool(examples) and all(example.tags is not None for example in examples)

    def labels(self, examples: Sequence[TaggedExample]) -> list[str]:
        """Return the tags that occur, in the order of numbers if all are numbers, else of the alphabet."""
        return in_order({tag for example in examples for tag in example.tags or ()})

    def features(
        self,
        examples: Sequence[TaggedExample],
        tokenizer: Tokenizer,
        labels: Sequence[str] | None,
        options: FineTuningConfig,
        *,
        train: bool,
    ) -> list[Feature]:
        """Return a row for each sentence, or several for a long one."""
        known = {name: number for number, name in enumerate(labels or [])}
        room = options.max_length - tokenizer.num_special_tokens_to_add(False)
        found: list[Feature] = []
        for first in range(0, len(examples), _AT_ONCE):
            part = examples[first : first + _AT_ONCE]
            encoding = tokenizer(
                [list(example.words) for example in part],
                is_split_into_words=True,
                add_special_tokens=False,
                truncation=False,
                return_attention_mask=False,
            )
            for row, example in enumerate(part):
                words = [list[int]() for _ in example.words]
                for one, word in zip(encoding["input_ids"][row], encoding.word_ids(row), strict=True):
                    words[word or 0].append(one)
                # A word that is all control characters has no token, but it has a tag.
                pieces = [(ids or [tokenizer.unk_token_id])[:room] for ids in words]
                targets = None if example.tags is None else [_class(example, tag, known) for tag in example.tags]
                found += _rows(first + row, pieces, targets, tokenizer, room)
        return found

    def targets(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Return the classes of the tokens [B, S]."""
        return {"labels": pad([row.labels for row in features], IGNORED)}

    def outputs(self, output: Any, features: Sequence[SentenceFeature]) -> list[Any]:
        """Return the logits [W, L] of the words of each row."""
        logits = output.logits.float().cpu().numpy()
        return [logits[row, list(feature.places)] for row, feature in enumerate(features)]

    def predictions(
        self,
        outputs: Sequence[Any],
        features: Sequence[SentenceFeature],
        examples: Sequence[TaggedExample],
        labels: Sequence[str] | None,
        options: FineTuningConfig,
    ) -> list[Prediction]:
        """Return the words of each sentence with a tag each."""
        assert labels is not None
        tags: list[list[str]] = [[] for _ in examples]
        for logits, row in zip(outputs, features, strict=True):
            tags[row.example] += [labels[place] for place in logits.argmax(-1).tolist()]
        return [{"words": list(example.words), "tags": found} for example, found in zip(examples, tags, strict=True)]

    def score(self, predictions: Sequence[Prediction], examples: Sequence[TaggedExample]) -> dict[str, float]:
        """Return precision, recall and F1 of entities, and the share of right tags."""
        found, right = [row["tags"] for row in predictions], [list(example.tags or ()) for example in examples]
        words = scores.tags(found, right)
        if not self._counts_entities(tag for row in (*found, *right) for tag in row):
            return words
        if self.is_encoded:
            # The original's reading of tags that contradict each other differs from conlleval's.
            found, right = ([list(encode_spans(find_spans(row), len(row))) for row in rows] for rows in (found, right))
        return scores.entities(found, right) | words

    def outcomes(self, predictions: Sequence[Prediction], examples: Sequence[TaggedExample]) -> list[Outcome]:
        """Return the right and the predicted tag of each word."""
        return [
            Outcome(*pair)
            for row, one in zip(predictions, examples, strict=True)
            for pair in zip(one.tags or (), row["tags"], strict=True)
        ]

    def _counts_entities(self, tags: Iterator[str]) -> bool:
        if self.figures != "either":
            return self.figures == "entities"
        distinct = set(tags)
        return distinct != {_OUTSIDE} and all(tag == _OUTSIDE or tag[1:2] == "-" for tag in distinct)


def _rows(
    number: int, pieces: Sequence[list[int]], targets: Sequence[int] | None, tokenizer: Tokenizer, room: int
) -> Iterator[SentenceFeature]:
    """Iterate over the rows of a sentence, each with as many of its words as have room."""
    begin = 0
    while begin < len(pieces):
        ids: list[int] = []
        places: list[int] = []
        end = begin
        while end < len(pieces) and (not ids or len(ids) + len(pieces[end]) <= room):
            places.append(1 + len(ids))
            ids += pieces[end]
            end += 1
        row = tokenizer.build_inputs_with_special_tokens(ids)
        labels = None
        if targets is not None:
            labels = [IGNORED] * len(row)
            for place, target in zip(places, targets[begin:end], strict=True):
                labels[place] = target
        yield SentenceFeature(
            example=number,
            input_ids=array("i", row),
            token_type_ids=array("b", tokenizer.create_token_type_ids_from_sequences(ids)),
            labels=labels,
            weight=len(places),
            places=places,
        )
        begin = end


def _class(example: TaggedExample, tag: str, known: Mapping[str, int]) -> int:
    if tag not in known:
        raise label_error(example, tag, list(known))
    return known[tag]


def _list_in(row: Row, name: str, value: Any) -> tuple[str, ...]:
    """Return the words or tags of a row: a list of texts, or a text with spaces between them."""
    if isinstance(value, str):
        value = value.split()
    if not isinstance(value, list | tuple):
        raise row.bad(f"expected a list of texts in {name!r}, got {kind_of(value)}")
    if not value:
        raise row.bad(f"expected words in {name!r}, got none")
    for one in value:
        if not isinstance(one, str | int) or str(one).strip() == "":
            raise row.bad(f"expected a list of texts in {name!r}, got {one!r} in it")
    return tuple(map(str, value))


TASKS = (
    Tagging("chunk", metric="f1", defaults={"max_length": 256}, figures="entities", is_encoded=True),
    Tagging("ner", metric="f1", figures="entities"),
    # In CoNLL's own files, tags of other kinds follow the part of speech.
    Tagging("pos", figures="words", tag_column=1),
    Tagging(),
)

__all__ = ["TASKS", "SentenceFeature", "Tagging"]
