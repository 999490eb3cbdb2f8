"""Compare resizing the vocabulary and replacing word embeddings with transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import oxbert
from oxbert.errors import ConfigError, IdRangeError, InputError, OutOfMemory, ShapeError

from . import reference
from .reference import CLASSES, DECODERS, TOLERANCE, Pair, fresh, head_of, pairs, state_of


def check_numbers(pair: Pair, ours: Any, size: int) -> None:
    """Compare outputs for ids below `size`, and logits below `size`."""
    case = reference.cases(pair.theirs.config)["right"]
    case.arguments["input_ids"] = case.arguments["input_ids"] % size
    with torch.no_grad():
        expected, got = pair.theirs(**pair.arguments(case)), ours(**pair.arguments(case))
    if pair.head == "MaskedLM":
        assert got.logits.shape == expected.logits.shape
        assert (got.logits - expected.logits)[case.kept][:, :size].abs().max() <= TOLERANCE
    elif pair.head not in reference.TEXTS:
        for name, difference in pair.differences(got, expected, case.kept):
            assert difference <= TOLERANCE, name


@pairs(*CLASSES, configs=["small", "three-labels", "untied"])
@pytest.mark.parametrize("size", [60, 41, 50])
def test_resizing_matches_transformers(pair: Pair, size: int) -> None:
    ours, theirs = pair.ours(), pair.theirs
    before, parameters = state_of(ours), dict(ours.named_parameters())
    mine, other = (model.resize_token_embeddings(size) for model in (ours, theirs))
    assert mine.weight.shape == other.weight.shape and mine.num_embeddings == other.num_embeddings == size
    assert mine.padding_idx == other.padding_idx
    assert ours.config.vocab_size == theirs.config.vocab_size == size
    shapes = {name: value.shape for name, value in theirs.state_dict().items() if name in before}
    assert {name: value.shape for name, value in ours.state_dict().items()} == shapes
    kept = min(size, 50)
    for name, value in ours.state_dict().items():
        resized = name.endswith("word_embeddings.weight") or head_of(pair.name) == "MaskedLM" and value.shape[0] == size
        rows = kept if resized else len(value)
        assert torch.equal(value[:rows], before[name][:rows]), name
        # Parameter objects are kept.
        assert dict(ours.named_parameters())[name] is parameters[name]
        if rows < len(value):
            # New rows are drawn around the mean of the old rows; the bias of a tied decoder is 0.
            assert (value[rows:].mean(0) - theirs.state_dict()[name][rows:].mean(0)).abs().max() < 1e-3, name
    check_numbers(pair, ours, kept)


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("key", ["small", "untied"])
def test_new_rows_are_random(name: str, key: str) -> None:
    model = fresh(name, key, initializer_range=0.5)
    rows = model.resize_token_embeddings(500, mean_resizing=False).weight.detach()[50:]
    assert abs(rows.std() - 0.5) < 0.02 and abs(rows.mean()) < 0.02
    decoder = model.get_output_embeddings()
    assert not decoder.bias.detach()[50:].any()
    if key == "untied":
        assert abs(decoder.weight.detach()[50:].std() - 0.5) < 0.02 and not torch.equal(decoder.weight[50:], rows)
    # Rows drawn around the mean are near it and differ.
    around = model.resize_token_embeddings(600).weight.detach()
    assert (around[500:] - around[:500].mean(0)).abs().max() < 1e-3
    assert around[500:].std(0).min() > 0


@pairs("ElectraForMaskedLM", "DistilBertModel", configs=["small"])
@pytest.mark.parametrize(
    ("size", "multiple"), [(None, None), (None, 8), (None, 50), (51, 8), (49, 7), (1, 64), (56, 8)]
)
def test_sizes_are_rounded_up_to_multiples(pair: Pair, size: int | None, multiple: int | None) -> None:
    models = (pair.ours(), pair.theirs)
    sizes = [model.resize_token_embeddings(size, pad_to_multiple_of=multiple).num_embeddings for model in models]
    assert sizes[0] == sizes[1] == models[0].config.vocab_size == models[1].config.vocab_size


@pytest.mark.parametrize("name", CLASSES)
def test_resized_models_run_save_and_load(name: str, tmp_path: Path) -> None:
    model = fresh(name)
    ids = [[[59, 1], [2, 3]]] if head_of(name) == "MultipleChoice" else [[59, 1]]
    with pytest.raises(IdRangeError):
        model(ids)
    model.resize_token_embeddings(60)
    expected = model(ids)[0]
    model.save_pretrained(tmp_path)
    theirs, report = getattr(transformers, name).from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    with torch.no_grad():
        np.testing.assert_allclose(theirs.eval()(torch.tensor(ids))[0], expected, rtol=0, atol=TOLERANCE)
    again = getattr(oxbert, name).from_pretrained(tmp_path, strict=True)
    np.testing.assert_array_equal(again(ids)[0], expected)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.tensor(ids))[0].square().sum().backward()
    optimizer.step()
    assert not np.array_equal(model(ids)[0], expected)
    model.resize_token_embeddings(50)
    with pytest.raises(IdRangeError) as caught:
        model(ids)
    assert caught.value.limit == 50


def test_refused_sizes_leave_the_model_unchanged() -> None:
    model = fresh("ElectraForMaskedLM", "three-labels")
    before = state_of(model)
    for size in (7, 0, -3):
        # transformers accepts these sizes, and then saves a model that it cannot load.
        with pytest.raises(ConfigError):
            model.resize_token_embeddings(size)
    with pytest.raises(InputError) as caught:
        model.resize_token_embeddings(60, pad_to_multiple_of=0)
    assert caught.value.what == "pad_to_multiple_of"
    assert model.config.vocab_size == 50
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


# Word embeddings.


@pairs(*CLASSES, configs=["small", "three-labels", "tiny-tables", "untied"])
def test_embedding_layers_match_transformers(pair: Pair) -> None:
    ours, theirs = pair.ours(), pair.theirs
    mine, other = ours.get_input_embeddings(), theirs.get_input_embeddings()
    assert type(mine) is type(other) and repr(mine) == repr(other)
    assert torch.equal(mine.weight, other.weight) and mine.weight is ours.get_input_embeddings().weight
    decoder, expected = ours.get_output_embeddings(), theirs.get_output_embeddings()
    if pair.head != "MaskedLM":
        assert decoder is None and expected is None
        return
    assert type(decoder) is type(expected) and repr(decoder) == repr(expected)
    assert torch.equal(decoder.weight, expected.weight) and torch.equal(decoder.bias, expected.bias)
    assert (decoder.weight is mine.weight) == (expected.weight is other.weight) == ours.config.tie_word_embeddings


@pairs(*CLASSES, configs=["small", "untied"])
def test_replacing_word_embeddings_matches_transformers(pair: Pair) -> None:
    ours, theirs = pair.ours(), pair.theirs
    parameter = ours.get_input_embeddings().weight
    layer = torch.nn.Embedding(*parameter.shape)
    torch.nn.init.normal_(layer.weight, std=0.3)
    theirs.set_input_embeddings(layer)
    theirs.tie_weights()
    for given in (layer, layer.weight, layer.weight.detach().numpy()):
        with torch.no_grad():
            parameter.zero_()
        ours.set_input_embeddings(given)
        assert torch.equal(parameter, layer.weight) and parameter is ours.get_input_embeddings().weight
    check_numbers(pair, ours, 50)
    # The values are copied, so later changes of the layer do not affect the model.
    with torch.no_grad():
        layer.weight.zero_()
    assert parameter.any()


@pytest.mark.parametrize("name", ["ElectraForMaskedLM", "DistilBertForMaskedLM", "ElectraModel"])
def test_replaced_word_embeddings_may_have_another_size(name: str) -> None:
    model = fresh(name)
    width = model.get_input_embeddings().embedding_dim
    for size in (70, 20):
        rows = np.random.default_rng(0).normal(size=(size, width)).astype(np.float32)
        model.set_input_embeddings(rows)
        assert model.config.vocab_size == size
        np.testing.assert_array_equal(model.get_input_embeddings().weight.detach(), rows)
        assert model([[size - 1]])[0].shape[-1] == (size if name in DECODERS else model.config.hidden_size)
    before = state_of(model)
    for wrong in [np.zeros((20, width + 1), np.float32), np.zeros(width, np.float32), torch.zeros(1, 20, width)]:
        with pytest.raises(ShapeError, match=rf"E = {width}"):
            model.set_input_embeddings(wrong)
    # The first three would take minutes or all memory to read, and the others cannot be read at all.
    huge = [np.broadcast_to(np.int64(1), (1, 10**12)), np.broadcast_to(np.float32(1), (10**12,))]
    huge += [torch.ones(1, 1).expand(1, 10**12)]
    for wrong in huge:
        with pytest.raises(ShapeError, match=rf"E = {width}"):
            model.set_input_embeddings(wrong)
    for dtype in ("f4", ">i8"):
        with pytest.raises(OutOfMemory, match="not enough memory"):
            model.set_input_embeddings(np.broadcast_to(np.array(1, dtype), (10**15, width)))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_graph_of_the_old_size_does_not_spoil_later_graphs(config: oxbert.ElectraConfig) -> None:
    import oxbert.torch

    ids = torch.tensor([[1, 2, 3]])
    for name in (None, "decoder"):
        changed = oxbert.ElectraConfig.from_dict({**config.to_dict(), "tie_word_embeddings": name is None})
        module = oxbert.torch.Module(oxbert.ElectraForMaskedLM(changed, seed=0).eval())
        kept = [module(ids, labels=ids).loss]
        for size in (54, 41, 50):
            module.resize_token_embeddings(size)
            twin = oxbert.torch.Module(oxbert.ElectraForMaskedLM(module.config, seed=1).eval())
            twin.load_state_dict(module.state_dict())
            for each in (module, twin):
                each.zero_grad()
                kept.append(each(ids, labels=ids).loss)
                kept[-1].backward()
            for (_, ours), (_, theirs) in zip(module.named_parameters(), twin.named_parameters(), strict=True):
                assert torch.equal(ours.grad, theirs.grad)
