"""Test configurations: defaults, checks, and round trips."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

import oxbert
from oxbert.errors import ConfigError, FileError, MissingFileError, OxbertError

SHARED = [
    "model_type", "vocab_size", "max_position_embeddings", "initializer_range", "pad_token_id", "tie_word_embeddings",
    "output_hidden_states", "output_attentions", "problem_type", "num_labels", "id2label", "label2id",
]  # fmt: skip
# The fields that transformers' configuration of the family also has.
FIELDS = {
    "ElectraConfig": [
        *SHARED, "embedding_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
        "hidden_act", "hidden_dropout_prob", "attention_probs_dropout_prob", "type_vocab_size", "layer_norm_eps",
        "summary_type", "summary_use_proj", "summary_activation", "summary_last_dropout", "classifier_dropout",
    ],
    "DistilBertConfig": [
        *SHARED, "dim", "n_layers", "n_heads", "hidden_dim", "activation", "dropout", "attention_dropout", "qa_dropout",
        "seq_classif_dropout", "sinusoidal_pos_embds", "hidden_size", "num_hidden_layers", "num_attention_heads",
    ],
}  # fmt: skip
# A value for each field that differs from its default.
VALUES: dict[str, dict[str, Any]] = {
    "ElectraConfig": {
        "vocab_size": 99, "embedding_size": 12, "hidden_size": 20, "num_hidden_layers": 3, "num_attention_heads": 2,
        "intermediate_size": 7, "hidden_act": "relu", "hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.0,
        "max_position_embeddings": 33, "type_vocab_size": 3, "initializer_range": 0.3, "layer_norm_eps": 1e-3,
        "summary_type": "mean", "summary_use_proj": False, "summary_activation": "tanh", "summary_last_dropout": 0.4,
        "pad_token_id": None, "classifier_dropout": 0.3, "tie_word_embeddings": False, "num_labels": 3,
        "problem_type": "regression", "output_hidden_states": True,
    },
    "DistilBertConfig": {
        "vocab_size": 99, "dim": 24, "n_layers": 3, "n_heads": 3, "hidden_dim": 7, "activation": "relu", "dropout": 0.2,
        "attention_dropout": 0.0, "qa_dropout": 0.3, "seq_classif_dropout": 0.4, "max_position_embeddings": 33,
        "sinusoidal_pos_embds": True, "initializer_range": 0.3, "pad_token_id": None, "tie_word_embeddings": False,
        "num_labels": 3, "problem_type": "regression", "output_hidden_states": True,
    },
}  # fmt: skip
ALIASES = {"hidden_size": "dim", "num_attention_heads": "n_heads", "num_hidden_layers": "n_layers"}
FAMILIES = pytest.mark.parametrize("name", list(FIELDS))


def other(name: str) -> str:
    """Return the name of the other family's class."""
    return next(another for another in FIELDS if another != name)


# Values.


@FAMILIES
def test_defaults_match_transformers(name: str) -> None:
    ours, theirs = getattr(oxbert, name)(), getattr(transformers, name)()
    for field in FIELDS[name]:
        assert getattr(ours, field) == getattr(theirs, field), field


def test_defaults_without_a_counterpart_in_transformers() -> None:
    electra, distilbert = oxbert.ElectraConfig(), oxbert.DistilBertConfig()
    # transformers' models read these keys if the file has them, and have no defaults for them.
    assert (electra.summary_first_dropout, electra.summary_proj_to_labels) == (0.0, False)
    # rust_bert refuses a file without it.
    assert distilbert.tie_weights_ is True and json.loads(distilbert.to_json_string())["tie_weights_"] is True
    assert oxbert.DistilBertConfig(tie_weights_=False).to_dict()["tie_weights_"] is False


@FAMILIES
def test_oxbert_and_transformers_read_each_others_files(name: str, tmp_path: Path) -> None:
    values = VALUES[name]
    ours, theirs = getattr(oxbert, name)(**values), getattr(transformers, name)(**values)
    for field, value in values.items():
        assert getattr(ours, field) == value != getattr(getattr(oxbert, name)(), field), field
    theirs.save_pretrained(tmp_path / "theirs")
    ours.save_pretrained(tmp_path / "ours" / "deep")
    read = getattr(oxbert, name).from_pretrained(tmp_path / "theirs")
    back = getattr(transformers, name).from_pretrained(tmp_path / "ours" / "deep")
    for field in FIELDS[name]:
        expected = getattr(theirs, field)
        assert getattr(read, field) == getattr(ours, field) == getattr(back, field) == expected, field
    # A dictionary of transformers is read like a file.
    taken = getattr(oxbert, name).from_dict(theirs.to_dict())
    assert {field: getattr(taken, field) for field in FIELDS[name]} == {
        field: getattr(ours, field) for field in FIELDS[name]
    }


