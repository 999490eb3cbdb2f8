"""Pre-train in one call: examples -> two models."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeGuard

from oxbert import AutoTokenizer, ElectraConfig, Tokenizer
from oxbert._checks import refused
from oxbert._files import exists, is_file, is_folder
from oxbert._types import AutocastPrecision, Component
from oxbert._yaml import read_yaml
from oxbert.training.data import ExampleDataset, Examples, TFRecordDataset
from oxbert.training.data.manifest import NAME as MANIFEST
from oxbert.training.data.manifest import UNFINISHED
from oxbert.training.loop.checkpoints import is_run, read_state
from oxbert.training.loop.continuing import find_checkpoint
from oxbert.training.loop.options import LaunchOptions
from oxbert.training.pretraining.config import PRESETS, PretrainingConfig, preset
from oxbert.training.pretraining.sizes import with_sizes_of
from oxbert.training.pretraining.trainer import Trainer

_MAY_DIFFER = {"hidden_dropout_prob", "attention_probs_dropout_prob", "initializer_range"}
"""The fields that may differ between two runs of which the second begins with the discriminator of the first."""


def pretrain(
    data: str | os.PathLike[str],
    output: str | os.PathLike[str],
    config: PretrainingConfig | str | os.PathLike[str] | None = None,
    *,
    tokenizer: Tokenizer | str | os.PathLike[str] | None = None,
    held_out: str | os.PathLike[str] | None = None,
    first: PretrainingConfig | str | os.PathLike[str] | None = None,
    generator: str | os.PathLike[str] | None = None,
    discriminator: str | os.PathLike[str] | None = None,
    device: str | None = LaunchOptions.device,
    precision: AutocastPrecision = LaunchOptions.precision,
    accumulate: int = LaunchOptions.accumulate,
    tensorboard: bool = LaunchOptions.tensorboard,
    resume: bool = LaunchOptions.resume,
    continue_from: str | os.PathLike[str] | None = LaunchOptions.continue_from,
    progress: bool | None = None,
    **changes: Any,
) -> dict[str, Any]:
    r"""Pre-train ELECTRA on examples that `write_examples`, or google-research/electra, has written.

    After a stop, the same call resumes exactly.

    Args:
        data: The folder of examples; or TFRecord files of google-research/electra: a folder, a file or a pattern.
        output: The folder of the run: `checkpoints/`, `log.jsonl`, and in the end `generator/` and `discriminator/`,
            which `from_pretrained` and transformers read.
        config: A preset (`tiny`, `small`, `base`, `large`), a YAML or JSON file of fields, or a configuration. If a
            preset or a file does not name `vocab_size`, it is the tokenizer's. None means that of the checkpoint in
            `continue_from`, otherwise `small`. Sizes that neither a file nor `changes` names are those of the models in
            `generator` and `discriminator`.
        tokenizer: The tokenizer of the examples, or its folder; None means the one in the folder of the examples.
        held_out: Examples for evaluation, as for `data`.
        first: The configuration, as for `config`, of a run to do first, in the folder `first` of the output. The
            discriminator begins with that of the first run. `changes` do not apply to the first run.
        generator: See `Trainer`, like the next seven.
        discriminator: See `Trainer`.
        device: See `Trainer`.
        precision: See `Trainer`.
        accumulate: See `Trainer`.
        tensorboard: See `Trainer`.
        resume: See `Trainer`.
        continue_from: See `Trainer`.
        progress: Whether to draw a progress bar; None means on a terminal, and plain lines elsewhere.
        changes: Fields of the configuration to replace, such as `train_steps=1000`.

    Returns:
        The last record of the log: `step`, `loss` and so on, and the figures of the last evaluation.

    Raises:
        ConfigError: if a field is unknown or wrong, or contradicts the checkpoint; `field` names it.
        InputError: if the tokenizer is not that of the examples, or is missing for TFRecord files; if `first` has no
            discriminator, or one of other sizes than `config`.
        FileError: if a file cannot be read or written.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import oxbert
        >>> from oxbert.training.data import write_examples
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "text").write_text("Return the value of the node.\nRaise an error.\n" * 20)
        >>> words = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
        >>> _ = write_examples(folder / "text", folder / "examples", words, max_length=16)
        >>> record = pretrain(
        ...     folder / "examples", folder / "run", "small", hidden_size=16, embedding_size=8, num_hidden_layers=1,
        ...     max_length=16,
        ...     batch_size=4, train_steps=3, warmup_steps=1,
        ... )
        >>> record["step"]
        3
    """
    if "preset" in changes:
        raise refused("preset", "expected the preset as config, the third argument")
    if tokenizer is None and is_file(Path(data) / MANIFEST):
        tokenizer = data
    if tokenizer is None:
        # Opening an unfinished folder fails with a better message. TFRecord files come without a tokenizer.
        _open(data, None)
        raise refused(
            "tokenizer",
            f"{os.fspath(data)} has no tokenizer; pass tokenizer=, the one that the examples were written with",
        )
    if not isinstance(tokenizer, Tokenizer):
        tokenizer = AutoTokenizer.from_pretrained(tokenizer)
    if config is None and continue_from is not None:
        config = PretrainingConfig.from_dict(read_state(find_checkpoint(continue_from))["config"])
    config, named = _configured("small" if config is None else config, tokenizer)
    given: dict[Component, str | os.PathLike[str] | None] = {"discriminator": discriminator, "generator": generator}
    models = {part: ElectraConfig.from_pretrained(model) for part, model in given.items() if _is_model(model)}
    config = PretrainingConfig.from_dict(with_sizes_of(config.to_dict() | changes, models, {*named, *changes}))
    if first is not None:
        first, _ = _configured(first, tokenizer)
        _check_first(first, config, discriminator)
        folder = Path(output) / "first"
        pretrain(
            data, folder, first, tokenizer=tokenizer, held_out=held_out, device=device, precision=precision,
            accumulate=accumulate, tensorboard=tensorboard, resume=resume, progress=progress,
        )  # fmt: skip
        discriminator = folder / "discriminator"
    trainer = Trainer(
        config,
        _open(data, tokenizer),
        tokenizer,
        output,
        held_out=None if held_out is None else _open(held_out, tokenizer),
        generator=generator,
        discriminator=discriminator,
        device=device,
        precision=precision,
        accumulate=accumulate,
        tensorboard=tensorboard,
        resume=resume,
        continue_from=continue_from,
    )
    return trainer.train(progress=progress)


def _is_model(source: str | os.PathLike[str] | None) -> TypeGuard[str | os.PathLike[str]]:
    """Return whether a model is given. A checkpoint or a run is none, which `Trainer` refuses."""
    return source is not None and not is_run(source)


def _configured(
    config: PretrainingConfig | str | os.PathLike[str], tokenizer: Tokenizer
) -> tuple[PretrainingConfig, Collection[str]]:
    """Return the configuration of a preset or a file, with the tokenizer's vocabulary if it names none.

    The second value has the fields that the file names, and all fields of a configuration.
    """
    if isinstance(config, PretrainingConfig):
        return config, config.to_dict().keys()
    if isinstance(config, str) and config in PRESETS:
        return dataclasses.replace(preset(config), vocab_size=len(tokenizer)), ()
    if isinstance(config, str) and not Path(config).suffix and not exists(config):
        raise refused("config", f"expected one of {', '.join(PRESETS)} or a file, got {config!r}")
    values = read_yaml(Path(config))
    found = PretrainingConfig.from_file(config)
    if "vocab_size" not in values:
        found = dataclasses.replace(found, vocab_size=len(tokenizer))
    return found, values.keys()


def _check_first(
    first: PretrainingConfig, config: PretrainingConfig, discriminator: str | os.PathLike[str] | None
) -> None:
    """Refuse, before the first run, a combination that would fail after it."""
    if discriminator is not None:
        raise refused("discriminator", f"expected None together with first, got {os.fspath(discriminator)!r}")
    if first.objective == "mlm" or config.objective == "mlm":
        raise refused("first", "expected runs with a discriminator, got the objective mlm")
    before, after = (one.electra_configs()[1].to_dict() for one in (first, config))
    for name in after:
        if before[name] != after[name] and name not in _MAY_DIFFER:
            raise refused("first", f"expected a discriminator of {name} = {after[name]!r}, got {before[name]!r}")


def _open(data: str | os.PathLike[str], tokenizer: Tokenizer | None) -> Examples:
    folder = Path(data)
    if is_file(folder / MANIFEST) or is_folder(folder / UNFINISHED):
        return ExampleDataset(data, tokenizer)
    if tokenizer is None:
        return TFRecordDataset(data)
    return TFRecordDataset(data, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)
