"""Test model folders: saving, loading, errors, warnings and load reports."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
import transformers

import oxbert
from oxbert.errors import InputError, UntrainedHeadWarning, WeightsFormatError, WeightsMismatchError

from . import reference
from .reference import CLASSES, DECODERS, TOLERANCE, WORDS, Pair, fresh, pairs, state_of

IDS = [[1, 2, 3, 4], [5, 6]]


def same(one: Any, other: Any) -> bool:
    """Return whether two models have the same parameters, by name and value."""
    states = one.state_dict(), other.state_dict()
    return list(states[0]) == list(states[1]) and all(
        torch.equal(states[0][name], states[1][name]) for name in states[0]
    )


# To transformers and back.


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("key", ["small", "three-labels", "tiny-tables", "untied"])
def test_transformers_loads_saved_models(name: str, key: str, tmp_path: Path) -> None:
    model = fresh(name, key)
    reference.scatter(model.named_parameters())
    model.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    with safetensors.safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert set(file.keys()) == set(model.state_dict()), "a tied decoder is stored once"
    theirs, report = getattr(transformers, name).from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    assert theirs.config.architectures == [name]
    pair = Pair(theirs.eval(), tmp_path)
    for label in ("ids", "right"):
        case = reference.cases(theirs.config)[label]
        with torch.no_grad():
            expected, got = pair.expected(case), model(**pair.arguments(case), **pair.targets(case))
        for field, difference in pair.differences(got, expected, case.kept):
            assert difference <= TOLERANCE, f"{label}: {field}"


@pytest.mark.parametrize("name", ["ElectraForMultipleChoice", "ElectraModel"])
def test_transformers_loads_a_summary_without_activation(name: str, tmp_path: Path) -> None:
    model = fresh(name, summary_activation=None)
    model.save_pretrained(tmp_path)
    theirs = getattr(transformers, name).from_pretrained(tmp_path)
    ids = torch.tensor([[[1, 2], [3, 4]]]) if name.endswith("Choice") else torch.tensor([[1, 2]])
    with torch.no_grad():
        assert (model(ids)[0] - theirs(ids)[0]).abs().max() <= TOLERANCE
    theirs.config.summary_activation = ""
    theirs.save_pretrained(tmp_path)
    assert getattr(oxbert, name).from_pretrained(tmp_path).config.summary_activation is None


@pairs(*CLASSES, configs=["three-labels", "untied"])
def test_every_format_gives_the_same_model(pair: Pair, tmp_path: Path) -> None:
    kind, expected = getattr(oxbert, pair.name), pair.ours()
    (tmp_path / "bin").mkdir()
    pair.theirs.config.save_pretrained(tmp_path / "bin")
    torch.save(pair.theirs.state_dict(), tmp_path / "bin" / "pytorch_model.bin")
    expected.save_pretrained(tmp_path / "ot", format="ot")
    expected.save_pretrained(tmp_path / "again")
    assert {path.name for path in (tmp_path / "ot").iterdir()} == {"config.json", "rust_model.ot"}
    for folder in ["bin", "ot", "again"]:
        model = kind.from_pretrained(tmp_path / folder, strict=True)
        assert same(model, expected) and model.config.tie_word_embeddings is expected.config.tie_word_embeddings
        assert model.load_report["missing"] == model.load_report["unexpected"] == model.load_report["mismatched"] == []
        assert model.load_report["loaded"] == len(expected.named_parameters())
    # The parameters equal those of transformers.
    for name, value in pair.theirs.state_dict().items():
        assert name in DECODERS.values() or torch.equal(value, expected.state_dict()[name])


@pytest.mark.parametrize("name", CLASSES)
def test_torch_reads_ot_files_with_the_names_of_rust_bert(name: str, tmp_path: Path) -> None:
    model = fresh(name)
    model.save_pretrained(tmp_path, format="ot")
    module = torch.jit.load(tmp_path / "rust_model.ot")
    found = {name.replace("|", "."): value for name, value in module.named_parameters(remove_duplicate=False)}
    # In rust_bert, DistilBERT without a head has a prefix and ELECTRA has none.
    prefix = "distilbert." if name == "DistilBertModel" else ""
    expected = {prefix + key: value for key, value in model.state_dict().items()}
    if name in DECODERS:
        # rust_bert does not tie parameters, so the file contains the decoder too.
        expected[DECODERS[name]] = model.get_input_embeddings().weight
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], value) for key, value in expected.items())


def test_ot_files_of_torch_load(config: oxbert.ElectraConfig, folder: Path) -> None:
    model = oxbert.ElectraForTokenClassification(config, seed=0)

    class Root(torch.nn.Module):
        pass

    root = Root()
    for name, value in model.state_dict().items():
        root.register_parameter(name.replace(".", "|"), torch.nn.Parameter(value.clone()))
    torch.jit.script(root).save(folder / "rust_model.ot")
    again = oxbert.ElectraForTokenClassification.from_pretrained(folder, strict=True)
    np.testing.assert_array_equal(again(IDS)[0], model(IDS)[0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("file", ["model.safetensors", "rust_model.ot", "pytorch_model.bin"])
def test_other_float_dtypes_are_converted(config: oxbert.ElectraConfig, folder: Path, dtype: Any, file: str) -> None:
    state = {name: value.to(dtype) for name, value in oxbert.ElectraModel(config, seed=0).state_dict().items()}
    if file.endswith(".bin"):
        torch.save(state, folder / file)
    else:
        oxbert.save_weights(state, folder / file)
    model = oxbert.ElectraModel.from_pretrained(folder, strict=True)
    for name, value in model.state_dict().items():
        assert value.dtype == torch.float32 and torch.equal(value, state[name].float())


def test_safetensors_precede_other_formats(config: oxbert.ElectraConfig, folder: Path) -> None:
    one, other = (oxbert.ElectraModel(config, seed=seed) for seed in (1, 2))
    one.save_pretrained(folder)
    oxbert.save_weights(other.state_dict(), folder / "rust_model.ot")
    (folder / "pytorch_model.bin").write_bytes(b"not looked at")
    np.testing.assert_array_equal(oxbert.ElectraModel.from_pretrained(folder)(IDS)[0], one(IDS)[0])
    (folder / "model.safetensors").unlink()
    np.testing.assert_array_equal(oxbert.ElectraModel.from_pretrained(folder)(IDS)[0], other(IDS)[0])


# Heads, strictness and the report.


def test_a_missing_head_gives_one_warning(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    body = oxbert.ElectraModel(config, seed=0)
    body.save_pretrained(tmp_path)
    with pytest.warns(UntrainedHeadWarning) as caught:
        model = oxbert.ElectraForTokenClassification.from_pretrained(tmp_path)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "classifier.weight, classifier.bias" in message or "classifier.bias, classifier.weight" in message
    assert Path(caught[0].filename).name == Path(__file__).name, "the warning points at the caller"
    assert sorted(model.load_report["missing"]) == ["classifier.bias", "classifier.weight"]
    assert model.load_report["loaded"] == len(body.named_parameters())
    # transformers initialises the weight of a head randomly and the bias with 0.
    head = model.state_dict()
    assert not head["classifier.bias"].any() and head["classifier.weight"].std() > 0.1
    np.testing.assert_array_equal(model(IDS, output_hidden_states=True).hidden_states[-1], body(IDS).last_hidden_state)
    with pytest.raises(WeightsMismatchError) as refused:
        oxbert.ElectraForTokenClassification.from_pretrained(tmp_path, strict=True)
    assert sorted(refused.value.missing) == ["classifier.bias", "classifier.weight"]
    with pytest.warns(UntrainedHeadWarning):
        oxbert.ElectraForTokenClassification.from_pretrained(tmp_path, strict=False)


def test_another_head_is_ignored_and_reported(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    oxbert.ElectraForPreTraining(config, seed=0).save_pretrained(tmp_path)
    model = oxbert.ElectraModel.from_pretrained(tmp_path)
    assert all(name.startswith("discriminator_predictions.") for name in model.load_report["unexpected"])
    assert len(model.load_report["unexpected"]) == 4
    assert model.load_report["renamed"][WORDS] == "embeddings.word_embeddings.weight"
    with pytest.raises(WeightsMismatchError, match="unexpected: discriminator_predictions"):
        oxbert.ElectraModel.from_pretrained(tmp_path, strict=True)
    assert oxbert.ElectraModel.from_pretrained(tmp_path, strict=False).load_report["missing"] == []


@pytest.mark.parametrize("strict", [None, True])
def test_missing_encoder_weights_are_refused(config: oxbert.ElectraConfig, folder: Path, strict: bool | None) -> None:
    state = state_of(oxbert.ElectraForPreTraining(config, seed=0))
    del state["electra.encoder.layer.1.output.dense.bias"]
    state["electra.encoder.layer.2.output.dense.bias"] = torch.zeros(20)
    oxbert.save_weights(state, folder / "model.safetensors")
    with pytest.raises(WeightsMismatchError) as caught:
        oxbert.ElectraForPreTraining.from_pretrained(folder, strict=strict)
    assert caught.value.missing == ["electra.encoder.layer.1.output.dense.bias"]
    assert caught.value.unexpected == ["electra.encoder.layer.2.output.dense.bias"]
    assert Path(caught.value.path) == folder / "model.safetensors"
    with pytest.warns(UntrainedHeadWarning):
        model = oxbert.ElectraForPreTraining.from_pretrained(folder, strict=False)
    assert model.load_report["missing"] == caught.value.missing


@pytest.mark.parametrize("strict", [None, True, False])
def test_all_wrong_shapes_and_dtypes_are_reported_at_once(
    config: oxbert.ElectraConfig, folder: Path, strict: bool | None
) -> None:
    state = state_of(oxbert.ElectraForTokenClassification(config, seed=0))
    state["classifier.weight"] = torch.zeros(5, 20)
    state["classifier.bias"] = torch.zeros(3, dtype=torch.int64)
    oxbert.save_weights(state, folder / "rust_model.ot")
    with pytest.raises(WeightsMismatchError) as caught:
        oxbert.ElectraForTokenClassification.from_pretrained(folder, strict=strict)
    differences = {name: (expected, got) for name, expected, got in caught.value.mismatched}
    assert differences.keys() == {"classifier.bias", "classifier.weight"}
    assert "[3, 20]" in differences["classifier.weight"][0] and "[5, 20]" in differences["classifier.weight"][1]
    assert "int64" in differences["classifier.bias"][1]
    for part in ["classifier.bias", "[5, 20]", "rust_model.ot"]:
        assert part in str(caught.value)


def test_loading_a_complete_model_gives_no_warning(tmp_path: Path, config: oxbert.ElectraConfig) -> None:
    oxbert.ElectraForMaskedLM(config, seed=0).save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        oxbert.ElectraForMaskedLM.from_pretrained(tmp_path)


# Names.


def test_old_and_wrapped_names_are_translated(config: oxbert.ElectraConfig, folder: Path) -> None:
    model = oxbert.ElectraForPreTraining(config, seed=0)
    renamed = {
        "module."
        + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in model.state_dict().items()
    }
    renamed["module.electra.embeddings.position_ids"] = torch.arange(16)
    oxbert.save_weights(renamed, folder / "model.safetensors")
    again = oxbert.ElectraForPreTraining.from_pretrained(folder, strict=True)
    np.testing.assert_array_equal(again(IDS)[0], model(IDS)[0])
    assert again.load_report["renamed"]["module.electra.embeddings.LayerNorm.gamma"] == (
        "electra.embeddings.LayerNorm.weight"
    )


def test_the_prefix_of_the_encoder_is_added_and_stripped(config: oxbert.ElectraConfig, folder: Path) -> None:
    model = oxbert.ElectraModel(config, seed=0)
    oxbert.save_weights(
        {f"electra.{name}": value for name, value in model.state_dict().items()}, folder / "rust_model.ot"
    )
    again = oxbert.ElectraModel.from_pretrained(folder, strict=True)
    np.testing.assert_array_equal(again(IDS)[0], model(IDS)[0])
    with_head = oxbert.ElectraForPreTraining(config, seed=1)
    state = {name: value for name, value in with_head.state_dict().items() if not name.startswith("electra.")}
    oxbert.save_weights(state | model.state_dict(), folder / "rust_model.ot")
    again = oxbert.ElectraForPreTraining.from_pretrained(folder, strict=True)
    np.testing.assert_array_equal(again(IDS, output_hidden_states=True).hidden_states[-1], model(IDS).last_hidden_state)


def test_two_names_of_one_parameter_are_refused(config: oxbert.ElectraConfig, folder: Path) -> None:
    state = state_of(oxbert.ElectraModel(config, seed=0))
    state["embeddings.LayerNorm.gamma"] = torch.zeros(12)
    oxbert.save_weights(state, folder / "model.safetensors")
    with pytest.raises(WeightsFormatError, match="same parameter"):
        oxbert.ElectraModel.from_pretrained(folder, strict=False)


# Saving.


def test_saving_keeps_other_keys_and_files(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    config.some_note = {"kept": [1, 2.5, None]}
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    model.save_pretrained(str(tmp_path / "a" / "b"))
    written = oxbert.ElectraConfig.from_pretrained(tmp_path / "a" / "b").to_dict()
    # transformers writes the same key.
    assert written.pop("architectures") == ["ElectraForMaskedLM"]
    assert written == config.to_dict()
    other = oxbert.ElectraForMaskedLM(config, seed=1)
    other.save_pretrained(tmp_path / "a" / "b")
    again = oxbert.ElectraForMaskedLM.from_pretrained(str(tmp_path / "a" / "b"), strict=True)
    np.testing.assert_array_equal(again(IDS)[0], other(IDS)[0])
    assert {path.name for path in (tmp_path / "a" / "b").iterdir()} == {"config.json", "model.safetensors"}
    with pytest.raises(InputError, match="ot"):
        model.save_pretrained(tmp_path, format="npz")  # type: ignore[arg-type]


def test_saving_removes_older_weights_in_other_formats(config: oxbert.ElectraConfig, folder: Path) -> None:
    one, other = (oxbert.ElectraModel(config, seed=seed) for seed in (1, 2))
    one.save_pretrained(folder)
    other.save_pretrained(folder, format="ot")
    np.testing.assert_array_equal(oxbert.ElectraModel.from_pretrained(folder)(IDS)[0], other(IDS)[0])
    (folder / "model.safetensors").unlink()
    np.testing.assert_array_equal(oxbert.ElectraModel.from_pretrained(folder)(IDS)[0], other(IDS)[0])


def test_the_saved_configuration_names_the_dtype_of_the_weights(config: oxbert.ElectraConfig, folder: Path) -> None:
    config.dtype = "float16"
    config.save_pretrained(folder)
    halves = {name: value.half() for name, value in oxbert.ElectraModel(config, seed=1).state_dict().items()}
    oxbert.save_weights(halves, folder / "model.safetensors")
    model = oxbert.ElectraModel.from_pretrained(folder)
    model.save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float32"
    theirs = transformers.ElectraModel.from_pretrained(folder)
    assert theirs.dtype == torch.float32