def test_undeclared_summary_keys_of_transformers_are_read() -> None:
    """Read two keys that transformers' models use although its class does not declare them."""
    theirs = transformers.ElectraConfig(summary_first_dropout=0.3, summary_proj_to_labels=True, num_labels=256)
    ours = oxbert.ElectraConfig.from_dict(theirs.to_dict())
    assert (ours.summary_first_dropout, ours.summary_proj_to_labels) == (0.3, True)
    for value in [None, "gelu", "tanh"]:
        assert oxbert.ElectraConfig(summary_activation=value).summary_activation == value
    written = json.loads(oxbert.ElectraConfig(summary_activation=None).to_json_string())
    # transformers takes an empty text for none, and refuses null.
    assert written["summary_activation"] == ""


@FAMILIES
def test_unknown_keys_survive_a_round_trip(name: str, tmp_path: Path) -> None:
    kind = getattr(oxbert, name)
    extra = {"mine": {"deep": [1, 2.5, None, "\u6587"]}, "architectures": ["Another"], "sized": 3}
    config = kind(vocab_size=64, **extra)
    assert config.mine == extra["mine"]
    config.save_pretrained(tmp_path)
    again = kind.from_json_file(tmp_path / "config.json")
    assert again == config and again.to_dict()["mine"] == extra["mine"]
    assert kind.from_dict(config.to_dict()) == config
    assert json.loads(config.to_json_string())["mine"] == extra["mine"]
    config.mine = "else"
    assert config.mine == config.to_dict()["mine"] == "else" and config != again


@FAMILIES
def test_copies_and_pickles_are_equal_and_independent(name: str) -> None:
    config = getattr(oxbert, name)(**VALUES[name], mine=[1])
    for twin in [pickle.loads(pickle.dumps(config)), copy.deepcopy(config), copy.copy(config)]:
        assert type(twin) is type(config) and twin == config and (twin != config) is False
        twin.vocab_size = 98
        assert twin != config and config.vocab_size == 99


@FAMILIES
def test_equality_compares_all_values(name: str) -> None:
    kind = getattr(oxbert, name)
    assert kind() == kind()
    for field, value in VALUES[name].items():
        assert kind(**{field: value}) != kind(), field
    assert kind(mine=1) != kind() and kind(mine=1) != kind(mine=2) and kind(mine=1) == kind(mine=1)
    assert kind() != getattr(oxbert, other(name))() and kind() != "a text"
    with pytest.raises(TypeError, match="unhashable"):
        hash(kind())


@FAMILIES
def test_str_and_repr_show_the_json(name: str) -> None:
    config = getattr(oxbert, name)(vocab_size=64)
    assert repr(config) == str(config) == f"{name} {config.to_json_string()}"
    assert '"vocab_size": 64' in repr(config)


@FAMILIES
def test_label_fields_stay_consistent(name: str) -> None:
    config = getattr(oxbert, name)(id2label={0: "no", 1: "yes", 2: "perhaps"})
    assert (config.num_labels, config.label2id) == (3, {"no": 0, "yes": 1, "perhaps": 2})
    config.num_labels = 2
    assert config.id2label == {0: "LABEL_0", 1: "LABEL_1"}
    config.id2label = {0: "only"}
    assert (config.num_labels, config.label2id) == (1, {"only": 0})
    config.label2id = {"a": 1, "b": 0}
    assert config.id2label == {0: "b", 1: "a"}


