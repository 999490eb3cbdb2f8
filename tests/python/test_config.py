"""Configurations: defaults, checks, and round trips."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import transformers

import oxbert
from oxbert.errors import ConfigError, FileError, MissingFileError

FIELDS = [
    "vocab_size", "embedding_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "hidden_act", "hidden_dropout_prob", "attention_probs_dropout_prob", "max_position_embeddings", "type_vocab_size",
    "initializer_range", "layer_norm_eps", "summary_type", "summary_use_proj", "summary_activation",
    "summary_last_dropout", "pad_token_id", "classifier_dropout", "tie_word_embeddings", "model_type", "num_labels",
    "id2label", "label2id", "output_hidden_states",
]  # fmt: skip


def test_defaults_are_those_of_transformers() -> None:
    ours, theirs = oxbert.ElectraConfig(), transformers.ElectraConfig()
    for name in FIELDS:
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.output_attentions is False


def test_both_read_what_the_other_writes(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "hidden_size": 20, "num_attention_heads": 5, "hidden_act": "relu", "layer_norm_eps": 1e-3, "num_labels": 3,
        "classifier_dropout": 0.3, "pad_token_id": None, "tie_word_embeddings": False,
    }  # fmt: skip
    ours, theirs = oxbert.ElectraConfig(**values), transformers.ElectraConfig(**values)
    theirs.save_pretrained(tmp_path / "theirs")
    ours.save_pretrained(tmp_path / "ours" / "deep")
    read = oxbert.ElectraConfig.from_pretrained(tmp_path / "theirs")
    back = transformers.ElectraConfig.from_pretrained(tmp_path / "ours" / "deep")
    for name in FIELDS:
        assert getattr(read, name) == getattr(ours, name) == getattr(back, name) == getattr(theirs, name), name


def test_unknown_keys_survive(tmp_path: Path) -> None:
    extra = {"mine": {"deep": [1, 2.5, None, "\u6587"]}, "architectures": ["ElectraForMaskedLM"]}
    config = oxbert.ElectraConfig(hidden_size=64, **extra)
    assert config.mine == extra["mine"]
    config.save_pretrained(tmp_path)
    again = oxbert.ElectraConfig.from_json_file(tmp_path / "config.json")
    assert again == config and again.to_dict()["mine"] == extra["mine"]
    assert oxbert.ElectraConfig.from_dict(config.to_dict()) == config
    assert json.loads(config.to_json_string())["mine"] == extra["mine"]
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == copy.copy(config) == config
    assert oxbert.ElectraConfig(hidden_size=64) != config
    assert config != "a text"
    assert "ElectraConfig" in repr(config) and '"hidden_size": 64' in repr(config)


def test_labels_do_not_contradict_themselves() -> None:
    config = oxbert.ElectraConfig(id2label={0: "no", 1: "yes", 2: "perhaps"})
    assert (config.num_labels, config.label2id) == (3, {"no": 0, "yes": 1, "perhaps": 2})
    config.num_labels = 2
    assert config.id2label == {0: "LABEL_0", 1: "LABEL_1"}
    config.id2label = {0: "only"}
    assert (config.num_labels, config.label2id) == (1, {"only": 0})
    config.label2id = {"a": 1, "b": 0}
    assert config.id2label == {0: "b", 1: "a"}


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("hidden_size", "wide", "integer"),
        ("hidden_size", 0, "from 1"),
        ("hidden_size", 2**40, "integer"),
        ("num_hidden_layers", -1, "from 0"),
        ("num_attention_heads", 3, "divisor of hidden_size"),
        ("hidden_act", "gellu", "one of gelu"),
        ("hidden_dropout_prob", 1.5, "probability"),
        ("attention_probs_dropout_prob", -0.1, "probability"),
        ("layer_norm_eps", -1, "got -1"),
        ("pad_token_id", 30522, "below vocab_size"),
        ("tie_word_embeddings", "yes", "got"),
        ("is_decoder", True, "encoders only"),
        ("model_type", "distilbert", "electra"),
        ("num_labels", 0, "got 0"),
        ("id2label", {"0": 5}, "string"),
        ("id2label", {"3": "x"}, "key"),
    ],
)
def test_bad_values(field: str, value: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        oxbert.ElectraConfig(**{field: value})
    error = caught.value
    assert isinstance(error, ValueError)
    assert error.field == field and error.path is None and field in str(error) and error.reason in str(error)
    # In a file, the file is named too.
    (tmp_path / "config.json").write_text(json.dumps({field: value}))
    with pytest.raises(ConfigError, match=r"config\.json") as caught:
        oxbert.ElectraConfig.from_pretrained(tmp_path)
    assert Path(caught.value.path) == tmp_path / "config.json" and caught.value.field == field
    # An attribute is checked as well, and keeps its value.
    config = oxbert.ElectraConfig()
    before = config.to_dict()
    with pytest.raises(ConfigError):
        setattr(config, field, value)
    assert config.to_dict() == before


def test_values_that_json_cannot_hold() -> None:
    with pytest.raises(ConfigError, match="JSON"):
        oxbert.ElectraConfig(mine=object())
    with pytest.raises(ConfigError, match="JSON"):
        oxbert.ElectraConfig().mine = object()
    with pytest.raises(ConfigError):
        oxbert.ElectraConfig(layer_norm_eps=float("nan"))


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    for content in [b"", b"{", b"[]", b"\xff", b'"x"']:
        path.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            oxbert.ElectraConfig.from_json_file(path)
        assert Path(caught.value.path) == path
    with pytest.raises(MissingFileError):
        oxbert.ElectraConfig.from_json_file(tmp_path / "none.json")
    path.unlink()
    with pytest.raises(MissingFileError, match=r"config\.json") as missing:
        oxbert.ElectraConfig.from_pretrained(tmp_path)
    assert missing.value.wanted == "config.json" and missing.value.found == []
    with pytest.raises(FileError):
        path.write_text("a file")
        oxbert.ElectraConfig().save_pretrained(path / "below")


def test_attributes_that_are_not_there() -> None:
    config = oxbert.ElectraConfig()
    with pytest.raises(AttributeError, match="hiden_size"):
        _ = config.hiden_size
    assert getattr(config, "hiden_size", None) is None
    with pytest.raises(TypeError):
        hash(config)
