"""Transcribe the builder of google-research/electra, draw corpora, and read folders of examples."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from hypothesis import strategies as st

import oxbert
from oxbert.training.data import ExampleDataset

VOCABULARY = Path(__file__).parents[1] / "data" / "tokenizer_vocab.txt"
WORDS = "the word afford un naïve café hello world 中文 running x Ünïcode [SEP] [MASK] , . !".split()

Row = tuple[tuple[int, ...], int]


def tokenizer(**options: bool) -> oxbert.ElectraTokenizer:
    return oxbert.ElectraTokenizer(VOCABULARY, **options)


def ids(text: str) -> list[int]:
    """Tokenise like the original, which does not recognise special tokens in a text."""
    for name in ("SEP", "MASK", "CLS", "PAD", "UNK"):
        text = text.replace(f"[{name}]", f"[ {name} ]")
    found: list[int] = tokenizer()(text, add_special_tokens=False)["input_ids"]
    return found


class Original:
    """Transcribe `ExampleBuilder` and `ExampleWriter` of build_pretraining_dataset.py.

    `numbers` takes the place of the original's global `random`. Yields padded rows: ids, mask, segments.
    """

    def __init__(self, max_length: int, numbers: random.Random, encode: Callable[[str], list[int]]) -> None:
        self.max, self.goal = max_length, max_length
        self.numbers, self.encode = numbers, encode
        self.kept: list[list[int]] = []

    def files(self, texts: dict[str, str], blanks_separate: bool) -> Iterator[tuple[list[int], list[int], list[int]]]:
        names = sorted(texts)
        self.numbers.shuffle(names)
        for name in names:
            for line in [*texts[name].split("\n"), None]:
                stripped = "" if line is None else line.strip()
                if stripped or blanks_separate or line is None:
                    yield from self.line(stripped)

    def line(self, text: str) -> Iterator[tuple[list[int], list[int], list[int]]]:
        count = sum(map(len, self.kept))
        if text or not count:
            self.kept.append(self.encode(text))
            if sum(map(len, self.kept)) < self.goal:
                return
        yield self.example()

    def example(self) -> tuple[list[int], list[int], list[int]]:
        cls, sep = 2, 3
        aim = 100000 if self.numbers.random() < 0.1 else (self.goal - 3) // 2
        segments: list[list[int]] = [[], []]
        for sentence in self.kept:
            a, b = map(len, segments)
            fits = a == 0 or a + len(sentence) < aim
            segments[0 if fits or (b == 0 and a < aim and self.numbers.random() < 0.5) else 1].extend(sentence)
        self.kept = []
        self.goal = self.numbers.randint(5, self.max) if self.numbers.random() < 0.05 else self.max
        one = segments[0][: self.max - 2]
        two = segments[1][: max(self.max - len(one) - 3, 0)]
        row = [cls, *one, sep]
        types = [0] * len(row)
        if two:
            row += [*two, sep]
            types += [1] * (len(two) + 1)
        empty = [0] * (self.max - len(row))
        return row + empty, [1] * len(row) + empty, types + empty


def unpadded(example: tuple[list[int], list[int], list[int]]) -> Row:
    row, kept, types = example
    return tuple(row[: sum(kept)]), sum(kept) - sum(types)


def rows(folder: Path) -> list[Row]:
    return [(tuple(row["input_ids"].tolist()), row["first_segment"]) for row in ExampleDataset(folder)]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


SENTENCES = st.one_of(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join),
    st.integers(1, 40).map(lambda count: " ".join((WORDS * 4)[:count])),
    st.sampled_from(["", "  ", "\u200b", "\t the \r", "\x85", "[CLS] the [SEP]"]),
)
TEXTS = st.lists(SENTENCES, max_size=40).map("\n".join)


def corpus(documents: int, seed: int = 0) -> str:
    """Draw documents of sentences that all differ."""
    chance = random.Random(seed)
    return "\n\n".join(
        "\n".join(" ".join(chance.choices(WORDS[:9], k=chance.randint(1, 20))) for _ in range(chance.randint(1, 30)))
        for _ in range(documents)
    )