@FAMILIES
def test_integers_are_names_of_labels_as_in_transformers(name: str, tmp_path: Path) -> None:
    @settings(max_examples=40)
    @given(st.lists(st.one_of(st.integers(-(2**62), 2**62), st.text(max_size=3), st.just("7")), min_size=1, max_size=5))
    def read(names: list[Any]) -> None:
        values = {"id2label": {str(number): label for number, label in enumerate(names)}}
        ours, theirs = getattr(oxbert, name)(**values), getattr(transformers, name)(**values)
        assert ours.id2label == theirs.id2label == dict(enumerate(names))
        assert [type(label) for label in ours.id2label.values()] == [type(label) for label in names]
        assert ours.num_labels == theirs.num_labels
        ours.save_pretrained(tmp_path)
        for package in [oxbert, transformers]:
            assert getattr(package, name).from_pretrained(tmp_path).id2label == theirs.id2label
        ours.vocab_size = 98
        assert ours.id2label == theirs.id2label and pickle.loads(pickle.dumps(ours)) == ours

    read()


@FAMILIES
def test_the_same_number_of_labels_keeps_their_names(name: str) -> None:
    for package in [oxbert, transformers]:
        config = getattr(package, name)(id2label={0: "no", 1: "yes"})
        config.num_labels = 2
        assert config.id2label == {0: "no", 1: "yes"}
        config.num_labels = 3
        assert config.id2label[0] == "LABEL_0"


@FAMILIES
def test_attributes_return_copies(name: str) -> None:
    config = getattr(oxbert, name)(mine=[1])
    config.mine.append(2)
    config.id2label[0] = "changed"
    assert config.mine == [1] and config.id2label[0] == "LABEL_0"


@FAMILIES
def test_attributes_equal_the_values_of_to_dict(name: str) -> None:
    config = getattr(oxbert, name)(id2label={0: "no", 1: "yes", 2: "perhaps"}, mine={"deep": [1, 2.5, None, "text"]})
    for key, value in config.to_dict().items():
        if key != "summary_activation":
            assert getattr(config, key) == value and type(getattr(config, key)) is type(value), key


def test_reading_an_attribute_does_not_write_the_labels() -> None:
    config = oxbert.ElectraConfig(num_labels=30_000)
    # Writing all labels takes milliseconds, so writing them for each of these reads would exceed the time limit.
    for _ in range(20_000):
        assert config.hidden_size == 256


# As a dictionary.


@FAMILIES
def test_a_configuration_is_read_as_a_dictionary(name: str) -> None:
    config, theirs = (getattr(package, name)(**VALUES[name], mine=None) for package in (oxbert, transformers))
    values = config.to_dict()
    assert list(config) == list(values) and all(key in config for key in values)
    # What transformers' configuration has too, is there under the same name, and an alias is no key.
    known = {key for key in theirs if key in config}
    assert known >= set(VALUES[name]) - {"num_labels"}
    for key in [*ALIASES, "num_labels", "nothing", 3, "to_dict"]:
        assert (key in config) == (key in theirs), key
    for key in [*values, *ALIASES, "num_labels", "return_dict"]:
        assert config.get(key) == config.get(key, 3) == getattr(config, key, None), key
    for key in ["nothing", "to_dict", "get", "__class__"]:
        assert config.get(key) is None and config.get(key, 3) == 3
    assert weakref.ref(config)() is config


@FAMILIES
def test_a_program_for_any_model_finds_one_configuration(name: str) -> None:
    for config in (getattr(package, name)(**VALUES[name]) for package in (oxbert, transformers)):
        assert config.get_text_config() is config.get_text_config(decoder=True) is config
        assert config.sub_configs == type(config).sub_configs == {}
        assert "sub_configs" not in config.to_dict()


@FAMILIES
@pytest.mark.parametrize("key", ["num_labels", "initializer_range", "id2label", "dtype"])
@pytest.mark.parametrize("value", [torch.ones(2, 3), np.ones(2), object()], ids=["torch", "numpy", "object"])
def test_values_that_json_lacks_are_refused_by_name(name: str, key: str, value: Any, tmp_path: Path) -> None:
    getattr(oxbert, name)().save_pretrained(tmp_path)
    with pytest.raises((ConfigError, TypeError), match=key):
        oxbert.AutoConfig.from_pretrained(tmp_path, **{key: value})


