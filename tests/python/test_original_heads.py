"""Compare the heads of google-research/electra with torch, written here from their description."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

import oxbert
from oxbert.errors import DtypeError, InputError, ShapeError, UntrainedHeadError

from .reference import TOLERANCE

FAMILIES = ["Electra", "DistilBert"]
K = 20
LENGTHS = [26, 9, 23, 1]
SIZES: dict[str, dict[str, Any]] = {
    "Electra": {
        "vocab_size": 50,
        "embedding_size": 12,
        "hidden_size": 20,
        "num_hidden_layers": 2,
        "num_attention_heads": 5,
        "intermediate_size": 28,
        "max_position_embeddings": 32,
        "initializer_range": 0.3,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    },
    "DistilBert": {
        "vocab_size": 50,
        "dim": 20,
        "n_layers": 2,
        "n_heads": 5,
        "hidden_dim": 28,
        "max_position_embeddings": 32,
        "initializer_range": 0.3,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "seq_classif_dropout": 0.0,
    },
}


def difference(one: Any, other: Any) -> float:
    """Return the largest difference between two tensors, relative to numbers above 1."""
    one, other = torch.as_tensor(one).detach(), torch.as_tensor(other).detach()
    assert one.shape == other.shape
    return float(((one - other).abs() / other.abs().clamp(min=1)).max()) if one.numel() else 0.0


def fresh(family: str, head: str, **changes: Any) -> Any:
    """Return a model with random weights, without dropout."""
    config = getattr(oxbert, f"{family}Config")(**SIZES[family] | changes)
    return getattr(oxbert, f"{family}For{head}")(config, seed=1)


def encode(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """Return the hidden states [B, S, H] of the model's encoder, with a graph."""
    family = type(model).__name__.split("For")[0]
    encoder = getattr(oxbert, f"{family}Model")(model.config)
    prefix = "electra." if family == "Electra" else "distilbert."
    own = {name: value for name, value in model.state_dict().items() if name.startswith(prefix)}
    encoder.load_state_dict({name.removeprefix(prefix): value for name, value in own.items()})
    hidden: Tensor = encoder(**batch).last_hidden_state
    return hidden


