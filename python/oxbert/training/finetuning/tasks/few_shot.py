"""Define the tasks that learn from few examples: what is trained, which pairs of texts, and by which loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
from torch import Tensor

from oxbert import Tokenizer
from oxbert._checks import above_0, at_least_0, check_number, refused
from oxbert.pipelines.linear_head import LinearHead
from oxbert.training.finetuning.tasks.classification import Classification
from oxbert.training.finetuning.tasks.contrast import cosine_loss, ranking_loss, triplet_loss
from oxbert.training.finetuning.tasks.task import Feature, Prediction, TextExample

if TYPE_CHECKING:
    from oxbert.training.finetuning.config import FineTuningConfig

Contrast = Literal["cosine", "ranking", "triplet", "none"]


@dataclass(frozen=True, kw_only=True)
class ContrastFeature(Feature):
    """Hold the texts of a pair or a triplet.

    Attributes:
        others: The ids and the types of the texts beside the first one.
    """

    others: tuple[tuple[Sequence[int], Sequence[int]], ...] = ()

    @property
    def texts(self) -> Iterator[Feature]:
        """Iterate over the texts as rows of their own."""
        yield Feature(example=self.example, input_ids=self.input_ids, token_type_ids=self.token_type_ids)
        for ids, types in self.others:
            yield Feature(example=self.example, input_ids=ids, token_type_ids=types)


@dataclass(frozen=True)
class FewShot(Classification):
    """Predict a class from few examples of each: vectors of texts that are alike within a class, and a linear head.

    Pairs of the training examples are drawn as SetFit does, `rounds` times for each example.

    Attributes:
        contrast: The loss. `cosine`: pairs of one class have the cosine 1, others 0. `ranking`: each text finds one of
            its class among those of the batch. `triplet`: a text is nearer to one of its class than to another.
            `none`: the vectors stay as they are.
        rounds: How many pairs of each kind, or triplets, an example begins.
        scale: What cosines are multiplied by, for `ranking`.
        margin: How much nearer is enough, for `triplet`.
        head: What predicts a class of a vector; None until it is fitted.

    Raises:
        InputError: if an option is impossible.

    Source:
        Tunstall et al. 2022 (SetFit), section 3.
    """

    name: str = "few-shot"
    model: ClassVar[str] = "AutoModel"
    problem_type: ClassVar[str | None] = None
    compares_rows: ClassVar[bool] = True
    defaults: Mapping[str, Any] = field(
        default_factory=lambda: {
            "epochs": 1.0,
            "batch_size": 16,
            "learning_rate": 2e-5,
            "layerwise_decay": 1.0,
        }
    )
    contrast: Contrast = "cosine"
    rounds: int = 20
    scale: float = 20.0
    margin: float = 5.0
    head: LinearHead | None = None

    def __post_init__(self) -> None:
        """Refuse impossible options."""
        if self.contrast not in get_args(Contrast):
            raise refused("contrast", f"expected one of {', '.join(get_args(Contrast))}, got {self.contrast!r}")
        check_number("rounds", self.rounds, "of at least 1, without a fraction", lambda one: one >= 1 and one % 1 == 0)
        check_number("scale", self.scale, "above 0", above_0)
        check_number("margin", self.margin, "of at least 0", at_least_0)

    def features(
        self,
        examples: Sequence[TextExample],
        tokenizer: Tokenizer,
        labels: Sequence[str] | None,
        options: FineTuningConfig,
        *,
        train: bool,
    ) -> list[Feature]:
        """Return a row for each example; if `train`, the pairs or triplets."""
        rows = super().features(examples, tokenizer, labels, options, train=False)
        if not train or self.contrast == "none":
            return [replace(row, labels=None) for row in rows]
        drawn = draw(
            [int(row.labels) for row in rows], self.rounds, options.seed, has_negatives=self.contrast != "ranking"
        )
        found: list[Feature] = []
        for anchor, positive, negative in drawn:
            if self.contrast == "cosine":
                found += [_pair(rows[anchor], [rows[positive]], 1.0), _pair(rows[anchor], [rows[negative]], 0.0)]
            else:
                others = [rows[positive]] if self.contrast == "ranking" else [rows[positive], rows[negative]]
                found.append(_pair(rows[anchor], others, None))
        return found

    def contrast_loss(self, vectors: Sequence[Tensor], similarity: Tensor) -> Tensor:
        """Return the mean loss of some pairs or triplets.

        Args:
            vectors: The vectors [B, H] of the first texts, of the second ones and so on.
            similarity: For `cosine` the cosines [B] that are right.
        """
        first, second, *rest = vectors
        if self.contrast == "cosine":
            return cosine_loss(first, second, similarity)
        if self.contrast == "ranking":
            return ranking_loss(first, second, self.scale)
        return triplet_loss(first, second, rest[0], self.margin)

    def outputs(self, output: Any, features: Sequence[Feature]) -> list[Any]:
        """Return the vector [H] of each row: the mean of the hidden states of its tokens."""
        hidden = output.last_hidden_state.float().cpu().numpy()
        return [states[: len(row.input_ids)].mean(0) for states, row in zip(hidden, features, strict=True)]

    def predictions(
        self,
        outputs: Sequence[Any],
        features: Sequence[Feature],
        examples: Sequence[TextExample],
        labels: Sequence[str] | None,
        options: FineTuningConfig,
    ) -> list[Prediction]:
        """Return the class of each example, and the probability of each class."""
        if self.head is None:
            raise refused("task", f"expected {self.name} with a head, which a run fits")
        logits = list(self.head.logits(np.stack(outputs))) if outputs else []
        return super().predictions(logits, features, examples, self.head.labels, options)

    def loaded(self, model: Path) -> FewShot:
        """Return the task with the head of a stored model."""
        return replace(self, head=LinearHead.from_pretrained(model))


def draw(classes: Sequence[int], rounds: int, seed: int, *, has_negatives: bool) -> list[tuple[int, int, int]]:
    """Draw for each example, `rounds` times, another one of its class and one of another class.

    The only example of a class is its own partner.

    Args:
        classes: The class of each example.
        rounds: How often.
        seed: What decides what is drawn.
        has_negatives: Whether examples of other classes are needed.

    Returns:
        The numbers of the example and of its partners.

    Raises:
        InputError: if all examples are of one class and others are needed.
    """
    of = np.asarray(classes)
    if has_negatives and len(set(classes)) < 2:
        raise refused("examples", "expected training examples of at least two classes, got one")
    drawn = np.random.Generator(np.random.PCG64([seed, len(classes)]))
    same = {one: np.flatnonzero(of == one) for one in set(classes)}
    different = {one: np.flatnonzero(of != one) for one in set(classes)}
    found = []
    for _ in range(rounds):
        for number, one in enumerate(classes):
            partners = same[one][same[one] != number]
            positive = int(drawn.choice(partners)) if len(partners) else number
            negative = int(drawn.choice(different[one])) if has_negatives else number
            found.append((number, positive, negative))
    return found


def _pair(first: Feature, others: Sequence[Feature], similarity: float | None) -> ContrastFeature:
    return ContrastFeature(
        example=first.example,
        input_ids=first.input_ids,
        token_type_ids=first.token_type_ids,
        labels=similarity,
        others=tuple((row.input_ids, row.token_type_ids) for row in others),
    )


TASKS = (
    FewShot(),
    FewShot("few-shot-ranking", contrast="ranking"),
    FewShot("few-shot-triplet", contrast="triplet"),
    FewShot("linear", contrast="none"),
)

__all__ = ["TASKS", "ContrastFeature", "FewShot", "draw"]