@FAMILIES
def test_several_values_change_at_once(name: str) -> None:
    config = getattr(oxbert, name)()
    # Each alone would contradict the others.
    own = {"num_attention_heads": 5, "hidden_size": 30, "pad_token_id": 7, "vocab_size": 8}
    for order in [own, dict(reversed(own.items()))]:
        config = getattr(oxbert, name)()
        config.update(order)
        assert {key: getattr(config, key) for key in own} == own
        before = config.to_dict()
        with pytest.raises(ConfigError) as caught:
            config.update({"mine": 1, "num_labels": 3, "pad_token_id": 8})
        assert caught.value.field == "pad_token_id" and config.to_dict() == before
    theirs = getattr(transformers, name)()
    for changed in [config, theirs]:
        changed.update({"num_labels": 3, "mine": [1]})
        assert (changed.num_labels, changed.mine) == (3, [1])


@FAMILIES
def test_the_difference_is_that_of_transformers(name: str) -> None:
    kinds = [getattr(package, name) for package in (oxbert, transformers)]
    common = {
        "output_hidden_states": [True, False], "problem_type": ["regression", None], "num_labels": [2, 3],
        "return_dict": [True, False], "chunk_size_feed_forward": [0, 2], "architectures": [["A"]], "dtype": ["float16"],
    }  # fmt: skip
    values = {key: st.sampled_from(choice) for key, choice in common.items()}

    @settings(max_examples=40)
    @given(st.fixed_dictionaries({}, optional=values))
    def compare(values: dict[str, Any]) -> None:
        ours, theirs = (kind(**values) for kind in kinds)
        differences = ours.to_diff_dict(), theirs.to_diff_dict()
        for key in set(ours) & set(theirs.to_dict()):
            assert (key in differences[0]) == (key in differences[1]), key
            assert key not in differences[0] or differences[0][key] == differences[1][key], key
        again = type(ours).from_dict(differences[0])
        assert {key: again.get(key) for key in ours} == {key: ours.get(key) for key in ours}

    compare()


@FAMILIES
@pytest.mark.parametrize("use_diff", [True, False])
def test_a_file_has_the_text(name: str, use_diff: bool, tmp_path: Path) -> None:
    config = getattr(oxbert, name)(**VALUES[name], mine={"deep": [1, None, "\u6587"]})
    config.to_json_file(tmp_path / "one.json", use_diff=use_diff)
    text = (tmp_path / "one.json").read_text("utf-8")
    assert text == config.to_json_string(use_diff=use_diff) + "\n"
    for package in [oxbert, transformers]:
        read = getattr(package, name).from_json_file(tmp_path / "one.json")
        assert {key: getattr(read, key) for key in FIELDS[name]} == {key: getattr(config, key) for key in FIELDS[name]}
    assert getattr(oxbert, name).from_json_file(tmp_path / "one.json") == config
    with pytest.raises(FileError):
        config.to_json_file(tmp_path / "none" / "one.json")


# Values that replace those of a file.


@FAMILIES
def test_values_replace_those_of_the_file_as_in_transformers(name: str, tmp_path: Path) -> None:
    getattr(transformers, name)(**VALUES[name], mine=1).save_pretrained(tmp_path)
    other_values = {
        "num_labels": [1, 2, 3, 4], "id2label": [{0: "a", 1: "b"}, {0: "a", 1: "b", 2: "c"}], "vocab_size": [30, 40],
        "output_hidden_states": [False, True], "problem_type": ["regression", None], "mine": [2, "x"],
        "pad_token_id": [3, None], "dtype": ["float16", "float32"], "unknown": [1], "hiden_size": [3],
    }  # fmt: skip
    strategy = {key: st.sampled_from(values) for key, values in other_values.items()}

    @settings(max_examples=80)
    @given(st.fixed_dictionaries({}, optional=strategy), st.randoms(use_true_random=False))
    def load(values: dict[str, Any], random: Any) -> None:
        items = list(values.items())
        random.shuffle(items)
        both = []
        for kind in [getattr(oxbert, name), oxbert.AutoConfig, getattr(transformers, name)]:
            config, unused = kind.from_pretrained(tmp_path, return_unused_kwargs=True, **dict(items))
            both.append(({key: config.to_dict().get(key) for key in [*FIELDS[name], "mine", "dtype"]}, unused))
            both[-1][0].pop("label2id")
        assert both[0] == both[1] == (both[2][0], both[2][1])
        if both[0][1]:
            with pytest.raises(TypeError, match=r"unexpected keyword argument '(unknown|hiden_size)'"):
                getattr(oxbert, name).from_pretrained(tmp_path, **dict(items))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load()