def batch_of(family: str, lengths: list[int]) -> dict[str, Tensor]:
    """Return rows of a first text of a quarter of the tokens and of a second text, padded."""
    generator = torch.Generator().manual_seed(4)
    ids = torch.randint(1, 50, (len(lengths), max(lengths)), generator=generator)
    mask = torch.tensor([[int(place < length) for place in range(max(lengths))] for length in lengths])
    types = torch.tensor([[int(length // 4 < place < length) for place in range(max(lengths))] for length in lengths])
    batch = {"input_ids": ids * mask, "attention_mask": mask}
    return batch | ({"token_type_ids": types} if family == "Electra" else {})


def erf_gelu(values: Tensor) -> Tensor:
    """Transcribe the activation of the original."""
    return values * 0.5 * (1.0 + torch.erf(values / math.sqrt(2.0)))


class Original:
    """Compute the head of question answering as the original describes it, on padded hidden states."""

    def __init__(self, model: Any) -> None:
        self.weights = {
            name.removeprefix("joint_qa."): value.detach().clone().requires_grad_()
            for name, value in model.state_dict().items()
            if name.startswith("joint_qa.")
        }

    def dense(self, name: str, values: Tensor) -> Tensor:
        """Apply a dense layer."""
        return functional.linear(values, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def score(self, name: str, values: Tensor) -> Tensor:
        """Apply a hidden layer and an output of one number."""
        return self.dense(f"{name}.out_proj", erf_gelu(self.dense(f"{name}.dense", values))).squeeze(-1)

    def run(self, hidden: Tensor, batch: dict[str, Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the results of a forward pass."""
        rows, width, _ = hidden.shape
        mask = batch["attention_mask"].float()
        if "token_type_ids" in batch:
            # A row without a second text is not of the original; all of its tokens are places here.
            types = batch["token_type_ids"].float()
            mask = mask * torch.where(types.amax(1, keepdim=True) > 0, types, torch.ones_like(types))
            mask = mask + functional.one_hot(torch.zeros(rows, dtype=torch.int64), width) * (1 - mask)
        start_logits = self.dense("start", hidden).squeeze(-1) + 1000.0 * (mask - 1)
        # The original also gives the padded tokens their logits less 1000, of which the exponential is 0.
        start_log_probs = functional.log_softmax(start_logits, -1)
        result: dict[str, Tensor] = {}
        count = min(K, width)
        top_scores, top = torch.topk(start_log_probs, count)
        firsts = torch.stack([hidden[row, top[row]] for row in range(rows)])
        pairs = torch.cat([firsts[:, :, None].expand(-1, -1, width, -1), hidden[:, None].expand(-1, count, -1, -1)], -1)
        end_logits = self.score("end", pairs) + 1000.0 * (mask - 1)[:, None]
        end_scores, ends = torch.topk(functional.log_softmax(end_logits, -1), count)
        result |= {"start_top_log_probs": top_scores, "start_top_index": top}
        result |= {"end_top_log_probs": end_scores, "end_top_index": ends}
        likely = (functional.softmax(start_logits, -1)[..., None] * hidden).sum(1)
        result["cls_logits"] = self.score("answerability", torch.cat([hidden[:, 0], likely], -1))
        right = hidden[torch.arange(rows), targets["start_positions"]]
        pairs = torch.cat([right[:, None].expand(-1, width, -1), hidden], -1)
        given_start = self.score("end", pairs) + 1000.0 * (mask - 1)
        losses = [
            -functional.log_softmax(logits, -1)[torch.arange(rows), targets[name]]
            for logits, name in ((start_logits, "start_positions"), (given_start, "end_positions"))
        ]
        flags, logits = targets["is_impossible"].float(), result["cls_logits"]
        answerability = functional.relu(logits) - logits * flags + torch.log1p(torch.exp(-logits.abs()))
        result["loss"] = (sum(losses) / 2.0 + 0.5 * answerability).mean()
        return result


TARGETS = {
    "start_positions": torch.tensor([9, 0, 20, 0]),
    "end_positions": torch.tensor([12, 0, 22, 0]),
    "is_impossible": torch.tensor([0, 1, 0, 1]),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_joint_question_answering_is_that_of_the_original(family: str) -> None:
    model = fresh(family, "JointQuestionAnswering").eval()
    batch = batch_of(family, LENGTHS)
    hidden = encode(model, batch)
    original = Original(model)
    expected = original.run(hidden, batch, TARGETS)
    output = model(**batch, **TARGETS)
    assert difference(output.loss, expected["loss"]) < TOLERANCE
    assert difference(output.cls_logits, expected["cls_logits"]) < TOLERANCE
    assert output.start_top_index.dtype == torch.int64 and output.start_top_log_probs.shape == (4, K)
    assert output.end_top_log_probs.shape == output.end_top_index.shape == (4, K, K)
    for row, length in enumerate(LENGTHS):
        # Tokens of the first text have a logit less 1000, as padding has in the original, and follow all others.
        count = min(K, length)
        scores = output.start_top_log_probs[row]
        places = int((scores > -500).sum())
        assert places == min(count, length - length // 4 if "token_type_ids" in batch else length)
        assert difference(scores[:places], expected["start_top_log_probs"][row, :places]) < TOLERANCE
        assert torch.equal(output.start_top_index[row, :places], expected["start_top_index"][row, :places])
        assert torch.isneginf(scores[count:]).all() and not output.start_top_index[row, count:].any()
        for place in range(places):
            ends = output.end_top_log_probs[row, place]
            assert difference(ends[:places], expected["end_top_log_probs"][row, place, :places]) < TOLERANCE
            assert torch.equal(
                output.end_top_index[row, place, :places], expected["end_top_index"][row, place, :places]
            )
            assert torch.isneginf(ends[count:]).all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("with_answerability", [True, False])
def test_the_gradients_of_joint_question_answering_are_those_of_the_original(
    family: str, with_answerability: bool
) -> None:
    model = fresh(family, "JointQuestionAnswering").train()
    batch = batch_of(family, LENGTHS)
    hidden = encode(model, batch).detach().requires_grad_()
    original = Original(model)
    expected = original.run(hidden, batch, TARGETS)
    loss = expected["loss"]
    targets = dict(TARGETS)
    if not with_answerability:
        flags = targets.pop("is_impossible")
        loss = loss - 0.5 * functional.binary_cross_entropy_with_logits(expected["cls_logits"], flags.float())
    loss.backward()
    output = model(**batch, **targets)
    assert output.start_top_index is None and output.end_top_log_probs is None
    assert difference(output.loss, loss) < TOLERANCE
    output.loss.backward()
    parameters = dict(model.named_parameters())
    for name, weight in original.weights.items():
        found = parameters[f"joint_qa.{name}"].grad
        if name.startswith("answerability") and not with_answerability:
            assert found is None or not found.any()
        else:
            assert weight.grad is not None and (weight.grad.any() or name.endswith("bias"))
            assert found is not None and difference(found, weight.grad) < TOLERANCE, name
    # The encoder is reached too.
    name = next(name for name in parameters if name.endswith("word_embeddings.weight"))
    assert parameters[name].grad is not None and parameters[name].grad.any()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_is_answered_alike_in_any_batch(family: str) -> None:
    model = fresh(family, "JointQuestionAnswering").eval()
    batch = batch_of(family, LENGTHS)
    together = model(**batch)
    for row, length in enumerate(LENGTHS):
        alone = model(**{name: value[row : row + 1, :length] for name, value in batch.items()})
        for name in ("start_top_log_probs", "end_top_log_probs", "cls_logits"):
            one, other = together[name][row], alone[name][0]
            assert torch.equal(one.isinf(), other.isinf())
            assert difference(one[~one.isinf()], other[~other.isinf()]) < TOLERANCE
        assert torch.equal(together.start_top_index[row], alone.start_top_index[0])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("labels", [3, 1])
def test_linear_classification_is_that_of_the_original(family: str, labels: int) -> None:
    model = fresh(family, "LinearClassification", num_labels=labels).train()
    batch = batch_of(family, LENGTHS)
    hidden = encode(model, batch).detach()
    weight, bias = (
        model.state_dict()[f"text_classifier.{name}"].detach().clone().requires_grad_() for name in ("weight", "bias")
    )
    logits = functional.linear(hidden[:, 0], weight, bias)
    targets = torch.tensor([2, 0, 1, 1]) if labels > 1 else torch.tensor([0.5, 2.0, -1.0, 0.0])
    loss = functional.cross_entropy(logits, targets) if labels > 1 else functional.mse_loss(logits[:, 0], targets)
    loss.backward()
    output = model(**batch, labels=targets)
    assert difference(output.logits, logits) < TOLERANCE and difference(output.loss, loss) < TOLERANCE
    output.loss.backward()
    parameters = dict(model.named_parameters())
    assert difference(parameters["text_classifier.weight"].grad, weight.grad) < TOLERANCE
    assert difference(parameters["text_classifier.bias"].grad, bias.grad) < TOLERANCE


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("head", ["JointQuestionAnswering", "LinearClassification"])
@pytest.mark.parametrize("weight_format", ["safetensors", "ot", "bin"])
def test_the_heads_are_saved_and_loaded(family: str, head: str, weight_format: str, tmp_path: Path) -> None:
    model = fresh(family, head).eval()
    model.save_pretrained(tmp_path, format=weight_format)
    automatic = getattr(oxbert, f"AutoModelFor{head}")
    batch = batch_of(family, LENGTHS)
    expected = model(**batch)
    name = "logits" if head == "LinearClassification" else "cls_logits"
    loaded = automatic.from_pretrained(tmp_path)
    assert type(loaded) is type(model) and loaded.config.architectures == [type(model).__name__]
    assert torch.equal(loaded(**batch)[name], expected[name])
    frozen = automatic.from_pretrained(tmp_path, trainable=False)
    for key, value in expected.items():
        found = frozen(**batch)[key]
        kept = ~value.isinf()
        assert key.endswith("index") or difference(found[kept], value[kept]) < TOLERANCE


@pytest.mark.parametrize("family", FAMILIES)
def test_targets_that_do_not_fit_are_refused(family: str) -> None:
    joint, plain = fresh(family, "JointQuestionAnswering"), fresh(family, "QuestionAnswering")
    ids = [[1, 2, 3], [4, 5]]
    places = {"start_positions": [1, 0], "end_positions": [2, 0]}
    assert joint(ids, **places).loss.shape == ()
    with pytest.raises(InputError, match="expected start_positions and end_positions beside it") as caught:
        joint(ids, is_impossible=[0, 1])
    assert caught.value.what == "is_impossible"
    with pytest.raises(InputError, match="expected 0 or 1 for each question"):
        joint(ids, **places, is_impossible=[0, 2])
    with pytest.raises(InputError, match="expected 0 or 1 for each question"):
        joint(ids, **places, is_impossible=[0.5, float("nan")])
    with pytest.raises(ShapeError, match="is_impossible"):
        joint(ids, **places, is_impossible=[0, 1, 0])
    with pytest.raises(DtypeError, match="is_impossible"):
        joint(ids, **places, is_impossible=torch.tensor([0j, 1j]))
    with pytest.raises(InputError, match="a kept position"):
        joint(ids, start_positions=[1, 2], end_positions=[1, 2])
    with pytest.raises(TypeError, match="is_impossible"):
        plain(ids, **places, is_impossible=[0, 1])
    # One past the last column is ignored, as in the other head.
    assert math.isfinite(joint(ids, start_positions=[1, 3], end_positions=[2, 3], is_impossible=[True, False]).loss)


TEXTS = [("who is it?", "Ann is it, and nobody else in the house."), ("what is it?", "It is a list of names.")]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("is_loaded", [True, False])
def test_the_pipelines_run_the_heads(family: str, is_loaded: bool, tmp_path: Path) -> None:
    bundled = oxbert.AutoTokenizer.from_pretrained("electra-tiny-discriminator")
    tokenizer = getattr(oxbert, f"{family}Tokenizer")(bundled.get_vocab())
    changes = {"vocab_size": len(tokenizer), "max_position_embeddings": 40}
    for head in ("JointQuestionAnswering", "LinearClassification"):
        folder = tmp_path / head
        model = fresh(family, head, **changes).eval()
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    task = "question-answering"
    model = oxbert.AutoModelForJointQuestionAnswering.from_pretrained(tmp_path / "JointQuestionAnswering")
    answer = (
        oxbert.pipeline(task, model, tokenizer)
        if is_loaded
        else oxbert.pipeline(task, tmp_path / "JointQuestionAnswering")
    )
    options = {"align_to_words": False, "max_answer_len": 4, "handle_impossible_answer": True, "top_k": 500}
    for question, context in TEXTS:
        row = tokenizer(question, context)
        output = model(
            [row["input_ids"]], **({"token_type_ids": [row["token_type_ids"]]} if family == "Electra" else {})
        )
        encoding = row[0]
        null = 1 / (1 + math.exp(-output.cls_logits[0]))
        expected: dict[str, float] = {"": null}
        for start in range(K):
            for end in range(K):
                one, other = int(output.start_top_index[0, start]), int(output.end_top_index[0, start, end])
                is_place = encoding.sequence_ids[one] == encoding.sequence_ids[other] == 1
                score = float(output.start_top_log_probs[0, start] + output.end_top_log_probs[0, start, end])
                if is_place and one <= other < one + 4 and math.isfinite(score):
                    text = context[encoding.offsets[one][0] : encoding.offsets[other][1]]
                    key = next((known for known in expected if known.lower() == text.lower()), text)
                    expected[key] = expected.get(key, 0.0) + math.exp(score) * (1 - null)
        found = {one["answer"]: one["score"] for one in answer(question=question, context=context, **options)}
        assert {text.lower() for text in found} == {text.lower() for text in expected} and len(found) > 5
        for text, score in found.items():
            same = next(value for known, value in expected.items() if known.lower() == text.lower())
            np.testing.assert_allclose(score, same, atol=1e-5)
    model = oxbert.AutoModelForLinearClassification.from_pretrained(tmp_path / "LinearClassification")
    classify = (
        oxbert.pipeline("text-classification", model, tokenizer)
        if is_loaded
        else oxbert.pipeline("text-classification", tmp_path / "LinearClassification")
    )
    scores = torch.softmax(torch.as_tensor(model(tokenizer(["who is it?"])["input_ids"]).logits), -1)[0]
    found = {one["label"]: one["score"] for one in classify("who is it?", top_k=None)}
    np.testing.assert_allclose([found["LABEL_0"], found["LABEL_1"]], scores, atol=1e-5)


def test_an_untrained_head_is_refused_by_the_pipeline(tmp_path: Path) -> None:
    tokenizer = oxbert.AutoTokenizer.from_pretrained("electra-tiny-discriminator")
    model = fresh("Electra", "JointQuestionAnswering", vocab_size=len(tokenizer))
    with pytest.raises(UntrainedHeadError):
        oxbert.pipeline("question-answering", model, tokenizer)
