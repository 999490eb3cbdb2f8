"""Test training configurations: the published values, files, and errors."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

import oxbert
from oxbert import errors
from oxbert.training import PRESETS, PretrainingConfig, preset

# Source: Clark et al. 2020, table 6, and configure_pretraining.py.
PUBLISHED: dict[str, dict[str, Any]] = {
    "small": {
        "num_hidden_layers": 12, "hidden_size": 256, "intermediate_size": 1024, "num_attention_heads": 4,
        "embedding_size": 128, "mask_probability": 0.15, "learning_rate": 5e-4, "batch_size": 128,
        "train_steps": 1_000_000, "max_length": 128, "max_predictions": 19,
        "generator": {"hidden_size": 64, "num_hidden_layers": 12, "num_attention_heads": 1, "intermediate_size": 256},
    },
    "base": {
        "num_hidden_layers": 12, "hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12,
        "embedding_size": 768, "mask_probability": 0.15, "learning_rate": 2e-4, "batch_size": 256,
        "train_steps": 766_000, "max_length": 512, "max_predictions": 79,
        "generator": {"hidden_size": 256, "num_hidden_layers": 12, "num_attention_heads": 4, "intermediate_size": 1024},
    },
    "large": {
        "num_hidden_layers": 24, "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16,
        "embedding_size": 1024, "mask_probability": 0.25, "learning_rate": 2e-4, "batch_size": 2048,
        "train_steps": 400_000, "max_length": 512, "max_predictions": 130,
        "generator": {"hidden_size": 256, "num_hidden_layers": 24, "num_attention_heads": 4, "intermediate_size": 1024},
    },
    "tiny": {
        "num_hidden_layers": 4, "hidden_size": 192, "intermediate_size": 768, "num_attention_heads": 3,
        "embedding_size": 128, "mask_probability": 0.15, "max_length": 128, "max_predictions": 19,
        "untied_generator": False, "generator_steps": 2500, "short_steps": 2000, "disc_weight": 25.0,
        "optimizer": "muon", "adam_beta2": 0.98, "learning_rate": 3e-3, "weight_decay": 0.02, "warmup_steps": 200,
        "train_steps": 8700, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "save_every": 500,
        "generator": {"hidden_size": 192, "num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 768},
    },
}  # fmt: skip
COMMON = {
    "masked_share": 0.85, "gen_weight": 1.0, "disc_weight": 50.0, "temperature": 1.0, "disallow_correct": False,
    "objective": "electra", "untied_generator": True, "untied_generator_embeddings": False, "weight_decay": 0.01,
    "learning_rate_power": 1.0, "max_gradient_norm": 1.0, "hidden_dropout_prob": 0.1, "initializer_range": 0.02,
    "attention_probs_dropout_prob": 0.1, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "type_vocab_size": 2,
    "save_every": 1000, "keep_checkpoints": 5, "evaluation_batches": 100,
}  # fmt: skip
SIZES = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "embedding_size")


@pytest.mark.parametrize("name", PUBLISHED)
def test_presets_match_the_published_values(name: str) -> None:
    config, published = preset(name), dict(PUBLISHED[name])
    generator, discriminator = config.electra_configs()
    sizes = published.pop("generator")
    for key, value in (sizes | {"embedding_size": published["embedding_size"]}).items():
        assert getattr(generator, key) == value, key
    for key, value in (COMMON | published).items():
        assert getattr(discriminator if key in SIZES else config, key) == value, key
    for network in (generator, discriminator):
        assert network.vocab_size == (8192 if name == "tiny" else 30522)
        assert network.max_position_embeddings == (128 if name == "tiny" else 512)
        assert (network.hidden_act, network.layer_norm_eps, network.initializer_range) == ("gelu", 1e-12, 0.02)
        dropout = 0.0 if name == "tiny" else 0.1
        assert (network.hidden_dropout_prob, network.attention_probs_dropout_prob) == (dropout, dropout)
    if name != "tiny":
        assert config.warmup_steps == 10_000
    assert set(PRESETS) == set(PUBLISHED) and PRESETS[name] is config


def test_defaults_equal_the_small_preset() -> None:
    assert PretrainingConfig() == preset("small") == PretrainingConfig.from_dict({})


def test_tiny_untied_has_the_sizes_of_the_bundled_models() -> None:
    tiny = dataclasses.replace(preset("tiny"), untied_generator=True)
    for config, name in zip(tiny.electra_configs(), ("generator", "discriminator"), strict=True):
        bundled = oxbert.ElectraConfig.from_pretrained(f"electra-tiny-{name}")
        for key in (*SIZES, "vocab_size", "max_position_embeddings", "type_vocab_size", "layer_norm_eps"):
            assert getattr(config, key) == getattr(bundled, key), key


def test_shared_values_reach_both_networks() -> None:
    values: dict[str, Any] = {
        "vocab_size": 77, "hidden_act": "relu", "hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.2,
        "max_position_embeddings": 300, "type_vocab_size": 5, "initializer_range": 0.5, "layer_norm_eps": 1e-5,
    }  # fmt: skip
    for network in PretrainingConfig(**values).electra_configs():
        assert {key: getattr(network, key) for key in values} == values


@pytest.mark.parametrize(
    ("values", "generator", "discriminator"),
    [
        # Untied embeddings of the generator are as wide as its hidden states.
        ({"untied_generator_embeddings": True}, (12, 64, 256, 1, 64), (12, 256, 1024, 4, 128)),
        ({"untied_generator": False}, (12, 256, 1024, 4, 128), (12, 256, 1024, 4, 128)),
        ({"objective": "mlm"}, (12, 256, 1024, 4, 128), (12, 256, 1024, 4, 128)),
        ({"objective": "electric"}, (12, 64, 256, 1, 128), (12, 256, 1024, 4, 128)),
        ({"objective": "uniform"}, (12, 64, 256, 1, 128), (12, 256, 1024, 4, 128)),
        ({"generator_hidden_size": 1}, (12, 256, 1024, 4, 128), (12, 256, 1024, 4, 128)),
        # Python rounds halves to even: 2.5 to 2 and 3.5 to 4.
        ({"num_hidden_layers": 5, "generator_layers": 0.5}, (2, 64, 256, 1, 128), (5, 256, 1024, 4, 128)),
        ({"num_hidden_layers": 7, "generator_layers": 0.5}, (4, 64, 256, 1, 128), (7, 256, 1024, 4, 128)),
        ({"generator_hidden_size": 0.2518}, (12, 64, 256, 1, 128), (12, 256, 1024, 4, 128)),
        ({"generator_hidden_size": 0.2522}, (12, 65, 260, 1, 128), (12, 256, 1024, 4, 128)),
        # Explicit sizes of the discriminator do not change the rules of the generator.
        (
            {"hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 100, "embedding_size": 32},
            (12, 96, 384, 1, 32),
            (12, 384, 100, 12, 32),
        ),
        ({"hidden_size": 40}, (12, 10, 40, 1, 128), (12, 40, 160, 1, 128)),
    ],
)
def test_generator_sizes_follow_from_the_discriminator(
    values: dict[str, Any], generator: tuple[int, ...], discriminator: tuple[int, ...]
) -> None:
    found = [tuple(getattr(network, key) for key in SIZES) for network in PretrainingConfig(**values).electra_configs()]
    assert found == [generator, discriminator]


def test_networks_have_the_expected_number_of_parameters() -> None:
    generator, discriminator = dataclasses.replace(preset("tiny"), untied_generator=True).electra_configs()
    assert oxbert.ElectraForMaskedLM(generator, seed=0).num_parameters() == 1_685_248
    assert oxbert.ElectraForPreTraining(discriminator, seed=0).num_parameters() == 2_906_945


# Dictionaries and files.


def test_dictionaries_and_files_round_trip(tmp_path: Path) -> None:
    for name, config in PRESETS.items():
        values = config.to_dict()
        assert list(values) == [field.name for field in dataclasses.fields(PretrainingConfig)]
        assert PretrainingConfig.from_dict(values) == config
        # JSON is read as YAML, including numbers such as 1e-12.
        (tmp_path / "run.json").write_text(json.dumps(values))
        assert PretrainingConfig.from_file(tmp_path / "run.json") == config, name


def test_a_file_starts_from_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        "# a comment\npreset: base\nlearning_rate: 5e-5\nweight_decay: 1.e-2\ntrain_steps: 1e5\nmask_probability: .2\n"
        "warmup_steps: 2_000\nobjective: uniform\ndisallow_correct: true\ntemperature: 2\nnum_attention_heads: null\n"
    )
    expected = dataclasses.replace(
        preset("base"),
        learning_rate=5e-5,
        weight_decay=0.01,
        train_steps=100_000,
        mask_probability=0.2,
        warmup_steps=2000,
        objective="uniform",
        disallow_correct=True,
        temperature=2.0,
    )
    config = PretrainingConfig.from_file(os.fspath(path))
    assert config == expected
    assert type(config.train_steps) is int and type(config.temperature) is float
    path.write_text("")
    assert PretrainingConfig.from_file(path) == preset("small")


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        (
            "learning_rat: 1",
            "learning_rat",
            r"there is no such field; did you mean learning_rate.*; known are: preset, vocab_size, ",
        ),
        ("1: 2", "1", r"there is no such field"),
        ("preset: huge", "preset", r"expected one of tiny, small, base, large, got 'huge'"),
        ("preset: [small]", "preset", r"expected one of .*, got \['small'\]"),
        ("seed: 1\nsize: 2\nseed: 3", "the whole file", r"seed comes twice.* line 3"),
        ("seed: 1\n  a: 2", "the whole file", r"not valid YAML: .*line 2"),
        ("- 1\n- 2", "the whole file", r"expected names with their values, got list"),
        ("small", "the whole file", r"expected names with their values, got str"),
        ("seed: 2024-99-99", "the whole file", r"not valid YAML: .*month must be in 1..12"),
        ("? [1, 2]\n: 3", "the whole file", r"not valid YAML: .*unhashable"),
        ("seed: !!int x", "the whole file", r"not what it looks like: invalid literal"),
        ("seed: !!int ''", "the whole file", r"not what it looks like: string index"),
        ("seed: !!bool x", "the whole file", r"not what it looks like: 'x'"),
        ("seed: !!timestamp x", "the whole file", r"not what it looks like: 'NoneType'"),
        ("seed: !!set [1]", "the whole file", r"not what it looks like: cannot unpack"),
        ("? {1: 2}\n: 3", "the whole file", r"not valid YAML: .*unhashable"),
        ("a: " + 5000 * "[", "the whole file", r"not valid YAML: lists in lists in lists"),
        ("a: !!python/object/apply:os.getcwd []", "the whole file", r"not valid YAML: .*could not determine"),
        ("\x00", "the whole file", r"not valid YAML: .*special characters"),
        ("seed: 1.5", "seed", r"expected an integer from 0, got 1.5"),
        ("vocab_size: 3e9", "vocab_size", r"expected an integer from 1 to 2147483647, got 3000000000"),
        ("learning_rate: fast", "learning_rate", r"expected a number of at least 0, got 'fast'"),
        ("learning_rate: .nan", "learning_rate", r"got nan"),
        ("disallow_correct: 1", "disallow_correct", r"expected true or false, got 1"),
        ("batch_size: yes", "batch_size", r"expected an integer from 1 to 1048576, got True"),
    ],
)
def test_bad_files_are_refused(text: str, field: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(errors.ConfigError, match=reason) as caught:
        PretrainingConfig.from_file(path)
    assert (caught.value.field, caught.value.path) == (field, path)
    assert str(caught.value).endswith(f"config {path}: {field}: {caught.value.reason}")


def test_files_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(b"seed: \xff\xfe\xfa")
    with pytest.raises(errors.ConfigError, match=r"the whole file: not valid YAML") as caught:
        PretrainingConfig.from_file(path)
    assert caught.value.path == path


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.MissingFileError, match=r"cannot read .*none.yaml: No such file") as caught:
        PretrainingConfig.from_file(tmp_path / "none.yaml")
    assert caught.value.path == tmp_path / "none.yaml" and caught.value.action == "read"
    with pytest.raises(errors.FileError, match=r"Is a directory"):
        PretrainingConfig.from_file(tmp_path)


@pytest.mark.parametrize(
    ("values", "field", "reason"),
    [
        ({"hidden_size": 0}, "hidden_size", r"expected an integer from 1, got 0"),
        ({"num_attention_heads": 0}, "num_attention_heads", r"expected an integer from 1 or null, got 0"),
        ({"num_attention_heads": 7}, "num_attention_heads", r"expected a divisor of hidden_size = 256, got 7"),
        ({"hidden_size": 200}, "num_attention_heads", r"expected a divisor of hidden_size = 200, got 3"),
        ({"hidden_size": None}, "hidden_size", r"got None"),
        ({"hidden_act": "softmax"}, "hidden_act", r"expected one of .*gelu.*, got 'softmax'"),
        ({"hidden_dropout_prob": 1}, "hidden_dropout_prob", r"expected a number from 0 to below 1, got 1.0"),
        ({"layer_norm_eps": 0.0}, "layer_norm_eps", r"above 0"),
        ({"initializer_range": -1.0}, "initializer_range", r"of at least 0"),
        ({"generator_hidden_size": 0.001}, "generator_hidden_size", r"a generator of hidden size 0"),
        ({"generator_hidden_size": 0.51}, "generator_hidden_size", r"hidden size 131, which 2 heads cannot divide"),
        ({"generator_steps": 5, "train_steps": 5}, "generator_steps", r"expected fewer than train_steps = 5, .*got 5"),
        ({"decay_steps": 4, "train_steps": 5}, "decay_steps", r"expected at least train_steps = 5, got 4"),
        ({"generator_layers": 0.01}, "generator_layers", r"a generator of no layers, got 0.01"),
        ({"objective": "bert"}, "objective", r"expected one of electra, mlm, electric, uniform, got 'bert'"),
        ({"objective": "electric", "untied_generator": False}, "untied_generator", r"two towers"),
        ({"mask_probability": 0.0}, "mask_probability", r"between 0 and 1, got 0.0"),
        ({"mask_probability": 1.0}, "mask_probability", r"between 0 and 1, got 1.0"),
        ({"masked_share": 1.1}, "masked_share", r"from 0 to 1, got 1.1"),
        ({"gen_weight": -1.0}, "gen_weight", r"of at least 0"),
        ({"disc_weight": float("inf")}, "disc_weight", r"got inf"),
        ({"temperature": 0.0}, "temperature", r"above 0"),
        ({"learning_rate_power": 0.0}, "learning_rate_power", r"above 0"),
        ({"max_gradient_norm": 0.0}, "max_gradient_norm", r"above 0"),
        ({"train_steps": 0}, "train_steps", r"an integer from 1"),
        ({"warmup_steps": -1}, "warmup_steps", r"an integer from 0"),
        ({"seed": -1}, "seed", r"an integer from 0"),
        ({"seed": 2**63}, "seed", r"an integer from 0"),
        ({"save_every": 0}, "save_every", r"an integer from 1"),
        ({"max_length": 513}, "max_length", r"at most max_position_embeddings = 512, got 513"),
        ({"max_length": 6}, "max_length", r"too short for mask_probability = 0.15: no token could be chosen of 6"),
        ({"vocab_size": 2**31}, "vocab_size", r"2147483647"),
    ],
)
def test_bad_values_are_refused(values: dict[str, Any], field: str, reason: str) -> None:
    for make in (lambda: PretrainingConfig(**values), lambda: PretrainingConfig.from_dict(values)):
        with pytest.raises(errors.ConfigError, match=reason) as caught:
            make()
        assert caught.value.field == field
    with pytest.raises(errors.ConfigError, match=reason):
        dataclasses.replace(preset("small"), **values)


def test_every_field_is_validated_and_documented() -> None:
    text = PretrainingConfig.__doc__ or ""
    for field in dataclasses.fields(PretrainingConfig):
        assert f"\n        {field.name}: " in text, field.name
        with pytest.raises(errors.ConfigError) as caught:
            PretrainingConfig(**{field.name: ["no value"]})
        assert caught.value.field == field.name


def test_configurations_and_presets_are_immutable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset("small").seed = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        PRESETS["small"] = preset("base")  # type: ignore[index]
    with pytest.raises(errors.ConfigError, match=r"preset: expected one of tiny, small, base, large, got 'Small'"):
        preset("Small")
    assert hash(preset("small")) == hash(PretrainingConfig())