@FAMILIES
def test_a_dtype_of_torch_is_written_as_its_name(name: str, tmp_path: Path) -> None:
    getattr(oxbert, name)().save_pretrained(tmp_path)
    config = getattr(oxbert, name).from_pretrained(tmp_path, dtype=torch.float16)
    assert config.dtype == "float16"
    config.dtype = torch.bfloat16
    assert config.dtype == "bfloat16"
    config.save_pretrained(tmp_path)
    assert getattr(oxbert, name).from_pretrained(tmp_path, dtype="auto").dtype == "bfloat16"


# Two names of one field.


@pytest.mark.parametrize(("alias", "own"), ALIASES.items())
def test_general_names_are_aliases_of_the_family_names(alias: str, own: str, tmp_path: Path) -> None:
    config = oxbert.DistilBertConfig(**{alias: 24})
    assert getattr(config, own) == getattr(config, alias) == 24
    assert config == oxbert.DistilBertConfig(**{own: 24}) == oxbert.DistilBertConfig.from_dict({alias: 24})
    setattr(config, alias, 48)
    assert getattr(config, own) == getattr(config, alias) == 48
    setattr(config, own, 96)
    assert getattr(config, own) == getattr(config, alias) == 96
    # Only the family's own name is written, as by transformers.
    theirs = transformers.DistilBertConfig(**{alias: 24})
    for written in [config.to_dict(), json.loads(config.to_json_string()), theirs.to_dict()]:
        assert own in written and alias not in written
    config.save_pretrained(tmp_path)
    assert getattr(transformers.DistilBertConfig.from_pretrained(tmp_path), alias) == 96


@pytest.mark.parametrize(("alias", "own"), ALIASES.items())
def test_family_names_override_general_names(alias: str, own: str) -> None:
    for values in [{alias: 48, own: 24}, {own: 24, alias: 48}]:
        for config in [oxbert.DistilBertConfig(**values), oxbert.DistilBertConfig.from_dict(values)]:
            assert getattr(config, own) == getattr(config, alias) == 24


def test_electra_has_no_aliases() -> None:
    config = oxbert.ElectraConfig(dim=3)
    assert config.hidden_size == 256 and config.to_dict()["dim"] == 3


# Bad values.


@FAMILIES
@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("vocab_size", 0, "from 1"),
        ("vocab_size", True, "integer"),
        ("vocab_size", 2.5, "integer"),
        ("vocab_size", None, "integer"),
        ("max_position_embeddings", 0, "from 1"),
        ("initializer_range", -1, "at least 0"),
        ("pad_token_id", 30522, "below vocab_size"),
        ("pad_token_id", -1, "from 0"),
        ("tie_word_embeddings", "yes", "true or false"),
        ("output_attentions", 1, "true or false"),
        ("problem_type", "guess", "one of regression, single_label_classification, multi_label_classification"),
        ("problem_type", 3, "string"),
        ("is_decoder", True, "encoders only"),
        ("add_cross_attention", True, "encoders only"),
        ("position_embedding_type", "relative_key", "absolute"),
        ("num_labels", 0, "got 0"),
        ("num_labels", 10**7, "at most"),
        ("id2label", {"0": 5.5}, "string or an integer"),
        ("id2label", {"0": None}, "string or an integer"),
        ("id2label", {"0": True}, "string or an integer"),
        ("id2label", {"3": "x"}, "key"),
        ("id2label", {}, "at least one"),
        ("label2id", {"a": 0, "b": 0}, "twice"),
        ("model_type", "bert", "got"),
        ("model_type", 5, "string"),
    ],
)
def test_bad_shared_fields_are_refused(name: str, field: str, value: Any, reason: str, tmp_path: Path) -> None:
    refused(name, field, value, reason, tmp_path)


