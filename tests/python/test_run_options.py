"""Options of runs: sizes of given models, fields of the command line, and warnings of runs that hardly learn."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import oxbert
from oxbert.errors import ConfigError, InputError, TrainingWarning
from oxbert.training import PRESETS, PretrainingConfig, learning_rate, preset, pretrain
from oxbert.training.data import ExampleDataset, write_examples
from oxbert.training.loop.options import LaunchOptions
from oxbert.training.optim.schedule import highest_learning_rate
from oxbert.training.pretraining.advice import advise
from oxbert.training.pretraining.sizes import resize_positions, with_sizes_of

from .processes import run
from .runs import TOKENIZER

SIZES = (
    "vocab_size", "embedding_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "max_position_embeddings", "type_vocab_size", "hidden_act", "layer_norm_eps",
)  # fmt: skip


def sizes(config: oxbert.ElectraConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in SIZES}


@st.composite
def models(draw: st.DrawFn) -> tuple[oxbert.ElectraConfig, oxbert.ElectraConfig]:
    """Two models that can stand in one run: what both networks share is equal."""
    common = {
        "vocab_size": draw(st.integers(10, 40_000)), "embedding_size": draw(st.integers(1, 300)),
        "max_position_embeddings": draw(st.integers(128, 600)), "type_vocab_size": draw(st.integers(1, 3)),
        "hidden_act": draw(st.sampled_from(["gelu", "relu"])), "layer_norm_eps": draw(st.sampled_from([1e-12, 1e-5])),
    }  # fmt: skip

    def own() -> dict[str, int]:
        heads = draw(st.integers(1, 16))
        return {
            "hidden_size": heads * draw(st.integers(1, 80)), "num_attention_heads": heads,
            "num_hidden_layers": draw(st.integers(1, 30)), "intermediate_size": draw(st.integers(1, 5000)),
        }  # fmt: skip

    return oxbert.ElectraConfig(**common, **own()), oxbert.ElectraConfig(**common, **own())


@given(models(), st.sampled_from(["small", "base", "large"]), st.booleans())
def test_a_run_has_the_sizes_of_its_models(
    pair: tuple[oxbert.ElectraConfig, oxbert.ElectraConfig], name: str, own_embeddings: bool
) -> None:
    generator, discriminator = pair
    if own_embeddings:
        generator.embedding_size += 1
    values = preset(name).to_dict() | {"untied_generator_embeddings": own_embeddings, "max_length": 128}
    found = PretrainingConfig.from_dict(
        with_sizes_of(values, {"discriminator": discriminator, "generator": generator}, ())
    ).electra_configs()
    assert [sizes(one) for one in found] == [sizes(generator), sizes(discriminator)]
    # Each alone: the other network keeps what a preset says.
    found = PretrainingConfig.from_dict(with_sizes_of(values, {"generator": generator}, ())).electra_configs()
    assert sizes(found[0]) == sizes(generator)
    assert (found[1].hidden_size, found[1].num_hidden_layers) == (values["hidden_size"], values["num_hidden_layers"])


def test_models_that_cannot_stand_in_one_run() -> None:
    one = oxbert.ElectraConfig(hidden_size=64, num_attention_heads=2)
    tied = {"untied_generator": False}
    for options, changes, match in [
        ({}, {"embedding_size": 64}, r"embedding_size: .*64 of the generator.*--set untied_generator_embeddings=true"),
        ({}, {"max_position_embeddings": 600}, "max_position_embeddings: .*--set max_position_embeddings=600"),
        ({}, {"layer_norm_eps": 1e-5}, "layer_norm_eps: expected one value for both"),
        (tied, {"num_hidden_layers": 3}, "num_hidden_layers: .*--set untied_generator=true"),
    ]:
        values = one.to_dict() | changes
        other = oxbert.ElectraConfig.from_dict(values)
        with pytest.raises(ConfigError, match=match):
            with_sizes_of(preset("small").to_dict() | options, {"discriminator": one, "generator": other}, ())
    with pytest.raises(ConfigError, match="generator_embedding_size: expected null or embedding_size = 128"):
        PretrainingConfig(generator_embedding_size=7)
    with pytest.raises(ConfigError, match="generator_num_attention_heads: expected a divisor of 64"):
        PretrainingConfig(generator_num_attention_heads=5)


@pytest.mark.filterwarnings("ignore::oxbert.errors.TrainingWarning")
@pytest.mark.parametrize("positions", [None, 300, 40])
def test_models_of_any_size_begin_a_run(positions: int | None, data: Path, tmp_path: Path) -> None:
    common = {"vocab_size": 8192, "embedding_size": 6, "max_position_embeddings": 130}
    generator = oxbert.ElectraConfig(
        hidden_size=6, num_attention_heads=3, num_hidden_layers=1, intermediate_size=11, **common
    )
    discriminator = oxbert.ElectraConfig(
        hidden_size=10, num_attention_heads=5, num_hidden_layers=3, intermediate_size=7, **common
    )
    made = {
        "generator": oxbert.ElectraForMaskedLM(generator, seed=1),
        "discriminator": oxbert.ElectraForPreTraining(discriminator, seed=2),
    }
    for part, model in made.items():
        model.save_pretrained(tmp_path / part)
    options: dict[str, Any] = {"learning_rate": 0.0, "train_steps": 1, "batch_size": 4, "weight_decay": 0.0}
    if positions is not None:
        options["max_position_embeddings"] = positions
    if positions == 40:
        options["max_length"] = 40
    given = {part: tmp_path / part for part in made}
    pretrain(data, tmp_path / "run", "small", tokenizer=TOKENIZER, progress=False, **given, **options)
    table = "electra.embeddings.position_embeddings.weight"
    for part, model in made.items():
        found = type(model).from_pretrained(tmp_path / "run" / part)
        assert sizes(found.config) == sizes(model.config) | {"max_position_embeddings": positions or 130}
        for name, tensor in found.state_dict().items():
            # Embeddings are shared, and those of the discriminator count.
            source = made["discriminator"] if ".embeddings." in name else model
            expected = source.state_dict()[name]
            assert torch.equal(tensor, resize_positions(expected, positions or 130) if name == table else expected), (
                name
            )


def test_a_model_of_another_vocabulary_is_refused(data: Path, tmp_path: Path) -> None:
    vocabulary = [*TOKENIZER.get_vocab()]
    ids = TOKENIZER.get_vocab()
    vocabulary.sort(key=lambda token: ids[token])
    vocabulary[4000], vocabulary[4001] = vocabulary[4001], vocabulary[4000]
    (tmp_path / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary))
    config = oxbert.ElectraConfig(
        vocab_size=8192, hidden_size=8, num_attention_heads=1, num_hidden_layers=1, intermediate_size=4
    )
    oxbert.ElectraForPreTraining(config, seed=0).save_pretrained(tmp_path / "model")
    oxbert.ElectraTokenizer(tmp_path / "vocab.txt").save_pretrained(tmp_path / "model")
    with pytest.raises(InputError, match=r"discriminator: the vocabulary of .*model, .*--vocab"):
        pretrain(data, tmp_path / "run", tokenizer=TOKENIZER, discriminator=tmp_path / "model", warmup_steps=0)


def test_positions_are_repeated() -> None:
    table = torch.randn(7, 3)
    for count in (1, 6, 7, 8, 30):
        resized = resize_positions(table, count)
        assert len(resized) == count and all(torch.equal(row, table[n % 7]) for n, row in enumerate(resized))


# Fields of the command line.

VALUES = {
    int: st.integers(0, 10**9), float: st.floats(0, 1e9, allow_nan=False), bool: st.booleans(), str: st.just("x"),
}  # fmt: skip


@given(st.data())
def test_any_field_can_be_set(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(dataclasses.fields(PretrainingConfig)))
    kind, _, _, optional = field.metadata["rule"]
    value = data.draw(VALUES[kind] | st.none() if optional else VALUES[kind])
    text = (
        "null"
        if value is None
        else str(value).lower()
        if kind is bool
        else repr(value)
        if kind is float
        else str(value)
    )
    assert PretrainingConfig.parse([f"{field.name}={text}"]) == {field.name: value}
    # A name with a slip is refused with the right one.
    place = data.draw(st.integers(1, len(field.name) - 1))
    slip = field.name[:place] + field.name[place + 1 :]
    if slip not in PretrainingConfig.__dataclass_fields__:
        with pytest.raises(ConfigError, match="did you mean") as caught:
            PretrainingConfig.parse([f"{slip}={text}"])
        assert re.search(rf"did you mean .*\b{field.name}\b.*; known are", str(caught.value))
        assert caught.value.field == slip


@pytest.mark.parametrize(
    ("texts", "match"),
    [
        (["seed"], "seed: expected field=value, got 'seed'"),
        (["=3"], ": there is no such field; known are"),
        (["seed=1", "seed=2"], "seed: expected one value, got 1 and '2'"),
    ],
)
def test_texts_that_set_no_field(texts: list[str], match: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(match)):
        PretrainingConfig.parse(texts)


# Warnings.


@given(
    st.integers(1, 60), st.integers(0, 90), st.sampled_from([0.3, 1.0, 2.5]), st.integers(0, 40), st.floats(1e-6, 1.0)
)  # fmt: skip
def test_the_highest_rate_is_that_of_a_step(steps: int, warmup: int, power: float, more: int, peak: float) -> None:
    options: dict[str, Any] = {"peak": peak, "total_steps": steps + more, "warmup_steps": warmup, "power": power}
    highest = highest_learning_rate(**options, steps=steps)
    assert highest == max(learning_rate(step, **options) for step in range(steps))


@given(st.integers(1, 400), st.integers(0, 2000), st.integers(0, 500))
def test_the_option_that_a_warning_names_mends_it(steps: int, warmup: int, short: int) -> None:
    class NoText(ExampleDataset):
        def __init__(self) -> None: ...

    config = PretrainingConfig(train_steps=steps, warmup_steps=warmup, short_steps=short)
    text = object.__new__(NoText)
    text.manifest = type("Rows", (), {"advise": lambda self: None})()  # type: ignore[assignment]
    reached = max(learning_rate(step, peak=5e-4, total_steps=steps, warmup_steps=warmup) for step in range(steps))
    found = list(advise(config, text))
    assert len(found) == (reached < 0.5 * 5e-4) + (short >= steps)
    mended = [re.search(r"--set (\w+=\d+)", one)[1] for one in found]  # type: ignore[index]
    assert not list(advise(dataclasses.replace(config, **PretrainingConfig.parse(mended)), text))


def test_a_refusal_names_the_option_that_mends_it() -> None:
    for name in PRESETS:
        for steps in (1, 7, 100, 2500):
            values = preset(name).to_dict() | {"train_steps": steps}
            try:
                PretrainingConfig.from_dict(values)
            except ConfigError as error:
                option = re.search(r"--set (\w+=\d+)", str(error))
                assert option is not None
                PretrainingConfig.from_dict(values | PretrainingConfig.parse([option[1]]))


@pytest.mark.parametrize(("documents", "named"), [("blank-lines", "--documents file"), ("file", "--max-length")])
def test_rows_that_are_mostly_short_are_told_of(documents: Any, named: str, tmp_path: Path) -> None:
    for number in range(150):
        (tmp_path / f"{number}.txt").write_text("return the value of the node\n\n" if documents == "file" else "")
    (tmp_path / "all.txt").write_text("return the value of the node\nor raise an error\n\n" * 150)
    write_examples(tmp_path, tmp_path / "examples", TOKENIZER, max_length=64, documents=documents, overwrite=True)
    dataset = ExampleDataset(tmp_path / "examples")
    reason = dataset.manifest.advise()
    if documents == "file":
        # One long file among short ones.
        assert reason is not None and named in reason
    else:
        assert reason is not None and named in reason and "a blank line ends a document" in reason
        mended = write_examples(tmp_path / "all.txt", tmp_path / "mended", TOKENIZER, max_length=64, documents="file")
        assert mended.advise() is None and mended.mean_length > 0.9 * 64
    assert list(advise(PretrainingConfig(max_length=64), dataset))


def test_the_trainer_warns(data: Path, tmp_path: Path) -> None:
    from .runs import trainer

    with pytest.warns(TrainingWarning, match="warmup_steps: with 40 of 12 steps"):
        trainer(data, tmp_path, warmup_steps=40)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer(data, tmp_path)


# The command.


@pytest.mark.slow
def test_the_command_warns_and_takes_fields(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "oxbert.cli", "pretrain", data, "--tokenizer", "electra-tiny-generator"]
    command += ["--output", tmp_path / "run", "--set", "hidden_size=8", "--set", "num_hidden_layers=1"]
    command += ["--set", "embedding_size=4", "--batch-size", 4, "--set", "num_attention_heads=1", "--steps", 4]
    done = run(command, check=True)
    assert "warning: warmup_steps: with 10000 of 4 steps" in done.stderr and "--set warmup_steps=0" in done.stderr
    # Lines of progress, as there is no terminal.
    assert re.search(r"^step 4/4 \(100%\): loss \S+ \(masked_lm \S+, replaced \S+\), rate ", done.stderr, re.MULTILINE)
    assert re.search(r"; 16 examples, epoch 0\.\d\d, \S+ tokens, \S+/s; 0 s left$", done.stderr, re.MULTILINE)
    done = run([*command, "--steps", 6])
    assert done.returncode == 1 and "train_steps" in done.stderr and "--continue-from" in done.stderr
    more = ["--continue-from", tmp_path / "run", "--set", "train_steps=6", "--output", tmp_path / "run"]
    done = run([*command[:7], *more], check=True)
    assert "6" in done.stdout
    done = run([*command[:4], "export", tmp_path / "run", "--output", tmp_path / "models"], check=True)
    assert (tmp_path / "models" / "generator" / "README.md").is_file()
    assert str(tmp_path / "models" / "generator") in done.stdout.split("\n")
    done = run([*command, "--set", "learning_rat=1"])
    assert done.returncode == 1 and "did you mean learning_rate" in done.stderr and "Traceback" not in done.stderr


# The machine.


def test_launch_options_have_one_default() -> None:
    from oxbert.cli.pretrain import pretrain as command
    from oxbert.training import Trainer

    for field in dataclasses.fields(LaunchOptions):
        for place in (pretrain, Trainer, command):
            assert inspect.signature(place).parameters[field.name].default == field.default, (place, field.name)


@pytest.mark.parametrize("values", [[("seed", 1)], 3, np.broadcast_to(np.int64(1), (1, 10**12))])
def test_options_are_read_from_a_mapping(values: Any) -> None:
    with pytest.raises(ConfigError, match="values: expected names and values"):
        PretrainingConfig.from_dict(values)
