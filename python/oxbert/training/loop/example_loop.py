"""Train on stored examples: what pre-training and distillation share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import oxbert
from oxbert._checks import refused
from oxbert.training.data import Examples
from oxbert.training.data.batching import Example
from oxbert.training.data.manifest import tokenizer_files
from oxbert.training.loop.loop import BatchT, Loop
from oxbert.training.loop.options import LaunchOptions, RunOptions


class ExampleLoop(Loop[BatchT]):
    """Train on examples of `oxbert.training.data`.

    Attributes:
        examples: The text.
        held_out: Text for evaluation; None for none.
        tokenizer: The tokenizer of the examples.
    """

    def __init__(
        self,
        config: RunOptions,
        launch: LaunchOptions,
        output: str | os.PathLike[str],
        examples: Examples,
        held_out: Examples | None,
        tokenizer: oxbert.Tokenizer,
    ) -> None:
        super().__init__(config, launch, output)
        self.examples, self.held_out, self.tokenizer = examples, held_out, tokenizer

    def examples_of(self, step: int) -> list[Example]:
        """Return the examples of a step."""
        numbers = self.examples.batch_indices(step, self.config.batch_size, self.config.seed)
        return [self.examples[number] for number in numbers]

    def held_out_batches(self) -> Iterator[tuple[range, list[Example]]]:
        """Iterate over the numbers and the examples of each batch of an evaluation, the same at every evaluation.

        Raises:
            InputError: if there is no held-out text.
        """
        if self.held_out is None:
            raise refused("held_out", "expected text for evaluation, got none")
        size, total = self.config.eval_batch_size, len(self.held_out)
        for first in range(0, total, size)[: self.config.evaluation_batches]:
            places = range(first, min(first + size, total))
            yield places, [self.held_out[place] for place in places]

    @property
    def epoch_size(self) -> int:
        """Return the number of examples."""
        return len(self.examples)

    @property
    def can_evaluate(self) -> bool:
        """Return whether there is held-out text."""
        return self.held_out is not None

    def describe_data(self) -> dict[str, Any]:
        """Return what a model card says of the examples."""
        return self.examples.describe()

    def checkpoint_files(self) -> dict[str, bytes]:
        """Return the files of the tokenizer, so that a checkpoint alone can be exported."""
        return tokenizer_files(self.tokenizer)


def check_examples(examples: Examples, held_out: Examples | None, longest: int, limit: str) -> None:
    """Refuse examples that are longer than `longest` tokens, the `limit` that the message names, or none.

    Raises:
        InputError: if there are no examples, or one has more tokens.
    """
    for what, given in (("examples", examples), ("held_out", held_out)):
        if given is not None and not len(given):
            raise refused(what, "expected examples, got none")
        if given is not None and given.max_length > longest:
            raise refused(what, f"expected at most {limit} = {longest} tokens each, got up to {given.max_length}")


__all__ = ["ExampleLoop", "check_examples"]