@pytest.mark.parametrize(
    ("name", "field", "value", "reason"),
    [
        ("ElectraConfig", "hidden_size", "wide", "integer"),
        ("ElectraConfig", "hidden_size", 2**40, "integer"),
        ("ElectraConfig", "embedding_size", 0, "from 1"),
        ("ElectraConfig", "num_hidden_layers", -1, "from 0"),
        ("ElectraConfig", "num_hidden_layers", 1001, "at most 1000"),
        ("ElectraConfig", "num_attention_heads", 3, "divisor of hidden_size = 256"),
        ("ElectraConfig", "type_vocab_size", 0, "from 1"),
        ("ElectraConfig", "hidden_act", "gellu", "one of gelu"),
        ("ElectraConfig", "summary_activation", "gellu", "one of gelu"),
        ("ElectraConfig", "hidden_dropout_prob", 1.5, "probability"),
        ("ElectraConfig", "summary_first_dropout", 1, "probability"),
        ("ElectraConfig", "attention_probs_dropout_prob", -0.1, "probability"),
        ("ElectraConfig", "layer_norm_eps", -1, "got -1"),
        ("ElectraConfig", "summary_use_proj", "yes", "true or false"),
        ("ElectraConfig", "model_type", "distilbert", "electra"),
        ("DistilBertConfig", "dim", 0, "from 1"),
        ("DistilBertConfig", "n_layers", 1001, "at most 1000"),
        ("DistilBertConfig", "n_heads", 5, "divisor of dim = 768"),
        ("DistilBertConfig", "n_heads", 0, "from 1"),
        ("DistilBertConfig", "hidden_dim", 0, "from 1"),
        ("DistilBertConfig", "activation", "gellu", "one of gelu"),
        ("DistilBertConfig", "dropout", 1, "probability"),
        ("DistilBertConfig", "qa_dropout", "much", "probability"),
        ("DistilBertConfig", "seq_classif_dropout", None, "probability"),
        ("DistilBertConfig", "sinusoidal_pos_embds", 1, "true or false"),
        ("DistilBertConfig", "tie_weights_", "no", "true or false"),
        ("DistilBertConfig", "model_type", "electra", "distilbert"),
    ],
)
def test_bad_family_fields_are_refused(name: str, field: str, value: Any, reason: str, tmp_path: Path) -> None:
    refused(name, field, value, reason, tmp_path)


def refused(name: str, field: str, value: Any, reason: str, folder: Path) -> None:
    """Check that every way to set the field raises an error with its name, and changes nothing."""
    kind = getattr(oxbert, name)
    for make in [lambda: kind(**{field: value}), lambda: kind.from_dict({field: value})]:
        with pytest.raises(ConfigError, match=reason) as caught:
            make()
        error = caught.value
        assert isinstance(error, ValueError) and isinstance(error, OxbertError)
        assert error.field == field and error.path is None and field in str(error) and error.reason in str(error)
    # An error of a file names the file too.
    (folder / "config.json").write_text(json.dumps({field: value}))
    with pytest.raises(ConfigError, match=r"config\.json") as caught:
        kind.from_pretrained(folder)
    assert Path(caught.value.path) == folder / "config.json" and caught.value.field == field
    # A refused assignment leaves the attribute unchanged.
    config = kind()
    before = config.to_dict()
    with pytest.raises(ConfigError) as caught:
        setattr(config, field, value)
    assert caught.value.field == field
    assert config.to_dict() == before and config == kind()


@pytest.mark.parametrize(("alias", "own"), ALIASES.items())
def test_errors_of_general_names_name_the_family_field(alias: str, own: str) -> None:
    with pytest.raises(ConfigError) as caught:
        oxbert.DistilBertConfig(**{alias: -1})
    assert caught.value.field == own
    with pytest.raises(ConfigError) as caught:
        setattr(oxbert.DistilBertConfig(), alias, -1)
    assert caught.value.field == own


@FAMILIES
def test_values_without_a_json_form_are_refused(name: str) -> None:
    kind = getattr(oxbert, name)
    for make in [lambda: kind(mine=object()), lambda: kind.from_dict({"mine": {1, 2}})]:
        with pytest.raises(ConfigError, match="JSON"):
            make()
    with pytest.raises(ConfigError, match="JSON"):
        kind().mine = object()
    with pytest.raises(ConfigError):
        kind(initializer_range=float("nan"))
    with pytest.raises(TypeError):
        kind({"vocab_size": 3})


@FAMILIES
def test_invalid_and_missing_files_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    for kind in [getattr(oxbert, name), oxbert.Config]:
        for content in [b"", b"{", b"[]", b"\xff", b'"x"']:
            path.write_bytes(content)
            with pytest.raises(ConfigError) as caught:
                kind.from_json_file(path)
            assert Path(caught.value.path) == path
        with pytest.raises(MissingFileError):
            kind.from_json_file(tmp_path / "none.json")
        path.unlink()
        with pytest.raises(MissingFileError, match=r"config\.json") as missing:
            kind.from_pretrained(tmp_path)
        assert missing.value.wanted == "config.json" and missing.value.found == []
    path.write_text("a file")
    with pytest.raises(FileError):
        getattr(oxbert, name)().save_pretrained(path / "below")


