"""Test auto classes: the folder determines the family, the class determines the head."""

from __future__ import annotations

import inspect
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import oxbert
from oxbert import auto
from oxbert.errors import ConfigError, DeviceError, DtypeError, InputError, MissingFileError, WeightsMismatchError

NAMES = [name for name in auto.__all__ if name.startswith("AutoModel")]
SIZES: dict[str, dict[str, Any]] = {
    "Electra": {
        "vocab_size": 50,
        "embedding_size": 6,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "intermediate_size": 5,
    },
    "DistilBert": {"vocab_size": 50, "dim": 8, "n_heads": 2, "n_layers": 1, "hidden_dim": 5},
}
FAMILIES = pytest.mark.parametrize("family", list(SIZES))
# The heads of google-research/electra are not in transformers; test_original_heads.py loads them.
EVERY = pytest.mark.parametrize("name", [name for name in NAMES if hasattr(transformers, name)])


def ours(family: str) -> oxbert.Config:
    config: oxbert.Config = getattr(oxbert, f"{family}Config")(**SIZES[family])
    return config


def theirs(family: str) -> Any:
    return getattr(transformers, f"{family}Config")(**SIZES[family])


def chosen(name: str, family: str) -> str:
    """Return the name of the class that transformers' auto class chooses."""
    kind: str = getattr(transformers, name)._model_mapping[type(theirs(family))].__name__
    return kind


def rows(name: str) -> np.ndarray:
    ids = np.array([[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]])
    return ids if "MultipleChoice" in name else ids[0]


# Choosing the class.


def test_every_head_has_an_auto_class() -> None:
    heads = {
        thing.__name__.removeprefix(family)
        for thing in vars(oxbert).values()
        if isinstance(thing, type) and issubclass(thing, oxbert.Model)
        for family in SIZES
        if thing.__name__.startswith(family)
    }
    assert {name.removeprefix("AutoModel") or "Model" for name in NAMES} == heads
    for name in auto.__all__:
        assert getattr(oxbert, name) is getattr(auto, name)


@EVERY
@FAMILIES
def test_chosen_class_matches_transformers(name: str, family: str) -> None:
    model = getattr(oxbert, name).from_config(ours(family), seed=0)
    assert type(model).__name__ == chosen(name, family)
    assert model.config == ours(family)


@FAMILIES
def test_for_pre_training_chooses_the_objective_of_the_family(family: str) -> None:
    model = oxbert.AutoModelForPreTraining.from_config(ours(family))
    assert type(model) is {"Electra": oxbert.ElectraForPreTraining, "DistilBert": oxbert.DistilBertForMaskedLM}[family]


@EVERY
@FAMILIES
def test_folders_of_transformers_load(name: str, family: str, tmp_path: Path) -> None:
    reference = getattr(transformers, name).from_config(theirs(family)).eval()
    reference.save_pretrained(tmp_path)
    model = getattr(oxbert, name).from_pretrained(tmp_path)
    assert type(model).__name__ == type(reference).__name__
    assert not model.training and model.load_report["missing"] == model.load_report["unexpected"] == []
    ids = torch.tensor(rows(name))
    with torch.no_grad():
        torch.testing.assert_close(model(ids)[0], reference(ids)[0], rtol=0, atol=1e-5)
    # A string path works too.
    assert type(getattr(oxbert, name).from_pretrained(str(tmp_path))) is type(model)


@EVERY
@FAMILIES
@pytest.mark.parametrize("format", ["safetensors", "ot"])
def test_folders_of_oxbert_load(name: str, family: str, format: str, tmp_path: Path) -> None:
    saved = getattr(oxbert, name).from_config(ours(family), seed=3).eval()
    saved.save_pretrained(tmp_path, format=format)
    model = getattr(oxbert, name).from_pretrained(tmp_path)
    assert type(model) is type(saved)
    np.testing.assert_array_equal(model(rows(name))[0], saved(rows(name))[0])
    if format == "safetensors":
        reference = getattr(transformers, name).from_pretrained(tmp_path)
        assert type(reference).__name__ == type(model).__name__


@EVERY
@FAMILIES
def test_architecture_determines_the_family_without_model_type(name: str, family: str, tmp_path: Path) -> None:
    saved = getattr(oxbert, name).from_config(ours(family), seed=0)
    saved.save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    del values["model_type"]
    assert values["architectures"] == [type(saved).__name__]
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert type(getattr(oxbert, name).from_pretrained(tmp_path)) is type(saved)
    assert type(oxbert.AutoConfig.from_pretrained(tmp_path)) is type(saved.config)


