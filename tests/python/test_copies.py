"""Pickles, copies and weak references of everything that programs keep."""

from __future__ import annotations

import copy
import gc
import pickle
import shutil
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import oxbert
from oxbert.errors import MissingFileError

from .processes import run

SMALL = oxbert.ElectraConfig(vocab_size=20, embedding_size=6, hidden_size=8, num_hidden_layers=1, intermediate_size=5)
HIDDEN = torch.linspace(-1, 1, 48).view(2, 3, 8)
HEADS = ["ElectraGeneratorHead", "ElectraDiscriminatorHead", "ElectraClassificationHead", "ElectraSequenceSummary"]
PIPELINES = {
    "FillMask": ("electra-tiny-generator", "The function returns a [MASK] of strings."),
    "ReplacedTokenDetection": ("electra-tiny-discriminator", "The function returns"),
}
KINDS: dict[str, Callable[[], Any]] = {
    **{name: lambda name=name: getattr(oxbert, name)(SMALL, seed=0) for name in HEADS},
    **{
        name: lambda name=name, folder=folder: getattr(oxbert, name).from_pretrained(folder)
        for name, (folder, _) in PIPELINES.items()
    },
    "ElectraModel": lambda: oxbert.ElectraModel(SMALL, seed=0),
    "frozen": lambda: oxbert.ElectraModel.from_pretrained("electra-tiny-discriminator", trainable=False),
    "ElectraConfig": lambda: oxbert.ElectraConfig(),
    "DistilBertConfig": lambda: oxbert.DistilBertConfig(),
    "Activation": lambda: oxbert.Activation("gelu"),
    "LocalResource": lambda: oxbert.LocalResource("a"),
    "RemoteResource": lambda: oxbert.RemoteResource("https://host/a"),
    "PretrainerHeads": lambda: oxbert.PretrainerHeads(
        generator_hidden=4, discriminator_hidden=6, vocab_size=9, embedding_size=3, num_classes=2
    ),
}
AGAIN = pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, *(lambda thing, p=protocol: pickle.loads(pickle.dumps(thing, p)) for protocol in range(2, 6))],
)  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_weak_references_do_not_keep(name: str) -> None:
    thing = KINDS[name]()
    reference = weakref.ref(thing)
    kept = weakref.WeakValueDictionary({"thing": thing})
    assert reference() is thing and kept["thing"] is thing
    del thing
    gc.collect()
    assert reference() is None and not kept


@AGAIN
@pytest.mark.parametrize("name", HEADS)
def test_heads_are_copied_with_their_values(name: str, again: Callable[[Any], Any]) -> None:
    head = getattr(oxbert, name)(SMALL, seed=3)
    parameters = dict(head.named_parameters())
    first = next(iter(parameters))
    with torch.no_grad():
        for number, parameter in enumerate(parameters.values()):
            parameter += number
    parameters[first].requires_grad_(False)
    other = again(head)
    assert type(other) is type(head) and torch.equal(other(HIDDEN), head(HIDDEN))
    copied = dict(other.named_parameters())
    assert copied.keys() == parameters.keys()
    for path, parameter in copied.items():
        assert torch.equal(parameter, parameters[path]) and parameter.data_ptr() != parameters[path].data_ptr()
        assert parameter.requires_grad is (path != first)
    with torch.no_grad():
        copied[first] += 1
    assert not torch.equal(copied[first], parameters[first])


@AGAIN
@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_are_copied(name: str, again: Callable[[Any], Any]) -> None:
    folder, text = PIPELINES[name]
    pipeline = getattr(oxbert, name).from_pretrained(folder)
    other = again(pipeline)
    assert type(other) is type(pipeline) and other([text]) == pipeline([text])
    # Nothing in a pipeline changes, so that one object is enough.
    assert (other is pipeline) == (again in (copy.copy, copy.deepcopy))


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pickle_of_a_pipeline_is_small_and_needs_the_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, text = PIPELINES[name]
    shutil.copytree(Path(oxbert.__file__).parent / "bundled" / folder, tmp_path / "here" / "model")
    monkeypatch.chdir(tmp_path / "here")
    pipeline = getattr(oxbert, name).from_pretrained("model")
    expected, pickled = pipeline([text]), pickle.dumps(pipeline)
    assert len(pickled) < 1000
    # Another process, in another folder. Like this one it has one thread: with two, products round differently.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    program = "import pickle, sys; print(pickle.loads(bytes.fromhex(sys.argv[1]))([sys.argv[2]]) == eval(sys.argv[3]))"
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    done = run([sys.executable, "-c", program, pickled.hex(), text, repr(expected)])
    assert done.stdout.strip() == "True", done.stderr
    shutil.rmtree(tmp_path / "here" / "model")
    with pytest.raises(MissingFileError):
        pickle.loads(pickled)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_a_pretrainer_of_model_garden_is_copied(again: Callable[[Any], Any]) -> None:
    networks = [oxbert.ElectraModel(SMALL, seed=seed) for seed in (0, 1)]
    pretrainer = oxbert.ElectraPretrainer(*networks, 20, num_classes=2, num_token_predictions=1, mine=3).train()
    with torch.no_grad():
        for parameter in pretrainer.heads.values():
            parameter += 1
    next(iter(pretrainer.heads.values())).requires_grad_(False)
    other = again(pretrainer)
    assert type(other) is type(pretrainer) and other.training is pretrainer.training is True
    states = pretrainer.state_dict(), other.state_dict()
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]) and value.data_ptr() != states[1][name].data_ptr(), name
    assert [one.requires_grad for one in other.parameters()] == [one.requires_grad for one in pretrainer.parameters()]
    ids = torch.tensor([[2, 4, 7, 3]])
    inputs = {
        "input_word_ids": ids, "input_mask": torch.ones_like(ids), "input_type_ids": torch.zeros_like(ids),
        "masked_lm_positions": torch.tensor([[1]]), "masked_lm_ids": torch.tensor([[9]]),
    }  # fmt: skip
    outputs = []
    for one in [pretrainer.eval(), other.eval()]:
        torch.manual_seed(0)
        outputs.append(one(inputs))
    assert all(np.array_equal(outputs[0][key].detach(), outputs[1][key].detach()) for key in outputs[0])
    # The copy's heads are its own parameters.
    outputs[1]["lm_outputs"].sum().backward()
    assert any(one.grad is not None for one in other.heads.values())
    assert all(one.grad is None for one in pretrainer.parameters())
