"""Compare labels and losses with transformers: accepted labels, problem types, and errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import oxbert
from oxbert.errors import ConfigError, DtypeError, IdRangeError, InputError, ShapeError

from . import reference
from .reference import CLASSES, TOLERANCE, Pair, fresh, head_of, pairs

IDS = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8], [8, 7, 6, 5]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]])


def named(head: str) -> list[str]:
    return [name for name in CLASSES if head_of(name) == head]


def check(ours: Any, pair: Pair, **arguments: torch.Tensor) -> float:
    """Check that oxbert's loss, with tensors and with arrays, equals transformers', NaN included; return the loss."""
    # transformers passes int32 classes on to libtorch, which refuses them.
    wide = {name: value.long() if value.dtype == torch.int32 else value for name, value in arguments.items()}
    with torch.no_grad():
        expected = pair.theirs(IDS, **wide).loss
        got = ours(IDS, **arguments).loss
    arrays = ours(IDS.numpy(), **{name: value.numpy() for name, value in arguments.items()}).loss
    assert got.shape == expected.shape == arrays.shape == () and got.dtype == torch.float32
    assert type(got) is torch.Tensor and type(arrays) is np.ndarray and arrays.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(arrays, expected, rtol=0, atol=TOLERANCE)
    return expected.item()


# Classes of tokens.


@pairs(*named("MaskedLM"), *named("TokenClassification"), configs=["three-labels", "one-label"])
def test_ignored_tokens_do_not_count(pair: Pair) -> None:
    ours = pair.ours()
    labels = torch.zeros_like(IDS)
    losses = [check(ours, pair, labels=labels)]
    labels[0] = labels[2, 1] = -100
    losses.append(check(ours, pair, labels=labels))
    losses.append(check(ours, pair, labels=labels.masked_fill(MASK == 0, -100), attention_mask=MASK))
    assert pair.theirs.config.num_labels == 1 or len(set(losses)) == 3
    # Without any label the mean is 0 / 0, as in transformers.
    assert np.isnan(check(ours, pair, labels=torch.full_like(IDS, -100)))


@pytest.mark.parametrize("name", named("MaskedLM") + named("TokenClassification") + named("PreTraining"))
def test_labels_of_padding_are_not_read(name: str) -> None:
    model = fresh(name)
    labels = torch.ones_like(IDS)
    expected = model(IDS, MASK, labels=labels).loss
    for nonsense in (-100, 10**12, -1):
        assert torch.equal(model(IDS, MASK, labels=labels.masked_fill(MASK == 0, nonsense)).loss, expected)
    ragged = [row[keep.bool()].tolist() for row, keep in zip(IDS, MASK, strict=True)]
    loss = model(ragged, labels=[[1] * len(row) for row in ragged]).loss
    np.testing.assert_allclose(loss, expected.detach(), rtol=0, atol=TOLERANCE)


@pairs(*named("PreTraining"), configs=["small", "one-layer-one-head"])
def test_the_discriminator_loss_covers_kept_tokens(pair: Pair) -> None:
    ours = pair.ours()
    labels = torch.tensor([[0, 1, 1, 0], [1, 0, 1, 1], [0, 0, 0, 1]])
    losses = []
    for mask in ({}, {"attention_mask": MASK}, {"attention_mask": MASK.flip(-1)}):
        for dtype in (torch.int64, torch.int32, torch.float32, torch.bool):
            losses.append(check(ours, pair, labels=labels.to(dtype), **mask))
    assert len({round(loss, 4) for loss in losses}) == 3
    # Soft labels are accepted.
    check(ours, pair, labels=labels * 0.8 + 0.1)


# Labels of texts.

CLASS, FLAGS = "single_label_classification", "multi_label_classification"
ONE, SEVERAL = [0.5, -1.0, 2.0], [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
PROBLEMS = [
    # problem_type of the configuration, L, labels, dtype -> the problem type that transformers infers.
    (None, 1, ONE, torch.float32, "regression"),
    (None, 1, [[number] for number in ONE], torch.float32, "regression"),
    (None, 1, [1, 0, 3], torch.int64, "regression"),
    (None, 3, [0, 2, 1], torch.int64, CLASS),
    (None, 3, [0, 2, 1], torch.int32, CLASS),
    (None, 3, [[0], [2], [1]], torch.int64, CLASS),
    (None, 3, [0, -100, 1], torch.int64, CLASS),
    (None, 3, SEVERAL, torch.float32, FLAGS),
    ("regression", 3, SEVERAL, torch.float32, "regression"),
    ("regression", 1, ONE, torch.float32, "regression"),
    (CLASS, 3, [2, 2, 0], torch.int64, CLASS),
    (FLAGS, 3, SEVERAL, torch.float32, FLAGS),
    (FLAGS, 1, [[0.0], [1.0], [1.0]], torch.float32, FLAGS),
]


@pytest.mark.parametrize("name", named("SequenceClassification"))
@pytest.mark.parametrize(("problem", "count", "labels", "dtype", "inferred"), PROBLEMS)
def test_every_problem_type_matches_transformers(
    name: str, problem: str | None, count: int, labels: Any, dtype: torch.dtype, inferred: str, tmp_path: Path
) -> None:
    values = reference.values_of(name, "small", num_labels=count, problem_type=problem)
    pair = reference.build(name, values, tmp_path / "theirs")
    ours = pair.ours()
    assert ours.config.problem_type == problem
    check(ours, pair, labels=torch.tensor(labels, dtype=dtype))
    # The first labels set the problem type in the configuration.
    assert ours.config.problem_type == pair.theirs.config.problem_type == inferred
    ours.save_pretrained(tmp_path / "ours")
    again, theirs = (getattr(package, name).from_pretrained(tmp_path / "ours") for package in (oxbert, transformers))
    assert again.config.problem_type == theirs.config.problem_type == inferred


@pairs(*named("SequenceClassification"), configs=["one-label"])
def test_one_text_with_one_label_matches_transformers(pair: Pair) -> None:
    """Compare the loss if every size is 1, where transformers squeezes dimensions."""
    ours = pair.ours()
    for labels in ([0.5], [[0.5]]):
        with torch.no_grad():
            expected = pair.theirs(IDS[:1], labels=torch.tensor(labels)).loss
        np.testing.assert_allclose(ours(IDS[:1].numpy(), labels=labels).loss, expected, rtol=0, atol=TOLERANCE)


def test_classification_requires_two_labels() -> None:
    for family in ("Electra", "DistilBert"):
        with pytest.raises(ValueError, match="requires `num_labels > 1`"):
            getattr(transformers, f"{family}Config")(num_labels=1, problem_type=CLASS)
        with pytest.raises(ConfigError) as caught:
            getattr(oxbert, f"{family}Config")(num_labels=1, problem_type=CLASS)
        assert caught.value.field == "problem_type"


def test_the_first_labels_fix_the_problem_type() -> None:
    model = fresh("DistilBertForSequenceClassification", "three-labels")
    assert model(IDS).loss is None and model.config.problem_type is None
    with pytest.raises(ShapeError):
        model(IDS, labels=torch.zeros(3, 2))
    # Refused labels set nothing.
    assert model.config.problem_type is None
    model(IDS, labels=torch.zeros(3, 3))
    assert model.config.problem_type == FLAGS
    with pytest.raises(ShapeError):
        model(IDS, labels=torch.zeros(3, dtype=torch.int64))
    model.config.problem_type = None
    model(IDS, labels=torch.zeros(3, dtype=torch.int64))
    assert model.config.problem_type == CLASS
    # Only heads of texts have a problem type.
    for name in set(CLASSES) - set(named("SequenceClassification")):
        other = fresh(name)
        if head_of(name) in ("MaskedLM", "TokenClassification", "PreTraining"):
            assert other(IDS, labels=torch.zeros_like(IDS)).loss is not None
        assert other.config.problem_type is None


# Answers and choices.


@pairs(*named("QuestionAnswering"), configs=["small", "one-layer-one-head"])
def test_answers_outside_a_row_match_transformers(pair: Pair) -> None:
    ours, losses = pair.ours(), []
    for start, end in [
        ([0, 1, 2], [3, 2, 2]),
        ([-1, 1, -7], [0, 0, 0]),
        ([4, 1, 99], [3, 4, 1]),
        ([0, 4, 0], [4, 4, 3]),
    ]:
        first, last = torch.tensor(start), torch.tensor(end)
        losses.append(check(ours, pair, start_positions=first, end_positions=last))
        columns = check(ours, pair, start_positions=first[:, None], end_positions=last[:, None])
        assert abs(columns - losses[-1]) <= TOLERANCE
    assert len(set(losses)) == 4
    # Without a start inside a row the mean is 0 / 0, as in transformers.
    assert np.isnan(check(ours, pair, start_positions=torch.full((3,), 4), end_positions=torch.zeros(3).long()))


@pytest.mark.parametrize("name", named("QuestionAnswering"))
def test_answers_are_searched_among_kept_tokens(name: str) -> None:
    model = fresh(name)
    reference.scatter(model.named_parameters())
    start, end = torch.tensor([0, 1, 2]), torch.tensor([3, 0, 2])
    together = model(IDS, MASK, start_positions=start, end_positions=end).loss
    alone = [
        model(row[None, :length], start_positions=first[None], end_positions=last[None]).loss
        for row, length, first, last in zip(IDS, MASK.sum(-1), start, end, strict=True)
    ]
    assert (together - torch.stack(alone).mean()).abs() <= TOLERANCE
    together.backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters() if parameter.grad is not None)
    with pytest.raises(InputError, match=r"kept position, got \[1, 2\]") as caught:
        model(IDS, MASK, start_positions=torch.tensor([0, 2, 0]), end_positions=end)
    assert caught.value.what == "start_positions"
    for given in ({"start_positions": start}, {"end_positions": end}):
        with pytest.raises(InputError, match="both"):
            model(IDS, **given)


@pairs(*named("MultipleChoice"), configs=["small", "one-label"])
def test_ignored_choices_do_not_count(pair: Pair) -> None:
    ours, questions = pair.ours(), IDS.reshape(3, 2, 2)
    for labels in ([0, 1, 1], [-100, 1, 0], [-100, -100, -100]):
        with torch.no_grad():
            expected = pair.theirs(questions, labels=torch.tensor(labels)).loss
        for given in (torch.tensor(labels), np.array(labels), labels, [[label] for label in labels]):
            got = ours(questions.numpy(), labels=given).loss
            np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE)


# Every kind of array.


@pairs(*(name for name in CLASSES if head_of(name)), configs=["three-labels"])
def test_labels_may_be_of_any_array_type(pair: Pair) -> None:
    case = reference.cases(pair.theirs.config)["ids"]
    arguments, targets, ours = pair.arguments(case), pair.targets(case), pair.ours()
    expected = ours(**arguments, **targets).loss
    assert expected.requires_grad and expected.is_leaf is False
    for kind in [torch.Tensor.numpy, torch.Tensor.tolist, torch.Tensor.int, lambda value: tuple(value.tolist())]:
        loss = ours(**arguments, **{name: kind(value) for name, value in targets.items()}).loss
        assert torch.equal(loss, expected)
    # The loss has the array type of the ids.
    arrays = {name: value.numpy() for name, value in arguments.items()}
    assert type(ours(**arrays, **targets).loss) is np.ndarray


@pytest.mark.parametrize("name", ["ElectraModel", "DistilBertModel"])
def test_a_model_without_a_head_has_no_loss(name: str) -> None:
    model = fresh(name)
    assert "loss" not in model(IDS)
    for argument in ("labels", "start_positions"):
        with pytest.raises(TypeError, match=argument):
            model(IDS, **{argument: IDS})


# Errors.

REFUSED = [
    # head, targets, error, a part of its message.
    ("MaskedLM", {"labels": torch.full((3, 4), 50)}, IdRangeError, "50"),
    ("MaskedLM", {"labels": torch.full((3, 4), -1)}, IdRangeError, "-1"),
    ("MaskedLM", {"labels": torch.zeros(3, 5).long()}, ShapeError, "[3, 5]"),
    ("MaskedLM", {"labels": torch.zeros(3, 4)}, DtypeError, "float"),
    ("MaskedLM", {"labels": [[1, 2, 3, 4], [1, 2], [1, 2, 3, 4]]}, ShapeError, "[B, S]"),
    ("TokenClassification", {"labels": torch.full((3, 4), 3)}, IdRangeError, "3"),
    ("TokenClassification", {"labels": torch.zeros(12).long()}, ShapeError, "[12]"),
    ("PreTraining", {"labels": torch.full((3, 4), 2)}, IdRangeError, "2"),
    ("PreTraining", {"labels": torch.full((3, 4), 1.5)}, InputError, "0 to 1"),
    ("PreTraining", {"labels": torch.zeros(3, 3)}, ShapeError, "[3, 3]"),
    ("SequenceClassification", {"labels": torch.tensor([0, 3, 1])}, IdRangeError, "3"),
    ("SequenceClassification", {"labels": torch.tensor([0, 1])}, ShapeError, "[2]"),
    ("SequenceClassification", {"labels": torch.full((3, 3), float("nan"))}, InputError, "0 to 1"),
    ("SequenceClassification", {"labels": torch.zeros(3)}, ShapeError, "[3]"),
    ("SequenceClassification", {"labels": "three"}, DtypeError, "str"),
    ("MultipleChoice", {"labels": torch.tensor([2])}, IdRangeError, "2"),
    ("MultipleChoice", {"labels": torch.tensor([0.5])}, DtypeError, "float"),
    ("MultipleChoice", {"labels": torch.tensor([0, 1])}, ShapeError, "[2]"),
    (
        "QuestionAnswering",
        {"start_positions": torch.zeros(3), "end_positions": torch.zeros(3).long()},
        DtypeError,
        "float",
    ),
    (
        "QuestionAnswering",
        {"start_positions": torch.zeros(2).long(), "end_positions": torch.zeros(3).long()},
        ShapeError,
        "[2]",
    ),
]


@pytest.mark.parametrize(("head", "targets", "error", "text"), REFUSED)
def test_bad_labels_are_refused(head: str, targets: dict[str, Any], error: type[Exception], text: str) -> None:
    for name in named(head):
        model = fresh(name, "three-labels")
        ids = IDS[None, :2] if head == "MultipleChoice" else IDS
        with pytest.raises(error) as caught:
            model(ids, **targets)
        assert caught.value.what in targets and text in str(caught.value), str(caught.value)


def test_errors_name_the_position_of_a_bad_label() -> None:
    labels = torch.zeros_like(IDS)
    labels[1, 2] = 77
    with pytest.raises(IdRangeError) as caught:
        fresh("ElectraForMaskedLM")(IDS, labels=labels)
    assert (caught.value.what, caught.value.value, caught.value.position) == ("labels", 77, [1, 2])
    assert caught.value.limit == 50