@EVERY
@FAMILIES
def test_checkpoint_of_another_head_supplies_the_encoder(name: str, family: str, tmp_path: Path) -> None:
    """Load the encoder for another head, as fine-tuning does."""
    oxbert.AutoModelForMaskedLM.from_config(ours(family), seed=0).save_pretrained(tmp_path)
    kind = getattr(oxbert, name)
    if chosen(name, family) in (f"{family}Model", f"{family}ForMaskedLM"):
        model = kind.from_pretrained(tmp_path)
    else:
        with pytest.warns(oxbert.errors.UntrainedHeadWarning, match=chosen(name, family)):
            model = kind.from_pretrained(tmp_path)
    assert type(model).__name__ == chosen(name, family)


def test_bundled_models_load_by_name() -> None:
    assert type(oxbert.AutoModelForMaskedLM.from_pretrained("electra-tiny-generator")) is oxbert.ElectraForMaskedLM
    discriminator = oxbert.AutoModelForPreTraining.from_pretrained("electra-tiny-discriminator")
    assert type(discriminator) is oxbert.ElectraForPreTraining
    tokenizer = oxbert.AutoTokenizer.from_pretrained("electra-tiny-discriminator")
    assert discriminator(**tokenizer(["a text", "another one"])).logits.shape[0] == 2


# Options.


@FAMILIES
def test_options_are_passed_to_the_model_class(family: str, tmp_path: Path) -> None:
    kind = oxbert.AutoModelForSequenceClassification
    one, same, another = (kind.from_config(ours(family), seed=seed, device="cpu").eval() for seed in (1, 1, 2))
    assert one.device == "cpu"
    np.testing.assert_array_equal(one(rows(""))[0], same(rows(""))[0])
    assert (one(rows(""))[0] != another(rows(""))[0]).any()
    with pytest.raises(DeviceError, match="there"):
        kind.from_config(ours(family), device="cuda:99")
    oxbert.AutoModel.from_config(ours(family)).save_pretrained(tmp_path)
    with pytest.raises(DeviceError, match="there"):
        kind.from_pretrained(tmp_path, device="cuda:99")
    with pytest.raises(WeightsMismatchError, match="classifier"):
        kind.from_pretrained(tmp_path, strict=True)
    with pytest.warns(oxbert.errors.UntrainedHeadWarning):
        assert kind.from_pretrained(tmp_path, strict=False, precision="float32", device=torch.device("cpu"))
    with pytest.raises(InputError, match="precision"):
        kind.from_pretrained(tmp_path, precision="float8")
    with pytest.raises(TypeError, match="review"):
        kind.from_pretrained(tmp_path, review="main")
    with pytest.raises(TypeError, match="strict"):
        kind.from_config(ours(family), strict=True)


@FAMILIES
def test_config_argument_replaces_the_file(family: str, tmp_path: Path) -> None:
    """Pass `config` for a folder without config.json."""
    oxbert.AutoModel.from_config(ours(family), seed=0).save_pretrained(tmp_path)
    (tmp_path / "config.json").unlink()
    config = ours(family)
    config.num_labels, config.mine = 5, "kept"
    with pytest.warns(oxbert.errors.UntrainedHeadWarning):
        model = oxbert.AutoModelForSequenceClassification.from_pretrained(tmp_path, config=config)
    assert model(rows("")).logits.shape == (2, 5) and model.config.mine == "kept"
    # The model keeps a copy.
    config.num_labels = 2
    assert model.config.num_labels == 5


# Configurations and tokenizers.


@FAMILIES
def test_auto_config_matches_transformers(family: str, tmp_path: Path) -> None:
    theirs(family).save_pretrained(tmp_path)
    config = oxbert.AutoConfig.from_pretrained(tmp_path)
    assert type(config) is type(ours(family))
    for field, value in SIZES[family].items():
        assert getattr(config, field) == value
    # Both libraries know a family by its name.
    made = oxbert.AutoConfig.for_model(family.lower(), num_labels=3, mine=1)
    assert type(made) is type(ours(family)) and (made.num_labels, made.mine) == (3, 1)
    assert type(made).__name__ == type(transformers.AutoConfig.for_model(family.lower())).__name__