@FAMILIES
def test_unknown_attributes_raise_attribute_error(name: str) -> None:
    config = getattr(oxbert, name)()
    with pytest.raises(AttributeError, match=rf"{name}.*hiden_size"):
        _ = config.hiden_size
    assert getattr(config, "hiden_size", None) is None and not hasattr(config, "hiden_size")
    with pytest.raises(AttributeError):
        del config.vocab_size


# Families.


@FAMILIES
def test_base_class_finds_the_family(name: str, tmp_path: Path) -> None:
    values = VALUES[name]
    saved = getattr(transformers, name)(**values)
    saved.save_pretrained(tmp_path)
    expected = getattr(oxbert, name).from_pretrained(tmp_path)
    for config in [
        oxbert.Config.from_pretrained(tmp_path),
        oxbert.Config.from_json_file(tmp_path / "config.json"),
        oxbert.Config.from_dict(saved.to_dict()),
    ]:
        assert type(config) is getattr(oxbert, name) and isinstance(config, oxbert.Config)
        assert config.model_type == type(config).model_type == saved.model_type
        assert config.vocab_size == 99
    assert oxbert.Config.from_pretrained(tmp_path) == expected
    assert oxbert.Config.from_pretrained(str(tmp_path)) == expected


def test_base_class_cannot_be_instantiated() -> None:
    with pytest.raises(TypeError):
        oxbert.Config()


@FAMILIES
def test_architecture_determines_the_family_without_model_type(name: str, tmp_path: Path) -> None:
    """Read files from before `model_type`, which name the class that the weights belong to."""
    family = name.removesuffix("Config")
    for values in [
        {"architectures": [f"{family}ForMaskedLM"], "vocab_size": 9},
        {"architectures": [f"{family}Model", "Another"], "vocab_size": 9, "model_type": None},
    ]:
        (tmp_path / "config.json").write_text(json.dumps(values))
        config = oxbert.Config.from_pretrained(tmp_path)
        assert type(config) is getattr(oxbert, name) and config.vocab_size == 9
        assert config.architectures == values["architectures"]
        assert config == getattr(oxbert, name).from_pretrained(tmp_path)
    # `model_type` overrides the architecture.
    mixed = {"model_type": getattr(oxbert, name).model_type, "architectures": [f"{other(name)[:-6]}Model"]}
    assert type(oxbert.Config.from_dict(mixed)) is getattr(oxbert, name)


@pytest.mark.parametrize(
    ("values", "got"),
    [
        ({}, "none"),
        ({"model_type": "bert"}, '"bert"'),
        ({"model_type": "ELECTRA"}, '"ELECTRA"'),
        ({"model_type": ""}, '""'),
        ({"architectures": ["BertModel"]}, "none"),
        ({"architectures": []}, "none"),
        ({"architectures": "ElectraModel"}, "none"),
        ({"architectures": None}, "none"),
        ({"model_type": "bert", "architectures": ["ElectraModel"]}, '"bert"'),
    ],
)
def test_base_class_refuses_unknown_families(values: dict[str, Any], got: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"expected one of electra, distilbert, got {got}") as caught:
        oxbert.Config.from_dict(values)
    assert caught.value.field == "model_type" and caught.value.path is None
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(ConfigError, match=r"config\.json") as caught:
        oxbert.Config.from_pretrained(tmp_path)
    assert caught.value.field == "model_type" and Path(caught.value.path) == tmp_path / "config.json"


@FAMILIES
def test_configurations_of_the_other_family_are_refused(name: str, tmp_path: Path) -> None:
    """Pass the other family's configuration to the class that reads it, and to the models."""
    kind, wrong = getattr(oxbert, name), getattr(oxbert, other(name))()
    wrong.save_pretrained(tmp_path)
    expected = rf'expected "{kind.model_type}", got "{wrong.model_type}"'
    family = name.removesuffix("Config")
    for refuse in [
        lambda: kind.from_pretrained(tmp_path),
        lambda: kind.from_json_file(tmp_path / "config.json"),
        lambda: kind.from_dict(wrong.to_dict()),
        lambda: kind(model_type=wrong.model_type),
        lambda: getattr(oxbert, f"{family}Model")(wrong),
        lambda: getattr(oxbert, f"{family}ForMaskedLM").from_config(wrong),
    ]:
        with pytest.raises(ConfigError, match=expected) as caught:
            refuse()
        assert caught.value.field == "model_type"


