"""Test that a masked LM's decoder and word embeddings are one parameter, unless a file has two tensors."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

import oxbert
from oxbert.errors import UntrainedHeadWarning, WeightsMismatchError

from . import reference
from .reference import DECODERS, TOLERANCE, Pair, fresh, pairs, state_of

IDS = [[1, 2, 3, 4], [5, 6]]
DECODER = DECODERS["ElectraForMaskedLM"]


@pytest.mark.parametrize("name", DECODERS)
def test_a_tied_decoder_equals_the_word_embeddings(name: str, tmp_path: Path) -> None:
    model, decoder = fresh(name), DECODERS[name]
    model.save_pretrained(tmp_path)
    state = state_of(model)
    assert decoder not in state and decoder.replace("weight", "bias") in state
    for stored in [state, state | {decoder: model.get_input_embeddings().weight.detach().clone()}]:
        oxbert.save_weights(stored, tmp_path / "model.safetensors")
        again = getattr(oxbert, name).from_pretrained(tmp_path, strict=True)
        assert again.config.tie_word_embeddings and again.load_report["missing"] == []
        np.testing.assert_array_equal(again(IDS)[0], model(IDS)[0])
    assert again.get_output_embeddings().weight is again.get_input_embeddings().weight
    with torch.no_grad():
        again.get_input_embeddings().weight.mul_(2)
    assert not np.allclose(again(IDS)[0], model(IDS)[0])


@pairs(*DECODERS, configs=["small"])
def test_tied_parameters_stay_tied(pair: Pair, tmp_path: Path) -> None:
    """Check the tie after training, copying, saving and loading, in oxbert and in transformers."""
    model, ids = pair.ours().train(), torch.tensor([[1, 2, 3, 4]])
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    before = state_of(model)
    for _ in range(3):
        optimizer.zero_grad()
        model(ids, labels=ids).loss.backward()
        optimizer.step()
    assert all(
        not torch.equal(before[name], value) for name, value in model.state_dict().items() if "token_type" not in name
    )
    model.eval()
    expected = model(ids).logits.detach()
    for format in ("safetensors", "ot"):
        model.save_pretrained(tmp_path / format, format=format)
    assert set(safetensors.torch.load_file(tmp_path / "safetensors" / "model.safetensors")) == set(model.state_dict())
    kind = getattr(oxbert, pair.name)
    for again in [
        copy.deepcopy(model),
        *(kind.from_pretrained(tmp_path / format, strict=True) for format in ("safetensors", "ot")),
    ]:
        assert torch.equal(again(ids).logits, expected)
        assert again.get_output_embeddings().weight is again.get_input_embeddings().weight
        assert again.num_parameters() == model.num_parameters() and again.config.tie_word_embeddings
    theirs = getattr(transformers, pair.name).from_pretrained(tmp_path / "safetensors")
    assert theirs.get_output_embeddings().weight is theirs.get_input_embeddings().weight
    assert (theirs.eval()(ids).logits - expected).abs().max() <= TOLERANCE


@pytest.mark.parametrize("name", DECODERS)
def test_an_untied_decoder_keeps_its_values(name: str, tmp_path: Path) -> None:
    pair = reference.build(name, reference.values_of(name, "untied"), tmp_path / "theirs")
    ours, kind = pair.ours(), getattr(oxbert, name)
    assert DECODERS[name] in dict(ours.named_parameters()) and not ours.config.tie_word_embeddings
    assert ours.get_output_embeddings().weight is not ours.get_input_embeddings().weight
    ids = torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        assert (ours(ids).logits - pair.theirs(ids).logits).abs().max() <= TOLERANCE
    # Different values untie the decoder even if the configuration says that it is tied.
    ours.save_pretrained(tmp_path / "untold", format="ot")
    values = json.loads((tmp_path / "untold" / "config.json").read_text())
    (tmp_path / "untold" / "config.json").write_text(json.dumps(values | {"tie_word_embeddings": True}))
    again = kind.from_pretrained(tmp_path / "untold", strict=True)
    assert not again.config.tie_word_embeddings
    np.testing.assert_array_equal(again(IDS)[0], ours(IDS)[0])
    # A tied model refuses different values, and the error names the option.
    tied = fresh(name, "untied", tie_word_embeddings=True)
    before = tied(IDS)[0]
    with pytest.raises(WeightsMismatchError, match="tie_word_embeddings"):
        tied.load_state_dict(ours.state_dict())
    np.testing.assert_array_equal(tied(IDS)[0], before)


@pytest.mark.parametrize("format", ["safetensors", "ot"])
def test_an_untied_generator_fits_every_model(config: oxbert.ElectraConfig, folder: Path, format: Any) -> None:
    config.tie_word_embeddings = False
    generator = oxbert.ElectraForMaskedLM(config, seed=1)
    generator.save_pretrained(folder, format=format)
    with pytest.warns(UntrainedHeadWarning):
        discriminator = oxbert.ElectraForPreTraining.from_pretrained(folder)
    assert DECODER in discriminator.load_report["unexpected"]
    encoder = oxbert.ElectraModel.from_pretrained(folder)
    assert encoder.load_report["loaded"] == len(encoder.parameters())
    assert DECODER in encoder.load_report["unexpected"]
    with pytest.raises(WeightsMismatchError, match=DECODER):
        oxbert.ElectraModel.from_pretrained(folder, strict=True)