@FAMILIES
def test_auto_tokenizer_chooses_the_class_of_the_family(family: str, tmp_path: Path, vocabulary: Path) -> None:
    """Compare the tokenizers of both families, of which only ELECTRA's returns token types."""
    shutil.copy(vocabulary, tmp_path / "vocab.txt")
    ours(family).save_pretrained(tmp_path)
    tokenizer = oxbert.AutoTokenizer.from_pretrained(tmp_path)
    assert type(tokenizer) is getattr(oxbert, f"{family}Tokenizer")
    # transformers' `AutoTokenizer` returns BERT's, with token types, if the settings name no class.
    expected = dict(getattr(transformers, f"{family}TokenizerFast").from_pretrained(tmp_path)("the text"))
    assert dict(tokenizer("the text")) == expected
    assert transformers.AutoTokenizer.from_pretrained(tmp_path)("the text")["input_ids"] == expected["input_ids"]
    assert ("token_type_ids" in expected) == (family == "Electra")
    # The files that transformers and oxbert write load too.
    getattr(transformers, f"{family}TokenizerFast")(str(vocabulary)).save_pretrained(tmp_path / "theirs")
    tokenizer.save_pretrained(tmp_path / "ours")
    for folder in [tmp_path / "theirs", tmp_path / "ours"]:
        ours(family).save_pretrained(folder)
        again = oxbert.AutoTokenizer.from_pretrained(folder)
        assert type(again) is type(tokenizer) and dict(again("the text")) == expected
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingFileError, match=r"vocab\.txt"):
        oxbert.AutoTokenizer.from_pretrained(tmp_path / "empty")


def test_folder_with_only_a_vocabulary_gives_an_electra_tokenizer(tmp_path: Path, vocabulary: Path) -> None:
    """Load a folder without config.json, the only file that names the family."""
    shutil.copy(vocabulary, tmp_path / "vocab.txt")
    assert type(oxbert.AutoTokenizer.from_pretrained(tmp_path)) is oxbert.ElectraTokenizer


# Errors.


@pytest.mark.parametrize("name", ["AutoConfig", "AutoTokenizer", *NAMES])
def test_unknown_families_are_refused(name: str, tmp_path: Path) -> None:
    transformers.BertConfig().save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r'expected one of electra, distilbert, got "bert"') as caught:
        getattr(oxbert, name).from_pretrained(tmp_path)
    assert caught.value.field == "model_type" and Path(caught.value.path) == tmp_path / "config.json"


@pytest.mark.parametrize("name", ["AutoConfig", *NAMES])
@pytest.mark.parametrize("content", ["{}", "[]", "{", '{"model_type": "electra", "hidden_size": "wide"}'])
def test_invalid_configuration_files_are_refused(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigError, match=r"config\.json") as caught:
        getattr(oxbert, name).from_pretrained(tmp_path)
    assert Path(caught.value.path) == tmp_path / "config.json"


@pytest.mark.parametrize("name", [*auto.__all__])
def test_missing_folders_and_files_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="bundled models") as caught:
        getattr(oxbert, name).from_pretrained(tmp_path / "none")
    assert isinstance(caught.value, FileNotFoundError)
    with pytest.raises(MissingFileError):
        getattr(oxbert, name).from_pretrained(tmp_path)


@FAMILIES
def test_folders_without_weights_are_refused(family: str, tmp_path: Path) -> None:
    ours(family).save_pretrained(tmp_path)
    with pytest.raises(MissingFileError, match=r"model\.safetensors") as caught:
        oxbert.AutoModel.from_pretrained(tmp_path)
    assert caught.value.found == ["config.json"]


def test_for_model_refuses_unknown_families_and_bad_values() -> None:
    with pytest.raises(ConfigError, match=r'expected one of electra, distilbert, got "bert"') as caught:
        oxbert.AutoConfig.for_model("bert")
    assert caught.value.field == "model_type"
    with pytest.raises(ConfigError) as caught:
        oxbert.AutoConfig.for_model("electra", hidden_size=0)
    assert caught.value.field == "hidden_size"


@EVERY
@pytest.mark.parametrize("config", ["electra", {"model_type": "electra"}, transformers.ElectraConfig()])
def test_config_arguments_of_other_types_are_refused(name: str, config: Any) -> None:
    kind = getattr(oxbert, name)
    for refuse in [
        lambda: kind.from_config(config),
        lambda: kind.from_pretrained("electra-tiny-generator", config=config),
    ]:
        with pytest.raises(DtypeError, match="expected a configuration of oxbert") as caught:
            refuse()
        assert caught.value.what == "config" and caught.value.got == type(config).__name__


@FAMILIES
def test_question_answering_requires_two_labels(family: str) -> None:
    config = ours(family)
    config.num_labels = 3
    with pytest.raises(ConfigError) as caught:
        oxbert.AutoModelForQuestionAnswering.from_config(config)
    assert caught.value.field == "num_labels"


def test_every_auto_class_has_its_own_docstring() -> None:
    texts = {name: inspect.getdoc(getattr(oxbert, name)) or "" for name in auto.__all__}
    assert all(texts.values()) and len(set(texts.values())) == len(texts)