@FAMILIES
def test_architectures_of_the_other_family_are_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        getattr(oxbert, name).from_dict({"architectures": [f"{other(name)[:-6]}ForMaskedLM"]})
    assert caught.value.field in ("model_type", "architectures")


@FAMILIES
def test_error_for_bert_explains_how_to_run_it(name: str) -> None:
    hint = "a BERT encoder runs as an electra whose embedding_size is its hidden_size"
    with pytest.raises(ConfigError) as caught:
        getattr(oxbert, name).from_dict({"model_type": "bert"})
    assert (hint in str(caught.value)) == (name == "ElectraConfig")


# Checks that depend on the model.


@FAMILIES
@pytest.mark.parametrize("labels", [1, 3])
def test_question_answering_requires_two_labels(name: str, labels: int) -> None:
    small = {"vocab_size": 9, "num_hidden_layers": 0}
    config = getattr(oxbert, name)(**small, num_labels=labels)
    model = getattr(oxbert, f"{name.removesuffix('Config')}ForQuestionAnswering")
    for make in [model, model.from_config]:
        with pytest.raises(ConfigError, match=rf"num_labels.*expected 2 .*got {labels}") as caught:
            make(config, seed=0)
        assert caught.value.field == "num_labels"
    config.num_labels = 2
    assert model(config, seed=0).config.num_labels == 2


def test_multiple_choice_refuses_summaries_it_cannot_compute() -> None:
    """Check that other models accept the same configuration."""
    config = oxbert.ElectraConfig(vocab_size=9, num_hidden_layers=0, summary_type="attn")
    assert oxbert.ElectraForSequenceClassification(config).config.summary_type == "attn"
    with pytest.raises(ConfigError, match="one of first, last, mean, cls_index") as caught:
        oxbert.ElectraForMultipleChoice(config)
    assert caught.value.field == "summary_type"
    config.summary_type, config.summary_proj_to_labels = "cls_index", True
    with pytest.raises(ConfigError, match=r"256.*got 2") as caught:
        oxbert.ElectraForMultipleChoice(config)
    assert caught.value.field == "summary_proj_to_labels"
    # Without a projection the flag has no effect.
    config.summary_use_proj = False
    assert oxbert.ElectraForMultipleChoice(config)([[[1, 2], [3]]]).logits.shape == (1, 2)


@FAMILIES
def test_problem_types_round_trip(name: str, tmp_path: Path) -> None:
    kind = getattr(oxbert, name)
    for value in ["regression", "single_label_classification", "multi_label_classification"]:
        config = kind(problem_type=value)
        assert config.problem_type == config.to_dict()["problem_type"] == value
        config.save_pretrained(tmp_path)
        assert getattr(transformers, name).from_pretrained(tmp_path).problem_type == value
        config.problem_type = None
        assert config == kind()
    assert kind().problem_type is kind(problem_type=None).problem_type is None


@FAMILIES
def test_keys_without_an_effect_on_numbers_are_checked(name: str) -> None:
    kind = getattr(oxbert, name)
    flags: list[Any] = ["x", 1, 0.5, [], {}]
    bad = {
        "return_dict": flags,
        "use_cache": flags,
        "torchscript": [*flags, True],
        "chunk_size_feed_forward": [-1, 1.5, "x", True, []],
    }
    good = {
        "return_dict": [True, False, None],
        "use_cache": [True, False, None],
        "torchscript": [False, None],
        "chunk_size_feed_forward": [0, 3, None],
    }
    for key, values in bad.items():
        for value in values:
            config = kind()
            for make in (lambda: kind(**{key: value}), lambda: setattr(config, key, value)):  # noqa: B023  called here
                with pytest.raises(ConfigError, match=f"{key}: expected") as caught:
                    make()
                assert caught.value.field == key
            assert config.to_dict() == kind().to_dict()
    for key, values in good.items():
        for value in values:
            assert kind(**{key: value}).to_dict()[key] == value
