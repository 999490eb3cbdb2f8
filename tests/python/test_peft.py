"""Train adapters of peft on a module as on transformers' model: the same losses, weights and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import oxbert
from oxbert.torch import Module

from .reference import TOLERANCE
from .test_module_parts import IDS, folder

peft = pytest.importorskip("peft")
pytestmark = pytest.mark.filterwarnings("ignore")  # peft and its dependencies deprecate each other's names

TARGETS = {"Electra": ["query", "value", "dense"], "DistilBert": ["q_lin", "v_lin", "lin1", "lin2"]}


@pytest.mark.parametrize("family", TARGETS)
@pytest.mark.parametrize("options", [{}, {"use_rslora": True, "bias": "all"}, {"use_dora": True}], ids=str)
@pytest.mark.parametrize("is_checkpointed", [False, True])
def test_adapters_learn_the_same_as_with_transformers(
    family: str, options: dict[str, Any], is_checkpointed: bool, tmp_path: Path
) -> None:
    name = f"{family}ForSequenceClassification"
    plain = Module(getattr(oxbert, name).from_pretrained(folder(name)))
    theirs = getattr(transformers, name).from_pretrained(folder(name))
    labels, settings = torch.tensor([0, 1]), {"task_type": "SEQ_CLS", "r": 3, "lora_alpha": 5, "lora_dropout": 0.0}
    wrapped = []
    for model in (plain, theirs):
        if is_checkpointed:
            model.gradient_checkpointing_enable()
        config = peft.LoraConfig(**settings, **options, target_modules=TARGETS[family])
        wrapped.append(peft.get_peft_model(model, config).train())
    mine, other = wrapped
    drawn = torch.Generator().manual_seed(3)
    with torch.no_grad():
        ours, expected = (dict(model.named_parameters()) for model in wrapped)
        assert list(map(len, (ours, expected))) == [len(ours)] * 2 and ours.keys() == expected.keys()
        assert [name for name in ours if ours[name].requires_grad] == [
            name for name in ours if expected[name].requires_grad
        ]
        for name in ours:
            if ours[name].requires_grad:
                values = torch.randn(ours[name].shape, generator=drawn) * 0.1
                # A magnitude of DoRA is positive.
                values = values.abs() + 1 if "magnitude" in name else values
                ours[name].copy_(values)
                expected[name].copy_(values)
    losses: list[list[float]] = [[], []]
    for model, found in zip(wrapped, losses, strict=True):
        optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.05)
        for _ in range(4):
            optimizer.zero_grad()
            loss = model(input_ids=IDS, labels=labels).loss
            loss.backward()
            optimizer.step()
            found.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], abs=TOLERANCE) and losses[0][-1] != losses[0][0]
    for name in ours:
        assert (ours[name] - expected[name]).abs().max() <= TOLERANCE, name
    mine.save_pretrained(tmp_path / "mine")
    again = peft.PeftModel.from_pretrained(
        getattr(transformers, f"{family}ForSequenceClassification").from_pretrained(
            folder(f"{family}ForSequenceClassification")
        ),
        tmp_path / "mine",
    )
    with torch.no_grad():
        wanted = other.eval()(input_ids=IDS).logits
        assert (mine.eval()(input_ids=IDS).logits - wanted).abs().max() <= TOLERANCE
        assert (again.eval()(input_ids=IDS).logits - wanted).abs().max() <= TOLERANCE
        merged = mine.merge_and_unload()
        assert merged is plain
        assert (merged(input_ids=IDS).logits - wanted).abs().max() <= TOLERANCE
        merged.save_pretrained(tmp_path / "merged")
        loaded = getattr(transformers, type(merged).__name__).from_pretrained(tmp_path / "merged").eval()
        assert (loaded(input_ids=IDS).logits - wanted).abs().max() <= TOLERANCE
